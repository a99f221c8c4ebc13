"""The style of all figures, and writing them: legible at 800 pixels, and the same bytes for the same data."""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isomorph.spec import BadInput
from isomorph.tools.writing import check_folder, new_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#666666")
"""Colours for the colour-blind, after Okabe and Ito, "Color universal design" (2008), without their yellow."""

COLOUR_OF: Mapping[str, str] = {
    "pytorch": "#d55e00",
    "keras": "#0072b2",
    "paddle": "#009e73",
    "oracle": "#666666",
    "keras:jax": "#56b4e9",
    "keras:torch": "#cc79a7",
}
"""Backend -> its colour, the same in every figure. Those of other packages share what is left of COLOURS."""

WIDTH = 8.0
"""The width of a figure in inches of 100 pixels: its smallest letters, 9 points, are 12 pixels high."""

FORMATS = ("png", "svg")

SVG_METADATA = ("Creator", "Date", "Format", "Type")

# matplotlib's SVGs are twice as large as need be: a 720th of an inch is one decimal, and the points of a line are short
# when they say how far they are from the one before.
_TAG = re.compile(rb"<[^>]*>")
_DECIMALS = re.compile(rb"(\d\.\d)\d{3,}")
_LINE = re.compile(rb"M [-\d.]+ [-\d.]+(\s+L [-\d.]+ [-\d.]+)+")
_NUMBER = re.compile(rb"[-\d.]+")

STYLE: Mapping[str, Any] = {
    "font.size": 10,
    "text.parse_math": False,  # a network's name is no formula
    "font.sans-serif": ("DejaVu Sans",),  # which an SVG names with each text; matplotlib's own list is long
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "legend.frameon": False,
    "legend.fontsize": 9,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "figure.dpi": 100,
    "savefig.dpi": 200,  # twice the pixels, for screens that have them
    "svg.fonttype": "none",  # letters stay letters: small files, and text that can be searched
    "svg.hashsalt": "isomorph",  # else its ids are drawn anew each time
}


def check_plots(folder: str | Path) -> None:
    """Raise BadInput where figures cannot be drawn or written to `folder`, as far as that can be known beforehand."""
    if find_spec("matplotlib") is None:
        raise BadInput("Plots need matplotlib, which is not installed; `pip install 'isomorph[plots]'` adds it.")
    check_folder(folder)


def house_style() -> AbstractContextManager[None]:
    """Return a context with matplotlib set to STYLE, which restores the settings when it ends."""
    from matplotlib import rc_context  # noqa: PLC0415 - only needed for plots

    style: AbstractContextManager[None] = rc_context(dict(STYLE))
    return style


def new_figure(height: float) -> "Figure":
    """Return an empty figure, `height` inches high, with automatic layout and without a window."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    return Figure(figsize=(WIDTH, height), layout="constrained")


def render(figure: "Figure", form: str) -> bytes:
    """Return the bytes of a file of a format, one of FORMATS."""
    file = BytesIO()
    # By default an SVG says when and with what it was made.
    figure.savefig(file, format=form, metadata=dict.fromkeys(SVG_METADATA) if form == "svg" else None)
    return _TAG.sub(_shortened, file.getvalue()) if form == "svg" else file.getvalue()


def _shortened(tag: re.Match[bytes]) -> bytes:
    return _LINE.sub(_relative, _DECIMALS.sub(rb"\1", tag[0]))


def _relative(line: re.Match[bytes]) -> bytes:
    """Return a line with relative points: `M 31.1 59.1 l1.2 3.4-.5 1.3`, in tenths, so that no rounding adds up."""
    tenths = [round(10 * float(number)) for number in _NUMBER.findall(line[0])]
    steps = [after - before for before, after in zip(tenths, tenths[2:], strict=False)]
    first, others = (" ".join(map(_shortest, part)) for part in (tenths[:2], steps))
    return f"M {first} l{others.replace(' -', '-')}".encode()


def _shortest(tenths: int) -> str:
    """Return a number of tenths as short as possible: `12.3`, `.3`, `-.3`."""
    sign, whole, tenth = "-" if tenths < 0 else "", *divmod(abs(tenths), 10)
    return f"{sign}{whole or ''}.{tenth}" if tenth else f"{sign}{whole}"


def write_figures(folder: str | Path, figures: Mapping[str, "Figure"]) -> Sequence[Path]:
    """Write each figure as NAME.png and NAME.svg to `folder`, which is made if it does not exist. Returns the files.

    All figures are drawn before the first one is written. Raises BadInput where they cannot be written.
    """
    contents = {f"{name}.{form}": render(figure, form) for name, figure in figures.items() for form in FORMATS}
    target = Path(folder)
    try:
        target.mkdir(exist_ok=True)
    except OSError as error:
        raise BadInput(f"{target} cannot be made: {error.strerror}.") from None
    for name, content in contents.items():
        with new_file(target / name) as file:
            file.write(content)
    return [target / name for name in contents]
