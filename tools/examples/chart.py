"""The figure of the loss curves, as an SVG: losses above, relative differences from the first curve below."""

from collections.abc import Mapping
from typing import Any

from examples.digits import Array
from examples.rounding import LIMIT, first_difference, relative_differences
from isomorph.tools.benching.figures import house_style, new_figure, render

COLOURS = ("#cccccc", "#666666", "#d55e00", "#0072b2", "#009e73")
"""Of the first curve, which lies below the others and is wide, and of the others; after Okabe and Ito (2008)."""

WIDE, NARROW = 5, 1


def draw(curves: Mapping[str, Array], flipped: int | None) -> str:
    """The figure.

    curves: name -> loss of each step, the reference first; at most five.
    flipped: the first step at which a ReLU of the oracle's is zero in one precision alone; None if there is none.
    """
    first, reference = next(iter(curves.items()))
    with house_style():
        figure = new_figure(6.2)
        above, below = figure.subplots(2, 1, sharex=True)
        above.set_title("Training loss of each step, in nats")
        below.set_title(f"Relative difference from {first}; a dot where it first exceeds {LIMIT}")
        for (name, losses), colour in zip(curves.items(), COLOURS, strict=False):
            parted, wide = first_difference(losses, reference), name == first
            label = name if parted is None else f"{name}\nparts at step {parted}"
            above.plot(losses, color=colour, linewidth=WIDE if wide else NARROW, label=label)
            if not wide:
                below.plot(relative_differences(losses, reference), color=colour, linewidth=NARROW)
            if parted is not None:  # above all curves
                below.plot(parted, LIMIT, "o", color=colour, zorder=9, gid=f"{name} parts")
        for panel in (above, below):
            panel.set_yscale("log")
            panel.minorticks_off()
            panel.margins(x=0)
        below.set_ylim(1e-9, 10)
        below.set_xlabel("step")
        if flipped is not None:
            _draw_flip(below, flipped)
        figure.legend(*above.get_legend_handles_labels(), loc="outside upper left", ncols=len(curves))
        return render(figure, "svg").decode()


def _draw_flip(panel: Any, step: int) -> None:
    panel.axvline(step, color="#444444", linewidth=1, linestyle=(0, (2, 3)), gid="flip")
    said = f"step {step}: rounding switches one of the oracle's ReLUs for the first time"
    behind = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    panel.annotate(said, (step, 1e-9), (6, 8), textcoords="offset points", bbox=behind, fontsize=9)
