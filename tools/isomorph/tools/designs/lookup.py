"""Networks of one's own: wherever a command takes an architecture's name, it also takes a `.toml` file with one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from isomorph.spec import Architecture, BadInput, architecture, architectures
from isomorph.spec.text_files import read_text
from isomorph.spec.toml.document import read_toml
from isomorph.spec.toml.writing import to_toml

MOST_BYTES = 1 << 20
"""Of a file with an architecture; the deepest of any zoo takes three thousand."""


def is_architecture(text: str | Path) -> bool:
    """Whether `text` is the name of an architecture, or that of a file that would hold one."""
    return str(text) in architectures() or Path(text).suffix == ".toml"


def find_architecture(text: str | Path, **options: Any) -> Architecture:
    """An architecture by its name or from a `.toml` file, with some options changed; a known name wins.

    Raises BadInput for an unknown name, a file that cannot be read or is no network, and options that cannot be.
    """
    if str(text) not in architectures() and is_architecture(text):
        return _read(Path(text)).with_options(**options)
    return architecture(str(text), **options)


def to_edit(network: Architecture) -> str:
    """The text of a `.toml` file to start a network of one's own from: `network`, under another name."""
    own = replace(network, name=_own_name(network))
    return f"# {network.name}, to be edited.\n\n{to_toml(own)}"


def _read(path: Path) -> Architecture:
    found = read_toml(read_text(path, MOST_BYTES, "an architecture as TOML"), str(path))
    if found.name in architectures() and found != architecture(found.name):
        raise BadInput(f"{path} is called {found.name} and differs from that; call it {_own_name(found)}, for example.")
    return found


def _own_name(network: Architecture) -> str:
    return f"mine/{network.name.rpartition('/')[2]}"
