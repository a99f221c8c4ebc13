"""Which architecture a checkpoint's tensors are of: told from names and shapes alone, or refused with both sides."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from isomorph.spec import Architecture, BadInput, architecture, architectures, function, plan, tensor_shapes, zoo, zoos
from isomorph.tools.weights.identify import identify
from isomorph.tools.weights.told import ToldByStructure

from ..tensors import Tensors, canonical, changed, of_zoo, plain

# torchvision's designs and those who took them over, zoo by zoo.
SHARED = [
    *(
        {"torchvision": f"resnet{depth}", "paddle": f"resnet{depth}", "timm": f"resnet{depth}"}
        | {"transformers": f"resnet-{depth}"}
        | ({"tutorial": f"resnet{depth}"} if depth in (34, 101) else {})
        for depth in (18, 34, 50, 101, 152)
    ),
    dict.fromkeys(("torchvision", "paddle", "timm", "tutorial"), "resnext50_32x4d"),
    dict.fromkeys(("torchvision", "tutorial", "wsl"), "resnext101_32x8d"),
    dict.fromkeys(("torchvision", "paddle"), "resnext101_64x4d"),
    dict.fromkeys(("torchvision", "paddle"), "wide_resnet50_2"),
    dict.fromkeys(("torchvision", "paddle"), "wide_resnet101_2"),
    dict.fromkeys(("torchvision", "paddle"), "mobilenet_v2"),
    dict.fromkeys(("torchvision", "paddle"), "vgg16"),
]
KEPT_ITS_NAMES = ("timm", "tutorial", "wsl")
TAKEN_OVER = {
    f"{zoo_name}/{own}": f"torchvision/{shared['torchvision']}"
    for shared in SHARED
    for zoo_name, own in shared.items()
    if zoo_name != "torchvision"
}

# Where it is not the architecture itself: what its own zoo's names are told as, and what canonical names are.
TOLD_BY_OWN_NAMES = {name: told for name, told in TAKEN_OVER.items() if name.startswith(KEPT_ITS_NAMES)}
TOLD_BY_CANONICAL_NAMES = TAKEN_OVER | {"transformers/resnet-26": "timm/resnet26"}

# Plain networks have the ResNets' tensors, as those' shortcuts have none; nobody has published weights of one.
UNPUBLISHED = {f"cifar/plain{depth}": f"cifar/resnet{depth}" for depth in (20, 56)}

# Tensors that are alike, and functions that are not: where the stride sits, what is padded, where ReLU stops, and
# whether there is a pool for images of other sizes.
ALIKE = (
    *((f"slim/resnet_v1_{depth}", f"torchvision/resnet{depth}") for depth in (50, 101, 152)),
    *((f"keras/ResNet{depth}V2", f"slim/resnet_v2_{depth}") for depth in (50, 101, 152)),
    ("keras/MobileNet", "paddle/mobilenet_v1", "slim/mobilenet_v1"),
    ("keras/MobileNetV2", "torchvision/mobilenet_v2"),
    ("keras/VGG16", "torchvision/vgg16"),
    ("keras/ResNet50", "keras2/ResNet50"),
)
REFUSED = {name: names for names in ALIKE for name in names} | {
    name: names for names in ALIKE for name, told in TAKEN_OVER.items() if told in names
}
FIFTIES = [name for name, names in REFUSED.items() if "slim/resnet_v1_50" in names]


@pytest.mark.parametrize("name", [name for name in architectures() if name not in UNPUBLISHED])
def test_it_is_told_by_its_zoos_names(name: str) -> None:
    network = architecture(name)
    found, tensors = identify(of_zoo(network), "FILE")
    assert found == architecture(TOLD_BY_OWN_NAMES.get(name, name))
    assert {name: value.shape for name, value in tensors.items()} == tensor_shapes(network)


@pytest.mark.parametrize("name", [name for name in architectures() if name not in {*REFUSED, *UNPUBLISHED}])
def test_it_is_told_by_canonical_names(name: str) -> None:
    network = architecture(name)
    found, tensors = identify(canonical(network), "FILE")
    assert found == architecture(TOLD_BY_CANONICAL_NAMES.get(name, name))
    assert list(tensors) == list(tensor_shapes(network))


@pytest.mark.parametrize(
    ("name", "told"), [*TOLD_BY_OWN_NAMES.items(), *TOLD_BY_CANONICAL_NAMES.items()], ids=lambda name: name
)
def test_what_it_is_told_as_is_the_same_function(name: str, told: str) -> None:
    assert function(architecture(name)) == function(architecture(told))


@pytest.mark.parametrize(("name", "names"), REFUSED.items(), ids=REFUSED)
def test_canonical_names_of_several_functions_are_refused(name: str, names: tuple[str, ...]) -> None:
    with pytest.raises(BadInput) as caught:
        identify(canonical(architecture(name)), "FILE")
    assert str(caught.value) == (
        f"FILE fits {' and '.join(names)}, whose tensors are alike but whose functions are not; choose one with --arch."
    )


@pytest.mark.parametrize("tensors", [of_zoo, canonical])
@pytest.mark.parametrize(("name", "told"), UNPUBLISHED.items(), ids=UNPUBLISHED)
def test_a_network_of_which_nobody_published_weights_has_to_be_asked_for(
    name: str, told: str, tensors: Callable[[Architecture], Tensors]
) -> None:
    network = architecture(name)
    assert identify(tensors(network), "FILE")[0] == architecture(told)
    assert identify(tensors(network), "FILE", network)[0] == network


def test_every_network_of_which_nobody_published_weights_is_here() -> None:
    assert set(UNPUBLISHED) == {f"{one.name}/{own}" for one in zoos().values() for own in one.unpublished}
    assert set(UNPUBLISHED) <= set(architectures())


# Widths.

WIDTHS = [
    (f"{one.name}/{own}", width)
    for one in zoos().values()
    for own, widths in one.widths.items()
    for width in widths.published
    if width != 1
]


@pytest.mark.parametrize(("name", "width"), WIDTHS)
def test_a_published_width_is_told_by_its_zoos_names(name: str, width: float) -> None:
    network = architecture(name, width_multiplier=width, num_classes=7)
    assert identify(of_zoo(network), "FILE")[0] == network


@pytest.mark.parametrize(("name", "width"), WIDTHS)
def test_a_published_width_is_taken_of_what_was_asked_for(name: str, width: float) -> None:
    network = architecture(name, width_multiplier=width)
    for asked in (architecture(name), network):
        assert identify(canonical(network), "FILE", asked)[0] == network


def test_an_architecture_that_was_asked_for_at_a_width_has_that_width_alone() -> None:
    asked = architecture("keras/MobileNet", width_multiplier=0.5)
    with pytest.raises(BadInput, match=r"^\d+ tensors of FILE do not fit keras/MobileNet with width_multiplier 0\.5: "):
        identify(canonical(architecture("keras/MobileNet")), "FILE", asked)


def test_widths_are_said_where_several_functions_fit() -> None:
    with pytest.raises(BadInput) as caught:
        identify(canonical(architecture("slim/mobilenet_v1", width_multiplier=0.25)), "FILE")
    assert str(caught.value) == (
        "FILE fits keras/MobileNet with width_multiplier 0.25 and paddle/mobilenet_v1 with width_multiplier 0.25 and"
        " slim/mobilenet_v1 with width_multiplier 0.25, whose tensors are alike but whose functions are not; choose one"
        " with --arch."
    )


def test_the_width_is_said_of_what_comes_nearest() -> None:
    network = architecture("keras/MobileNet", width_multiplier=0.25)
    with pytest.raises(BadInput) as caught:
        identify(changed(of_zoo(network), {"conv_preds/bias": None}), "FILE")
    assert str(caught.value) == (
        "The tensors are not those of keras/MobileNet with width_multiplier 0.25, the nearest to FILE"
        " (136 of its 137 tensors fit); 1 tensor"
        " missing: - conv_preds/bias."
    )


@pytest.mark.parametrize("name", FIFTIES)
def test_canonical_names_are_read_as_what_was_asked_for(name: str) -> None:
    network = architecture(name)
    assert identify(canonical(network), "FILE", network)[0] == network


@pytest.mark.parametrize("writer", ["torchvision", "paddle", "slim", "transformers"])
@pytest.mark.parametrize("name", FIFTIES)
def test_another_zoos_names_are_read_as_what_was_asked_for(name: str, writer: str) -> None:
    network = architecture(name)
    found, tensors = identify(of_zoo(network, writer), "FILE", network)
    assert found == network
    assert list(tensors) == list(tensor_shapes(network))


def test_an_architecture_of_ones_own_may_be_asked_for() -> None:
    mine = Architecture("mine/net", plan(architecture("cifar/resnet20")).architecture.stem, ())
    for tensors in (canonical(mine), of_zoo(mine, "torchvision")):
        assert identify(tensors, "FILE", mine)[0] == mine


@pytest.mark.parametrize(
    "name",
    [
        "cifar/resnet20",
        "torchvision/resnet50",
        "paddle/resnet18",
        "slim/resnet_v1_50",
        "keras/ResNet50",
        "transformers/resnet-18",
    ],
)
def test_every_value_arrives_where_it_belongs(name: str) -> None:
    network = architecture(name).with_options(num_classes=3)
    expected = plain(network)
    theirs = zoo(name.partition("/")[0]).naming.tensors(network)
    named = {tensor.name: tensor.from_canonical(expected[own]) for own, tensor in theirs.items()}
    _, found = identify(named, "FILE")
    assert [name for name in expected if not np.array_equal(found[name], expected[name])] == []


# What the file has of its own.


@pytest.mark.parametrize(
    "options", [{"num_classes": 7}, {"in_channels": 1}, {"num_classes": 1, "in_channels": 5}], ids=str
)
@pytest.mark.parametrize(
    "name", ["cifar/resnet20", "torchvision/resnet18", "paddle/resnet50", "slim/resnet_v1_50", "keras/ResNet50"]
)
def test_classes_and_input_channels_are_the_files(name: str, options: dict[str, int]) -> None:
    network = architecture(name, **options)
    assert identify(of_zoo(network), "FILE")[0] == network


@pytest.mark.parametrize(
    "name", ["cifar/resnet20", "torchvision/resnet18", "paddle/resnet50", "slim/resnet_v1_50", "keras/ResNet50"]
)
def test_a_file_without_classifier_has_no_head(name: str) -> None:
    found, _ = identify(of_zoo(architecture(name, num_classes=None)), "FILE")
    assert found == architecture(name, num_classes=None)


# Files with auxiliary heads and without: torchvision's have them, and lose them in many a loop of training.


@pytest.mark.parametrize("tensors", [of_zoo, canonical])
@pytest.mark.parametrize("name", ["torchvision/googlenet", "paddle/googlenet", "tutorial/googlenet"])
@pytest.mark.parametrize("aux_logits", [True, False], ids=["with heads", "without heads"])
def test_auxiliary_heads_are_the_files(aux_logits: bool, name: str, tensors: Callable[[Architecture], Tensors]) -> None:
    network = architecture(name, aux_logits=aux_logits, num_classes=7)
    assert bool(network.auxiliary) == aux_logits
    found, theirs = identify(tensors(network), "FILE")
    assert found == network
    assert list(theirs) == list(tensor_shapes(network))


@pytest.mark.parametrize("name", ["torchvision/googlenet", "paddle/LeNet"])
def test_every_value_of_a_dense_layer_arrives_where_it_belongs(name: str) -> None:
    """Behind a flattened map a kernel's axes are several in one."""
    test_every_value_arrives_where_it_belongs(name)


def test_a_file_that_has_lost_half_a_head_is_refused() -> None:
    network = architecture("torchvision/googlenet")
    lost = {name: None for name in of_zoo(network) if name.startswith("aux2.fc")}
    with pytest.raises(BadInput) as caught:
        identify(changed(of_zoo(network), lost), "FILE")
    assert str(caught.value) == (
        "The tensors are not those of torchvision/googlenet, the nearest to FILE"
        " (301 of its 305 tensors fit); 4 tensors missing:"
        " - aux2.fc1.bias, - aux2.fc1.weight, - aux2.fc2.bias, - aux2.fc2.weight."
    )


def test_what_was_asked_for_without_heads_is_not_a_file_that_has_them() -> None:
    network = architecture("torchvision/googlenet")
    with pytest.raises(BadInput) as caught:
        identify(of_zoo(network), "FILE", network.with_options(auxiliary=()))
    assert str(caught.value).startswith(
        "The tensors of FILE are not those of torchvision/googlenet without auxiliary heads; 18 tensors unexpected:"
        " + aux1.conv.bn.bias, "
    )


COUNTERS = {
    "cifar": {"bn1.num_batches_tracked": np.array(7), "layer1.0.bn1.num_batches_tracked": np.array(7)},
    "torchvision": {"bn1.num_batches_tracked": np.array(7)},
    "slim": {"global_step": np.array(7), "resnet_v1_50/conv1/weights/Momentum": np.zeros((7, 7, 3, 64))},
}


@pytest.mark.parametrize(("writer", "more"), COUNTERS.items(), ids=COUNTERS)
def test_what_no_network_computes_with_is_left_out(writer: str, more: Tensors) -> None:
    network = next(iter(zoos()[writer].networks.values()))
    if writer == "slim":
        network = architecture("slim/resnet_v1_50")
    found, tensors = identify(of_zoo(network) | more, "FILE")
    assert found == network
    assert tensors.keys() == tensor_shapes(network).keys()


# What does not fit.

R20 = architecture("cifar/resnet20")
THEIRS, OURS = of_zoo(R20), canonical(R20)
BIAS = np.zeros(10, np.float32)

MISFITS = {
    "one is missing": (
        changed(THEIRS, {"linear.bias": None}),
        "The tensors are not those of cifar/resnet20, the nearest to FILE"
        " (96 of its 97 tensors fit); 1 tensor missing: - linear.bias.",
    ),
    "one is missing of the canonical ones": (
        changed(OURS, {"logits/biases": None}),
        "The tensors are not those of cifar/resnet20, the nearest to FILE"
        " (96 of its 97 tensors fit); 1 tensor missing: - logits/biases.",
    ),
    "one is misshapen": (
        changed(THEIRS, {"linear.bias": np.zeros(11)}),
        "1 tensor does not fit cifar/resnet20, the nearest to FILE"
        " (96 of its 97 tensors fit): linear.bias is 11, expected 10.",
    ),
    "a kernel lies otherwise": (
        changed(OURS, {"conv1/weights": np.zeros((16, 3, 3, 3))}),
        "1 tensor does not fit cifar/resnet20, the nearest to FILE"
        " (96 of its 97 tensors fit): conv1/weights is 16x3x3x3, expected 3x3x3x16.",
    ),
    "a kernel is a scalar": (
        changed(THEIRS, {"conv1.weight": np.array(0.0)}),
        "1 tensor does not fit cifar/resnet20, the nearest to FILE"
        " (96 of its 97 tensors fit): conv1.weight is a scalar, expected 16x3x3x3.",
    ),
    "a kernel is empty": (
        changed(THEIRS, {"linear.weight": np.zeros((0, 64))}),
        "The tensors are not those of cifar/resnet20, the nearest to FILE (95 of its 95 tensors fit);",
    ),
    "names of nobody": (
        {"encoder.weight": BIAS, "b": BIAS},
        "The first of the tensors in FILE is called 'encoder.weight', and no zoo here (cifar, d2l, keras,"
        " keras2, mlperf_tiny, paddle, slim, timm, torchvision, transformers, tutorial, wsl) names its tensors so;"
        " expected canonical names or one of theirs.",
    ),
}


@pytest.mark.parametrize(("tensors", "sentence"), MISFITS.values(), ids=MISFITS)
def test_tensors_do_not_fit_where(tensors: Tensors, sentence: str) -> None:
    with pytest.raises(BadInput) as caught:
        identify(tensors, "FILE")
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("tensors", "sentence"),
    [
        pytest.param(
            changed(THEIRS, {"linear.bias": None}),
            r"^The tensors of FILE are not those of cifar/resnet20; 1 tensor missing: - linear\.bias\.$",
            id="a tensor is missing",
        ),
        pytest.param(
            of_zoo(architecture("torchvision/resnet18")),
            r"^\d+ tensors of FILE do not fit cifar/resnet20: conv1\.w",
            id="tensors have other shapes",
        ),
    ],
)
def test_a_file_is_said_not_to_be_what_was_asked_for_where(tensors: Tensors, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        identify(tensors, "FILE", R20)


# What is left of a network when something was taken away on purpose.

R18 = architecture("torchvision/resnet18")


def folded(name: str) -> Tensors:
    """A zoo's tensors as exporters write them: no batch norm, and a bias for each convolution that had one."""
    network = architecture(name)
    naming = zoo(name.partition("/")[0]).naming
    tensors = {}
    for canonical_name, tensor in naming.tensors(network).items():
        if "BatchNorm" not in canonical_name:
            tensors[tensor.name] = np.broadcast_to(np.float32(0), tensor.shape)
        elif canonical_name.endswith("beta"):
            scope = canonical_name.removesuffix("BatchNorm/beta")
            kernel = naming.tensors(network)[f"{scope}weights"].name
            tensors.setdefault(kernel.removesuffix("weight") + "bias", np.broadcast_to(np.float32(0), tensor.shape))
    return tensors


@pytest.mark.parametrize("name", ["torchvision/resnet18", "torchvision/resnet50"])
def test_batch_norms_that_were_folded_into_convolutions_are_named(name: str) -> None:
    """The network is that of `folded`, and its tensors are told, too."""
    with pytest.warns(ToldByStructure, match=rf"^file fits .* it holds {name} with its batch norms folded\. Which"):
        network, tensors = identify(folded(name), "file")
    assert function(network) == function(architecture(name).folded())
    assert {name: value.shape for name, value in tensors.items()} == tensor_shapes(network)


def test_batch_norms_that_were_folded_leave_a_network_that_has_none() -> None:
    with pytest.warns(ToldByStructure, match=r"^file fits .* it holds torchvision/vgg11\. Which"):
        network, _ = identify(folded("torchvision/vgg11_bn"), "file")
    assert function(network) == function(architecture("torchvision/vgg11_bn").folded())


def test_parameters_without_running_statistics_are_named() -> None:
    tensors = {name: value for name, value in of_zoo(R18).items() if "running" not in name}
    with pytest.raises(
        BadInput, match=r"parameters of .*/resnet18 alone: the running means and variances of its 20 bat"
    ):
        identify(tensors, "file")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"bn1.weight": np.zeros(64)}, id="one batch norm's tensor is there"),
        pytest.param({"conv1.bias": None}, id="a bias is missing"),
        pytest.param({"conv1.bias": np.zeros((64, 1))}, id="a bias is no vector"),
        pytest.param({"conv1.weight": None}, id="a kernel is missing"),
    ],
)
def test_what_was_not_folded_is_not_said_to_be(change: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="are not those of"):
        identify(changed(folded("torchvision/resnet18"), change), "file")
