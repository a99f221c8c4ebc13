"""Of a file that nothing fits: which network is nearest, what of it fits, where that stands, and what to type next."""

import pickle
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isomorph.spec import BadInput, architecture
from isomorph.tools import inspect
from isomorph.tools.weights.identify import find_interpretation
from isomorph.tools.weights.structure.layers import layers_of
from isomorph.tools.weights.structure.nearest import find_nearest
from isomorph.tools.weights.told import FitsNone
from isomorph.tools.weights.weights import read_weights

from . import unlisted_networks as unlisted
from .test_structure import ALL, drawn, file_of

Shape = tuple[int, ...]


def renamed(name: str, prefix: str = "net.") -> dict[str, Shape]:
    """The tensors of a network under names that say nothing."""
    return {f"{prefix}t{number}": shape for number, shape in enumerate(dict(file_of(name).values()).values())}


def tensor_of(name: str, theirs: str, prefix: str = "net.") -> str:
    return f"{prefix}t{[own for own, _ in file_of(name).values()].index(theirs)}"


R18 = "torchvision/resnet18"


def test_what_does_not_fit_is_named_with_what_does() -> None:
    kernel = tensor_of(R18, "layer2.0.conv1.weight")
    tensors = renamed(R18) | {kernel: (128, 64, 5, 5)}
    with pytest.raises(BadInput) as caught:
        find_interpretation(drawn(tensors), "FILE")
    assert str(caught.value) == (
        "FILE fits no zoo's names, and no network here by the shapes of its tensors: the nearest under 'net.' is"
        f" {R18}, of which 101 of 102 tensors fit; {kernel} does not, and 1 of its layers is not there;"
        " `isomorph inspect FILE --toml mine.toml` writes what its layers make, if units here explain them."
    )


def test_what_is_too_much_is_named() -> None:
    tensors = renamed(R18) | {"net.extra.weight": (7, 512), "net.extra.bias": (7,)}
    nearest = find_nearest(layers_of(tensors))
    assert nearest is not None
    assert (nearest.architecture.name, nearest.lacking) == (R18, 0)
    assert nearest.misfits == (tensor_of(R18, "fc.weight"), tensor_of(R18, "fc.bias"))  # the last may be the head
    assert nearest.fitting == nearest.tensors - 2


def test_a_bias_too_many_is_a_bias() -> None:
    last = tensor_of(R18, "layer4.1.conv2.weight")
    shapes = {
        name.replace("net.t", "net.") + ".weight": shape for name, shape in renamed(R18).items() if len(shape) > 1
    }
    bias = last.replace("net.t", "net.") + ".bias"
    nearest = find_nearest(layers_of(shapes | {bias: (512,)}))
    assert nearest is not None
    assert nearest.misfits == (bias,)


def test_the_prefix_under_which_it_stands_is_found() -> None:
    changed = tensor_of("mlperf_tiny/resnet8", "conv2d_3/kernel", "a.body.")
    tensors = renamed("mlperf_tiny/resnet8", "a.body.") | {changed: (5, 5, 16, 16)} | {"a.head.weight": (9, 9)}
    nearest = find_nearest(layers_of(tensors))
    assert nearest is not None
    assert (nearest.architecture.name, nearest.prefix) == ("mlperf_tiny/resnet8", "a.body.")


@pytest.mark.parametrize("name", ALL)
def test_of_every_network_the_nearest_is_one_of_the_same_layers(name: str) -> None:
    file = dict(file_of(name).values())
    nearest = find_nearest(layers_of(file))
    assert nearest is not None
    assert (nearest.misfits, nearest.lacking) == ((), 0) or architecture(name).auxiliary
    assert nearest.fitting == len([shape for shape in file.values() if shape]) or architecture(name).auxiliary


@pytest.mark.parametrize(
    "shapes",
    [unlisted.dense_net(), unlisted.vision_transformer(), unlisted.dense("fc", 9, 9)],
    ids=["DenseNet", "ViT", "a layer"],
)
def test_what_is_like_no_network_has_none(shapes: unlisted.Shapes) -> None:
    assert find_nearest(layers_of(shapes)) is None


def test_names_that_a_zoo_has_are_not_said_to_be_unknown() -> None:
    """Although another zoo's naming, which knows names of every kind, knows more of them."""
    shapes = dict(file_of(R18).values())
    named = {name.replace("fc.", "fc.0."): shape for name, shape in shapes.items()} | {"fc.0.weight": (7, 513)}
    with pytest.raises(BadInput, match=rf"^The tensors are not those of {R18}, the nearest to FILE \(100 of its 100"):
        find_interpretation(drawn(named), "FILE")


def test_the_dictionary_that_was_looked_at_is_said_with_the_others(tmp_path: Path) -> None:
    shapes = renamed("mlperf_tiny/resnet8", "module.") | {"module.t6": (5, 5, 16, 16)}
    tensors = {name: np.ones(shape, np.float32) for name, shape in shapes.items()}
    path = tmp_path / "x.pdparams"
    path.write_bytes(pickle.dumps({"net": tensors, "head": {**tensors}}, 4))
    sentence = (
        f"{path}, of which the tensors within 'net' were looked at (--key head is another dictionary in it), fits no"
        " zoo's names, and no network here by the shapes of its tensors: the nearest under 'module.' is mlperf_tiny/"
    )
    with pytest.raises(BadInput, match=re.escape(sentence)):
        read_weights(path)
    assert str(inspect(path, values=False).problem).startswith(sentence)


# Never told as a neighbour, whatever their names are.


def without_names(shapes: unlisted.Shapes) -> unlisted.Shapes:
    return {f"t{number:05d}": shape for number, shape in enumerate(shapes.values())}


def within_a_model(shapes: unlisted.Shapes) -> unlisted.Shapes:
    return {f"model.encoder.{name}": shape for name, shape in shapes.items()} | {"model.mask": (7, 5)}


def by_letters(shapes: unlisted.Shapes) -> unlisted.Shapes:
    return {name: shapes[name] for name in sorted(shapes)}


FAMILIES = {
    "RegNetX-400MF": unlisted.regnet_x((32, 64, 160, 400), (1, 2, 7, 12), 16),
    "RegNetX-3.2GF": unlisted.regnet_x((96, 192, 432, 1008), (2, 6, 15, 2), 48),
    "SE-ResNet-50": unlisted.resnet((3, 4, 6, 3), bottleneck=True, squeeze="convolution"),
    "SE-ResNet-50 of dense layers": unlisted.resnet((3, 4, 6, 3), bottleneck=True, squeeze="dense"),
    "SE-ResNet-18": unlisted.resnet((2, 2, 2, 2), bottleneck=False, squeeze="convolution"),
    "U-Net": unlisted.u_net(),
    "DenseNet": unlisted.dense_net(),
    "a vision transformer": unlisted.vision_transformer(),
    "a pre-activation ResNet-50 without biases": unlisted.preactivated((3, 4, 6, 3)),
    "the same without a batch norm behind its units": unlisted.preactivated((3, 4, 6, 3), last_norm=False),
    "PaddleClas's ResNet-18": unlisted.resnet((2, 2, 2, 2), bottleneck=False, always_projects=True),
    "ResNet-50-D": unlisted.resnet((3, 4, 6, 3), bottleneck=True, stem=0),
}


@pytest.mark.parametrize("disguise", [dict, without_names, within_a_model, by_letters])
@pytest.mark.parametrize("shapes", FAMILIES.values(), ids=FAMILIES)
def test_a_network_that_is_not_here_is_told_as_none(
    shapes: unlisted.Shapes, disguise: Callable[[unlisted.Shapes], unlisted.Shapes]
) -> None:
    with pytest.raises(FitsNone):
        find_interpretation(drawn(disguise(shapes)), "FILE")
