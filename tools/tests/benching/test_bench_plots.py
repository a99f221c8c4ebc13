"""The figures of a bench: they say in words and units what was measured, and are whole or not there."""

import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from examples.chart import COLOURS as CURVE_COLOURS
from isomorph.spec import BadInput
from isomorph.tools import BenchReport, write_plots
from isomorph.tools.benching import figures, plots
from isomorph.tools.benching.curves import Curve, Measured
from isomorph.tools.benching.figures import COLOUR_OF, COLOURS, check_plots
from isomorph.tools.benching.machine import Machine
from isomorph.tools.subjects.subject import Origin

from ..benched import row
from ..command import left, refused_here

GIB = 2**30
CURVES = (
    Curve("batch", "keras", "eager", (Measured(1, "1", (0.1,), GIB), Measured(2, "2", (0.2,), 2 * GIB))),
    Curve("batch", "keras", "zoo", (Measured(1, "1", (0.1,), None),), {"2": "error: no room"}),
    Curve("depth", "paddle", "eager", (Measured(20, "resnet20", (0.1,), GIB), Measured(32, "resnet32", (0.2,), GIB))),
    Curve("resolution", "paddle", "eager", (), {"8x8": "error: no room"}),
)
REPORT = BenchReport(
    architecture="cifar/resnet20",
    title="cifar/resnet20",
    weights=Origin("drawn, seed 0", "0" * 64),
    input=(32, 32, 3),
    machine=Machine("A processor", 2, 8 * GIB, "Linux x86_64", "3.11"),
    device="cpu",
    threads=2,
    batches=(1, 2),
    training_batch=None,
    rounds=3,
    goal="throughput",
    rows=(
        row("keras", "zoo", 2.0, 2.0, 4.0),
        row("keras", "eager", 1.0, 2.0, 2.0),
        row("paddle", "eager", 5.0, 5.0, 5.0),
    ),
    limits=(),
    unlimited=(),
    curves=CURVES,
    turns="all",
    others=0.0,
    seconds=1.0,
)


def texts(path: Path) -> set[str]:
    return {
        "".join(text.itertext()).strip() for text in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")
    }


def test_every_figure_is_written_as_png_and_svg(tmp_path: Path) -> None:
    written = write_plots(REPORT, tmp_path / "plots")
    names = {f"{name}.{form}" for name in ("ranking", "scaling-batch", "scaling-depth") for form in ("png", "svg")}
    assert {path.name for path in written} == {path.name for path in (tmp_path / "plots").iterdir()} == names
    for name in names:
        if name.endswith("png"):
            with Image.open(tmp_path / "plots" / name) as image:
                assert image.width == 1600  # shown at half of it, 9 points are 12 pixels


def test_the_ranking_names_modes_figures_and_ratios(tmp_path: Path) -> None:
    write_plots(REPORT, tmp_path)
    said = texts(tmp_path / "ranking.svg")
    assert {"keras eager", "keras zoo", "paddle eager", "images/s", "times its framework's own zoo"} < said
    assert {"0.500", "0.200", "1.00"} < said
    assert any(text.startswith("cifar/resnet20, 32x32x3: for throughput") for text in said)
    drawn = (tmp_path / "ranking.svg").read_text()
    assert COLOUR_OF["keras"] in drawn
    assert COLOUR_OF["paddle"] in drawn
    assert COLOUR_OF["pytorch"] not in drawn


def test_a_framework_has_one_colour_in_every_figure() -> None:
    """Bench's, and those of the loss curves."""
    assert len({*COLOUR_OF.values()}) == len(COLOUR_OF)
    assert dict(zip(("pytorch", "keras", "paddle"), CURVE_COLOURS[2:], strict=True)).items() <= COLOUR_OF.items()
    foreign = replace(REPORT, rows=(row("mine", "eager", 1.0), *REPORT.rows))
    colours = plots._colours(foreign)
    assert colours["keras"] == COLOUR_OF["keras"]
    assert colours["mine"] in set(COLOURS) - set(COLOUR_OF.values())


@pytest.mark.parametrize("slowest", [0.01, 1000.0], ids=["a fast mode", "a slow mode"])
def test_one_long_bar_or_whisker_leaves_room_for_the_rest(slowest: float) -> None:
    """And every value that is written beside a bar stands within the picture."""
    keras = row("keras", "zoo", 2.0, 2.0, 4.0), row("keras", "eager", 1.0, 2.0, 0.001)
    rows = (*keras, row("paddle", "eager", slowest, slowest, slowest / 10))
    with figures.house_style():
        figure = plots.draw_ranking(replace(REPORT, rows=rows))
        figure.canvas.draw()
        assert figure.axes[0].get_xscale() == "log"
        for panel in figure.axes:
            for text in panel.texts:
                area = text.get_window_extent()
                assert figure.bbox.x0 <= area.x0 < area.x1 <= figure.bbox.x1, text.get_text()
    assert any(", up to " in text.get_text() for text in figure.axes[0].texts)


def test_bars_of_a_size_are_drawn_from_zero() -> None:
    with figures.house_style():
        panels = plots.draw_ranking(REPORT).axes
    assert {(panel.get_xscale(), panel.get_xlim()[0]) for panel in panels} == {("linear", 0.0)}


def test_lines_of_a_grid_stand_for_values_not_for_modes() -> None:
    with figures.house_style():
        panels = plots.draw_ranking(REPORT).axes
    for panel in panels:
        assert {line.get_visible() for line in panel.get_xgridlines()} == {True}
        assert {line.get_visible() for line in panel.get_ygridlines()} == {False}


def test_a_figure_of_busy_cores_says_so(tmp_path: Path) -> None:
    write_plots(replace(REPORT, others=1.5), tmp_path)
    assert any("Nothing can be chosen from this" in text for text in texts(tmp_path / "ranking.svg"))
    write_plots(REPORT, tmp_path)
    assert not any("Nothing can be chosen from this" in text for text in texts(tmp_path / "ranking.svg"))


@pytest.mark.parametrize(
    ("others", "hatches", "marked"),
    [(1.5, 2, {"0.500 ?, up to 1.00", "2.00 ?"}), (0.5, 0, set())],
    ids=["doubted", "trusted"],
)
def test_a_bar_is_hatched_and_marked_where_its_figure_is(others: float, hatches: int, marked: set[str]) -> None:
    """In both panels; other bars are not."""
    rows = (REPORT.rows[0], replace(REPORT.rows[1], others=others), REPORT.rows[2])
    with figures.house_style():
        figure = plots.draw_ranking(replace(REPORT, rows=rows))
    bars = [bar for panel in figure.axes for bar in panel.patches]
    assert sum(bar.get_hatch() is not None for bar in bars) == hatches
    assert {text.get_text() for panel in figure.axes for text in panel.texts if "?" in text.get_text()} == marked
    assert figure.get_suptitle().endswith("each other (hatched, ?).") == bool(marked)


def test_without_a_zoo_there_is_one_panel(tmp_path: Path) -> None:
    write_plots(replace(REPORT, rows=REPORT.rows[2:], curves=()), tmp_path)
    assert "times its framework's own zoo" not in texts(tmp_path / "ranking.svg")
    with figures.house_style():
        assert len(plots.draw_ranking(REPORT).axes) == 2
        assert len(plots.draw_ranking(replace(REPORT, rows=REPORT.rows[2:])).axes) == 1


@pytest.mark.parametrize(
    ("axis", "scales"),
    [("batch", [("log", "log"), ("log", "linear")]), ("depth", [("log", "log")])],
)
def test_time_is_drawn_in_powers_of_ten_and_memory_from_zero(axis: str, scales: list[tuple[str, str]]) -> None:
    with figures.house_style():
        panels = plots.draw_curves([curve for curve in CURVES if curve.axis == axis], REPORT).axes
    assert [(panel.get_xscale(), panel.get_yscale()) for panel in panels] == scales
    assert panels[-1].get_ylim()[0] == 0 or axis == "depth"


def test_curves_have_units_and_places(tmp_path: Path) -> None:
    write_plots(REPORT, tmp_path)
    assert {"ms in a call", "GiB of memory, the most by then", "images in a call", "keras zoo"} < texts(
        tmp_path / "scaling-batch.svg"
    )
    assert {"ms for one image", "layers that have kernels", "20", "resnet32"} < texts(tmp_path / "scaling-depth.svg")


def test_the_same_report_is_drawn_in_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_plots(REPORT, tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "other" / path.name).read_bytes()


def test_nothing_measured_draws_nothing(tmp_path: Path) -> None:
    assert write_plots(replace(REPORT, rows=(), curves=()), tmp_path / "plots") == []


def test_where_a_drawing_fails_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(plots, "draw_curves", fail)
    with pytest.raises(MemoryError):
        write_plots(REPORT, tmp_path / "plots")
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_the_command_that_adds_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "find_spec", lambda _: None)
    with pytest.raises(BadInput) as caught:
        check_plots(tmp_path)
    assert str(caught.value) == (
        "Plots need matplotlib, which is not installed; `pip install 'isomorph[plots]'` adds it."
    )


@pytest.mark.usefixtures("empty_folder")
def test_a_folder_that_cannot_be_is_refused_before_anything_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    Path("x").touch()
    asked = ("bench", "cifar/resnet20", "--backends", "oracle", "--plots")
    assert refused_here(capsys, *asked, "x") == "x is a file; expected a folder, or a new name."
    assert (
        refused_here(capsys, *asked, "a/b") == "a/b cannot be written: there is no folder a; make it, or name another."
    )
    assert left() == ["x"]


def places(svg: bytes) -> list[list[tuple[float, float]]]:
    """Return the points of every line of an SVG, wherever its file has the numbers relative to the point before."""
    lines = []
    for path in re.findall(rb' d="M ([^"]*?) *"', svg):
        first, letter, others = re.split(rb"\s*([lL])\s*", path, maxsplit=1)
        x, y = map(float, first.split())
        points = [(x, y)]
        numbers = [float(number) for number in re.findall(rb"-?(?:\d+\.?\d*|\.\d+)", others)]
        for step_x, step_y in zip(numbers[::2], numbers[1::2], strict=True):
            x, y = (x + step_x, y + step_y) if letter == b"l" else (step_x, step_y)
            points.append((x, y))
        lines.append(points)
    return lines


def test_a_line_of_a_small_svg_goes_where_it_went() -> None:
    """Up to a tenth, a 720th of an inch, which does not add up along the line."""
    y = [0.0, 3.0, 2.97, -4.0, 11.0, 10.9, 0.02]
    with figures.house_style():
        figure = figures.new_figure(2.0)
        figure.subplots().plot(range(len(y)), y)
        figure.canvas.draw()
        whole, small = BytesIO(), figures.render(figure, "svg")
        figure.savefig(whole, format="svg")
    (before,), (after,) = ([line for line in places(svg) if len(line) == len(y)] for svg in (whole.getvalue(), small))
    assert len(before) == len(after)
    assert np.abs(np.subtract(before, after)).max() <= 0.1001
