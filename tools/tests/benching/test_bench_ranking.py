"""How modes are ranked: ratios and shares round by round, on figures made by hand; and the advice in words."""

from types import SimpleNamespace
from typing import Any

import pytest

from isomorph.backends.options import Options
from isomorph.conformance.memory import Sizes, timed_process
from isomorph.spec import architecture
from isomorph.tools.benching import competitors
from isomorph.tools.benching.advice import advise
from isomorph.tools.benching.baselines import find_baseline
from isomorph.tools.benching.competitors import fit_together, turn_groups
from isomorph.tools.benching.explain import explain
from isomorph.tools.benching.machine import Busy, Others
from isomorph.tools.benching.modes import MODES, USUAL, choose_modes
from isomorph.tools.benching.ranking import Goal, Ranking, short
from isomorph.tools.benching.results import Limit, ModeResult, Spread, make_timing

from ..benched import row

ZOO = row("keras", "zoo", 2.0, 6.0, 4.0)
EAGER = row("keras", "eager", 2.0, 4.0, 4.0, memory=2**30, first_call=2.5)
GRAPH = row(
    "keras",
    "graph",
    1.0,
    1.5,
    1.0,
    memory=2**31,
    first_call=12.5,
    options={"compiled": "graph"},
)
OTHER = row("paddle", "eager", 1.2, 1.2, 1.2, memory=2**29)


def test_ratios_are_taken_round_by_round() -> None:
    assert Ranking([ZOO, EAGER], (), "latency").ratio(EAGER) == Spread(1.0, 1.0, 1.5)


def test_where_the_zoos_is_another_design_multiply_accumulates_are_compared() -> None:
    zoo = row("keras", "zoo", 2.0, macs=500)
    assert Ranking([zoo, EAGER], (), "latency").ratio(row("keras", "eager", 2.0)) == Spread(2.0, 2.0, 2.0)


def test_of_memory_the_ratio_is_the_share_of_the_zoos() -> None:
    zoo = row("keras", "zoo", 2.0, memory=2**29)
    ratios = {each.mode: Ranking([zoo, ZOO, EAGER, GRAPH], (), "memory").ratio(each) for each in (zoo, EAGER, GRAPH)}
    assert ratios == {"zoo": Spread(1.0, 1.0, 1.0), "eager": Spread(2.0, 2.0, 2.0), "graph": Spread(4.0, 4.0, 4.0)}
    assert Ranking([zoo], (), "memory").ratio(ZOO) is None, "its memory is not known"


def test_without_a_zoo_there_is_no_ratio() -> None:
    assert Ranking([OTHER], (), "latency").ratio(OTHER) is None


def test_the_share_of_the_limit_is_of_the_same_precision() -> None:
    limit = Limit("keras", "float32", "matmul", 10, (0.5, 1.0))  # 2000 operations a product
    ranking = Ranking([EAGER], [limit], "latency")
    assert ranking.share(row("keras", "eager", 2.0, 4.0)) == Spread(0.25, 0.25, 0.25)
    assert ranking.share(row("keras", "eager-bfloat16", 2.0, precision="bfloat16")) is None


def test_a_training_step_counts_as_three_passes() -> None:
    timing = make_timing("training", 1, [[2.0]])
    trained = ModeResult("keras", "eager", "measured", macs=1000, timings=(timing,))
    assert Ranking([trained], [Limit("keras", "float32", "matmul", 10, (1.0,))], "training").share(trained) == Spread(
        1.5, 1.5, 1.5
    )


@pytest.mark.parametrize(
    ("goal", "first"),
    [
        pytest.param("latency", ["keras graph", "paddle eager", "keras eager"], id="latency"),
        pytest.param("throughput", ["keras graph", "paddle eager", "keras eager"], id="throughput"),
        pytest.param("memory", ["paddle eager", "keras eager", "keras graph"], id="memory"),
        pytest.param("training", [], id="training, of which there is none"),
    ],
)
def test_rows_are_sorted_by(goal: Goal, first: list[str]) -> None:
    unranked = ModeResult("paddle", "graph", "wrong answers")
    assert [each.name for each, _ in Ranking([unranked, EAGER, GRAPH, OTHER], (), goal).ranked] == first


def test_throughput_is_that_of_the_best_batch() -> None:
    both = ModeResult(
        "x", "eager", "measured", timings=(make_timing("inference", 1, [[1.0]]), make_timing("inference", 8, [[2.0]]))
    )
    ((_, figure),) = Ranking([both], (), "throughput").ranked
    assert figure.median == 4.0


def test_the_advice_names_the_best_the_next_framework_and_the_price() -> None:
    assert advise(Ranking([ZOO, EAGER, GRAPH, OTHER], (), "latency")) == (
        "For latency choose keras with graph: 1000 ms for one image, 4.00 times its framework's own zoo. It costs"
        " 12.5 s for the first answer (it pays from 4 images on) and 2.00 GiB of memory. The next framework is paddle"
        " with eager, 1200 ms for one image: their spreads overlap, so that either will do."
    )


def test_advice_of_lower_precision_says_what_the_best_is_without() -> None:
    lower = row("keras", "eager-bfloat16", 0.5, precision="bfloat16")
    assert "It computes in bfloat16; in float32 choose keras with eager" in advise(
        Ranking([lower, EAGER], (), "latency")
    )


def test_without_figures_there_is_no_advice() -> None:
    assert advise(Ranking([], (), "latency")) == "Nothing could be measured, so that there is nothing to choose."


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.01234, "0.0123"),
        (12.34, "12.3"),
        (99.94, "99.9"),
        (99.96, "100"),
        (100.4, "100"),
        (1234.5, "1234"),
    ],
)
def test_figures_have_three_digits(value: float, said: str) -> None:
    assert short(value) == said


def test_what_others_take_is_what_is_busy_but_not_ours() -> None:
    assert Busy(130.0, 50.0).others_since(Busy(100.0, 40.0)) == 20.0


def test_others_kept_as_many_cores_busy_as_their_time_is_longer_than_the_turns() -> None:
    """What the system's clock rounds, up and down, is summed before it is called nothing."""
    others = Others()
    assert others.cores is None
    others.add(Busy(100.0, 40.0), Busy(100.0, 41.0), 10.0)
    assert others.cores == 0.0
    others.add(Busy(100.0, 40.0), Busy(111.0, 40.0), 10.0)
    assert others.cores == 0.5


def test_tf32_is_explained_as_a_switch_of_the_framework() -> None:
    lines = explain("keras:jax", MODES["eager-tf32"], Options("gpu")).splitlines()
    assert lines[0] == 'load_backend("keras:jax").use_tf32()'
    assert '# jax.config.update("jax_default_matmul_precision", "tensorfloat32")' in lines
    assert "tf32" not in "".join(explain("keras:jax", MODES["eager"], Options("gpu")))


@pytest.mark.parametrize(
    ("room", "turns", "sizes"), [(5, "all", [5]), (4, "backend", [3, 2]), (3, "backend", [3, 2]), (2, "none", [1] * 5)]
)
def test_so_many_take_turns_as_memory_holds(room: int, turns: str, sizes: list[int]) -> None:
    found, apart = turn_groups(["abc", "de"], lambda processes: processes <= room)
    assert (found, [len(group) for group in apart]) == (turns, sizes)
    assert "".join(each for group in apart for each in group) == "abcde"


def test_modes_are_words_in_one_order() -> None:
    assert MODES["graph-nchw-folded-bfloat16"].options == {
        "compiled": "graph",
        "layout": "NCHW",
        "fold_batch_norm": True,
        "autocast": "bfloat16",
    }
    assert MODES["eager"].options == {}
    assert [mode.name for mode in choose_modes(None)[0]] == list(USUAL)
    assert [mode.name for mode in choose_modes(["xla", "eager", "xla"])[0]] == ["xla", "eager"]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("eager", {}),
        ("graph", {"compiled": "graph"}),
        ("xla", {"compiled": "xla"}),
        ("engine", {"compiled": "engine"}),
        ("eager-nchw", {"layout": "NCHW"}),
        ("eager-nhwc", {"layout": "NHWC"}),
        ("eager-folded", {"fold_batch_norm": True}),
        ("eager-bfloat16", {"autocast": "bfloat16"}),
        ("eager-float16", {"autocast": "float16"}),
        ("eager-tf32", {}),
    ],
)
def test_a_word_is_an_option(name: str, options: dict[str, object]) -> None:
    assert MODES[name].options == options
    assert MODES[name].tf32 == name.endswith("tf32")


@pytest.mark.parametrize(
    ("backend", "network", "call", "same"),
    [
        ("keras", "keras/ResNet50", "keras.applications.ResNet50", True),
        ("keras:jax", "keras/MobileNetV2", "keras.applications.MobileNetV2", True),
        ("keras", "torchvision/resnet50", "keras.applications.ResNet50", False),
        ("paddle", "torchvision/resnet50", "paddle.vision.models.resnet50", True),
        ("pytorch", "torchvision/resnet18", "torchvision.models.resnet18", True),
    ],
)
def test_the_yardstick_is_the_network_of_the_frameworks_own_zoo(
    backend: str, network: str, call: str, same: bool
) -> None:
    found = find_baseline(backend, architecture(network, num_classes=7))
    assert found
    assert (found.call, found.same, found.design.head.num_classes) == (call, same, 7)


@pytest.mark.parametrize(
    ("backend", "network", "options"),
    [
        pytest.param("keras", "slim/resnet_v1_50", {}, id="no network of that name"),
        pytest.param("oracle", "keras/ResNet50", {}, id="a backend without a zoo"),
        pytest.param("keras", "keras/ResNet50", {"num_classes": None}, id="no classifier"),
    ],
)
def test_there_is_no_yardstick_for(backend: str, network: str, options: dict[str, None]) -> None:
    assert find_baseline(backend, architecture(network, **options)) is None


@pytest.mark.parametrize(
    ("most", "fits"),
    [pytest.param(100, False, id="that is trained"), pytest.param(4, True, id="that no process can hold")],
)
def test_a_batch_counts_for_memory(most: int, fits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    network = architecture("cifar/resnet20")
    workload: Any = SimpleNamespace(
        architecture=network, size=(32, 32), batches=(1,), too_large=lambda batch: "why" if batch > most else None
    )
    answering, training = (timed_process(Sizes.of(network, 1, 32, 32), 1, trained) for trained in (0, 64))
    assert answering < training
    monkeypatch.setattr(competitors, "available_memory", lambda: (answering + training) // 2)
    assert fit_together(workload, 1, None)
    assert not fit_together(workload, 2, None)
    assert fit_together(workload, 1, 64) == fits
