"""The figure of the loss curves says what its curves do."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from examples.chart import draw

SVG = "{http://www.w3.org/2000/svg}"


def ids(drawn: ElementTree.Element) -> set[str]:
    """The dots, and the line of the flip."""
    return {name for group in drawn.iter(SVG + "g") if (name := group.get("id", "")).endswith((" parts", "flip"))}


def test_the_figure_says_where_each_curve_parts_and_where_the_first_relu_flips() -> None:
    reference = np.geomspace(2, 0.01, 60)
    later = reference * np.where(np.arange(60) < 37, 1 + 1e-7, 1.1)
    curves = {"oracle": reference, "near": reference * (1 + 1e-8), "later": later}
    drawn = ElementTree.fromstring(draw(curves, flipped=31))
    texts = ["".join(text.itertext()) for text in drawn.iter(SVG + "text")]
    assert {*curves, "parts at step 37"} < set(texts)
    assert any(text.startswith("step 31:") for text in texts)
    assert ids(drawn) == {"later parts", "flip"}


def test_the_figure_of_one_curve_alone_has_nothing_that_parts() -> None:
    drawn = ElementTree.fromstring(draw({"oracle": np.geomspace(2, 0.01, 60)}, flipped=None))
    assert not ids(drawn)


def test_the_committed_figure_is_whole_and_small() -> None:
    figure = Path(__file__).parents[1] / "examples" / "loss_curves.svg"
    assert figure.stat().st_size < 60_000
    names = {text.text for text in ElementTree.parse(figure).iter(SVG + "text")}
    assert {"oracle, float64", "PyTorch", "Keras", "Paddle"} < names
