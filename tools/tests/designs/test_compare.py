"""`compare`: what it says of designs that differ in known ways, of every field and unit."""

from dataclasses import replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from isomorph.spec import (
    Architecture,
    Block,
    Convention,
    Head,
    Initializer,
    Preprocessing,
    architecture,
    count_parameters,
    function,
    infer,
)
from isomorph.spec.preprocessing import OF_CROPS
from isomorph.tools import CompareReport, compare
from isomorph.tools.designs.field_by_field import compare_fields, strided_unit

pytestmark = pytest.mark.usefixtures("empty_folder")


def fields(report: CompareReport) -> dict[str, tuple[Any, Any, str]]:
    return {field.name: (field.first, field.second, field.affects) for field in report.fields}


def parts(report: CompareReport) -> dict[str, dict[str, tuple[Any, Any]]]:
    """The first network's scope of every part that both have -> what differs."""
    return {
        pair.first: {each.what: (each.first, each.second) for each in pair.differences}
        for pair in report.parts
        if pair.first and pair.second
    }


def lines(report: CompareReport) -> list[str]:
    """The printed lines, blanks run together."""
    return [" ".join(line.split()) for line in str(report).splitlines()]


# slim's ResNet-50 beside Keras's.


@pytest.fixture(scope="module")
def resnet_50s() -> CompareReport:
    return compare("slim/resnet_v1_50", "keras/ResNet50")


@pytest.mark.parametrize(
    "line",
    [
        "parameters 25,557,032 25,583,592",
        "running statistics 53,120 53,120",
        "MACs at 224x224 3,482,255,360 3,857,973,248",
        "last map 7x7x2048 7x7x2048",
        "output stride 32 32",
        "receptive field 483 483",
        "strided_unit last unit first unit inference",
        "bottleneck_stride conv2 conv1 inference",
        'the convolution of a bottleneck that carries its stride: "conv1", the first',
        "pool_padding same explicit inference",
        "same: TensorFlow's: ceil(size / stride) results, the odd one of the padding",
        "pool_fill lowest zero nothing",
        "convolution_bias no yes inference",
        "batch_norm_epsilon 1e-05 1.001e-05 inference",
        "batch_norm_decay 0.997 0.99 training",
        "preprocessing.channels RGB BGR images",
        "every unit bias none all",
        "pool1 padding same explicit",
        "block1/unit_3 shortcut subsampled identity",
        "strides 2 in conv2 none",
        "block2/unit_1 strides none 2 in conv1",
        "block2/unit_2 to unit_3 parameters 280,064 280,832",
        "logits 1 layer is alike",
    ],
)
def test_slim_beside_keras_prints(line: str, resnet_50s: CompareReport) -> None:
    assert line in lines(resnet_50s)


def test_slim_beside_keras_strides_in_other_units(resnet_50s: CompareReport) -> None:
    strides = {unit: differs["strides"] for unit, differs in parts(resnet_50s).items() if "strides" in differs}
    assert strides == {
        "block1/unit_3/bottleneck_v1": ("2 in conv2", "none"),
        "block2/unit_1/bottleneck_v1": ("none", "2 in conv1"),
        "block2/unit_4/bottleneck_v1": ("2 in conv2", "none"),
        "block3/unit_1/bottleneck_v1": ("none", "2 in conv1"),
        "block3/unit_6/bottleneck_v1": ("2 in conv2", "none"),
        "block4/unit_1/bottleneck_v1": ("none", "2 in conv1"),
    }


def test_the_differences_of_the_parts_add_up_to_those_of_the_totals(resnet_50s: CompareReport) -> None:
    first, second = (
        sum(differs["parameters"][side] for differs in parts(resnet_50s).values() if "parameters" in differs)
        for side in (0, 1)
    )
    trainable = [count_parameters(architecture(name))[0] for name in ("slim/resnet_v1_50", "keras/ResNet50")]
    assert second - first == trainable[1] - trainable[0] != 0


@pytest.mark.parametrize(
    ("strides", "said"),
    [
        pytest.param(((1, 2), (1, 2)), "last unit", id="the last"),
        pytest.param(((2, 1), (2, 1)), "first unit", id="the first"),
        pytest.param(((1, 2, 1), (1, 2, 1)), "unit 2", id="one between them"),
        pytest.param(((1, 2), (2, 1)), "block1/unit_2, block2/unit_1", id="another in each block"),
        pytest.param(((2,), (1, 1)), None, id="none of several"),
    ],
)
def test_the_unit_that_strides_is(strides: tuple[tuple[int, ...], ...], said: str | None) -> None:
    blocks = tuple(
        Block(f"block{number}", "basic", tuple((8, 8, stride) for stride in row))
        for number, row in enumerate(strides, start=1)
    )
    network = replace(architecture("cifar/resnet20"), blocks=blocks)
    assert strided_unit(network) == said


# Other pairs.


def test_torchvision_and_timm_differ_around_the_function_alone() -> None:
    report = compare("torchvision/resnet50", "timm/resnet50")
    assert report.same_function
    assert {name: affects for name, (_, _, affects) in fields(report).items()} == {
        "last_gamma": "training",
        "preprocessing.interpolation": "images",
    }
    assert [pair for pair in report.parts if pair.differences or pair.only] == []
    assert lines(report)[-2:] == [
        "The same function: weights of one give the same answers in the other, and differ",
        "in training or preprocessing alone.",
    ]


def test_a_plain_network_differs_in_its_shortcuts() -> None:
    report = compare("cifar/resnet20", "cifar/plain20")
    assert fields(report) == {"shortcut": ("zero_channels", "none", "inference")}
    strided = {f"block{block}/unit_1/basic_v1" for block in (2, 3)}
    assert parts(report) == {
        scope: {"shortcut": ("zero channels" if scope in strided else "identity", "none")} if "/" in scope else {}
        for scope in parts(report)
    }
    assert (report.same_tensors, report.same_function) == (True, False)
    assert "The same tensors, but another function" in str(report)


def test_a_resnext_differs_in_groups_and_widths() -> None:
    report = compare("torchvision/resnet50", "torchvision/resnext50_32x4d")
    assert fields(report) == {}
    assert parts(report)["block1/unit_2/bottleneck_v1"] == {
        "kind": ("bottleneck", "grouped_bottleneck"),
        "depths": ("64 64 256", "128 128 256"),
        "groups": ("1", "1 32"),
        "parameters": (70_400, 71_168),
        "macs": (218_365_952, 219_971_584),
    }
    assert "every unit kind bottleneck grouped_bottleneck" in lines(report)
    assert "conv1 to pool1 2 layers are alike" in lines(report)


def test_a_network_with_other_units_says_which_only_one_has() -> None:
    report = compare("torchvision/resnet18", "torchvision/resnet50")
    assert [pair.second for pair in report.parts if pair.only == "second"] == [
        f"block{block}/unit_{unit}/bottleneck_v1"
        for block, units in ((1, (3,)), (2, (3, 4)), (3, (3, 4, 5, 6)), (4, (3,)))
        for unit in units
    ]
    assert "every unit kind basic bottleneck" in lines(report)
    assert "kernels 3x3 3x3 1x1 3x3 1x1" in lines(report)
    assert "block3/unit_3 to unit_6 in one only - 4 units" in lines(report)
    assert (report.same_tensors, report.same_function) == (False, False)


def test_a_deeper_network_is_alike_up_to_where_it_goes_on() -> None:
    said = lines(compare("slim/resnet_v1_101", "slim/resnet_v1_50"))
    assert "block1/unit_1 to block3/unit_5 12 units are alike" in said
    assert "block3/unit_7 to unit_23 in one only 17 units -" in said


def test_a_block_of_one_layer_is_a_unit_that_only_one_has() -> None:
    report = compare("slim/resnet_v1_50", "slim/resnet_v2_50")
    assert [(pair.first, pair.second) for pair in report.parts if pair.only] == [(None, "postnorm")]
    assert [pair.second for pair in report.parts][-2:] == ["postnorm", "logits"]
    assert parts(report)["block1/unit_1/bottleneck_v1"]["bias"] == ("none", "shortcut conv3")


def test_layers_of_the_stem_stand_beside_one_another_by_position() -> None:
    report = compare("slim/mobilenet_v1", "keras/MobileNetV2")
    assert (report.parts[0].first, report.parts[0].second) == ("Conv2d_0", "Conv")
    assert fields(report)["stem.1.scope"] == ("Conv2d_0", "Conv", "names")
    assert lines(report).count("Conv2d_0 or Conv 1 layer is alike") == 1


def test_a_stem_may_have_more_layers() -> None:
    report = compare("cifar/resnet20", "slim/resnet_v1_50")
    assert fields(report)["stem.1.kernel"] == (3, 7, "inference")
    assert fields(report)["stem.2"][0] is None
    assert "pool1 in one only - 1 layer" in lines(report)


def test_an_architecture_beside_itself() -> None:
    report = compare("keras/ResNet50", architecture("keras/ResNet50"))
    assert report.fields == ()
    assert (report.same_function, report.same_tensors, report.exit_status) == (True, True, 0)
    assert f"All {report.fields_alike} fields of stem, head and convention are the same." in lines(report)
    assert "block1/unit_1 to block4/unit_3 16 units are alike" in lines(report)
    assert lines(report)[-1] == "The same function: weights of one give the same answers in the other."


# GoogLeNets, whose auxiliary heads are compared as units are, behind the classifier.


@pytest.fixture(scope="module")
def googlenets() -> CompareReport:
    return compare("torchvision/googlenet", "paddle/googlenet")


@pytest.mark.parametrize(
    "line",
    [
        "auxiliary.1.pool none 5 3 inference",
        "auxiliary.1.cells 4 3 inference",
        "auxiliary.2.rectified yes no inference",
        "dropout_mode upscale_in_train downscale_in_infer inference",
        "inception_kernel 3 5 inference",
        "aux1 strides none 3 in pool",
        "parameters 3,188,968 2,271,208",
    ],
)
def test_googlenets_print(line: str, googlenets: CompareReport) -> None:
    assert line in lines(googlenets)


def test_auxiliary_heads_stand_behind_the_classifier(googlenets: CompareReport) -> None:
    assert [(pair.where, pair.first, pair.second) for pair in googlenets.parts][-3:] == [
        ("head", "logits", "logits"),
        ("auxiliary", "aux1", "aux1"),
        ("auxiliary", "aux2", "aux2"),
    ]


def test_a_network_without_auxiliary_heads_lacks_them() -> None:
    report = compare("torchvision/googlenet", architecture("torchvision/googlenet", aux_logits=False))
    assert [(name, first is None, second, affects) for name, (first, second, affects) in fields(report).items()] == [
        (f"auxiliary.{number}", False, None, "inference") for number in (1, 2)
    ]
    assert [(pair.first, pair.second) for pair in report.parts if pair.only] == [("aux1", None), ("aux2", None)]
    assert "aux1 to aux2 in one only 2 heads -" in lines(report)
    assert (report.same_tensors, report.same_function) == (False, False)


# What a field affects.


def test_fields_that_neither_network_depends_on_affect_nothing() -> None:
    """Batch norms of networks that have none, bottlenecks, shortcuts."""
    report = compare("keras/VGG16", "torchvision/vgg16")
    nothing = {name for name, (*_, affects) in fields(report).items() if affects == "nothing"}
    assert nothing == {"bottleneck_stride", "batch_norm_epsilon", "batch_norm_decay", "running_variance"}
    assert "batch_norm_epsilon 1.001e-05 1e-05 nothing" in lines(report)


@pytest.mark.parametrize("swapped", [False, True], ids=["the second", "the first"])
def test_a_field_affects_what_it_does_in(swapped: bool) -> None:
    """One network has batch norms and the other none: its epsilon matters, whichever comes first."""
    pair = (architecture("torchvision/vgg11"), architecture("torchvision/vgg11_bn", batch_norm_epsilon=1e-3))
    differing, _ = compare_fields(*(reversed(pair) if swapped else pair))
    affected = {field.name: field.affects for field in differing}
    assert affected == {"batch_norm": "inference", "batch_norm_epsilon": "inference"}


def test_dropout_affects_inference_where_it_scales_it() -> None:
    for mode, affects in (("upscale_in_train", "training"), ("downscale_in_infer", "inference")):
        one = architecture("torchvision/googlenet", dropout_mode=mode)
        heads = tuple(replace(head, dropout=(0.1, 0.1)) for head in one.auxiliary)
        differing, _ = compare_fields(one, one.with_options(dropout=0.3, auxiliary=heads))
        assert {field.name: field.affects for field in differing} == dict.fromkeys(
            ("auxiliary.1.dropout", "auxiliary.2.dropout", "dropout"), affects
        )


def test_how_crops_are_rounded_is_not_compared_with_a_zoo_that_stretches() -> None:
    stretched = fields(compare("torchvision/resnet50", "keras/ResNet50"))
    assert "preprocessing.fit" in stretched
    assert (
        stretched.keys() & {"preprocessing.resize", "preprocessing.longer_side", "preprocessing.crop_offset"} == set()
    )
    assert "preprocessing.longer_side" in fields(compare("torchvision/resnet50", "slim/resnet_v1_50"))


def test_networks_that_differ_in_nothing_that_matters_are_said_to_be_the_same() -> None:
    report = compare("torchvision/vgg11", architecture("torchvision/vgg11", batch_norm_decay=0.5))
    assert [field.affects for field in report.fields] == ["nothing"]
    assert report.verdict == "The same function: weights of one give the same answers in the other."


# Options.


def test_options_are_of_both() -> None:
    options: dict[str, Any] = {"num_classes": 7, "global_pool": False, "output_stride": 16}
    report = compare("slim/resnet_v1_50", "torchvision/resnet50", size=(65, 97), **options)
    for name, side in (("slim/resnet_v1_50", report.first), ("torchvision/resnet50", report.second)):
        assert side.inference == infer(architecture(name, **options), 65, 97)
    assert parts(report)["block4/unit_1/bottleneck_v1"] == {"rate": ("2", "1")}


def test_the_size_is_the_first_ones_own() -> None:
    assert compare("cifar/resnet20", "torchvision/resnet18").second.input == (32, 32)
    assert compare("torchvision/resnet18", "cifar/resnet20").second.input == (224, 224)


def test_an_unknown_size_leaves_the_multiply_accumulates_open() -> None:
    report = compare("slim/resnet_v1_50", "keras/ResNet50", size=(None, None))
    assert "MACs at ?x? ? ?" in lines(report)
    assert "strides 2 in conv2 none" in lines(report)


# Every field.

NETWORK = architecture("torchvision/resnet50")
NESTED = [f"preprocessing.{name}" for name in Preprocessing.__dataclass_fields__]
OPTIONS = ["output_stride", "include_root_block", "in_channels", *Head.__dataclass_fields__]
FIELDS = [*OPTIONS, *(name for name in Convention.__dataclass_fields__ if name != "preprocessing"), *NESTED]

# What no ResNet-50 depends on.
MEANINGLESS = {
    "pool_fill",
    "linear_bias",
    "inception_kernel",
    "depthwise_padding",
    "dropout_mode",
    "dense_initializer",
    "convolution_bias_initializer",
}


def another(value: Any, hint: Any) -> Any:
    """A value that the field can have and does not."""
    match value:
        case _ if get_origin(hint) is Literal:
            return next(choice for choice in get_args(hint) if choice != value)
        case bool():
            return not value
        case tuple():
            return tuple(item + 1 for item in value)
        case Initializer():
            return replace(value, scale=value.scale + 1)
        case float():
            return value / 2 or 0.5
        case _:
            return (value or 15) + 1


def with_another(name: str) -> Architecture:
    """NETWORK with one of FIELDS changed."""
    option, _, nested = name.partition(".")
    owner: Any = next(
        owner
        for owner in (NETWORK, NETWORK.head, NETWORK.convention, NETWORK.convention.preprocessing)
        if hasattr(owner, nested or option)
    )
    value = another(getattr(owner, nested or option), get_type_hints(type(owner))[nested or option])
    return NETWORK.with_options(**{option: replace(owner, **{nested: value}) if nested else value})


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_that_differs_is_the_only_one_and_its_meaning_is_said(name: str) -> None:
    changed = with_another(name)
    differing, alike = compare_fields(NETWORK, changed)
    assert [field.name for field in differing] == [name]
    assert all(differing[0].meaning.splitlines())
    assert len(differing[0].meaning) > 20
    assert (differing[0].affects == "inference") == (function(changed) != function(NETWORK))
    assert (differing[0].affects == "nothing") == (name in MEANINGLESS)
    of_crops = OF_CROPS if name == "preprocessing.fit" else ()  # which are not compared with a stretch
    assert alike == compare_fields(NETWORK, NETWORK)[1] - 1 - len(of_crops)


def test_padding_is_explained_by_its_two_rules() -> None:
    changed = NETWORK.with_options(pool_padding="valid")
    rules = compare_fields(NETWORK, changed)[0][0].meaning.splitlines()
    assert [rule.partition(": ")[0] for rule in rules] == ["explicit", "valid"]
    assert all(rule.partition(": ")[2] for rule in rules)
