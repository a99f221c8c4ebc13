"""Architectures by name, their blocks in slim's style, their options, and what is refused."""

import re
from dataclasses import fields, replace

import pytest

from isomorph.spec import (
    Architecture,
    BadInput,
    Block,
    Convention,
    Head,
    Preprocessing,
    Stem,
    StemConvolution,
    StemPool,
    architecture,
    architectures,
    infer,
    plan,
    zoo,
)
from isomorph.spec.errors import nearest
from isomorph.spec.families.vgg import vgg_blocks
from isomorph.spec.zoos import cifar, slim


def test_slims_resnet_50_is_slims_blocks() -> None:
    """resnet_v1.py, `resnet_v1_50`: (depth, depth_bottleneck, stride) per unit, the last of a block striding."""
    assert architecture("slim/resnet_v1_50").blocks == (
        Block("block1", "bottleneck", ((256, 64, 1),) * 2 + ((256, 64, 2),)),
        Block("block2", "bottleneck", ((512, 128, 1),) * 3 + ((512, 128, 2),)),
        Block("block3", "bottleneck", ((1024, 256, 1),) * 5 + ((1024, 256, 2),)),
        Block("block4", "bottleneck", ((2048, 512, 1),) * 3),
    )


@pytest.mark.parametrize(
    "name", ["torchvision/resnet50", "paddle/resnet50", "keras/ResNet50", "timm/resnet50", "transformers/resnet-50"]
)
def test_a_resnet_50_strides_in_the_first_unit_of_a_block(name: str) -> None:
    assert architecture(name).blocks == (
        Block("block1", "bottleneck", ((256, 64, 1),) * 3),
        Block("block2", "bottleneck", ((512, 128, 2),) + ((512, 128, 1),) * 3),
        Block("block3", "bottleneck", ((1024, 256, 2),) + ((1024, 256, 1),) * 5),
        Block("block4", "bottleneck", ((2048, 512, 2),) + ((2048, 512, 1),) * 2),
    )


@pytest.mark.parametrize(
    "name", ["torchvision/googlenet", "tutorial/googlenet", "paddle/googlenet", "slim/inception_v1"]
)
def test_a_googlenets_stem_is_table_1s(name: str) -> None:
    stem = architecture(name).stem.layers
    assert [(type(layer), layer.kernel, layer.stride) for layer in stem] == [
        (StemConvolution, 7, 2),
        (StemPool, 3, 2),
        (StemConvolution, 1, 1),
        (StemConvolution, 3, 1),
        (StemPool, 3, 2),
    ]
    assert [layer.depth for layer in stem if isinstance(layer, StemConvolution)] == [64, 64, 192]


@pytest.mark.parametrize(("width", "last"), [(0.35, 1280), (1.0, 1280), (1.4, 1792), (4.0, 5120)])
def test_mobilenet_v2s_last_convolution_widens_but_never_narrows(width: float, last: int) -> None:
    """1,280 channels by Sandler et al. (2018), table 2; section 6.1.1: multipliers below 1 leave them as they are."""
    assert zoo("keras").widths["MobileNetV2"].build(width).blocks[-1].args == ((last, 1, 1),)


def test_a_notebook_shows_stem_blocks_head_and_convention() -> None:
    html = architecture("cifar/resnet20")._repr_html_()
    assert html.startswith("<table><caption>cifar/resnet20</caption><tr><th>")
    rows = dict(re.findall(r"<tr><th>(.*?)</th><td>(.*?)</td></tr>", html))
    head, convention = ([field.name for field in fields(each)] for each in (Head, Convention))
    assert list(rows) == ["conv1", "block1", "block2", "block3", *head, *convention]
    assert rows["conv1"].startswith("StemConvolution(scope=&#x27;conv1&#x27;, depth=16, kernel=3")
    assert rows["block2"] == "basic 1 x (32, 32, 2), 2 x (32, 32, 1)"
    assert (rows["num_classes"], rows["batch_norm_epsilon"]) == ("10", "1e-05")


@pytest.mark.parametrize("name", ["timm/resnet26", "transformers/resnet-26"])
def test_resnet_26_has_two_bottlenecks_in_each_block(name: str) -> None:
    assert architecture(name).blocks == (
        Block("block1", "bottleneck", ((256, 64, 1),) * 2),
        Block("block2", "bottleneck", ((512, 128, 2), (512, 128, 1))),
        Block("block3", "bottleneck", ((1024, 256, 2), (1024, 256, 1))),
        Block("block4", "bottleneck", ((2048, 512, 2), (2048, 512, 1))),
    )


def test_the_cifar_resnet_20_is_the_papers() -> None:
    assert architecture("cifar/resnet20").blocks == (
        Block("block1", "basic", ((16, 16, 1),) * 3),
        Block("block2", "basic", ((32, 32, 2),) + ((32, 32, 1),) * 2),
        Block("block3", "basic", ((64, 64, 2),) + ((64, 64, 1),) * 2),
    )


@pytest.mark.parametrize("depth", [20, 32, 44, 56, 110, 1202])
def test_a_cifar_network_is_as_deep_as_its_name_says(depth: int) -> None:
    planned = plan(cifar.resnet(depth))
    assert len([convolution for convolution in planned.parametrised if "shortcut" not in convolution.scope]) == depth


@pytest.mark.parametrize("name", architectures())
def test_a_name_finds_its_architecture(name: str) -> None:
    assert architecture(name).name == name
    assert zoo(name.partition("/")[0]).networks[name.partition("/")[2]] == architecture(name)


def test_options_change_what_they_name_and_nothing_else() -> None:
    nominal = architecture("slim/resnet_v1_50")
    changed = nominal.with_options(num_classes=5, global_pool=False, output_stride=8, bottleneck_stride="conv1")
    assert changed.head == Head(num_classes=5, global_pool=False)
    assert changed.output_stride == 8
    assert changed.convention.bottleneck_stride == "conv1"
    undone = changed.with_options(num_classes=1000, global_pool=True, output_stride=None, bottleneck_stride="conv2")
    assert undone == nominal != changed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_class": 5}, r"^slim/resnet_v1_50 has no option 'num_class'; it has .*\bnum_classes, output_stride"),
        (
            {"replace_stride_with_dilation": (0, 1, 1)},
            "^slim/resnet_v1_50 has no option 'replace_stride_with_dilation'",
        ),
        ({"blocks": ()}, "^slim/resnet_v1_50 has no option 'blocks'"),
        ({"num_classes": 0}, "^num_classes of slim/resnet_v1_50 is 0, expected a positive integer or none.$"),
        ({"num_classes": 2.5}, "^num_classes of slim/resnet_v1_50 is 2.5, expected a positive integer or none.$"),
        ({"num_classes": "10"}, "^num_classes of slim/resnet_v1_50 is '10', expected a positive integer or none.$"),
        ({"num_classes": True}, "^num_classes of slim/resnet_v1_50 is True, expected a positive integer or none.$"),
        (
            {"num_classes": 10**9},
            "^num_classes of .* is 1000000000, expected a positive integer of at most 1,048,576 or none.$",
        ),
        (
            {"in_channels": (1 << 20) + 1},
            "^in_channels of .* is 1048577, expected a positive integer of at most 1,048,576.$",
        ),
        (
            {"output_stride": 1 << 40},
            "^output_stride of .* is 1099511627776, expected a positive integer of at most 1,048,576 or none.$",
        ),
        ({"in_channels": None}, "^in_channels of slim/resnet_v1_50 is None, expected a positive integer.$"),
        ({"global_pool": "no"}, "^global_pool of slim/resnet_v1_50 is 'no', expected true or false.$"),
        (
            {"pool_padding": "SAME"},
            "^pool_padding of slim/resnet_v1_50 is 'SAME', expected explicit or same or ceil or valid.$",
        ),
        (
            {"bottleneck_stride": "conv3"},
            "^bottleneck_stride of slim/resnet_v1_50 is 'conv3', expected conv1 or conv2.$",
        ),
        ({"in_channels": -3}, "^in_channels of slim/resnet_v1_50 is -3, expected a positive integer.$"),
        ({"pool_fill": 0}, "^pool_fill of slim/resnet_v1_50 is 0, expected lowest or zero.$"),
        ({"batch_norm": None}, "^batch_norm of slim/resnet_v1_50 is None, expected true or false.$"),
        ({"last_gamma": "zero"}, "^last_gamma of slim/resnet_v1_50 is 'zero', expected a number.$"),
        ({"last_gamma": float("nan")}, "^last_gamma of slim/resnet_v1_50 is nan, expected a number.$"),
        (
            {"preprocessing": Preprocessing(fit="pad")},  # type: ignore[arg-type]
            "^fit of slim/resnet_v1_50 is 'pad', expected crop or stretch.$",
        ),
        (
            {"preprocessing": Preprocessing(size=(224, 0))},
            "^size of slim/resnet_v1_50 is 0, expected a positive integer.$",
        ),
        (
            {"preprocessing": Preprocessing(size=(224,))},  # type: ignore[arg-type]
            r"^size of slim/resnet_v1_50 is \(224,\), expected a list of 2.$",
        ),
        (
            {"preprocessing": Preprocessing(central_fraction=0.0)},
            "^central_fraction of slim/resnet_v1_50 is 0.0, expected a number above 0 and up to 1.$",
        ),
        (
            {"preprocessing": Preprocessing(central_fraction=1.5)},
            "^central_fraction of slim/resnet_v1_50 is 1.5, expected a number above 0 and up to 1.$",
        ),
        (
            {"preprocessing": Preprocessing(std=(1.0, 0.0, 1.0))},
            "^std of slim/resnet_v1_50 is 0.0, expected numbers above 0.$",
        ),
        (
            {"preprocessing": Preprocessing(std=(1.0, 1.0, -2.0))},
            "^std of slim/resnet_v1_50 is -2.0, expected numbers above 0.$",
        ),
        (
            {"preprocessing": Preprocessing(std=(float("nan"), 1.0, 1.0))},
            "^std of slim/resnet_v1_50 is nan, expected a number.$",
        ),
        (
            {"preprocessing": Preprocessing(mean=(float("inf"), 1.0, 1.0))},
            "^mean of slim/resnet_v1_50 is inf, expected a number.$",
        ),
        (
            {"preprocessing": Preprocessing(resampler="cv2")},  # type: ignore[arg-type]
            "^resampler of slim/resnet_v1_50 is 'cv2', expected pillow or opencv or tensorflow1.$",
        ),
        ({"output_stride": 0}, "^output_stride of slim/resnet_v1_50 is 0, expected a positive integer or none.$"),
    ],
    ids=[
        "a misspelt one",
        "another zoo's",
        "a part of the design",
        "no classes",
        "half a class",
        "classes as text",
        "classes as a truth value",
        "more classes than are taken",
        "a channel more than is taken",
        "an output stride beyond all maps",
        "no channels",
        "a pool of yes and no",
        "TensorFlow's spelling",
        "a convolution that does not stride",
        "negative channels",
        "a number for a filling",
        "a batch norm of neither yes nor no",
        "a gamma as text",
        "a gamma that is no number",
        "a fit that there is not",
        "photographs without columns",
        "photographs of one side",
        "nothing of a photograph",
        "more than a photograph",
        "a deviation of zero",
        "a deviation below zero",
        "a deviation that is no number",
        "an infinite mean",
        "a resampler that there is not",
        "no output stride",
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        architecture("slim/resnet_v1_50", **options)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("torchvision/resnet5O", "torchvision/resnet50"),
        ("torchvision/ResNet50", "torchvision/resnet50"),
        ("keras/resnet50", "keras/ResNet50"),
        ("transformers/resnet50", "transformers/resnet-50"),
        ("slim/resnet_50", "slim/resnet_v1_50"),
        ("resnet_v1_101", "slim/resnet_v1_101"),
        ("cifar/resnet21", "cifar/resnet20"),
        ("pytorch/resnet34", "torchvision/resnet34"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_ones(name: str, meant: str) -> None:
    with pytest.raises(BadInput, match=rf"^There is no architecture '{name}'; did you mean .*\b{meant}\b.*\?$"):
        architecture(name)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("pytorch/resnet34", ["torchvision/resnet34", "timm/resnet34", "transformers/resnet-34", "resnet34"]),
        ("ResNet34", ["resnet34", "torchvision/resnet34", "timm/resnet34", "transformers/resnet-34"]),
        ("resnet50", ["resnet34", "keras/ResNet50", "timm/resnet34"]),
    ],
)
def test_behind_what_looks_most_alike_comes_what_is_called_so_in_some_zoo(word: str, meant: list[str]) -> None:
    known = ["torchvision/resnet34", "timm/resnet34", "keras/ResNet50", "transformers/resnet-34", "resnet34"]
    assert nearest(word, known) == meant


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"batch_norm_decay": 1.01}, "a number from 0 to 1"),
        ({"batch_norm_decay": -0.01}, "a number from 0 to 1"),
        ({"batch_norm_epsilon": -0.01}, "a number from 0 on"),
        ({"dropout": 1.0}, "a number from 0 to below 1"),
        ({"dropout": -0.01}, "a number from 0 to below 1"),
    ],
    ids=str,
)
def test_a_number_out_of_its_range_is_refused(options: dict[str, float], expected: str) -> None:
    with pytest.raises(BadInput, match=rf"^{next(iter(options))} of slim/resnet_v1_50 is .*, expected {expected}\.$"):
        architecture("slim/resnet_v1_50", **options)


@pytest.mark.parametrize(
    "options",
    [{"batch_norm_decay": 0.0}, {"batch_norm_decay": 1.0}, {"batch_norm_epsilon": 0.0}, {"dropout": 0.0}],
    ids=str,
)
def test_the_ends_of_a_range_are_in_it(options: dict[str, float]) -> None:
    assert architecture("slim/resnet_v1_50", **options)


@pytest.mark.parametrize("name", ["", "zebra", "/"])
def test_a_name_near_to_none_is_answered_with_where_to_look(name: str) -> None:
    with pytest.raises(BadInput, match=f"^There is no architecture '{name}'; `isomorph list` shows all.$"):
        architecture(name)


def test_an_unknown_zoo_is_answered_with_all_zoos() -> None:
    with pytest.raises(BadInput, match=r"^There is no zoo 'slom'; there are .*\bslim\b.*\.$"):
        zoo("slom")


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (
            Block("block1", "butterfly", ((4, 1, 1),)),
            "^There is no unit kind 'butterfly'; there are .*basic.*bottleneck",
        ),
        (Block("block1", "basic", ()), "^block1 has no units; a Block has at least one.$"),
        (
            Block("block1", "basic", ((4, 1, 1), (4, 1))),
            r"^Unit 2 of block1 is \(4, 1\); a basic unit is \(depth, depth_bottleneck, stride\), positive integers.$",
        ),
        (Block("block1", "bottleneck", ((4, 1, 0),)), r"^Unit 1 of block1 is \(4, 1, 0\)"),
        (Block("block1", "bottleneck", ((4, 1, 0.5),)), r"^Unit 1 of block1 is \(4, 1, 0.5\)"),  # type: ignore[arg-type]
    ],
    ids=["unknown kind", "no units", "a number short", "stride 0", "half a stride"],
)
def test_a_block_that_is_not_well_formed_is_refused(block: Block, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        plan(Architecture("mine/net", Stem(()), (block,), convention=slim.CONVENTION))


def test_zero_channels_cannot_make_a_map_narrower() -> None:
    widening = Architecture(
        "mine/net", cifar.STEM, (Block("block1", "basic", ((17, 4, 1),)),), convention=cifar.CONVENTION
    )
    assert plan(widening).depth == 17
    narrowing = replace(widening, blocks=(Block("block1", "basic", ((15, 4, 1),)),))
    with pytest.raises(BadInput, match=r"^block1/unit_1/basic_v1/shortcut has 16 channels to make 15 of"):
        plan(narrowing)


def test_a_unit_knows_what_it_is_given() -> None:
    units = list(plan(architecture("torchvision/resnet50", output_stride=16)).units)
    assert [(unit.depth_in, unit.depth, unit.nominal_stride, unit.sampling.stride) for unit in units[12:15]] == [
        (1024, 1024, 1, 1),
        (1024, 2048, 2, 1),
        (2048, 2048, 1, 1),
    ]


def test_a_vggs_blocks_and_pools_are_numbered_from_one() -> None:
    """Simonyan and Zisserman (2015), table 1, column D, under slim's names (nets/vgg.py, `vgg_16`)."""
    named = [(block.scope, block.unit, block.args) for block in vgg_blocks(16)]
    assert named == [
        ("block1", "convolution", ((64, 3, 1),) * 2),
        ("pool1", "max_pool", ((2, 2),)),
        ("block2", "convolution", ((128, 3, 1),) * 2),
        ("pool2", "max_pool", ((2, 2),)),
        ("block3", "convolution", ((256, 3, 1),) * 3),
        ("pool3", "max_pool", ((2, 2),)),
        ("block4", "convolution", ((512, 3, 1),) * 3),
        ("pool4", "max_pool", ((2, 2),)),
        ("block5", "convolution", ((512, 3, 1),) * 3),
        ("pool5", "max_pool", ((2, 2),)),
        ("fc6", "dense", ((4096, 7),)),
        ("fc7", "dense", ((4096, 1),)),
    ]


@pytest.mark.parametrize("width", [0, -0.5, 64.5, True, "2"], ids=str)
def test_a_width_that_cannot_be_is_refused(width: object) -> None:
    with pytest.raises(
        BadInput, match=r"^The width multiplier of keras/MobileNet is .*; expected a number above 0 and up"
    ):
        architecture("keras/MobileNet", width_multiplier=width)


def test_the_widest_network_is_64_times_as_wide() -> None:
    widest = architecture("keras/MobileNet", width_multiplier=64)
    assert plan(widest).stem[0].depth == 64 * 32


# Of any image torchvision's (vgg.py, `avgpool`) and Paddle's give their dense layers 7x7 cells; Keras's takes 224x224.
@pytest.mark.parametrize("name", [name for name in architectures() if "vgg" in name.lower()])
def test_a_vgg_takes_images_of_any_size_unless_it_is_kerass(name: str) -> None:
    blocks = [block.scope for block in plan(architecture(name)).blocks]
    assert ("adaptive_pool" in blocks) == (name != "keras/VGG16")


def test_mlperf_tinys_resnet_8_halves_the_map_twice() -> None:
    """keras_model.py: the second and the third stack stride by 2; 12.5 million multiply-accumulates."""
    found = infer(architecture("mlperf_tiny/resnet8"), 32, 32)
    shapes = found.shapes(1)
    assert [shapes[f"block{number}"] for number in (1, 2, 3)] == [(1, 32, 32, 16), (1, 16, 16, 32), (1, 8, 8, 64)]
    assert found.macs == 12_501_632
