"""Every kind of unit, layer by layer, written out from the figures of the papers that its code names."""

from itertools import pairwise

import pytest

from isomorph.spec import Architecture, BadInput, Block, Convention, Head, Stem, plan
from isomorph.spec.layers import AdaptivePool, BatchNorm, Convolution, Layer, MaxPool, Subsample, ZeroChannels, name_of
from isomorph.spec.units import KINDS, Unit

DEPTH_IN = 6


def units(kind: str, *args: tuple[int, ...], **convention: object) -> tuple[Unit, ...]:
    """The units of one block, on a map of six channels."""
    blocks = (Block("block1", kind, args),)
    network = Architecture("x/y", Stem(()), blocks, Head(10), Convention(**convention), in_channels=DEPTH_IN)  # type: ignore[arg-type]
    return tuple(plan(network).units)


def described(layer: Layer) -> str:
    """All that a layer is, in words."""
    name = name_of(layer)
    match layer:
        case Convolution():
            norm = "norm without gamma" if layer.gamma is None else f"norm {layer.gamma:g}"
            then = ["bias"] * layer.bias + [norm] * layer.batch_norm + [layer.activation or "no activation"]
            geometry = f"{layer.kernel}x{layer.kernel} {layer.padding}, stride {layer.stride}, rate {layer.rate}"
            groups = f" in {layer.groups} groups" if layer.groups > 1 else ""
            depths = f"{layer.depth_in} to {layer.depth}{groups}"
            return f"{name} of {layer.source}: {depths}, {geometry}; {', '.join(then)}"
        case BatchNorm():
            return f"{name} of {layer.source}: norm {layer.gamma:g} of {layer.depth}; {layer.activation}"
        case MaxPool():
            window = f"{layer.kernel}x{layer.kernel} {layer.padding} of {layer.fill}"
            return f"{name} of {layer.source}: {layer.depth}, max {window}, stride {layer.stride}"
        case AdaptivePool():
            return f"{name} of {layer.source}: {layer.depth}, mean to {layer.cells}x{layer.cells}"
        case Subsample():
            return f"{name} of {layer.source}: {layer.depth}, every {layer.stride}"
        case ZeroChannels():
            return f"{name} of {layer.source}: {layer.depth_in} to {layer.depth}, every {layer.stride}"
    raise AssertionError(layer)


def summed(unit: Unit) -> str:
    """What becomes of a unit's layers."""
    sign = " | " if unit.wiring.concatenated else " + "
    return f"{sign.join(unit.wiring.joined)}; {unit.wiring.activation or 'no activation'}"


RELU, PLAIN = "norm 1, relu", "norm 1, no activation"

# kind, the args of its units, the convention -> scope, layers, what becomes of them, of every unit
LAYERS: dict[str, tuple[str, tuple[tuple[int, ...], ...], dict[str, object], list[tuple[str, list[str], str]]]] = {
    "basic units: He et al. (2015), figure 5, left": (
        "basic", ((8, 4, 2), (8, 4, 1), (8, 4, 2)), {},
        [
            ("block1/unit_1/basic_v1", [
                f"shortcut of input: 6 to 8, 1x1 explicit, stride 2, rate 1; {PLAIN}",
                f"conv1 of input: 6 to 4, 3x3 explicit, stride 2, rate 1; {RELU}",
                f"conv2 of conv1: 4 to 8, 3x3 explicit, stride 1, rate 1; {PLAIN}",
            ], "shortcut + conv2; relu"),
            ("block1/unit_2/basic_v1", [
                f"conv1 of input: 8 to 4, 3x3 explicit, stride 1, rate 1; {RELU}",
                f"conv2 of conv1: 4 to 8, 3x3 explicit, stride 1, rate 1; {PLAIN}",
            ], "input + conv2; relu"),
            ("block1/unit_3/basic_v1", [
                "shortcut of input: 8, every 2",
                f"conv1 of input: 8 to 4, 3x3 explicit, stride 2, rate 1; {RELU}",
                f"conv2 of conv1: 4 to 8, 3x3 explicit, stride 1, rate 1; {PLAIN}",
            ], "shortcut + conv2; relu"),
        ],
    ),
    "basic units between zero channels": (
        "basic", ((9, 4, 2),), {"shortcut": "zero_channels"},
        [
            ("block1/unit_1/basic_v1", [
                "shortcut of input: 6 to 9, every 2",
                f"conv1 of input: 6 to 4, 3x3 explicit, stride 2, rate 1; {RELU}",
                f"conv2 of conv1: 4 to 9, 3x3 explicit, stride 1, rate 1; {PLAIN}",
            ], "shortcut + conv2; relu"),
        ],
    ),
    "plain units, biased, in SAME, whose last gamma is zero": (
        "basic", ((8, 4, 2),),
        {"shortcut": "none", "convolution_bias": True, "convolution_padding": "same", "last_gamma": 0.0},
        [
            ("block1/unit_1/basic_v1", [
                f"conv1 of input: 6 to 4, 3x3 same, stride 2, rate 1; bias, {RELU}",
                "conv2 of conv1: 4 to 8, 3x3 same, stride 1, rate 1; bias, norm 0, no activation",
            ], "conv2; relu"),
        ],
    ),
    "bottlenecks: He et al. (2015), figure 5, right; the 3x3 strides": (
        "bottleneck", ((8, 4, 2),), {"last_gamma": 0.5},
        [
            ("block1/unit_1/bottleneck_v1", [
                f"shortcut of input: 6 to 8, 1x1 explicit, stride 2, rate 1; {PLAIN}",
                f"conv1 of input: 6 to 4, 1x1 explicit, stride 1, rate 1; {RELU}",
                f"conv2 of conv1: 4 to 4, 3x3 explicit, stride 2, rate 1; {RELU}",
                "conv3 of conv2: 4 to 8, 1x1 explicit, stride 1, rate 1; norm 0.5, no activation",
            ], "shortcut + conv3; relu"),
        ],
    ),
    "bottlenecks as published: the first 1x1 strides": (
        "bottleneck", ((8, 4, 2),), {"bottleneck_stride": "conv1", "shortcut_batch_norm": False},
        [
            ("block1/unit_1/bottleneck_v1", [
                "shortcut of input: 6 to 8, 1x1 explicit, stride 2, rate 1; no activation",
                f"conv1 of input: 6 to 4, 1x1 explicit, stride 2, rate 1; {RELU}",
                f"conv2 of conv1: 4 to 4, 3x3 explicit, stride 1, rate 1; {RELU}",
                f"conv3 of conv2: 4 to 8, 1x1 explicit, stride 1, rate 1; {PLAIN}",
            ], "shortcut + conv3; relu"),
        ],
    ),
    "grouped bottlenecks: Xie et al. (2017), figure 3 (c)": (
        "grouped_bottleneck", ((8, 4, 2, 2),), {"batch_norm_gamma": False},
        [
            ("block1/unit_1/bottleneck_v1", [
                "shortcut of input: 6 to 8, 1x1 explicit, stride 2, rate 1; norm without gamma, no activation",
                "conv1 of input: 6 to 4, 1x1 explicit, stride 1, rate 1; norm without gamma, relu",
                "conv2 of conv1: 4 to 4 in 2 groups, 3x3 explicit, stride 2, rate 1; norm without gamma, relu",
                "conv3 of conv2: 4 to 8, 1x1 explicit, stride 1, rate 1; norm without gamma, no activation",
            ], "shortcut + conv3; relu"),
        ],
    ),
    "pre-activated bottlenecks: He et al. (2016), figure 4 (e), with slim's biases": (
        "bottleneck_v2", ((8, 4, 2), (8, 4, 1), (8, 4, 2)), {},
        [
            ("block1/unit_1/bottleneck_v2", [
                "preact of input: norm 1 of 6; relu",
                "shortcut of preact: 6 to 8, 1x1 explicit, stride 2, rate 1; bias, no activation",
                f"conv1 of preact: 6 to 4, 1x1 explicit, stride 1, rate 1; {RELU}",
                f"conv2 of conv1: 4 to 4, 3x3 explicit, stride 2, rate 1; {RELU}",
                "conv3 of conv2: 4 to 8, 1x1 explicit, stride 1, rate 1; bias, no activation",
            ], "shortcut + conv3; no activation"),
            ("block1/unit_2/bottleneck_v2", [
                "preact of input: norm 1 of 8; relu",
                f"conv1 of preact: 8 to 4, 1x1 explicit, stride 1, rate 1; {RELU}",
                f"conv2 of conv1: 4 to 4, 3x3 explicit, stride 1, rate 1; {RELU}",
                "conv3 of conv2: 4 to 8, 1x1 explicit, stride 1, rate 1; bias, no activation",
            ], "input + conv3; no activation"),
            ("block1/unit_3/bottleneck_v2", [
                "preact of input: norm 1 of 8; relu",
                "shortcut of input: 8, every 2",
                f"conv1 of preact: 8 to 4, 1x1 explicit, stride 1, rate 1; {RELU}",
                f"conv2 of conv1: 4 to 4, 3x3 explicit, stride 2, rate 1; {RELU}",
                "conv3 of conv2: 4 to 8, 1x1 explicit, stride 1, rate 1; bias, no activation",
            ], "shortcut + conv3; no activation"),
        ],
    ),
    "pre-activated basic units: Zagoruyko and Komodakis (2016), figure 1 (a), without biases": (
        "basic_v2", ((8, 4, 2), (8, 8, 1)), {"linear_bias": False},
        [
            ("block1/unit_1/basic_v2", [
                "preact of input: norm 1 of 6; relu",
                "shortcut of preact: 6 to 8, 1x1 explicit, stride 2, rate 1; no activation",
                f"conv1 of preact: 6 to 4, 3x3 explicit, stride 2, rate 1; {RELU}",
                "conv2 of conv1: 4 to 8, 3x3 explicit, stride 1, rate 1; no activation",
            ], "shortcut + conv2; no activation"),
            ("block1/unit_2/basic_v2", [
                "preact of input: norm 1 of 8; relu",
                f"conv1 of preact: 8 to 8, 3x3 explicit, stride 1, rate 1; {RELU}",
                "conv2 of conv1: 8 to 8, 3x3 explicit, stride 1, rate 1; no activation",
            ], "input + conv2; no activation"),
        ],
    ),
    "separable units: Howard et al. (2017), figure 3, right": (
        "separable", ((8, 2),), {"depthwise_padding": "after", "activation": "relu6"},
        [
            ("block1/unit_1/separable", [
                "depthwise of input: 6 to 6 in 6 groups, 3x3 after, stride 2, rate 1; norm 1, relu6",
                "pointwise of depthwise: 6 to 8, 1x1 explicit, stride 1, rate 1; norm 1, relu6",
            ], "pointwise; no activation"),
        ],
    ),
    "inverted residuals: Sandler et al. (2018), table 1": (
        "inverted_residual", ((1, 6, 1), (2, 6, 2), (2, 8, 1)), {},
        [
            ("block1/unit_1/inverted_residual", [
                f"depthwise of input: 6 to 6 in 6 groups, 3x3 explicit, stride 1, rate 1; {RELU}",
                f"project of depthwise: 6 to 6, 1x1 explicit, stride 1, rate 1; {PLAIN}",
            ], "input + project; no activation"),
            ("block1/unit_2/inverted_residual", [
                f"expand of input: 6 to 12, 1x1 explicit, stride 1, rate 1; {RELU}",
                f"depthwise of expand: 12 to 12 in 12 groups, 3x3 explicit, stride 2, rate 1; {RELU}",
                f"project of depthwise: 12 to 6, 1x1 explicit, stride 1, rate 1; {PLAIN}",
            ], "project; no activation"),
            ("block1/unit_3/inverted_residual", [
                f"expand of input: 6 to 12, 1x1 explicit, stride 1, rate 1; {RELU}",
                f"depthwise of expand: 12 to 12 in 12 groups, 3x3 explicit, stride 1, rate 1; {RELU}",
                f"project of depthwise: 12 to 8, 1x1 explicit, stride 1, rate 1; {PLAIN}",
            ], "project; no activation"),
        ],
    ),
    "inceptions: Szegedy et al. (2015), figure 2 (b)": (
        "inception", ((1, 2, 3, 4, 5, 7),), {},
        [
            ("block1/unit_1/inception", [
                f"branch1 of input: 6 to 1, 1x1 explicit, stride 1, rate 1; {RELU}",
                f"branch2_reduce of input: 6 to 2, 1x1 explicit, stride 1, rate 1; {RELU}",
                f"branch2 of branch2_reduce: 2 to 3, 3x3 explicit, stride 1, rate 1; {RELU}",
                f"branch3_reduce of input: 6 to 4, 1x1 explicit, stride 1, rate 1; {RELU}",
                f"branch3 of branch3_reduce: 4 to 5, 5x5 explicit, stride 1, rate 1; {RELU}",
                "branch4_pool of input: 6, max 3x3 explicit of -inf, stride 1",
                f"branch4 of branch4_pool: 6 to 7, 1x1 explicit, stride 1, rate 1; {RELU}",
            ], "branch1 | branch2 | branch3 | branch4; no activation"),
        ],
    ),
    "inceptions that activate what they join, 3x3 for 5x5": (
        "inception", ((1, 2, 3, 4, 5, 7),),
        {"activation_after": "joins", "inception_kernel": 3, "batch_norm": False},
        [
            ("block1/unit_1/inception", [
                "branch1 of input: 6 to 1, 1x1 explicit, stride 1, rate 1; no activation",
                "branch2_reduce of input: 6 to 2, 1x1 explicit, stride 1, rate 1; no activation",
                "branch2 of branch2_reduce: 2 to 3, 3x3 explicit, stride 1, rate 1; no activation",
                "branch3_reduce of input: 6 to 4, 1x1 explicit, stride 1, rate 1; no activation",
                "branch3 of branch3_reduce: 4 to 5, 3x3 explicit, stride 1, rate 1; no activation",
                "branch4_pool of input: 6, max 3x3 explicit of -inf, stride 1",
                "branch4 of branch4_pool: 6 to 7, 1x1 explicit, stride 1, rate 1; no activation",
            ], "branch1 | branch2 | branch3 | branch4; relu"),
        ],
    ),
    "convolutions in a row": (
        "convolution", ((8, 3, 2), (4, 1, 1)), {},
        [
            ("block1/block1_1", [f"block1_1 of input: 6 to 8, 3x3 explicit, stride 2, rate 1; {RELU}"],
             "block1_1; no activation"),
            ("block1/block1_2", [f"block1_2 of input: 8 to 4, 1x1 explicit, stride 1, rate 1; {RELU}"],
             "block1_2; no activation"),
        ],
    ),
    "one convolution without padding": (
        "valid_convolution", ((8, 3, 2),), {},
        [("block1", [f"block1 of input: 6 to 8, 3x3 valid, stride 2, rate 1; {RELU}"], "block1; no activation")],
    ),
    "dense layers": (
        "dense", ((8, 3), (4, 1)), {},
        [
            ("block1/block1_1", ["block1_1 of input: 6 to 8, 3x3 valid, stride 1, rate 1; bias, relu"],
             "block1_1; no activation"),
            ("block1/block1_2", ["block1_2 of input: 8 to 4, 1x1 valid, stride 1, rate 1; bias, relu"],
             "block1_2; no activation"),
        ],
    ),
    "a linear layer": (
        "linear", ((8, 1),), {},
        [("block1", ["block1 of input: 6 to 8, 1x1 valid, stride 1, rate 1; bias, no activation"],
          "block1; no activation")],
    ),
    "a max pool, padded with zeros": (
        "max_pool", ((3, 2),), {"pool_padding": "ceil", "pool_fill": "zero"},
        [("block1", ["block1 of input: 6, max 3x3 ceil of 0.0, stride 2"], "block1; no activation")],
    ),
    "an adaptive pool": (
        "adaptive_pool", ((7,),), {},
        [("block1", ["block1 of input: 6, mean to 7x7"], "block1; no activation")],
    ),
    "a batch norm": (
        "batch_norm", ((),), {},
        [("block1", ["block1 of input: norm 1 of 6; relu"], "block1; no activation")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "args", "convention", "expected"), LAYERS.values(), ids=LAYERS)
def test_its_layers(
    kind: str,
    args: tuple[tuple[int, ...], ...],
    convention: dict[str, object],
    expected: list[tuple[str, list[str], str]],
) -> None:
    made = units(kind, *args, **convention)
    assert [(unit.scope, [described(layer) for layer in unit.layers], summed(unit)) for unit in made] == expected
    assert [unit.depth_in for unit in made] == [DEPTH_IN, *(unit.depth for unit, _ in pairwise(made))]
    assert {unit.kind for unit in made} == {kind}


DEPTHWISE = {
    "one channel in each group": (Convolution("c", 6, 6, groups=6), True),
    "two channels out of each": (Convolution("c", 6, 12, groups=6), True),
    "an image of one channel": (Convolution("c", 1, 6), False),
    "two channels in each group": (Convolution("c", 6, 6, groups=3), False),
}


@pytest.mark.parametrize(("layer", "depthwise"), DEPTHWISE.values(), ids=DEPTHWISE)
def test_a_convolution_is_depthwise_or_not(layer: Convolution, depthwise: bool) -> None:
    assert layer.is_depthwise is depthwise


def test_every_kind_is_written_out() -> None:
    assert {kind for kind, *_ in LAYERS.values()} == KINDS.keys()


ATROUS = {
    "basic": (8, 4, 2),
    "bottleneck": (8, 4, 2),
    "grouped_bottleneck": (8, 4, 2, 2),
    "bottleneck_v2": (8, 4, 2),
    "basic_v2": (8, 4, 2),
    "separable": (8, 2),
    "inverted_residual": (2, 8, 2),
    "convolution": (8, 3, 2),
}
RIGID = {
    "inception": (1, 2, 3, 4, 5, 7),
    "valid_convolution": (8, 3, 1),
    "dense": (8, 1),
    "linear": (8, 1),
    "max_pool": (3, 1),
    "adaptive_pool": (7,),
}


def atrous(kind: str, args: tuple[int, ...]) -> Architecture:
    """A unit behind one whose stride has become a rate of 2."""
    blocks = (Block("before", "convolution", ((DEPTH_IN, 3, 2),)), Block("block1", kind, (args,)))
    return Architecture("x/y", Stem(()), blocks, Head(10), Convention(), in_channels=DEPTH_IN, output_stride=1)


@pytest.mark.parametrize(("kind", "args"), ATROUS.items())
def test_behind_a_stride_that_became_a_rate_its_3x3_has_the_rate(kind: str, args: tuple[int, ...]) -> None:
    _, unit = plan(atrous(kind, args)).units
    wide = [layer for layer in unit.layers if isinstance(layer, Convolution) and layer.kernel == 3]
    assert wide[0].rate == 2
    assert {layer.rate for layer in wide[1:]} <= {4}, "what follows the stride has the next rate"
    assert {layer.stride for layer in unit.layers if isinstance(layer, Convolution)} == {1}


@pytest.mark.parametrize(("kind", "args"), RIGID.items())
def test_it_has_no_atrous_form(kind: str, args: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match=rf"^The output_stride of x/y cannot be 1: {kind} units have no atrous form\.$"):
        plan(atrous(kind, args))


def test_all_kinds_have_an_atrous_form_or_none() -> None:
    assert KINDS.keys() == {*ATROUS, *RIGID, "batch_norm"}
