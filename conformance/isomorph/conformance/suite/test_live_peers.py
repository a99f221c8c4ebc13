"""Live peers: Keras's and Paddle's own zoos, with our trained-like weights and with theirs, against every backend."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache, lru_cache
from importlib.util import find_spec

import pytest

from isomorph.conformance.suite.conftest import Build
from isomorph.conformance.suite.live_peers.asking import REQUIRES, Answered, Questions, Run, ask, live
from isomorph.conformance.verdict import FLOORS, relative_l2

pytestmark = pytest.mark.thorough  # what these zoos answered once is recorded: test_peers.py

ODD = {"on odd images": Run(49, 65)}
BOTH = ODD | {"with weights of its own": Run(49, 65, weights="own")}
ALL = BOTH | {"on even images": Run(64, 64), "without a head": Run(49, 65, head=False)}
PAIR = ODD | {"with weights of its own on even images": Run(64, 64, weights="own")}

# A LeNet's and a GoogLeNet's dense layers see so many cells as images of these sizes leave.
SMALL = {
    "on odd images": Run(29, 31),
    "with weights of its own on even images": Run(28, 28, weights="own"),
}
THREE = {
    "on odd images": Run(223, 201),
    "its first auxiliary head": Run(223, 201, output="aux1"),
    "its second auxiliary head": Run(223, 201, output="aux2"),
    "with weights of its own on even images": Run(224, 224, weights="own"),
}

PEERS = [
    Questions("keras/ResNet50", BOTH),
    Questions("keras/ResNet50V2", PAIR),
    Questions("keras2/ResNet50", BOTH),
    Questions("keras/MobileNet", PAIR, {"alpha": 0.25}),
    Questions("keras/MobileNetV2", PAIR, {"alpha": 0.35}),
    Questions("paddle/resnet18", ALL),
    Questions("paddle/resnet50", BOTH),
    Questions("paddle/mobilenet_v1", PAIR, {"scale": 0.25}),
    Questions("paddle/mobilenet_v2", PAIR, {"scale": 0.25}),
    Questions("paddle/LeNet", SMALL),
    Questions("paddle/googlenet", THREE),
]

# Deeper and wider ones of the same code, and more runs: left to `isomorph conformance run`.
EXHAUSTIVE = [
    Questions("keras/ResNet50", {name: run for name, run in ALL.items() if name not in BOTH}),
    Questions("keras/ResNet101", ODD),
    Questions("keras/MobileNet", PAIR, {"alpha": 1.0}),
    Questions("keras/MobileNetV2", PAIR, {"alpha": 1.4}),
    Questions("paddle/resnet34", ODD),
    Questions("paddle/resnet101", ODD),
    Questions("paddle/resnext50_32x4d", PAIR),
    Questions("paddle/wide_resnet50_2", ODD),
    Questions("paddle/mobilenet_v1", PAIR),
    Questions("paddle/mobilenet_v2", PAIR),
]


@pytest.fixture(scope="module")
def asked() -> Iterator[Callable[[Questions], dict[str, Answered]]]:
    """What a network answered, which is kept until another is asked; each zoo's process ends with the module."""
    with ExitStack() as stack:
        start = cache(lambda zoo: stack.enter_context(live(zoo)))
        yield lru_cache(maxsize=1)(lambda questions: ask(questions, start(questions.zoo)))


@pytest.fixture(scope="module")
def answered(
    request: pytest.FixtureRequest,
    asked: Callable[[Questions], dict[str, Answered]],
    need_peers: Callable[[str], None],
) -> Answered:
    """One run of one network."""
    questions, run = request.param
    if absent := [module for module in REQUIRES[questions.zoo] if find_spec(module) is None]:
        need_peers(f"needs {' and '.join(absent)}, to run {questions} as its own zoo has it")
    return asked(questions)[run]


ANSWERS = pytest.mark.parametrize(
    "answered",
    [
        pytest.param((questions, run), id=f"{questions} {run}", marks=marks)
        for peers, marks in ((PEERS, ()), (EXHAUSTIVE, pytest.mark.exhaustive))
        for questions in peers
        for run in questions.runs
    ],
    indirect=True,
)


@ANSWERS
def test_it_holds_what_it_was_given_or_nothing_of_that(answered: Answered) -> None:
    """Bit for bit, on the way there and back."""
    same = {name for name, held in answered.tensors.items() if held.tobytes() == answered.drawn[name].tobytes()}
    assert same == (set(answered.tensors) if answered.run.weights == "given" else set())


@ANSWERS
def test_its_images_tell_its_answers_apart(answered: Answered) -> None:
    """Its default initialisation would not: trained-like weights make two images two different answers."""
    first, second = answered.answers["float64"]
    assert relative_l2(first, second) > 0.1


@ANSWERS
def test_in_float64_its_answer_is_ours(answered: Answered, build: Build) -> None:
    """But for noise."""
    ours = answered.ours(build(answered.architecture, "float64"))
    error = relative_l2(ours, answered.answers["float64"])
    ratio = error / answered.floors["float64"]
    assert ratio <= FLOORS, f"ours in float64 is {error:.3g}, {ratio:.3g} noise floors, from its own"


@ANSWERS
def test_in_float32_its_answer_is_ours_but_for_noise(answered: Answered, build: Build) -> None:
    """Its own in float64 against ours in float32, and its own in float32 against the same."""
    ours = answered.ours(build(answered.architecture, "float32"))
    for whose, answer in (("ours", ours), ("its own", answered.answers["float32"])):
        ratio = relative_l2(answer, answered.answers["float64"]) / answered.floors["float32"]
        assert ratio <= FLOORS, f"{whose} in float32 is {ratio:.3g} noise floors from its own in float64"
