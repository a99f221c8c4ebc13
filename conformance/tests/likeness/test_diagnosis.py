"""A change of a model is named with its cause and its place, alone, and proved; a right model gets no finding."""

from collections.abc import Callable

import numpy as np
import pytest

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Node, Read, Tensor
from isomorph.backends.graphs.layout import Layout
from isomorph.backends.oracle.evaluation import evaluate
from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.conformance.likeness.causes.modes import rounded
from isomorph.conformance.likeness.diagnosis import compare_with
from isomorph.spec import architecture
from isomorph.spec.operations import (
    RELU,
    SCALE,
    SHIFT,
    Affine,
    BatchNorm,
    Concatenation,
    Convolution,
    Dropout,
    Input,
    MaxPool,
    Pad,
    Pointwise,
    Product,
    Softmax,
    Sum,
    Unknown,
)
from isomorph.spec.tensors import BETA, GAMMA, MOVING_MEAN, MOVING_VARIANCE, WEIGHTS

from .written import NETWORKS, Written, told

BASIC, BOTTLENECKS, MOBILE = "basic units, the first striding", "slim's bottlenecks", "inverted residuals"
INCEPTIONS = "inceptions"
CONV1, CONV2 = "block2/unit_1/basic_v1/conv1", "block2/unit_1/basic_v1/conv2"
SHORTCUT, UNIT = "block2/unit_1/basic_v1/shortcut", "block2/unit_1/basic_v1"
DEPTHWISE = "block1/unit_1/inverted_residual/depthwise"
IDENTITY = "block2/unit_2/basic_v1"
INCEPTION = "block1/unit_1/inception"


def exchange(first: Node, second: Node) -> None:
    """Have two operations in a row change places."""
    first.operation, second.operation = second.operation, first.operation
    first.tensors, second.tensors = second.tensors, first.tensors


def one_off(x: Array) -> Array:
    changed = x.copy()
    changed.flat[7] += 0.1
    return changed


Change = Callable[[Written], object]

CHANGES: dict[str, tuple[str, Change, str, str]] = {
    # what is written at an operation
    "another padding": (BASIC, lambda m: m.change(CONV1, Convolution, pads=((0, 2), (0, 2))), "padding", CONV1),
    "no stride in a unit": (
        BASIC,
        lambda m: (m.change(CONV1, Convolution, stride=(1, 1)), m.change(SHORTCUT, Convolution, stride=(1, 1))),
        "stride",
        SHORTCUT,
    ),
    "another rate": (BASIC, lambda m: m.change(CONV2, Convolution, rate=(2, 2), pads=((2, 2),) * 2), "rate", CONV2),
    "another epsilon": (BASIC, lambda m: m.change(CONV2, BatchNorm, epsilon=1e-2), "epsilon", CONV2),
    "batch statistics": (
        BASIC,
        lambda m: m.change(CONV2, BatchNorm, batch_statistics=True),
        "training batch norm",
        CONV2,
    ),
    "another fill of a pool": (INCEPTIONS, lambda m: m.change("pool1", MaxPool, fill=3.0), "pool padded with", "pool1"),
    "another window of a pool": (BASIC, lambda m: m.change("pool1", MaxPool, kernel=(2, 2)), "pool kernel", "pool1"),
    "leaky for ReLU": (
        BASIC,
        lambda m: m.change(CONV1, Pointwise, function="leaky_relu", constants=(0.1,)),
        "leaky ReLU of 0.1 for ReLU",
        CONV1,
    ),
    "ReLU for ReLU6": (
        MOBILE,
        lambda m: m.change(DEPTHWISE, Pointwise, constants=(0.0, 0.5)),
        "ReLU0.5 for ReLU6",
        DEPTHWISE,
    ),
    # tensors
    "a kernel transposed in space": (
        BASIC,
        lambda m: m.change_tensor("conv1", Convolution, WEIGHTS, lambda w: w.swapaxes(0, 1)),
        "transposed in space",
        "conv1",
    ),
    "one weight off": (
        BASIC,
        lambda m: m.change_tensor(
            CONV2, Convolution, WEIGHTS, lambda w: w + 0.1 * (np.arange(w.size) == 7).reshape(w.shape)
        ),
        "few values",
        CONV2,
    ),
    "gamma not loaded": (
        BASIC,
        lambda m: m.change_tensor(CONV2, BatchNorm, GAMMA, np.ones_like),
        "not loaded",
        CONV2,
    ),
    "a kernel in half precision": (
        BASIC,
        lambda m: m.change_tensor(CONV2, Convolution, WEIGHTS, lambda w: w.astype(np.float16).astype(w.dtype)),
        "cast",
        CONV2,
    ),
    "no beta": (BASIC, lambda m: m.node(CONV2, BatchNorm).tensors.pop(BETA), "beta missing", CONV2),
    "a smaller kernel": (
        BASIC,
        lambda m: (
            m.change_tensor(CONV2, Convolution, WEIGHTS, lambda w: w[1:2, 1:2]),
            m.change(CONV2, Convolution, pads=((0, 0), (0, 0))),
        ),
        "kernel",
        CONV2,
    ),
    # what is left out, or added
    "no ReLU": (BASIC, lambda m: m.remove(CONV1, Pointwise), "missing ReLU", CONV1),
    "no batch norm": (BASIC, lambda m: m.remove(CONV2, BatchNorm), "missing batch norm", CONV2),
    "no shortcut": (BASIC, lambda m: m.remove(IDENTITY, Sum, place=1), "missing sum", IDENTITY),
    "a ReLU too many": (BASIC, lambda m: m.insert_behind(CONV2, BatchNorm, RELU), "extra ReLU", CONV2),
    "a factor": (
        BASIC,
        lambda m: m.insert_behind(CONV2, BatchNorm, Pointwise("linear", (0.5, 0.0))),
        "extra factor",
        UNIT,
    ),
    "a factor that two layers read": (
        BASIC,
        lambda m: m.insert_behind(UNIT, Pointwise, Pointwise("linear", (0.5, 0.0))),
        "extra factor",
        UNIT,
    ),
    "a factor of each channel": (
        BASIC,
        lambda m: m.insert_behind(CONV1, Pointwise, Affine(), {SCALE: np.array([1.0, 2.0]), SHIFT: np.ones(2)}),
        "extra affine",
        CONV1,
    ),
    "images that are normalised twice": (
        BASIC,
        lambda m: m.insert_behind("input", Input, Pointwise("linear", (2.0, -1.0))),
        "images",
        "conv1",
    ),
    "padding in front of a pool": (
        BASIC,
        lambda m: (
            m.insert_behind("conv1", Pointwise, Pad(((1, 1), (1, 1), (0, 0)), 0.0)),
            m.change("pool1", MaxPool, pads=((0, 1), (0, 1))),
        ),
        "pool padding",
        "pool1",
    ),
    # what reads what
    "a ReLU before its batch norm": (
        BASIC,
        lambda m: exchange(m.node(CONV1, BatchNorm), m.node(CONV1, Pointwise)),
        "ReLU before batch norm",
        CONV1,
    ),
    "a sum that subtracts": (BASIC, lambda m: m.change(UNIT, Sum, factors=(1.0, -1.0)), "factors", UNIT),
    "a product": (
        BASIC,
        lambda m: setattr(m.node(UNIT, Sum), "operation", Product()),
        "product for sum",
        UNIT,
    ),
    "branches in another order": (
        INCEPTIONS,
        lambda m: setattr(m.node(INCEPTION, Concatenation), "reads", m.node(INCEPTION, Concatenation).reads[::-1]),
        "operands exchanged",
        INCEPTION,
    ),
}
"""What is done -> the network, the change, and the cause and the place that have to be named."""


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_named_alone_and_proved(name: str) -> None:
    network, change, cause, place = CHANGES[name]
    model = Written.of(network)
    change(model)
    diagnosis = model.diagnosis()
    assert {each for each, _ in told(diagnosis)} == {cause}
    assert place in [where for _, where in told(diagnosis)]
    assert diagnosis.proved, diagnosis.proof


@pytest.mark.parametrize("name", NETWORKS)
def test_the_network_itself_has_no_finding(name: str) -> None:
    diagnosis = Written.of(name).diagnosis()
    assert (told(diagnosis), diagnosis.first_divergence) == ([], None)
    assert diagnosis.matched == diagnosis.layers
    assert (diagnosis.left_over, diagnosis.proved) == (0, True)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_network_itself_has_no_finding_in_single_precision(name: str) -> None:
    model = Written.of(name)
    model.images = model.images.astype(np.float32)
    diagnosis = model.diagnosis()
    assert (told(diagnosis), diagnosis.first_divergence, diagnosis.proved) == ([], None, True)


def test_units_in_one_anothers_place_are_other_layers_tensors() -> None:
    """Their batch norms are not paired with those of the other unit, though those have their tensors."""
    network = architecture("cifar/resnet20")
    images = draw_images(network, 2, 32, 32)
    model = Written(network, images.astype(np.float64), draw_tensors(network, images))
    scopes = [f"block2/unit_{unit}/basic_v1/{layer}" for unit in (2, 3) for layer in ("conv1", "conv2")]
    for first, second in zip(scopes[:2], scopes[2:], strict=True):
        for kind in (Convolution, BatchNorm):
            one, other = model.node(first, kind), model.node(second, kind)
            one.tensors, other.tensors = other.tensors, one.tensors
    diagnosis = model.diagnosis()
    assert set(told(diagnosis)) == {("another layer's tensors", scope) for scope in scopes}
    assert diagnosis.proved


def test_what_sees_fewer_numbers_follows_from_fewer_outputs() -> None:
    model = Written.of(BOTTLENECKS)
    scope = "block2/unit_1/bottleneck_v1"
    model.change_tensor(f"{scope}/conv2", Convolution, WEIGHTS, lambda w: w[..., :1])
    for leaf in model.node(f"{scope}/conv2", BatchNorm).tensors:
        model.change_tensor(f"{scope}/conv2", BatchNorm, leaf, lambda x: x[:1])
    model.change_tensor(f"{scope}/conv3", Convolution, WEIGHTS, lambda w: w[:, :, :1])
    diagnosis = model.diagnosis()
    assert set(told(diagnosis)) == {("depth", f"{scope}/conv2"), ("depth", f"{scope}/conv3")}
    assert diagnosis.proved


def test_a_map_that_is_padded_too_far_and_cropped_is_told_so() -> None:
    model = Written.of(BASIC)
    model.change(CONV2, Convolution, pads=((2, 2), (2, 2)))
    norm = model.node(CONV2, BatchNorm)
    batch, height, width, depth = norm.reads[0].shape
    padded = Layout.whole((batch, height + 2, width + 2, depth))
    norm.reads = (Read(norm.reads[0].source, padded.moved(lambda x: x[:, 2:, 2:])),)
    diagnosis = model.diagnosis()
    assert told(diagnosis) == [("padding", CONV2), ("crop", CONV2)]
    assert diagnosis.proved


def test_a_convolution_in_two_steps_is_told_by_its_kernels() -> None:
    model = Written.of(BASIC)
    node = model.node(CONV1, Convolution)
    depth = node.arrays[WEIGHTS].shape[2]
    random = np.random.default_rng(0)
    deep = Node(
        model.graph.new_number(),
        Convolution((1, 1), ((1, 1), (1, 1)), groups=depth),
        node.reads,
        {WEIGHTS: Tensor.computed(random.normal(size=(3, 3, 1, depth)))},
    )
    model.graph.nodes[deep.number] = deep
    model.change_tensor(CONV1, Convolution, WEIGHTS, lambda w: w[1:2, 1:2])
    model.change(CONV1, Convolution, pads=((0, 0), (0, 0)))
    node.reads = (Read(deep.number, node.reads[0].layout),)
    model.graph.put_in_order()
    ((cause, place),) = told(model.diagnosis())
    assert (cause, place) == (f"3x3 convolution in {depth} groups and 1x1 convolution for 3x3 convolution", CONV1)


def test_a_pool_in_two_steps_is_no_difference() -> None:
    model = Written.of(BASIC)
    pool = model.node("pool1", MaxPool)
    whole = pool.operation
    assert isinstance(whole, MaxPool)
    rows = Node(
        model.graph.new_number(),
        MaxPool((whole.kernel[0], 1), (whole.stride[0], 1), (whole.pads[0], (0, 0))),
        pool.reads,
    )
    model.graph.nodes[rows.number] = rows
    batch, height, width, depth = pool.reads[0].shape
    reached = (height + sum(whole.pads[0]) - whole.kernel[0]) // whole.stride[0] + 1
    pool.reads = (Read(rows.number, Layout.whole((batch, reached, width, depth))),)
    model.graph.put_in_order()
    model.change(
        "pool1", MaxPool, kernel=(1, whole.kernel[1]), stride=(1, whole.stride[1]), pads=((0, 0), whole.pads[1])
    )
    assert told(model.diagnosis()) == []


def test_a_layer_at_the_end_is_named_though_nothing_reads_it() -> None:
    model = Written.of(BASIC)
    logits = next(iter(model.graph.outputs.values()))
    end = Node(model.graph.new_number(), Softmax(), (logits,))
    model.graph.nodes[end.number] = end
    model.graph.outputs = {"": Read(end.number, logits.layout)}
    assert told(model.diagnosis()) == [("extra softmax", "logits")]


class DroppingNaN(Written):
    """A model whose functions make zeros of NaN, as a ReLU of some frameworks does."""

    def _value(self, node: Node) -> Array:
        value = super()._value(node)
        return np.nan_to_num(value) if node.kind is Pointwise else value


def test_nothing_is_told_of_what_becomes_of_nan() -> None:
    model = DroppingNaN.of(BASIC)
    norm = model.node(CONV1, BatchNorm)
    mean, variance = norm.tensors[MOVING_MEAN], norm.tensors[MOVING_VARIANCE]
    norm.tensors |= {MOVING_MEAN: variance, MOVING_VARIANCE: mean}
    with np.errstate(invalid="ignore"):
        diagnosis = model.diagnosis()
    assert told(diagnosis) == [("moving_mean and moving_variance exchanged", CONV1)]


def test_faults_are_told_apart_from_what_they_cause() -> None:
    """Four at once, one behind the other."""
    chosen = ["another padding", "no batch norm", "a kernel transposed in space", "another window of a pool"]
    model = Written.of(BASIC)
    for name in chosen:
        CHANGES[name][1](model)
    diagnosis = model.diagnosis()
    assert set(told(diagnosis)) == {(cause, place) for _, _, cause, place in (CHANGES[name] for name in chosen)}
    assert diagnosis.proved


def test_a_random_dropout_is_named_though_nothing_can_prove_it() -> None:
    model = Written.of(BASIC)
    added = model.insert_behind(CONV2, BatchNorm, RELU)
    graph = model.run()
    added.operation = Dropout(0.3)
    diagnosis = compare_with(model.network, graph, model.tensors)
    assert told(diagnosis) == [("extra dropout", UNIT)]
    assert diagnosis.proof is None


def test_an_operation_that_nothing_can_evaluate_is_named_and_the_rest_is_judged() -> None:
    model = Written.of(BASIC)
    model.change("conv1", BatchNorm, epsilon=1e-2)
    added = model.insert_behind(CONV2, BatchNorm, Pointwise("tanh"))
    graph = model.run()
    added.operation = Unknown("fft")
    diagnosis = compare_with(model.network, graph, model.tensors)
    assert told(diagnosis) == [("epsilon", "conv1"), ("extra fft", CONV2)]
    assert diagnosis.proof is None


def test_the_design_alone_is_judged_without_tensors() -> None:
    """Other values are not of the design, and an epsilon is."""
    model = Written.of(BASIC)
    model.change_tensor("conv1", Convolution, WEIGHTS, lambda w: w * 2)
    model.change(CONV2, BatchNorm, epsilon=1e-2)
    assert told(compare_with(model.network, model.run())) == [("epsilon", CONV2)]


def test_two_small_networks_of_another_design_are_not_one() -> None:
    other = compare_with(NETWORKS[MOBILE], Written.of(BASIC).run())
    assert other.is_another
    assert not Written.of(BASIC).diagnosis().is_another


def test_a_constant_that_is_rounded_to_float32_is_no_difference() -> None:
    model = Written.of(BASIC)
    model.change(CONV2, BatchNorm, epsilon=1e-5)
    assert told(model.diagnosis()) == []


def test_an_answer_in_another_order_is_told_though_all_layers_agree() -> None:
    model = Written.of(BASIC)
    graph = model.run()
    graph.outputs = {"": graph.outputs[""].moved(lambda x: x[..., ::-1])}
    assert told(compare_with(model.network, graph, model.tensors)) == [("outputs reordered", "logits")]


def test_a_layer_that_rounds_its_operands_is_told_with_its_precision() -> None:
    model = Written.of(BASIC)
    graph = model.run()
    last = graph.nodes[graph.outputs[""].source]
    x, kernel = graph.take(last.reads[0]), last.arrays[WEIGHTS]
    tensors = last.arrays | {WEIGHTS: rounded(kernel, 8)}
    last.value = evaluate(last.operation, [rounded(x, 8)], tensors)
    diagnosis = compare_with(model.network, graph, model.tensors)
    assert told(diagnosis) == [("precision", "logits")]
    assert "bfloat16" in diagnosis.causes[0].first.says
