"""Every architecture in every backend: its structure, its tensors bit for bit, its end points in both precisions."""

from typing import Any

import pytest

from isomorph.backends import Unavailable
from isomorph.backends.process import BackendProcess, RemoteNetwork
from isomorph.conformance.conftest import Build
from isomorph.conformance.drawn_case import Case, DrawnCase
from isomorph.conformance.small_networks import KIN, Array
from isomorph.conformance.verdict import FLOORS
from isomorph.spec import Architecture, architecture, architectures, count_parameters, infer, tensor_shapes, zoo

DENSE = {"num_classes": None, "global_pool": False}


def run_as() -> dict[str, str]:
    """Every architecture -> the one of the same function that is run for it, of the zoo whose design it is."""
    whose_own_first = sorted(architectures(), key=lambda name: zoo(name.partition("/")[0]).design_of is not None)
    run: dict[Architecture, str] = {}
    for name in whose_own_first:
        run.setdefault(architecture(name).function(), name)
    return {name: run[architecture(name).function()] for name in architectures()}


# Several zoos took over torchvision's design: its ResNet-50 is also timm's.
RUN_AS = run_as()

# Only built.
STRUCTURE_ONLY = {"cifar/resnet1202"}

# Too wide or too deep to run every time: the same stem, units and convention as one that is run.
ALIKE = {
    "torchvision/resnext101_32x8d": "torchvision/resnext50_32x4d",
    "torchvision/resnext101_64x4d": "torchvision/resnext50_32x4d",
    "torchvision/wide_resnet101_2": "torchvision/wide_resnet50_2",
    "paddle/resnext50_64x4d": "torchvision/resnext50_32x4d",
    "paddle/resnext101_32x4d": "torchvision/resnext50_32x4d",
    "paddle/resnext152_32x4d": "torchvision/resnext50_32x4d",
    "paddle/resnext152_64x4d": "torchvision/resnext50_32x4d",
    "wsl/resnext101_32x16d": "torchvision/resnext50_32x4d",
    "wsl/resnext101_32x32d": "torchvision/resnext50_32x4d",
    "wsl/resnext101_32x48d": "torchvision/resnext50_32x4d",
    "slim/resnet_v2_101": "slim/resnet_v2_50",
    "slim/resnet_v2_152": "slim/resnet_v2_50",
    "slim/resnet_v2_200": "slim/resnet_v2_50",
    "keras/ResNet101V2": "keras/ResNet50V2",
    "keras/ResNet152V2": "keras/ResNet50V2",
    "cifar/plain56": "cifar/plain20",
}
NOT_RUN = STRUCTURE_ONLY | ALIKE.keys()

# Run at one size; of each zoo's, the deepest alone in float32, too.
DEEP = {name for name in RUN_AS.values() if name.endswith(("101", "152", "200", "110"))} - NOT_RUN
DEEPEST = {"slim/resnet_v1_200", "torchvision/resnet152", "keras/ResNet152", "cifar/resnet110"}

# Run without a head, too: every kind of unit, shortcut and stem.
BODIES = (
    "slim/resnet_v1_50",
    "torchvision/resnet18",
    "torchvision/resnet50",
    "keras/ResNet50",
    "cifar/resnet20",
    "slim/resnet_v2_50",
    "keras/MobileNet",
    "torchvision/mobilenet_v2",
)

# Run at an odd and not square size, too.
ODD = (
    "slim/resnet_v2_50",
    "keras/ResNet50V2",
    "mlperf_tiny/resnet8",
    "d2l/resnet18",
    "cifar/plain20",
    "keras/MobileNet",
    "keras/MobileNetV2",
    "paddle/mobilenet_v1",
    "slim/mobilenet_v1",
    "torchvision/mobilenet_v2",
)


def size_of(name: str, odd: bool) -> tuple[int, int]:
    """A small image that leaves the last block more than one cell: even and square, or odd and not square."""
    if name.startswith(("cifar/", "mlperf_tiny/")):
        return (27, 35) if odd else (32, 32)
    if name in DEEP:
        return (33, 49)
    return (49, 65) if odd else (64, 64)


def named(name: str, odd: bool, **options: Any) -> Case:
    return Case(architecture(name, **options), *size_of(name, odd))


CASES = (
    {name: named(name, odd=name in DEEP) for name, run in RUN_AS.items() if name == run and name not in NOT_RUN}
    | {f"{name} on odd images": named(name, odd=True) for name in ODD}
    | {f"{name} without a head": named(name, odd=True, **DENSE) for name in BODIES}
    | {
        "slim/resnet_v1_50 at output stride 8": named("slim/resnet_v1_50", True, output_stride=8, global_pool=False),
        "slim/resnet_v1_50 at output stride 16": named("slim/resnet_v1_50", False, output_stride=16, **DENSE),
        "torchvision/resnet50 at output stride 8": named("torchvision/resnet50", True, output_stride=8),
        "torchvision/resnet18 at output stride 16": named("torchvision/resnet18", True, output_stride=16, **DENSE),
        "keras/ResNet50 on odd images": named("keras/ResNet50", True),
        "keras/ResNet50 with dense logits": Case(architecture("keras/ResNet50", global_pool=False), 64, 97),
        "keras/ResNet50 at output stride 8": named("keras/ResNet50", True, output_stride=8),
        "keras/ResNet50 at output stride 16": named("keras/ResNet50", False, output_stride=16, **DENSE),
        "paddle/resnet18 with dense logits": named("paddle/resnet18", True, global_pool=False, num_classes=7),
        "paddle/resnet34 without classes": named("paddle/resnet34", True, num_classes=None),
        "slim/resnet_v2_50 at output stride 8": named("slim/resnet_v2_50", True, output_stride=8, global_pool=False),
        "torchvision/mobilenet_v2 at output stride 16": named("torchvision/mobilenet_v2", True, output_stride=16),
        "keras/MobileNet at output stride 8": named("keras/MobileNet", True, output_stride=8),
        "keras/MobileNet of a quarter of the width": named("keras/MobileNet", True, alpha=0.25),
        "keras/MobileNetV2 of 1.4 times the width": named("keras/MobileNetV2", False, alpha=1.4),
        "cifar/resnet20 at output stride 1": named("cifar/resnet20", True, output_stride=1),
        "torchvision/resnet18 on grey images": named("torchvision/resnet18", True, in_channels=1, num_classes=5),
        "slim/resnet_v1_50 without its root block": Case(
            architecture("slim/resnet_v1_50", include_root_block=False, num_classes=5), 16, 21
        ),
        "slim's small network, TensorFlow's SAME throughout": Case(
            KIN["slim's bottlenecks"].with_options(convolution_padding="same"), 64, 97
        ),
        "slim's small network, biased": Case(KIN["slim's bottlenecks"].with_options(convolution_bias=True), 49, 65),
    }
    | {f"small: {name}": Case(network, 49, 64) for name, network in KIN.items()}
)


def design(network: Architecture) -> tuple[Any, ...]:
    """What it is made of, whatever the number and the width of its units."""
    return network.stem, {block.unit for block in network.blocks}, network.head, network.function().convention


@pytest.mark.parametrize("name", ALIKE)
def test_what_is_not_run_is_made_of_what_is(name: str) -> None:
    assert design(architecture(name)) == design(CASES[ALIKE[name]].network)


@pytest.mark.parametrize("name", [name for name, run in RUN_AS.items() if run not in NOT_RUN])
def test_it_is_run_or_another_name_for_what_is(name: str) -> None:
    """In all that the specification says of either."""
    network, run = architecture(name), CASES[RUN_AS[name]].network
    assert network.function() == run.function()
    assert tensor_shapes(network) == tensor_shapes(run)
    assert infer(network, 65, 49).end_points == infer(run, 65, 49).end_points


@pytest.mark.parametrize("name", sorted(STRUCTURE_ONLY))
def test_it_is_built_with_the_specs_tensors(name: str, build: Build) -> None:
    assert_structure(build(architecture(name), "float32").tensors(), architecture(name), "float32")


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_in_float64_its_end_points_are_the_oracles_but_for_noise(case: DrawnCase, build: Build) -> None:
    assert_same(case, build(case.network, "float64"), "float64")


@pytest.mark.parametrize("case", [name for name in CASES if name not in DEEP - DEEPEST], indirect=True)
def test_in_float32_its_end_points_are_the_oracles_but_for_noise(case: DrawnCase, build: Build) -> None:
    network = build(case.network, "float32")
    assert_same(case, network, "float32")
    assert_unchanged(network.tensors(), case, "float32")


@pytest.mark.parametrize("case", sorted(DEEP - DEEPEST), indirect=True)
def test_its_tensors_come_back_as_they_were_loaded(case: DrawnCase, build: Build) -> None:
    network = build(case.network, "float32")
    network.load(case.shared[0])
    assert_unchanged(network.tensors(), case, "float32")


def assert_same(case: DrawnCase, network: RemoteNetwork, dtype: str) -> None:
    """End points' names and shapes are the specification's, their values the oracle's, of every part run alone, too."""
    found, run = case.run(network, dtype)
    _, height, width, _ = case.images.shape
    expected = infer(case.network, height, width).shapes(2)
    assert [(name, y.shape) for name, y in found.items()] == list(expected.items())
    assert run.verdict == "pass", run.message
    local = {end_point.name: end_point.local_noise_ratio for end_point in run.end_points}
    assert None not in local.values(), "parts that were not run alone"
    worst = max(local, key=lambda name: local[name] or 0)
    assert (local[worst] or 0) <= FLOORS, f"{worst}, run alone, is {local[worst]} noise floors off"


def assert_unchanged(returned: dict[str, Array], case: DrawnCase, dtype: str) -> None:
    """Bit for bit."""
    assert_structure(returned, case.network, dtype)
    changed = [name for name, value in case.tensors.items() if returned[name].tobytes() != value.tobytes()]
    assert not changed, "tensors that came back changed"


def assert_structure(found: dict[str, Array], network: Architecture, dtype: str) -> None:
    """The specification's names, in its order, shapes and count."""
    assert [(name, value.shape) for name, value in found.items()] == list(tensor_shapes(network).items())
    assert {value.dtype.name for value in found.values()} == {dtype}
    assert sum(value.size for value in found.values()) == count_parameters(network)[1]


# Backend, dtype and device that cannot go together; a backend that loses another one fails.
LACKING = {("paddle", "bfloat16", "cpu"), ("paddle", "float16", "cpu")}


# Half precision, where the framework has it: shallow networks, as noise floors of deep ones are wide.
@pytest.mark.parametrize("case", ["torchvision/resnet18", "cifar/resnet20"], indirect=True)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_in_half_precision_its_end_points_are_the_oracles_but_for_noise(
    case: DrawnCase, dtype: str, build: Build, process: BackendProcess, pytestconfig: pytest.Config
) -> None:
    if (process.name, dtype, pytestconfig.getoption("--device", default="cpu")) in LACKING:
        with pytest.raises(Unavailable, match=f"has no {dtype} convolution"):
            build(case.network, dtype)
        return
    _, run = case.run(build(case.network, dtype), dtype)
    assert run.verdict == "pass", run.message


# The same tensors under another convention: which end point parts first.
SLIM = pytest.mark.parametrize("case", ["small: slim's bottlenecks"], indirect=True)
EPSILON = {"batch_norm_epsilon": 1.001e-5}
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "epsilon 1.001e-5": (EPSILON, "conv1"),
    "epsilon 2e-5": ({"batch_norm_epsilon": 2e-5}, "conv1"),
    "the pool padded on both sides": ({"pool_padding": "explicit"}, "pool1"),
    "the stride in the first 1x1": ({"bottleneck_stride": "conv1"}, "block1/unit_3/bottleneck_v1/conv1"),
    "convolutions padded as TensorFlow does": ({"convolution_padding": "same"}, "conv1"),
    "rates where strides should be": ({"output_stride": 8}, "block2/unit_3/bottleneck_v1/conv2"),
}


@SLIM
@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_design_parts_where_it_is_wrong(case: DrawnCase, fault: str, build: Build) -> None:
    options, first = FAULTS[fault]
    _, run = case.run(build(case.network.with_options(**options), "float64"), "float64")
    assert (run.verdict, run.first_divergence) == ("fail", first), run.message


@SLIM
@pytest.mark.parametrize("fault", [fault for fault, (options, _) in FAULTS.items() if options != EPSILON])
def test_in_float32_too_it_parts_there_unless_it_is_a_thousandth_of_epsilon(
    case: DrawnCase, fault: str, build: Build
) -> None:
    options, first = FAULTS[fault]
    _, run = case.run(build(case.network.with_options(**options), "float32"), "float32")
    assert (run.verdict, run.first_divergence) == ("fail", first), run.message


@SLIM
def test_a_thousandth_of_epsilon_is_below_the_noise_of_float32(case: DrawnCase, build: Build) -> None:
    """Why semantics are decided in float64."""
    _, run = case.run(build(case.network.with_options(**EPSILON), "float32"), "float32")
    assert run.verdict == "pass"
