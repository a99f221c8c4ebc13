"""The protocol's options and answers, the same for every backend, held to their word on the oracle in this process."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from isomorph.backends import Backend, Network, Unavailable, load_backend
from isomorph.backends.folding import fold
from isomorph.backends.options import Compiler, Options
from isomorph.backends.oracle.backend import Oracle
from isomorph.spec import Architecture, BadInput, architecture, tensor_shapes

Array = npt.NDArray[Any]
Weights = Callable[[Architecture], dict[str, Array]]

IMAGES = np.random.default_rng(0).normal(size=(2, 5, 6, 3))


@pytest.fixture
def oracle() -> Backend:
    return load_backend("oracle")


@pytest.fixture
def folded(oracle: Backend, tiny: Architecture, weights: Weights) -> Network:
    network = oracle.build(tiny, dtype="float64", fold_batch_norm=True)
    network.load(weights(tiny))
    return network


def test_options_are_what_was_asked_for(oracle: Backend, tiny: Architecture) -> None:
    assert oracle.build(tiny).options == Options("cpu", "float32", False, "NHWC", None, False, False, None)
    network = oracle.build(tiny, "auto", "float64", layout="NHWC", fold_batch_norm=True)
    assert network.options == Options("cpu", "float64", layout="NHWC", fold_batch_norm=True)
    assert (network.device, network.dtype) == ("cpu", "float64")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        pytest.param(
            {"layout": "nhwc"}, BadInput, "There is no layout 'nhwc'; there are NCHW, NHWC.", id="an unknown layout"
        ),
        pytest.param(
            {"layout": "NCHW"}, Unavailable, "oracle computes in NHWC on the cpu, not in NCHW.", id="a layout it lacks"
        ),
        pytest.param(
            {"compiled": True},
            Unavailable,
            "The oracle is plain NumPy and has no compiler.",
            id="a compiler that it lacks",
        ),
        pytest.param(
            {"compiled": "llvm"},
            BadInput,
            "There is no compiler 'llvm'; there are graph, xla, engine.",
            id="an unknown compiler",
        ),
        pytest.param(
            {"autocast": "bfloat16"},
            Unavailable,
            "The oracle has no autocast; build it in bfloat16.",
            id="an autocast that it lacks",
        ),
        pytest.param(
            {"autocast": "int8"},
            BadInput,
            "There is no autocast 'int8'; there are bfloat16, float16.",
            id="an unknown autocast",
        ),
        pytest.param(
            {"autocast": "bfloat16", "dtype": "float64"},
            BadInput,
            "Autocast is for float32 networks; one of float64 computes in that already.",
            id="autocast of another dtype",
        ),
        pytest.param(
            {"training": True, "fold_batch_norm": True},
            BadInput,
            "Folded batch norms are for inference; a network that is to be trained needs its own.",
            id="training without batch norms",
        ),
        pytest.param(
            {"freeze_batch_norm": True, "fold_batch_norm": True},
            BadInput,
            "Folded batch norms are for inference; a network that is to be trained needs its own.",
            id="freezing what has been folded",
        ),
    ],
)
def test_build_refuses(
    options: dict[str, Any], error: type[Exception], message: str, oracle: Backend, tiny: Architecture
) -> None:
    with pytest.raises(error) as caught:
        oracle.build(tiny, **options)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        pytest.param({}, (2, 4), id="a row of logits"),
        pytest.param({"global_pool": False}, (2, 2, 2, 4), id="a map of logits without the pool"),
        pytest.param({"num_classes": None}, (2, 8), id="a row of features without the classifier"),
        pytest.param({"num_classes": None, "global_pool": False}, (2, 2, 2, 8), id="a map of features"),
    ],
)
@pytest.mark.parametrize("fold_batch_norm", [False, True], ids=["with batch norms", "with folded batch norms"])
def test_answer_is(
    options: dict[str, Any],
    shape: tuple[int, ...],
    fold_batch_norm: bool,
    oracle: Backend,
    tiny: Architecture,
    weights: Weights,
) -> None:
    changed = tiny.with_options(**options)
    network = oracle.build(changed, fold_batch_norm=fold_batch_norm)
    network.load(weights(changed))
    answer, end_points = network.answer(IMAGES), network.end_points(IMAGES)
    assert answer.shape == shape
    assert answer.dtype == np.float32
    last = "logits" if changed.head.num_classes else list(end_points)[-1]
    assert np.array_equal(answer.reshape(end_points[last].shape), end_points[last])


class Compiling(Oracle):
    """What the oracle is not: a backend with two compilers, one of which is not for training."""

    def cannot_compile(self, device: str) -> str | None:
        return None

    def compilers(self, device: str) -> tuple[Compiler, ...]:
        return ("engine", "xla")

    def lacks_together(self, options: Options) -> str | None:
        return "The engine is for inference." if options.training and options.compiled == "engine" else None


def test_true_means_a_backends_first_compiler() -> None:
    assert [Compiling().resolve(compiled=asked).compiled for asked in (True, "xla", False)] == ["engine", "xla", None]


def test_a_compiler_that_a_backend_lacks_is_refused_with_those_it_has() -> None:
    with pytest.raises(Unavailable, match=r"^oracle compiles by engine or xla on the cpu, not by graph\.$"):
        Compiling().resolve(compiled="graph")


def test_options_that_do_not_go_together_are_refused_before_anything_is_built() -> None:
    with pytest.raises(Unavailable, match=r"^The engine is for inference\.$"):
        Compiling().resolve(compiled=True, training=True)


def test_answer_refuses_what_end_points_refuse(oracle: Backend, tiny: Architecture) -> None:
    with pytest.raises(BadInput, match=r"^The images are 5x6x3; slim/tiny expects \[batch, height, width, 3\] with"):
        oracle.build(tiny).answer(IMAGES[0])


def test_a_folded_network_is_loaded_with_the_tensors_of_the_whole_one(
    folded: Network, tiny: Architecture, weights: Weights
) -> None:
    assert (folded.architecture, folded.plan.architecture) == (tiny, tiny.folded())
    found, expected = folded.tensors(), fold(tiny, weights(tiny))
    assert list(found) == list(tensor_shapes(tiny.folded()))
    assert [name for name in expected if not np.array_equal(found[name], expected[name])] == []


@pytest.mark.parametrize("partial", [False, True], ids=["whole", "in part"])
def test_a_folded_network_refuses_tensors_that_are_folded_already(
    partial: bool, folded: Network, tiny: Architecture
) -> None:
    message = "conv1/BatchNorm/gamma is missing" if partial else "The tensors are not those of slim/tiny; 20 tensors"
    with pytest.raises(BadInput, match=f"^{message}"):
        folded.load({name: value + 1 for name, value in folded.tensors().items()}, partial=partial)


def test_a_folded_network_is_not_loaded_in_part(folded: Network, tiny: Architecture, weights: Weights) -> None:
    before = folded.tensors()
    given = {name: value + 1 for name, value in weights(tiny).items() if name != "logits/biases"}
    with pytest.raises(BadInput) as caught:
        folded.load(given, partial=True)
    assert str(caught.value) == "logits/biases is missing; a network with folded batch norms is loaded whole."
    assert [name for name, value in folded.tensors().items() if not np.array_equal(value, before[name])] == []


def test_a_folded_network_takes_more_than_it_needs(folded: Network, tiny: Architecture, weights: Weights) -> None:
    assert folded.load(weights(tiny) | {"other": np.zeros(3)}, partial=True) == ([], ["other"])


def test_a_folded_networks_state_dict_has_a_zoos_names(oracle: Backend) -> None:
    network = oracle.build(architecture("torchvision/resnet18").undrawn(), fold_batch_norm=True)
    theirs = network.state_dict("torchvision")
    assert list(theirs)[:4] == ["conv1.weight", "conv1.bias", "layer1.0.conv1.weight", "layer1.0.conv1.bias"]
    assert theirs["layer2.0.downsample.0.bias"].shape == (128,)
    assert theirs["fc.weight"].shape == (1000, 512)
    assert len(theirs) == 2 * 21  # 20 convolutions and the classifier
