"""What is known of one file of published weights before it is fetched."""

import re
from dataclasses import asdict, dataclass
from typing import Any

from isomorph.spec import Preprocessing, architecture


@dataclass(frozen=True)
class Published:
    """One file of weights, as its zoo's own source lists it.

    Attributes:
        architecture: whose weights they are, `zoo/name`.
        tag: the zoo's own name for them.
        url: where they are.
        digest: `algorithm:digits`, the algorithm one of hashlib's, the digits hexadecimal and the first of the file's
            own: all of them, or the eight that PyTorch's file names carry.
        source: the file that lists them, with its version.
        mebibytes: the file's size where the source gives it.
        own_preprocessing: what its zoo does to a photograph for these weights; None where that is what the architecture
            says.
    """

    architecture: str
    tag: str
    url: str
    digest: str
    source: str
    mebibytes: float | None = None
    own_preprocessing: Preprocessing | None = None

    @property
    def preprocessing(self) -> Preprocessing:
        """What its zoo does to a photograph for these weights."""
        return self.own_preprocessing or architecture(self.architecture).convention.preprocessing

    @property
    def zoo(self) -> str:
        """The first half of the architecture's name."""
        return self.architecture.partition("/")[0]

    def to_document(self) -> dict[str, Any]:
        """The row as plain JSON-like data, its preprocessing in full."""
        document = asdict(self) | {"preprocessing": asdict(self.preprocessing)}
        del document["own_preprocessing"]
        return document

    @property
    def title(self) -> str:
        """What to call it in a sentence: "torchvision/resnet50 IMAGENET1K_V2"."""
        return f"{self.architecture} {self.tag}"

    @property
    def file_name(self) -> str:
        """What the file is called there, and here."""
        return self.url.rpartition("/")[2]


def digest_in_name(url: str) -> str:
    """The digest of a file called as PyTorch's are: `-`, the first eight digits of its SHA-256, and a suffix.

    Source: torch/hub.py, `HASH_REGEX` and `load_state_dict_from_url`. Raises ValueError for any other name.
    """
    found = re.search(r"-([0-9a-f]{8})\.\w+$", url)
    if found is None:
        raise ValueError(f"{url} carries no digits of its SHA-256")
    return f"sha256:{found[1]}"
