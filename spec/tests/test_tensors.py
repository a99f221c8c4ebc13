"""Canonical tensors: their names, their order, and the two-sided messages when others come."""

import re

import pytest

from isomorph.spec import BadInput, architecture, architectures, is_trainable, tensor_shapes
from isomorph.spec.tensors import match, match_exactly, split

EXPECTED = {"conv1/weights": (3, 3, 3, 16), "logits/weights": (1, 1, 64, 10), "logits/biases": (10,)}


def test_the_first_tensors_of_a_resnet_50_in_order() -> None:
    unit = "block1/unit_1/bottleneck_v1"
    assert list(tensor_shapes(architecture("slim/resnet_v1_50")).items())[:21] == [
        ("conv1/weights", (7, 7, 3, 64)),
        ("conv1/BatchNorm/gamma", (64,)),
        ("conv1/BatchNorm/beta", (64,)),
        ("conv1/BatchNorm/moving_mean", (64,)),
        ("conv1/BatchNorm/moving_variance", (64,)),
        (f"{unit}/shortcut/weights", (1, 1, 64, 256)),
        (f"{unit}/shortcut/BatchNorm/gamma", (256,)),
        (f"{unit}/shortcut/BatchNorm/beta", (256,)),
        (f"{unit}/shortcut/BatchNorm/moving_mean", (256,)),
        (f"{unit}/shortcut/BatchNorm/moving_variance", (256,)),
        (f"{unit}/conv1/weights", (1, 1, 64, 64)),
        (f"{unit}/conv1/BatchNorm/gamma", (64,)),
        (f"{unit}/conv1/BatchNorm/beta", (64,)),
        (f"{unit}/conv1/BatchNorm/moving_mean", (64,)),
        (f"{unit}/conv1/BatchNorm/moving_variance", (64,)),
        (f"{unit}/conv2/weights", (3, 3, 64, 64)),
        (f"{unit}/conv2/BatchNorm/gamma", (64,)),
        (f"{unit}/conv2/BatchNorm/beta", (64,)),
        (f"{unit}/conv2/BatchNorm/moving_mean", (64,)),
        (f"{unit}/conv2/BatchNorm/moving_variance", (64,)),
        (f"{unit}/conv3/weights", (1, 1, 64, 256)),
    ]


@pytest.mark.parametrize(
    ("name", "count"),
    # convolutions and their batch norms, five tensors each, and the classifier's two
    [
        ("slim/resnet_v1_50", 5 * 53 + 2),
        ("slim/resnet_v1_101", 5 * 104 + 2),
        ("torchvision/resnet18", 5 * 20 + 2),
        ("paddle/resnet34", 5 * 36 + 2),
        ("cifar/resnet20", 5 * 19 + 2),
    ],
)
def test_a_network_has_as_many_tensors_as_its_layers_need(name: str, count: int) -> None:
    assert len(tensor_shapes(architecture(name))) == count


@pytest.mark.parametrize("name", architectures())
def test_the_classifier_comes_last_and_leaves_with_the_classes(name: str) -> None:
    shapes = tensor_shapes(architecture(name))
    assert list(shapes)[-2:] == ["logits/weights", "logits/biases"]
    left = {tensor: shape for tensor, shape in list(shapes.items())[:-2] if not tensor.startswith("aux")}
    assert tensor_shapes(architecture(name, num_classes=None)) == left


def test_a_convolution_may_have_a_bias_beside_its_batch_norm() -> None:
    names = list(tensor_shapes(architecture("cifar/resnet20", convolution_bias=True)))
    assert names[:3] == ["conv1/weights", "conv1/biases", "conv1/BatchNorm/gamma"]


@pytest.mark.parametrize(
    ("name", "scope", "leaf"),
    [
        ("conv1/weights", "conv1", "weights"),
        ("block1/unit_1/basic_v1/conv1/weights", "block1/unit_1/basic_v1/conv1", "weights"),
        ("conv1/BatchNorm/moving_mean", "conv1", "moving_mean"),
        ("block1/unit_1/bottleneck_v2/preact/gamma", "block1/unit_1/bottleneck_v2/preact", "gamma"),
        ("logits/biases", "logits", "biases"),
    ],
)
def test_a_name_is_a_scope_and_a_leaf(name: str, scope: str, leaf: str) -> None:
    assert split(name) == (scope, leaf)


def test_all_but_the_running_statistics_are_trainable() -> None:
    names = [name for name in tensor_shapes(architecture("slim/resnet_v1_50")) if name.startswith("conv1/")]
    assert [name for name in names if not is_trainable(name)] == [
        "conv1/BatchNorm/moving_mean",
        "conv1/BatchNorm/moving_variance",
    ]


def test_equal_names_and_shapes_match_in_any_order() -> None:
    match_exactly(EXPECTED, dict(reversed(EXPECTED.items())), "cifar/resnet20")


def test_what_is_on_one_side_only_comes_back_in_its_own_order() -> None:
    found = {"z": (1,), "conv1/weights": (3, 3, 3, 16), "a": (2,)}
    assert match(EXPECTED, found, "cifar/resnet20") == (["logits/weights", "logits/biases"], ["z", "a"])


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (
            {"fc.weight": (10, 64), "conv1/weights": (3, 3, 3, 16)},
            "The tensors are not those of cifar/resnet20; 2 tensors missing: - logits/biases, - logits/weights;"
            " 1 tensor unexpected: + fc.weight.",
        ),
        (
            {name: EXPECTED[name] for name in ("conv1/weights", "logits/weights")},
            "The tensors are not those of cifar/resnet20; 1 tensor missing: - logits/biases.",
        ),
        (
            EXPECTED | {f"extra{number}": () for number in range(10)},
            "The tensors are not those of cifar/resnet20; 10 tensors unexpected: + extra0, + extra1, + extra2,"
            " + extra3, + extra4, + extra5, + extra6, + extra7, and 2 more.",
        ),
    ],
    ids=["missing and unexpected", "missing", "more unexpected than one wants to read"],
)
def test_the_message_lists_both_sides(found: dict[str, tuple[int, ...]], message: str) -> None:
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        match_exactly(EXPECTED, found, "cifar/resnet20")


def test_a_shape_that_does_not_fit_is_an_error_even_among_missing_tensors() -> None:
    found: dict[str, tuple[int, ...]] = {"conv1/weights": (16, 3, 3, 3), "logits/biases": ()}
    message = (
        "2 tensors do not fit cifar/resnet20: conv1/weights is 16x3x3x3, expected 3x3x3x16, logits/biases is a scalar,"
        " expected 10."
    )
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        match(EXPECTED, found, "cifar/resnet20")
