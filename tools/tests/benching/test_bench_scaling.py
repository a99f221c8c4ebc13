"""`bench --scaling`: what is followed along which axis, and the curves. No speed is asserted."""

import json
from typing import NoReturn

import pytest

from isomorph.backends.options import Options
from isomorph.backends.process import BackendProcess
from isomorph.spec import BadInput, architecture
from isomorph.tools.benching import axes
from isomorph.tools.benching.axes import check_axes, family, points
from isomorph.tools.benching.competitors import Described
from isomorph.tools.benching.curves import Curve, Measured, join
from isomorph.tools.benching.modes import choose_modes
from isomorph.tools.benching.ranking import Ranking
from isomorph.tools.benching.scaling import Scaling, choose_followed

from ..benched import quick, row


@pytest.mark.parametrize(
    ("name", "own", "depths"),
    [
        ("torchvision/resnet{}", 50, [18, 34, 50, 101, 152]),
        ("torchvision/wide_resnet{}_2", 50, [50, 101]),
        ("paddle/resnext{}_64x4d", 50, [50, 101, 152]),
        ("keras/ResNet{}V2", 101, [50, 101, 152]),
        ("slim/resnet_v1_{}", 50, [50, 101, 152, 200]),
        pytest.param("cifar/resnet{}", 20, [20, 32, 44, 56, 110], id="without ResNet-1202"),
    ],
)
def test_a_family_differs_in_depth_alone(name: str, own: int, depths: list[int]) -> None:
    network = architecture(name.format(own), num_classes=7)
    found = family(network)
    assert [other.name for _, other in found] == [name.format(depth) for depth in depths]
    assert {other.head.num_classes for _, other in found} == {7}
    assert [layers for layers, _ in found] == sorted({layers for layers, _ in found})
    assert network in [other for _, other in found]


@pytest.mark.parametrize(("most", "deepest"), [(5.5, 110), (5.49, 56), (1.0, 20)])
def test_a_network_up_to_so_many_times_as_deep_is_followed(
    most: float, deepest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(axes, "MOST_DEPTH", most)
    assert family(architecture("cifar/resnet20"))[-1] == (deepest, architecture(f"cifar/resnet{deepest}"))


@pytest.mark.parametrize("name", ["keras/MobileNetV2", "torchvision/resnext101_64x4d", "paddle/LeNet"])
def test_neither_a_version_nor_a_width_is_a_depth(name: str) -> None:
    network = architecture(name)
    assert [other for _, other in family(network)] == [network]


def test_a_batch_is_doubled_up_to_the_most() -> None:
    (point,) = points(["batch"], architecture("cifar/resnet20"), (32, 32), 24)
    assert point.batches == (1, 2, 4, 8, 16, 24)


def test_resolution_goes_from_half_to_twice_the_input() -> None:
    found = points(["resolution"], architecture("torchvision/resnet18"), (224, 200), 8)
    assert [point.label for point in found] == ["112x100", "168x150", "224x200", "336x300", "448x400"]


def test_an_axis_that_there_is_not_is_refused() -> None:
    with pytest.raises(BadInput, match="There is no scaling along 'width'; expected some of batch, depth, resolution"):
        check_axes(["batch", "width"])


def test_eager_and_the_best_mode_are_followed_unless_some_are_named() -> None:
    chosen, _ = choose_modes(["eager", "xla", "xla-folded"])
    described = [Described("keras", "cpu", tuple((mode, Options()) for mode in chosen), ())]
    seconds = {"zoo": 0.1, "xla": 0.2, "xla-folded": 0.3, "eager": 1.0}
    rows = [row("keras", mode, each) for mode, each in seconds.items()]
    ranking = Ranking(rows, (), "latency")
    assert [mode.name for mode, _ in choose_followed(described, ranking, named=False)[0].modes] == ["eager", "xla"]
    assert choose_followed(described, ranking, named=True) == described


def test_curves_have_all_places_and_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(axes, "MOST_DEPTH", 2)
    monkeypatch.setattr(axes, "SIZES", (1.0, 2.0))
    report = quick("eager", batches=[4], rounds=1, training_batch=None, scaling=["batch", "resolution", "depth"])
    batch, depth, resolution = report.curves
    assert [(each.x, len(each.rounds)) for each in batch.measured] == [(1, 3), (2, 3), (4, 3)]
    peaks = [each.memory or 0 for each in batch.measured]
    assert 0 < peaks[0] <= peaks[1] <= peaks[2]
    assert [each.label for each in depth.measured] == ["resnet20", "resnet32"]
    assert [each.label for each in resolution.measured] == ["8x10", "16x20"]
    said = str(report)
    assert max(map(len, said.splitlines())) <= 80
    assert "ms along depth: one image, in networks of so many layers" in said
    assert json.loads(report.to_json())["curves"][0]["measured"][2]["label"] == "4"


def test_ctrl_c_keeps_the_places_that_were_measured() -> None:
    def interrupt(_done: int, _planned: int, what: str) -> None:
        if what == "scaling: preparing oracle eager" and seen:
            raise KeyboardInterrupt
        seen.extend(what for _ in range(what == "scaling: measuring oracle eager, round 3 of 3"))

    seen: list[str] = []
    report = quick("eager", rounds=1, training_batch=None, scaling=["resolution"], progress=interrupt)
    (curve,) = report.curves
    assert [each.label for each in curve.measured] == ["4x5"]
    assert (report.interrupted, report.exit_status) == (True, 130)


def test_parts_of_a_curve_are_joined_in_order() -> None:
    large, small = Measured(9, "large", (2.0,), None), Measured(3, "small", (1.0,), None)
    parts = [
        Curve("depth", "keras", "eager", (large,)),
        Curve("depth", "keras", "eager", (), {"huge": "error: no room"}),
        Curve("depth", "keras", "eager", (small,)),
    ]
    assert join(parts) == [Curve("depth", "keras", "eager", (small, large), {"huge": "error: no room"})]


@pytest.mark.parametrize(
    ("backend", "network", "each"),
    [
        pytest.param("oracle", "cifar/resnet20", 4, id="of a backend without a zoo"),
        pytest.param("pytorch", "cifar/resnet20", 8, id="of PyTorch, beside a plain module"),
        pytest.param("paddle", "paddle/resnet18", 8, id="of a network that the framework's zoo has"),
        pytest.param("paddle", "cifar/resnet20", 4, id="of one that it has not"),
    ],
)
def test_a_place_of_which_nothing_can_be_judged_says_why_and_counts_as_done(
    backend: str, network: str, each: int
) -> None:
    """Each of three places has four steps of one mode: it is prepared, and has three turns; and so has a zoo's."""

    def start(name: str, *, tf32: bool = False) -> BackendProcess:
        raise AssertionError(f"nothing is run, neither {name} nor with TF32: {tf32}")

    def refuse(_: object) -> NoReturn:
        raise BadInput("Noise is all.")

    steps: list[tuple[int, int, str]] = []
    places = points(["resolution"], architecture(network), (32, 48), 1)[:3]
    chosen, _ = choose_modes(["eager"])
    described = [Described(backend, "cpu", tuple((mode, Options()) for mode in chosen), ())]
    scaling = Scaling(places, described, start, refuse, 0.0, lambda *state: steps.append(state))
    scaling.run()
    assert steps == [
        (0, 3 * each, "scaling: drawing what runs at 16x24"),
        (each, 3 * each, "scaling: drawing what runs at 24x36"),
        (2 * each, 3 * each, "scaling: drawing what runs at 32x48"),
    ]
    assert scaling.curves == [
        Curve("resolution", "all", "all", (), {label: "Noise is all."}) for label in ("16x24", "24x36", "32x48")
    ]
