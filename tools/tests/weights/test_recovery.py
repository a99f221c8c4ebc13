"""Networks come back from the shapes of their tensors, whether a zoo lists them or not; or the layer is named."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isomorph.spec import Architecture, BadInput, architecture, architectures, plan, zoo
from isomorph.spec.layers import Convolution, Parametrised
from isomorph.spec.tensors import split
from isomorph.spec.toml.document import read_toml
from isomorph.tools import inspect
from isomorph.tools.checkpoints import write_safetensors
from isomorph.tools.weights.by_structure import interpret_by_structure
from isomorph.tools.weights.identify import find_interpretation
from isomorph.tools.weights.recovery.document import to_annotated_toml
from isomorph.tools.weights.recovery.recover import recover
from isomorph.tools.weights.told import ToldByStructure
from isomorph.tools.weights.weights import read_weights

from ..command import isomorph
from . import unlisted_networks as unlisted
from .test_structure import all_renamed, drawn, file_of

INCEPTIONS = {
    "slim/inception_v1": "InceptionV1/Mixed_3b/Branch_1/Conv2d_0a_1x1 (1x1, 192 to 96), number 5 of 57",
    "paddle/googlenet": "_fc_o1 (dense, 1152 to 1024, with a bias) is a dense layer before the last convolution",
    "torchvision/googlenet": "aux1.fc1 (dense, 2048 to 1024, with a bias) is a dense layer before the last",
    "tutorial/googlenet": "aux1.fc1 (dense, 2048 to 1024, with a bias) is a dense layer before the last",
}

QUICK = {
    "cifar/resnet20",
    "cifar/wide_resnet40_1",
    "d2l/resnet18",
    "keras/ResNet50V2",
    "mlperf_tiny/resnet8",
    "paddle/LeNet",
    "paddle/mobilenet_v2",
    "slim/mobilenet_v1",
    "torchvision/resnext50_32x4d",
    "torchvision/vgg11_bn",
}
"""Of every grammar and every place of biases and batch norms one; the others differ from these in numbers."""

LISTED = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.thorough)
    for name in architectures()
    if name not in INCEPTIONS
]

# No file tells padding, nor whether an activation follows a dense layer.
ALIKE = {"valid_convolution": "convolution", "linear": "dense"}


def layers_of(network: Architecture) -> list[Any]:
    """All of a plan that is not assumed: kinds of units, and the tensors of their layers, in order."""

    def told(layer: Parametrised) -> Any:
        norm = isinstance(layer, Convolution) and not layer.batch_norm
        fields = (layer.depth, None if norm else layer.gamma is not None)
        if isinstance(layer, Convolution):
            return (*fields, layer.kernel, layer.depth_in, layer.groups, layer.bias)
        return fields

    planned = plan(network)
    parts = [("stem", tuple(told(layer) for layer in planned.stem if isinstance(layer, Parametrised)))]
    for unit in planned.units:
        if unit.parametrised:
            parts.append((ALIKE.get(unit.kind, unit.kind), tuple(map(told, unit.parametrised))))
    return [*parts, planned.logits and told(planned.logits)]


@pytest.mark.parametrize("name", LISTED)
def test_a_network_comes_back_but_for_what_is_assumed(name: str) -> None:
    recovered = recover(dict(file_of(name).values()), "mine/network")
    assert recovered.architecture.name == "mine/network"
    assert layers_of(recovered.architecture) == layers_of(architecture(name))


@pytest.mark.parametrize("name", sorted(QUICK))
def test_names_are_not_needed(name: str) -> None:
    shapes = dict(file_of(name).values())
    renamed = {new: shapes[old] for old, new in all_renamed(list(shapes)).items()}
    assert layers_of(recover(renamed).architecture) in [
        layers_of(architecture(name)),
        *([layers_of(architecture("cifar/plain20"))] if name == "cifar/resnet20" else []),
    ]


@pytest.mark.parametrize("name", LISTED)
def test_letters_may_have_sorted_the_file(name: str) -> None:
    shapes = dict(file_of(name).values())
    by_letters = {key: shapes[key] for key in sorted(shapes)}
    if name == "keras/MobileNetV2":  # whose last convolution is called as its first
        with pytest.raises(BadInput, match=r"^Conv_1 \(1x1, 320 to 1280\)"):
            recover(by_letters)
    else:
        assert layers_of(recover(by_letters).architecture) == layers_of(architecture(name))


@pytest.mark.parametrize("name", sorted(QUICK))
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"num_classes": 7, "in_channels": 1}, id="of grey images"),
        pytest.param({"convolution_bias": False}, id="without biases"),
        pytest.param({"batch_norm": False, "convolution_bias": True}, id="folded"),
    ],
)
def test_biases_and_batch_norms_are_told(name: str, options: dict[str, Any]) -> None:
    network = architecture(name, **options)
    tensors = zoo(name.partition("/")[0]).naming.tensors(network)
    order = {canonical: place for place, canonical in enumerate(file_of(name))}
    in_file = sorted(tensors, key=lambda canonical: order.get(canonical, order.get(_kernel_of(canonical), 0)))
    assert layers_of(recover({tensors[key].name: tensors[key].shape for key in in_file}).architecture) == layers_of(
        network
    )


def _kernel_of(canonical: str) -> str:
    scope, _ = split(canonical)
    return f"{scope}/weights"


@pytest.mark.parametrize("name", INCEPTIONS)
def test_an_inception_is_refused_by_a_layer(name: str) -> None:
    with pytest.raises(BadInput, match=f"^{re.escape(INCEPTIONS[name])}"):
        recover(dict(file_of(name).values()))


# Networks that no zoo lists.


def run(numbers: tuple[int, ...], times: int) -> list[tuple[int, ...]]:
    return [numbers] * times


UNLISTED = {
    "bottlenecks, one in each block": (
        unlisted.resnet((1, 1, 1, 1), bottleneck=True),
        "bottleneck",
        [[(256, 64)], [(512, 128)], [(1024, 256)], [(2048, 512)]],
    ),
    "ResNet-50-D, of a stem of three 3x3": (
        unlisted.resnet((3, 4, 6, 3), bottleneck=True, stem=0),
        "bottleneck",
        [run((256, 64), 3), run((512, 128), 4), run((1024, 256), 6), run((2048, 512), 3)],
    ),
    "a ResNeXt of 16 groups of 6": (
        unlisted.resnet((3, 4, 6, 3), bottleneck=True, groups=16, group_width=6),
        "grouped_bottleneck",
        [run((256, 96, 16), 3), run((512, 192, 16), 4), run((1024, 384, 16), 6), run((2048, 768, 16), 3)],
    ),
    "a slim ResNet-18": (
        unlisted.resnet((2, 2, 2, 2), bottleneck=False, widths=(24, 48, 96, 192), stem=3),
        "basic",
        [run((24, 24), 2), run((48, 48), 2), run((96, 96), 2), run((192, 192), 2)],
    ),
    "WRN-16-4": (
        unlisted.wide_resnet(16, 4),
        "basic_v2",
        [run((64, 64), 2), run((128, 128), 2), run((256, 256), 2)],
    ),
    "WRN-10-3": (unlisted.wide_resnet(10, 3), "basic_v2", [[(48, 48)], [(96, 96)], [(192, 192)]]),
    "a pre-activation ResNet-50 without biases": (
        unlisted.preactivated((3, 4, 6, 3)),
        "bottleneck_v2",
        [run((256, 64), 3), run((512, 128), 4), run((1024, 256), 6), run((2048, 512), 3)],
    ),
    "the same without a batch norm behind its units": (
        unlisted.preactivated((1, 1, 1, 1), last_norm=False),
        "bottleneck_v2",
        [[(256, 64)], [(512, 128)], [(1024, 256)], [(2048, 512)]],
    ),
}


@pytest.mark.parametrize(("shapes", "kind", "units"), UNLISTED.values(), ids=UNLISTED)
def test_a_network_that_no_zoo_lists_is_recovered(
    shapes: unlisted.Shapes, kind: str, units: list[list[tuple[int, ...]]]
) -> None:
    network = recover(shapes).architecture
    blocks = [block for block in network.blocks if block.unit != "batch_norm"]
    assert {block.unit for block in blocks} == {kind}
    without_strides = [[(*args[:2], *args[3:]) for args in block.args] for block in blocks]
    assert without_strides == units
    assert network.head.num_classes == 10


@pytest.mark.parametrize(("shapes", "kind", "units"), UNLISTED.values(), ids=UNLISTED)
def test_it_is_not_told_as_a_neighbour(shapes: unlisted.Shapes, kind: str, units: object) -> None:
    assert interpret_by_structure(drawn(shapes)) == []


REFUSED = {
    "RegNetX-400MF": (
        unlisted.regnet_x((32, 64, 160, 400), (1, 2, 7, 12), 16),
        "trunk_output.block1.block1-0.proj.0 (1x1, 32 to 32) is a projection between equal depths;",
    ),
    "PaddleClas's ResNet-18, which projects in its first block": (
        unlisted.resnet((2, 2, 2, 2), bottleneck=False, always_projects=True),
        "layer1.0.downsample.0 (1x1, 64 to 64) is a projection between equal depths;",
    ),
    "SE-ResNet-50": (
        unlisted.resnet((3, 4, 6, 3), bottleneck=True, squeeze="convolution"),
        "layer1.0.se.fc1 (1x1, 256 to 16, with a bias) has a bias and no batch norm, among convolutions that have one",
    ),
    "SE-ResNet-18 of dense layers": (
        unlisted.resnet((2, 2, 2, 2), bottleneck=False, squeeze="dense"),
        "layer1.0.se.fc.0 (dense, 64 to 4, with a bias) is a dense layer before the last convolution,",
    ),
    "U-Net": (
        unlisted.u_net(),
        "up0.up.bias is no bias of up0.up (2x2, 512 to 1024): that is no convolution, but perhaps a transposed one.",
    ),
    "DenseNet": (
        unlisted.dense_net(),
        "features.denseblock1.denselayer2.conv1 (1x1, 96 to 128), number 4 of 13 convolutions, is part of no unit",
    ),
    "a vision transformer": (
        unlisted.vision_transformer(),
        "class_token belongs to no convolution, dense layer or batch norm.",
    ),
    "parameters without statistics": (
        {name: shape for name, shape in unlisted.wide_resnet(10, 3).items() if "running" not in name},
        "The running statistics of the batch norms are missing.",
    ),
    "dense layers alone": (unlisted.dense("fc1", 784, 100) | unlisted.dense("fc2", 100, 10), "There is no convolution"),
    "a classifier that reads something else": (
        unlisted.resnet((2, 2, 2, 2), bottleneck=False, stem=3) | unlisted.dense("fc", 513, 10),
        "fc (dense, 513 to 10, with a bias) reads 513 values;",
    ),
    "more kernels than any network has": (
        {f"c{number}.weight": (8, 8, 3, 3) for number in range(200_000)},
        "There are 200,000 kernels; 2,500 are the most of a network here.",
    ),
    "more vectors than any network has": (
        {f"c{number}.weight": (8,) for number in range(200_000)},
        "There are 200,000 tensors; no network here has as many.",
    ),
    "a bias in one convolution": (
        {"layer2.0.conv1.bias": (128,)} | unlisted.resnet((2, 2, 2, 2), bottleneck=False, stem=3),
        "layer2.0.conv1 (3x3, 64 to 128, with a bias) has a bias, unlike the other layers of its kind.",
    ),
}


@pytest.mark.parametrize(("shapes", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_is_of_no_unit_here_is_named(shapes: unlisted.Shapes, sentence: str) -> None:
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}"):
        recover(shapes)


@pytest.mark.parametrize(("shapes", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_not_told_as_a_neighbour(shapes: unlisted.Shapes, sentence: str) -> None:
    assert interpret_by_structure(drawn(shapes)) == []


# As people meet it.


def file_with(shapes: unlisted.Shapes, path: Path) -> Path:
    """A file of float32 tensors, all different but the running statistics, which are a new network's."""
    random = np.random.default_rng(0)
    fresh = {"running_mean": 0.0, "running_var": 1.0}
    tensors = {name: random.uniform(0.5, 1.5, shape).astype(np.float32) for name, shape in shapes.items()}
    for name, value in tensors.items():
        value[...] = fresh.get(name.rpartition(".")[2], value)
    write_safetensors(path, tensors, {})
    return path


def test_what_no_file_tells_is_marked() -> None:
    recovered = recover(unlisted.wide_resnet(10, 3))
    text = to_annotated_toml(recovered, "wide.pth")
    assert read_toml(text) == recovered.architecture
    lines = [line for line in text.splitlines() if line.startswith(tuple("abcdefghijklmnopqrstuvwxyz["))]
    sure = [line.partition(" = ")[0] for line in lines if "# assumed" not in line and "; assumed: " not in line]
    of_blocks = ["[[blocks]]", "scope", "unit"]
    top = (
        sure[: sure.index("[convention.convolution_initializer]")]
        if "[convention.convolution_initializer]" in sure
        else sure
    )
    assert top[: 4 + 5 + 3 * 3] == [
        *("name", "in_channels", "output_stride", "include_root_block"),
        *("[[stem]]", "convolution", "depth", "kernel", "linear"),
        *of_blocks * 3,
    ]
    told = ["convolution_bias", "linear_bias", "batch_norm", "batch_norm_gamma"]
    assert [name for name in top if name in told or name.endswith("epsilon")] == told
    assert "num_classes" in top
    assert "shortcut" in top


def test_inspect_says_what_it_recovered_and_writes_it(tmp_path: Path) -> None:
    path, toml = file_with(unlisted.wide_resnet(10, 3), tmp_path / "wide net.safetensors"), tmp_path / "mine.toml"
    done = isomorph("inspect", str(path), "--toml", str(toml))
    assert done.returncode == 0
    words = " ".join(done.stdout.split())
    assert "recovered mine/wide_net, whose layers are exactly the file's" in words
    assert "blocks 1 basic v2 to 48, 1 basic v2 to 96, 1 basic v2 to 192, 1 batch norm to 192" in words
    assert "assumed as in cifar/wide_resnet" in words
    assert read_toml(toml.read_text()) == inspect(path).recovered.architecture  # type: ignore[union-attr]
    again = isomorph("inspect", str(path), "--toml", str(toml))
    assert (again.returncode, "--force replaces it" in again.stderr) == (2, True)


def test_a_file_is_read_with_the_network_that_was_recovered_from_it(tmp_path: Path) -> None:
    shapes = unlisted.resnet((1, 1, 1, 1), bottleneck=True, widths=(4, 8, 16, 32), shortcut="skip")
    path = file_with(shapes, tmp_path / "r.safetensors")
    toml = tmp_path / "mine.toml"
    toml.write_text(inspect(path).to_toml())
    with pytest.warns(ToldByStructure, match="it holds mine/r. Which tensor is which is told"):
        weights = read_weights(path, str(toml))
    names = {canonical: each.name for canonical, each in weights.interpretation.expected.items()}
    assert names["block2/unit_1/bottleneck_v1/conv2/weights"] == "layer2.0.conv2.weight"
    assert names["block2/unit_1/bottleneck_v1/shortcut/weights"] == "layer2.0.skip.0.weight"
    assert names["block2/unit_1/bottleneck_v1/shortcut/BatchNorm/gamma"] == "layer2.0.skip.1.weight"


def test_nothing_is_written_where_nothing_is_recovered(tmp_path: Path) -> None:
    path, toml = file_with(unlisted.dense_net(), tmp_path / "dense.safetensors"), tmp_path / "mine.toml"
    done = isomorph("inspect", str(path), "--toml", str(toml))
    assert done.returncode == 2
    assert "No network of" in done.stderr and "features.denseblock1.denselayer2.conv1" in " ".join(done.stderr.split())
    assert not toml.exists()
    assert "recovered no: features.denseblock1" in " ".join(isomorph("inspect", str(path)).stdout.split())


def test_a_known_network_is_written_as_one_to_edit(tmp_path: Path) -> None:
    shapes = dict(file_of("mlperf_tiny/resnet8").values())
    report = inspect(file_with(shapes, tmp_path / "known.safetensors"))
    assert read_toml(report.to_toml()).blocks == architecture("mlperf_tiny/resnet8").blocks


# CIFAR's ResNet-18, which people save under torchvision's names or kuangliu's.


def test_a_resnet_18_behind_a_small_stem_is_told_under_torchvisions_names() -> None:
    shapes = unlisted.resnet((2, 2, 2, 2), bottleneck=False, stem=3)
    (interpretation,) = interpret_by_structure(drawn(shapes))
    assert interpretation.architecture == architecture("cifar/resnet18")
    assert interpretation.expected["block2/unit_1/basic_v1/shortcut/weights"].name == "layer2.0.downsample.0.weight"


def test_and_by_its_own_names() -> None:
    shapes = unlisted.resnet((2, 2, 2, 2), bottleneck=False, stem=3, shortcut="shortcut")
    renamed = {name.replace("fc.", "linear."): shape for name, shape in shapes.items()}
    interpretation = find_interpretation(drawn(renamed), "FILE")
    assert (interpretation.title, interpretation.form) == ("cifar/resnet18", "cifar")
