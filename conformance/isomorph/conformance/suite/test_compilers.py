"""Compilers by name, and autocast: what a backend has of them answers as the oracle does, in that precision."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from isomorph.backends import Unavailable
from isomorph.backends.process import BackendProcess, RemoteNetwork
from isomorph.backends.protocol import COMPILERS
from isomorph.conformance.drawn_case import Case, DrawnCase
from isomorph.conformance.small_networks import shortened
from isomorph.conformance.suite.conftest import Build
from isomorph.conformance.suite.selection import not_the_oracle
from isomorph.conformance.suite.test_build_options import TINY
from isomorph.conformance.verdict import FLOORS
from isomorph.spec import architecture

Options = dict[str, Any]

CASES = {
    "two units": Case(TINY, 29, 36),
    "torchvision/resnet18, shortened": Case(shortened(architecture("torchvision/resnet18")), 49, 65),
    "keras/MobileNet, shortened": Case(shortened(architecture("keras/MobileNet", alpha=0.25)), 49, 65),
}

# What ours have on a CPU, and lose only by mistake, and what they say of all else; other packages' have what they have.
OURS = {
    "oracle": ((), r"The oracle is plain NumPy and has no compiler\.|The oracle has no autocast; build it in \w+\."),
    "pytorch": (("graph", "bfloat16", "float16"), r"pytorch compiles by graph on the cpu, not by (xla|engine)\."),
    "keras": (("graph", "xla", "bfloat16", "float16"), r"keras compiles by xla or graph on the cpu, not by engine\."),
    "paddle": (
        ("graph", "engine"),
        r"paddle compiles by engine or graph on the cpu, not by xla\.|Paddle's auto_cast makes no effect on the CPU\.",
    ),
}

Construct = Callable[[DrawnCase, str, Options], RemoteNetwork | None]


@pytest.fixture
def construct(build: Build, process: BackendProcess, device: str) -> Construct:
    """Build with one choice among `options`, and load; None where the backend says that it lacks it."""

    def construct(case: DrawnCase, choice: str, options: Options) -> RemoteNetwork | None:
        having, said = OURS.get(process.name, ((), ".+")) if device == "cpu" else ((), ".+")
        try:
            network = build(case.network, "float32", **options)
        except Unavailable as error:
            assert choice not in having, f"{process.name} has lost {choice}"
            reason = str(error)
        else:
            network.load(case.tensors)
            return network
        assert re.fullmatch(said, reason)
        return None

    return construct


def assert_answers(case: DrawnCase, network: RemoteNetwork | None, dtype: str) -> None:
    """The answer is the oracle's but for the noise of `dtype`."""
    if network:
        ratio = case.reference.answer_ratio(network.answer(case.images), dtype)
        assert ratio <= FLOORS, f"the answer is {ratio:.3g} noise floors off"


@pytest.mark.parametrize(
    "folded", [pytest.param(False, id="with batch norms"), pytest.param(True, id="folded", marks=pytest.mark.thorough)]
)
@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("case", ["two units"], indirect=True)
def test_by_every_compiler_it_answers_as_the_oracle(
    case: DrawnCase, compiler: str, folded: bool, construct: Construct
) -> None:
    options = {"compiled": compiler, "fold_batch_norm": folded}
    assert_answers(case, construct(case, compiler, options), "float32")


@pytest.mark.parametrize("folded", [False, True], ids=["with batch norms", "folded"])
@pytest.mark.parametrize("autocast", ["bfloat16", "float16"])
@pytest.mark.parametrize("case", CASES, indirect=True)
def test_under_autocast_it_answers_as_the_oracle_in_that_precision(
    case: DrawnCase, autocast: str, folded: bool, construct: Construct
) -> None:
    options = {"autocast": autocast, "fold_batch_norm": folded}
    assert_answers(case, construct(case, autocast, options), autocast)


@pytest.mark.parametrize("case", ["two units"], indirect=True)
def test_under_autocast_its_tensors_stay_float32(case: DrawnCase, construct: Construct) -> None:
    network = construct(case, "bfloat16", {"autocast": "bfloat16"})
    if network:
        found = network.tensors()
        assert [name for name, value in found.items() if value.tobytes() != case.tensors[name].tobytes()] == []


@pytest.mark.parametrize("case", ["two units"], indirect=True)
def test_autocast_is_really_lower_precision(case: DrawnCase, construct: Construct) -> None:
    """Many noise floors of float32 away: an autocast that had no effect would pass for one that is exact."""
    network = construct(case, "bfloat16", {"autocast": "bfloat16"})
    if network:
        assert case.reference.answer_ratio(network.answer(case.images), "float32") > 100 * FLOORS


@pytest.mark.thorough_where(where=not_the_oracle)
@pytest.mark.parametrize("case", ["two units"], indirect=True)
def test_autocast_and_a_compiler_go_together(case: DrawnCase, construct: Construct) -> None:
    network = construct(case, "bfloat16 compiled", {"autocast": "bfloat16", "compiled": True})
    assert_answers(case, network, "bfloat16")
