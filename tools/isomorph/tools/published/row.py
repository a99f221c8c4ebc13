"""The description of one file of published weights."""

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
        digest: `algorithm:digits`, the algorithm one of hashlib's, the digits hexadecimal: all of the file's, or the
            first eight, which are in PyTorch's file names.
        source: the file that lists them, with its version.
        mebibytes: the file's size; None where the source does not give it.
        own_preprocessing: the preprocessing of these weights; None where it is the architecture's.
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
        """The preprocessing of photographs for these weights."""
        return self.own_preprocessing or architecture(self.architecture).convention.preprocessing

    @property
    def zoo(self) -> str:
        """The first half of the architecture's name."""
        return self.architecture.partition("/")[0]

    def to_document(self) -> dict[str, Any]:
        """Return all fields as plain JSON-like data, with the preprocessing in full."""
        document = asdict(self) | {"preprocessing": asdict(self.preprocessing)}
        del document["own_preprocessing"]
        return document

    @property
    def title(self) -> str:
        """The name for a sentence: "torchvision/resnet50 IMAGENET1K_V2"."""
        return f"{self.architecture} {self.tag}"

    @property
    def file_name(self) -> str:
        """The name of the file there and here."""
        return self.url.rpartition("/")[2]


def digest_in_name(url: str) -> str:
    """Return the digest in a file name of PyTorch's, which ends with eight digits of its SHA-256.

    >>> from isomorph.tools.published.row import digest_in_name
    >>> digest_in_name("https://download.pytorch.org/models/resnet18-f37072fd.pth")
    'sha256:f37072fd'

    Source: torch/hub.py, `HASH_REGEX` and `load_state_dict_from_url`. Raises ValueError for any other name.
    """
    match = re.search(r"-([0-9a-f]{8})\.\w+$", url)
    if match is None:
        raise ValueError(f"{url} carries no digits of its SHA-256")
    return f"sha256:{match[1]}"
