"""Layout, compiler, folded batch norms: however a network is built, its end points and its answer are the oracle's."""

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import pytest

from isomorph.backends import Unavailable
from isomorph.backends.folding import fold
from isomorph.backends.process import BackendProcess, RemoteNetwork
from isomorph.backends.protocol import as_dtype
from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.conformance.drawn_case import Case, DrawnCase
from isomorph.conformance.reference import Reference
from isomorph.conformance.small_networks import KIN, blocks, shortened
from isomorph.conformance.suite.conftest import Build
from isomorph.conformance.suite.selection import but_in_pytorch, not_the_oracle
from isomorph.conformance.verdict import FLOORS
from isomorph.spec import Architecture, BadInput, Head, Stem, StemConvolution, StemPool, architecture, tensor_shapes

Options = dict[str, Any]

# A stem and two units: a pool, a projection, strides and an identity, and quickly compiled.
TINY = Architecture(
    "isomorph/tiny",
    Stem((StemConvolution("conv1", 8, 3, stride=2), StemPool("pool1", 3, stride=2))),
    blocks("bottleneck", ((4, 2, 2),)),
    Head(10),
)
OTHER_ENDS = {
    "two units with dense logits": Case(TINY.with_options(global_pool=False), 29, 36),
    "two units without classes": Case(TINY.with_options(num_classes=None), 29, 36),
    "two units without a head": Case(TINY.with_options(num_classes=None, global_pool=False), 29, 36),
}
DESIGNS = {
    "keras/ResNet50, shortened": Case(shortened(architecture("keras/ResNet50")), 33, 49),
    "torchvision/resnet18, shortened": Case(shortened(architecture("torchvision/resnet18")), 49, 65),
    "cifar/resnet20, shortened": Case(shortened(architecture("cifar/resnet20")), 27, 35),
    "slim's small network, shortened": Case(shortened(KIN["slim's bottlenecks"]), 49, 64),
    "grouped bottlenecks, shortened": Case(shortened(KIN["grouped bottlenecks"]), 49, 64),
    "slim/resnet_v2_50, shortened": Case(shortened(architecture("slim/resnet_v2_50")), 33, 49),
    "keras/MobileNet, shortened": Case(shortened(architecture("keras/MobileNet", alpha=0.25)), 49, 65),
    "torchvision/mobilenet_v2, shortened": Case(shortened(architecture("torchvision/mobilenet_v2")), 49, 65),
}
CASES = {"two units": Case(TINY, 29, 36)} | OTHER_ENDS | DESIGNS


def combinations(**choices: tuple[Any, ...]) -> list[Any]:
    """Every combination of options, called by what is chosen in it."""
    made = [dict(zip(choices, chosen, strict=True)) for chosen in product(*choices.values())]
    return [pytest.param(options, id=", ".join(called(options))) for options in made]


def called(options: Options) -> list[str]:
    """What is chosen in `options`, in words."""
    words = {"compiled": "compiled", "fold_batch_norm": "folded"}
    return [value if name == "layout" else words[name] for name, value in options.items() if value]


LAYOUTS, EITHER = ("NCHW", "NHWC"), (False, True)
FOLDED: Options = {"fold_batch_norm": True}

# Backend, device and choice that cannot go together, and what is said of it; a backend that loses another one fails.
LACKING = {
    ("oracle", "cpu", "NCHW"): r"^oracle computes in NHWC on the cpu, not in NCHW\.$",
    ("oracle", "cpu", "compiled"): r"^The oracle is plain NumPy and has no compiler\.$",
    ("keras", "cpu", "NCHW"): r"^keras computes in NHWC on the cpu, not in NCHW\.$",
}


Construct = Callable[[Architecture, str, Options], RemoteNetwork | None]


@pytest.fixture
def construct(build: Build, process: BackendProcess, device: str) -> Construct:
    """Build with options; a backend that lacks one of them has to say so, and there is no network."""

    def construct(network: Architecture, dtype: str, options: Options) -> RemoteNetwork | None:
        said = [
            LACKING[lacking] for choice in called(options) if (lacking := (process.name, device, choice)) in LACKING
        ]
        if said:
            with pytest.raises(Unavailable, match=said[0]):
                build(network, dtype, **options)
            return None
        return build(network, dtype, **options)

    return construct


def assert_same(case: DrawnCase, network: RemoteNetwork | None, dtype: str) -> None:
    """End points and answer are the oracle's but for noise."""
    if network:
        _, run = case.run(network, dtype)
        assert run.verdict == "pass", run.message
        assert_answers(case.reference, network, dtype)


def assert_answers(reference: Reference, network: RemoteNetwork, dtype: str) -> None:
    """The answer of a network that has been loaded is the oracle's but for noise."""
    ratio = reference.answer_ratio(network.answer(reference.images), dtype)
    assert ratio <= FLOORS, f"the answer is {ratio:.3g} noise floors off"


DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])
TWO_UNITS = pytest.mark.parametrize("case", ["two units"], indirect=True)


@DTYPES
@pytest.mark.parametrize("options", combinations(layout=LAYOUTS, fold_batch_norm=EITHER))
@TWO_UNITS
def test_in_every_layout_folded_or_not_it_is_the_oracle(
    case: DrawnCase, options: Options, dtype: str, construct: Construct
) -> None:
    assert_same(case, construct(case.network, dtype, options), dtype)


@DTYPES
@pytest.mark.parametrize("options", combinations(layout=LAYOUTS))
@pytest.mark.parametrize("case", OTHER_ENDS, indirect=True)
def test_in_every_layout_its_answer_may_be_a_map_or_features(
    case: DrawnCase, options: Options, dtype: str, construct: Construct
) -> None:
    assert_same(case, construct(case.network, dtype, options), dtype)


def in_float64(backend: str, parameters: Mapping[str, Any]) -> bool:
    """Whether float32, in which people run them, stands for a framework's options in float64."""
    return not_the_oracle(backend, parameters) and parameters["dtype"] == "float64"


@pytest.mark.thorough_where(where=in_float64)
@pytest.mark.thorough_where(where=but_in_pytorch("case", "cifar/resnet20, shortened"))
@DTYPES
@pytest.mark.parametrize("options", [*combinations(layout=LAYOUTS), pytest.param(FOLDED, id="folded")])
@pytest.mark.parametrize("case", DESIGNS, indirect=True)
def test_with_one_option_it_is_the_oracle(case: DrawnCase, options: Options, dtype: str, construct: Construct) -> None:
    assert_same(case, construct(case.network, dtype, options), dtype)


# In one process PyTorch compiles a network's class eight times and no more: what follows makes eight.
COMPILED = {"compiled": True}


@pytest.mark.parametrize("options", combinations(layout=LAYOUTS, compiled=(True,), fold_batch_norm=EITHER))
@TWO_UNITS
def test_compiled_it_answers_as_the_oracle(case: DrawnCase, options: Options, construct: Construct) -> None:
    assert_same(case, construct(case.network, "float32", options), "float32")


@pytest.mark.thorough_where(where=not_the_oracle)
@TWO_UNITS
def test_compiled_it_answers_as_the_oracle_in_float64(case: DrawnCase, construct: Construct) -> None:
    assert_same(case, construct(case.network, "float64", COMPILED), "float64")


@pytest.mark.exhaustive
@pytest.mark.parametrize("case", ["keras/ResNet50, shortened", "cifar/resnet20, shortened"], indirect=True)
def test_compiled_a_design_answers_as_the_oracle(case: DrawnCase, construct: Construct) -> None:
    assert_same(case, construct(case.network, "float32", COMPILED), "float32")


@pytest.mark.thorough_where(where=not_the_oracle)
@TWO_UNITS
def test_compiled_it_follows_other_tensors_and_sizes(case: DrawnCase, construct: Construct) -> None:
    """What was compiled for the first tensors and images is not what answers for the next."""
    network = construct(case.network, "float32", COMPILED)
    if network:
        network.load(case.shared[0])
        assert_answers(case.reference, network, "float32")
        others = draw_tensors(case.network, case.images, seed=1)
        network.load(others)
        assert_answers(Reference(case.network, others, case.images), network, "float32")
        images = draw_images(case.network, 3, 41, 32, seed=1)
        assert_answers(Reference(case.network, others, images), network, "float32")


@DTYPES
@pytest.mark.parametrize("case", ["keras/ResNet50, shortened", "slim's small network, shortened"], indirect=True)
def test_folded_it_holds_kernels_and_biases_alone(case: DrawnCase, dtype: str, build: Build) -> None:
    """Those that were folded in float64, rounded once."""
    network = build(case.network, dtype, **FOLDED)
    network.load(case.tensors)
    found = network.tensors()
    assert [(name, value.shape) for name, value in found.items()] == list(tensor_shapes(case.network.folded()).items())
    folded = {name: value.astype(as_dtype(dtype)) for name, value in fold(case.network, case.tensors).items()}
    assert [name for name, value in found.items() if value.tobytes() != folded[name].tobytes()] == []


@TWO_UNITS
def test_folded_it_refuses_to_be_loaded_in_part(case: DrawnCase, build: Build) -> None:
    """And stays as it was."""
    network = build(case.network, "float32", **FOLDED)
    network.load(case.tensors)
    rest = {name: value + 1 for name, value in case.tensors.items() if name != "conv1/BatchNorm/beta"}
    with pytest.raises(
        BadInput, match=r"^conv1/BatchNorm/beta is missing; a network with folded batch norms is loaded"
    ):
        network.load(rest, partial=True)
    assert_answers(case.reference, network, "float32")


def test_folded_it_is_not_for_training(build: Build) -> None:
    with pytest.raises(BadInput, match=r"^Folded batch norms are for inference; a network that is to be trained needs"):
        build(TINY, training=True, **FOLDED)
