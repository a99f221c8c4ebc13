"""Find an architecture by its name or in a `.toml` file: every command takes either."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from isomorph.spec import Architecture, BadInput, architecture, architectures
from isomorph.spec.text_files import read_text
from isomorph.spec.zoo import unknown_architecture

MOST_BYTES = 1 << 20
"""The most bytes of a file with an architecture; the deepest of any zoo takes three thousand."""


def is_architecture(text: str | Path) -> bool:
    """Tell whether `text` is the name of an architecture or of a `.toml` file, which would hold one.

    >>> from isomorph.tools.designs.lookup import is_architecture
    >>> [is_architecture(text) for text in ("cifar/resnet20", "mine.toml", "resnet20.pth")]
    [True, True, False]
    """
    return str(text) in architectures() or Path(text).suffix == ".toml"


def find_architecture(text: str | Path, **options: Any) -> Architecture:
    """Return an architecture by its name or from a `.toml` file, with some options changed; a known name wins.

    >>> from isomorph.tools.designs.lookup import find_architecture
    >>> find_architecture("cifar/resnet20", num_classes=7).head.num_classes
    7
    >>> find_architecture("cifar/resnet21")
    Traceback (most recent call last):
    isomorph.spec.errors.BadInput: There is no ...

    Raises BadInput for an unknown name, a file that cannot be read or holds no network, and impossible options.
    """
    if str(text) in architectures():
        return architecture(str(text), **options)
    if is_architecture(text):
        return _read(Path(text)).with_options(**options)
    if is_there(Path(text)):
        raise BadInput(
            f"{text} is neither an architecture nor a .toml file; if it is a checkpoint,"
            f" `isomorph inspect {shlex.quote(str(text))}` says which network's."
        )
    raise unknown_architecture(str(text), ", nor such a file")


def is_there(path: Path) -> bool:
    """Tell whether a path leads to anything; one that is too long for a name does not."""
    try:
        return path.exists()
    except OSError:
        return False


def to_edit(network: Architecture) -> str:
    """Return the text of a `.toml` file to start a network of your own from: `network`, under another name.

    >>> from pathlib import Path
    >>> from isomorph.spec import architecture
    >>> from isomorph.tools.designs.lookup import find_architecture, to_edit
    >>> text = to_edit(architecture("cifar/resnet20"))
    >>> print(text[:55])
    # cifar/resnet20, to be edited.
    <BLANKLINE>
    name = "mine/resnet20"
    >>> path = Path("mine.toml")
    >>> _ = path.write_text(text.replace("num_classes = 10", "num_classes = 7"))
    >>> find_architecture(path).head.num_classes
    7
    """
    from isomorph.spec.toml.writing import to_toml  # noqa: PLC0415 - as `read_toml`

    renamed = replace(network, name=_name_to_edit(network))
    return f"# {network.name}, to be edited.\n\n{to_toml(renamed)}"


def _read(path: Path) -> Architecture:
    from isomorph.spec.toml.document import read_toml  # noqa: PLC0415 - names need no parser of TOML

    network = read_toml(read_text(path, MOST_BYTES, "an architecture as TOML"), str(path))
    if network.name in architectures() and network != architecture(network.name):
        raise BadInput(
            f"{path} is called {network.name} and differs from that; call it {_name_to_edit(network)}, for example."
        )
    return network


def _name_to_edit(network: Architecture) -> str:
    return f"mine/{network.name.rpartition('/')[2]}"
