"""Draw the figures of a bench: its ranking as bars, and time and memory along axes as curves."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from isomorph.tools.benching.curves import MEANINGS, Curve, Measured
from isomorph.tools.benching.figures import COLOUR_OF, COLOURS, house_style, new_figure, write_figures
from isomorph.tools.benching.plausibility import MARK
from isomorph.tools.benching.ranking import Ranking, short
from isomorph.tools.benching.report import HEADINGS, BenchReport
from isomorph.tools.benching.results import ZOO, Spread
from isomorph.tools.tables import by

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

MARKERS = ("o", "^", "D", "v", "P", "X")
ZOO_LINE, OWN_LINE = (0, (4, 2)), "-"
SQUEEZED = 30.0
"""Times the shortest bar from which on the longest one asks for a logarithmic axis."""
HATCH = "////"
"""The pattern of bars whose figures are doubted."""
CUT = 1.4
"""Times the longest bar at which whiskers are cut."""
ROOM, ROOM_FOR_TWO = 1.2, 1.6
"""Times the end of the longest whisker at which the axis ends, for one value beside it, or two."""

AXIS_LABELS = {"batch": "images in a call", "depth": "layers that have kernels", "resolution": "height x width"}


def write_plots(report: BenchReport, folder: str | Path) -> Sequence[Path]:
    """Draw a bench's report into PNG and SVG files: `ranking`, and `scaling-AXIS` for each axis. Returns their paths.

    >>> from isomorph.tools import bench, write_plots
    >>> report = bench("mlperf_tiny/resnet8", backends=["oracle"], modes=["eager"], size=(16, 16), batches=[1],
    ...                training_batch=None, rounds=1, turn=0.0, product=64)
    >>> [path.name for path in write_plots(report, "plots")]
    ['ranking.png', 'ranking.svg']

    Figures without any measured value are left out. Raises BadInput where they cannot be written.
    """
    with house_style():
        figures: dict[str, Figure] = {}
        if report.ranking.ranked:
            figures["ranking"] = draw_ranking(report)
        for axis in MEANINGS:
            along = [curve for curve in report.curves if curve.axis == axis and curve.measured]
            if along:
                figures[f"scaling-{axis}"] = draw_curves(along, report)
        return write_figures(folder, figures)


def draw_ranking(report: BenchReport) -> "Figure":
    """Draw bars, the best on top: values for the goal and their ratios to the zoo's own; whiskers are spreads.

    Bars of doubted figures are hatched, and marked as in the table.
    """
    ranking = report.ranking
    colours = _colours(report)
    ratios = [ranking.ratio(row) for row, _ in ranking.ranked]
    figure = new_figure(1.3 + 0.27 * len(ranking.ranked))
    panels = figure.subplots(1, 2 if any(ratios) else 1, sharey=True, squeeze=False)[0]
    names = [row.name for row, _ in ranking.ranked]
    shades = [colours[row.backend] for row, _ in ranking.ranked]
    pale = [row.mode == ZOO for row, _ in ranking.ranked]
    doubted = report.doubts_for(report.goal)
    marked = [row.name in doubted for row, _ in ranking.ranked]
    _bars(panels[0], [spread for _, spread in ranking.ranked], shades, pale, marked)
    panels[0].set_yticks(range(len(names)), names)
    panels[0].invert_yaxis()
    panels[0].set_xlabel(HEADINGS[report.goal])
    if any(ratios):
        _bars(panels[1], ratios, shades, pale, marked)
        panels[1].axvline(1, color="#222222", linewidth=1)
        panels[1].set_xlabel(_ratio_label(ranking))
    quick = ", quick" if report.quick else ""
    _title(figure, report, f"for {report.goal}{quick}; whiskers from the least to the most of {report.rounds} rounds")
    return figure


def draw_curves(curves: Sequence[Curve], report: BenchReport) -> "Figure":
    """Draw time along one axis, both logarithmic, and memory beside it along the batch."""
    axis = curves[0].axis
    figure = new_figure(4.8)
    panels = figure.subplots(1, 2 if axis == "batch" else 1, squeeze=False)[0]
    _lines(panels[0], curves, _colours(report), lambda each: 1000 * statistics.median(each.rounds))
    _log_axis(panels[0])
    panels[0].set_ylabel("ms in a call" if axis == "batch" else "ms for one image")
    if axis == "batch":
        _lines(panels[1], curves, _colours(report), lambda each: each.memory / 2**30 if each.memory else None)
        panels[1].set_ylim(bottom=0)
        panels[1].set_ylabel("GiB of memory, the most by then")
    places = sorted({(each.x, each.label) for curve in curves for each in curve.measured})
    for panel in panels:
        panel.set_xscale("log")
        panel.set_xticks([x for x, _ in places], [_tick(*place, axis) for place in places])
        panel.set_xticks([], minor=True)
        panel.set_xlabel(AXIS_LABELS[axis])
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    _title(figure, report, MEANINGS[axis])
    return figure


def _bars(
    panel: "Axes",
    spreads: Sequence[Spread | None],
    shades: Sequence[str],
    pale: Sequence[bool],
    marked: Sequence[bool],
) -> None:
    """Draw a bar and a whisker for each spread; a whisker far beyond all bars is cut, and its end written.

    The axis is logarithmic where one bar would else squeeze the others.
    """
    medians = [spread.median for spread in spreads if spread]
    is_log = min(medians) > 0 and max(medians) > SQUEEZED * min(medians)
    edge = max(medians) * CUT
    furthest = max(min(spread.most, edge) for spread in spreads if spread)
    room = ROOM_FOR_TWO if any(spread.most > edge for spread in spreads if spread) else ROOM
    for place, (spread, shade, is_pale, is_marked) in enumerate(zip(spreads, shades, pale, marked, strict=True)):
        if spread is None:
            continue
        bar = panel.barh(place, spread.median, color=shade, alpha=0.45 if is_pale else 1)[0]
        if is_marked:
            bar.set(hatch=HATCH, edgecolor="white", linewidth=0)
        end = min(spread.most, edge)
        panel.plot([spread.least, end], [place, place], color="#222222", linewidth=1.2)
        value = short(spread.median) + (f" {MARK}" if is_marked else "")
        value += f", up to {short(spread.most)}" if spread.most > edge else ""
        panel.annotate(value, (end, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9)
    if is_log:
        panel.set_xscale("log")
        _plain_numbers(panel.xaxis)
        panel.set_xlim(min(medians) / 2, furthest * room**4)
    else:
        panel.set_xlim(0, furthest * room)
    panel.margins(y=0.02)
    panel.grid(False, axis="y")


def _lines(
    panel: "Axes", curves: Sequence[Curve], colours: Mapping[str, str], value: Callable[[Measured], float | None]
) -> None:
    modes: dict[str, list[str]] = {}
    for curve in curves:
        backend_modes = modes.setdefault(curve.backend, [])
        backend_modes.append(curve.mode)
        points = [(each.x, y) for each in curve.measured if (y := value(each)) is not None]
        is_zoo = curve.mode == ZOO
        panel.plot(
            [x for x, _ in points],
            [y for _, y in points],
            color=colours[curve.backend],
            marker="s" if is_zoo else MARKERS[(len(backend_modes) - 1) % len(MARKERS)],
            markerfacecolor="white" if is_zoo else colours[curve.backend],
            markersize=5,
            linewidth=1.3,
            linestyle=ZOO_LINE if is_zoo else OWN_LINE,
            label=curve.name,
        )


def _colours(report: BenchReport) -> Mapping[str, str]:
    """Return backend -> colour, the same in all figures of a report, and of isomorph's own backends in all reports."""
    others = sorted({row.backend for row in report.rows} - COLOUR_OF.keys())
    left = [colour for colour in COLOURS if colour not in COLOUR_OF.values()]
    return {**COLOUR_OF, **{name: left[place % len(left)] for place, name in enumerate(others)}}


def _ratio_label(ranking: Ranking) -> str:
    return "of the memory of its framework's own zoo" if ranking.goal == "memory" else "times its framework's own zoo"


def _log_axis(panel: "Axes") -> None:
    """Make the y axis logarithmic, with plain numbers."""
    panel.set_yscale("log")
    _plain_numbers(panel.yaxis)


def _plain_numbers(axis: "Axis") -> None:
    """Have a logarithmic axis say plain numbers, at 1, 2 and 5 times each power of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator  # noqa: PLC0415 - as in `figures`

    axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def _tick(x: int, label: str, axis: str) -> str:
    return f"{x}\n{label}" if axis == "depth" else label


def _title(figure: "Figure", report: BenchReport, what: str) -> None:
    where = f"{report.machine.processor}, {report.threads} thread{'s' if report.threads > 1 else ''}, {report.device}"
    which = f" (hatched, {MARK})" if report.doubts_for(report.goal) else ""
    warning = (
        f"\nNothing can be chosen from this: the cores were busy, or figures contradict each other{which}."
        if report.doubt
        else ""
    )
    title = f"{report.title}, {by(*report.input)}: {what}\n{where}{warning}"
    figure.suptitle(title, fontsize=10, x=0.01, ha="left", color="#a00000" if report.doubt else "#000000")
