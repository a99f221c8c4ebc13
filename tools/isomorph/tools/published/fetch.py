"""`fetch`: download weights that a zoo has published into a folder of this machine, once."""

import json
import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from platformdirs import user_cache_dir
from rich.console import Group, RenderableType
from rich.text import Text

from isomorph.spec import BadInput, architecture, count_parameters
from isomorph.tools.images.preprocessing import describe
from isomorph.tools.published import Published, published
from isomorph.tools.published.download import download, in_mebibytes, matches
from isomorph.tools.tables import Report, facts_table, plain_table, printable

CACHE = "ISOMORPH_CACHE"
"""The environment variable that names another folder than the system's cache."""


SHOWN = 15
"""Characters of a hash that the list shows: all of those that PyTorch's file names have."""


@dataclass(frozen=True)
class FetchReport(Report):
    """A file of published weights that is now on this machine.

    size: in bytes. received: bytes that were downloaded now; 0 if the file was here already.
    others: the tags of the network's other weights.
    """

    weights: Published
    path: Path
    size: int
    received: int
    others: tuple[str, ...]

    def to_json(self) -> str:
        """Return the report, as the command line's `--json` writes it."""
        document = asdict(self) | {"weights": self.weights.to_document(), "path": str(self.path)}
        return json.dumps(document, indent=2) + "\n"

    @property
    def next_command(self) -> str:
        """The command that checks the file in every backend."""
        return f"isomorph check {shlex.quote(str(self.path))}"

    def table(self) -> RenderableType:
        """Return the report for people: what was fetched, from where and to where."""
        algorithm, _, digits = self.weights.digest.partition(":")
        facts = (
            ("weights", self.weights.tag),
            ("from", Text(self.weights.url, overflow="fold")),
            ("file", Text(printable(str(self.path)), overflow="fold")),
            ("bytes", f"{self.size:,}, {f'{self.received:,} fetched' if self.received else 'there already'}"),
            (algorithm, f"{digits}, as published"),
            ("photographs", describe(self.weights.preprocessing)),
            ("others", f"--weights {', '.join(self.others)}" if self.others else None),
        )
        return Group(Text(self.weights.architecture, "bold"), facts_table(facts))


@dataclass(frozen=True)
class PublishedReport(Report):
    """The weights that can be fetched, and which of them are on this machine."""

    weights: tuple[Published, ...]
    there: tuple[bool, ...]

    def to_json(self) -> str:
        """Return the report, as the command line's `--json` writes it."""
        rows = [row.to_document() | {"there": there} for row, there in zip(self.weights, self.there, strict=True)]
        return json.dumps(rows, indent=2) + "\n"

    def table(self) -> RenderableType:
        """Return the list for people: a row for each file, with the network's name on its first."""
        table = plain_table("network", "weights", "MiB", "hash", "", right=("MiB",))
        previous = ""
        for row, there in zip(self.weights, self.there, strict=True):
            name = row.architecture if row.architecture != previous else ""
            size = "-" if row.mebibytes is None else in_mebibytes(row.mebibytes * (1 << 20))
            table.add_row(name, row.tag, size, _shortened(row.digest), Text("here" if there else "", "green"))
            previous = row.architecture
        return Group(table, Text(), *(Text(legend, "dim") for legend in self._legends()))

    def _legends(self) -> Iterator[str]:
        yield "A network's first weights are those that it is fetched with."
        if any(row.digest != _shortened(row.digest) for row in self.weights):
            yield "... stands for the other digits of a hash, which --json has."
        if any(row.mebibytes is None for row in self.weights):
            yield "- is a size that the zoo does not list."


def _shortened(digest: str) -> str:
    return digest if len(digest) <= SHOWN else f"{digest[:SHOWN]}..."


def fetch(
    name: str,
    *,
    weights: str | None = None,
    cache: str | Path | None = None,
    progress: Callable[[str, str], None] = lambda who, what: None,
) -> FetchReport:
    """Fetch the published weights of an architecture, unless they are here with the right hash.

    >>> from isomorph.tools import fetch
    >>> fetch("cifar/resnet20").path.name  # doctest: +SKIP
    'resnet20-12fca82f.th'
    >>> fetch("torchvision/resnet50", weights="IMAGENET1K_V3")
    Traceback (most recent call last):
    isomorph.spec.errors.BadInput: There are no weights 'IMAGENET1K_V3' of torchvision/resnet50; there are ...

    name: `zoo/name`. weights: the tag of one of its files; None takes the first that the zoo's source lists.
    cache: the folder for all weights; None takes the one in ISOMORPH_CACHE, or else the system's cache. A file lies in
        the zoo's folder in it, under its published name.
    progress: called with the network's name and how far the download is.

    Raises:
        BadInput: an unknown name or tag, a network without published weights, and everything that `download` refuses.
    """
    rows = _rows(name)
    row = next((row for row in rows if weights in (None, row.tag)), None)
    tags = tuple(row.tag for row in rows)
    if row is None:
        raise BadInput(f"There are no weights {weights!r} of {name}; there are {', '.join(tags)}.")
    path = _place(row, cache)
    received = 0
    if not _is_there(row, path):
        received = download(row.url, path, row.digest, most_bytes(row), lambda what: progress(row.architecture, what))
    others = tuple(tag for tag in tags if tag != row.tag)
    return FetchReport(row, path, path.stat().st_size, received, others)


def list_published(name: str | None = None, *, cache: str | Path | None = None) -> PublishedReport:
    """List all weights that `fetch` can fetch, or those of one architecture, and which are on this machine.

    >>> from isomorph.tools import list_published
    >>> report = list_published("torchvision/resnet50", cache="weights")
    >>> [(weights.tag, weights.digest) for weights in report.weights]
    [('IMAGENET1K_V1', 'sha256:0676ba61'), ('IMAGENET1K_V2', 'sha256:11ad3fa6')]
    >>> report.there
    (False, False)

    cache: the folder that `fetch` keeps them in.
    A file counts as here by its name; only `fetch` checks its hash. Raises BadInput as `fetch` does for the name.
    """
    rows = tuple(row for rows in published().values() for row in rows) if name is None else _rows(name)
    return PublishedReport(rows, tuple(os.access(_place(row, cache), os.R_OK) for row in rows))


def _rows(name: str) -> tuple[Published, ...]:
    """Return the published weights of an architecture. Raises BadInput if there are none."""
    known = published()
    if name not in known:
        unpublished = architecture(name)  # refuses an unknown name, with the nearest ones
        raise BadInput(
            f"Of {unpublished.name} no weights are known whose hash was published; `isomorph fetch` lists those there"
            " are, and a file of your own needs no fetching: `isomorph check FILE` takes it."
        )
    return known[name]


def _place(row: Published, cache: str | Path | None) -> Path:
    folder = Path(cache or os.environ.get(CACHE) or user_cache_dir("isomorph"))
    return folder / row.zoo / row.file_name


def most_bytes(row: Published) -> int:
    """Return how many bytes a file may have: by its source, or else twice the network's size in float32."""
    if row.mebibytes is not None:
        return round((row.mebibytes + 1) * (1 << 20))
    _, values = count_parameters(architecture(row.architecture))
    return 2 * 4 * values + (1 << 20)


def _is_there(row: Published, path: Path) -> bool:
    try:
        return path.is_file() and matches(path, row.digest)
    except OSError as problem:
        raise BadInput(f"{path} cannot be read: {problem.strerror}.") from None
