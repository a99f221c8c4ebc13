"""Live peers: Keras's and Paddle's own zoos, with our trained-like weights and with theirs, against every backend."""

from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec

import pytest

from isomorph.conformance.conftest import Build
from isomorph.conformance.live_peers.asking import REQUIRES, Answered, Run, ask
from isomorph.conformance.verdict import FLOORS, relative_l2

ODD = {"on odd images": Run(49, 65)}
BOTH = ODD | {"with weights of its own": Run(49, 65, weights="own")}
ALL = BOTH | {"on even images": Run(64, 64), "without a head": Run(49, 65, head=False)}

PEERS = {
    "keras/ResNet50": ALL,
    "keras/ResNet101": ODD,
    "paddle/resnet18": ALL,
    "paddle/resnet34": ODD,
    "paddle/resnet50": BOTH,
    "paddle/resnet101": ODD,
}


@pytest.fixture(scope="module")
def asked() -> Callable[[str], dict[str, Answered]]:
    """What a peer answered, which is kept until another is asked."""
    return lru_cache(maxsize=1)(lambda name: ask(name, PEERS[name]))


@pytest.fixture(scope="module")
def answered(
    request: pytest.FixtureRequest, asked: Callable[[str], dict[str, Answered]], need_peers: Callable[[str], None]
) -> Answered:
    """One run of one peer."""
    name, run = request.param
    if absent := [module for module in REQUIRES[name.partition("/")[0]] if find_spec(module) is None]:
        need_peers(f"needs {' and '.join(absent)}, to run {name} as its own zoo has it")
    return asked(name)[run]


ANSWERS = pytest.mark.parametrize(
    "answered",
    [pytest.param((name, run), id=f"{name} {run}") for name, runs in PEERS.items() for run in runs],
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
    """But for an epsilon that it may keep in float64, as Keras does."""
    network = build(answered.architecture, "float64")
    network.load(answered.tensors)
    error = relative_l2(network.answer(answered.images), answered.answers["float64"])
    assert error <= 1e-10


@ANSWERS
def test_in_float32_its_answer_is_ours_but_for_noise(answered: Answered, build: Build) -> None:
    """Its own in float64 against ours in float32, and its own in float32 against the same."""
    network = build(answered.architecture, "float32")
    network.load(answered.tensors)
    for whose, answer in (("ours", network.answer(answered.images)), ("its own", answered.answers["float32"])):
        ratio = relative_l2(answer, answered.answers["float64"]) / answered.float32_floor
        assert ratio <= FLOORS, f"{whose} in float32 is {ratio:.3g} noise floors from its own in float64"
