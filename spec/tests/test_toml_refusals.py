"""Architectures as TOML: what a person gets wrong is told with the file, its line and the field."""

import pytest

from isomorph.spec import BadInput
from isomorph.spec.toml.document import read_toml

from .toml_texts import HEAD, TINY, TRANSFORM

# A text's lines are counted with what is in front of TINY or behind its 15 lines.

REFUSED = {
    "no TOML": ("a = = 1", "x.toml cannot be read as TOML: Invalid value (at line 1, column 5)."),
    "a text that ends too early": ("[[stem", "x.toml cannot be read as TOML: Expected ']]'"),
    "a key that comes twice": (
        "in_channels = 3\nin_channels = 4\n",
        "x.toml cannot be read as TOML: Cannot overwrite a value (at line 2, column ",
    ),
    "deep nesting": ("a = " + "[" * 100_000, "x.toml cannot be read as TOML: "),
    "a number beyond Python's own limit": ("in_channels = " + "9" * 5000, "x.toml cannot be read as TOML: Exceeds the"),
    "a key of many parts": ("\n[a" + ".a" * 30_000 + "]", "x.toml, line 2: a name of more than 8 parts means nothing"),
    "no units": ("", "x.toml: there are no units; a network has at least one [[blocks]]."),
    "an unknown key": (
        "in_chanels = 3\n" + TINY,
        'x.toml, line 1: a network has no field "in_chanels"; did you mean in_channels?',
    ),
    "an unknown table": (TINY + "[hed]", 'x.toml, line 15: a network has no field "hed"; did you mean head?'),
    "a key far from all": (
        TINY + "[head]\nxyz = 1",
        'x.toml, line 16: [head] has no field "xyz"; it has num_classes, global_pool, dropout.',
    ),
    "an unknown key of a stem": (
        TINY.replace("stride", "strid"),
        'x.toml, line 9: [[stem]] has no field "strid"; did you mean stride?',
    ),
    "an unknown key of a block": (
        TINY + "unit_s = 1",
        'x.toml, line 15: [[blocks]] has no field "unit_s"; did you mean units or unit?',
    ),
    "an unknown key of a convention": (
        TINY + "[convention]\nbatch_norm_epsylon = 1",
        'x.toml, line 16: [convention] has no field "batch_norm_epsylon"; did you mean batch_norm_epsilon',
    ),
    "an unknown key of a convention's table": (
        TINY + "[convention.preprocessing]\nfits = 1",
        'x.toml, line 16: [convention.preprocessing] has no field "fits"; did you mean fit?',
    ),
    "a name with a space": ('name = "my net"\n' + TINY, 'x.toml, line 1: name is "my net", expected one such as "mine'),
    "a name that is no text": ("name = 5\n" + TINY, 'x.toml, line 1: name is 5, expected one such as "mine/tiny".'),
    "text for a number": (
        'in_channels = "3"\n' + TINY,
        'x.toml, line 1: in_channels is "3", expected a positive integer.',
    ),
    "zero for a stride": (
        TINY.replace("stride = 2", "stride = 0"),
        "x.toml, line 9: stride is 0, expected a positive integer.",
    ),
    "a kernel of all memory": (
        TINY.replace("kernel = 3", "kernel = 9999999999"),
        "x.toml, line 4: kernel is 9999999999, expected a positive integer of at most 1,048,576.",
    ),
    "a date for a number": (
        "in_channels = 1979-05-27\n" + TINY,
        'x.toml, line 1: in_channels is "1979-05-27", expected a positive integer.',
    ),
    "a control character": (
        TINY.replace('"block1"', r'"\u0007\u007f"'),
        r'x.toml, line 12: a name is "\u0007\u007f", expected a letter and then',
    ),
    "a number for a truth value": (
        TINY + "[head]\nglobal_pool = 1",
        "x.toml, line 16: global_pool is 1, expected true or false.",
    ),
    "no number of classes": (
        TINY + "[head]\nnum_classes = -1",
        "x.toml, line 16: num_classes is -1, expected a positive integer or none.",
    ),
    "all of the classifier's input dropped": (
        TINY + "[head]\ndropout = 1.0",
        "x.toml, line 16: dropout is 1.0, expected a number from 0 to below 1.",
    ),
    "a number for a table": ("head = 5\n" + TINY, "x.toml, line 1: head is 5, expected a table, under [head]."),
    "a table for tables": (
        "[stem]\n",
        "x.toml, line 1: stem is {}, expected tables, each under a [[stem]] of its own.",
    ),
    "numbers for tables": ("blocks = [1]", "x.toml, line 1: blocks is [1], expected tables, each under a [[blocks]]"),
    "a stem of no kind": (
        "[[stem]]\ndepth = 3",
        "x.toml, line 1: a [[stem]] has either a convolution or a pool, which",
    ),
    "a stem of both kinds": (
        TINY.replace("depth = 16", 'pool = "conv1"'),
        "x.toml, line 1: a [[stem]] has either a convolution or a pool, which is its name",
    ),
    "a stem without its kernel": (
        TINY.replace("kernel = 3\nstride", "stride"),
        "x.toml, line 6: the pool pool1 has no kernel.",
    ),
    "a block without a unit": (
        TINY.replace('unit = "basic"', ""),
        "x.toml, line 11: this [[blocks]] has no unit; it needs scope, unit, units.",
    ),
    "an unknown kind of unit": (
        TINY.replace("basic", "bottelneck"),
        'x.toml, line 13: there is no unit "bottelneck"; did you mean bottleneck',
    ),
    "a block without units": (
        TINY.replace("units = [[32", "units = [] # [[32"),
        "x.toml, line 14: the units of block1 are [], expected a list of at least one.",
    ),
    "a unit with a number too few": (
        TINY.replace("[[32, 32, 2]", "[\n[32, 32, 2],\n[32, 32]"),
        "x.toml, line 16: a unit is [32, 32], expected for basic: [depth, depth_bottleneck, stride], pos",
    ),
    "a unit with a number too many": (
        TINY.replace("32, 32, 2", "32, 32, 2, 4"),
        "x.toml, line 14: a unit is [32, 32, 2, 4], expected for basic: [depth, depth_bottleneck, stride], positive",
    ),
    "a unit with no stride": (TINY.replace("32, 32, 2", "32, 32, 0"), "x.toml, line 14: a unit is [32, 32, 0], expec"),
    "a unit that is a fraction": (TINY.replace("32, 32, 2", "32, 0.5, 2"), "x.toml, line 14: a unit is [32, 0.5, 2],"),
    "a batch norm with a number": (
        TINY + '[[blocks]]\nscope = "norm"\nunit = "batch_norm"\nunits = [[1]]',
        "x.toml, line 18: a unit is [1], expected for batch_norm: [].",
    ),
    "times of nothing": (
        TINY.replace("numbers", "number"),
        'x.toml, line 14: units are {"times": 2, "number": [32, 32',
    ),
    "times that are no number": (
        TINY.replace("times = 2", 'times = "2"'),
        'x.toml, line 14: times is "2", expected a positive integer.',
    ),
    "more units than memory has room for": (
        TINY.replace("times = 2", "times = 1000000"),
        "x.toml, line 14: these are more units than 10,000, the most of a network.",
    ),
    "more auxiliary heads than memory has room for": (
        TINY + "".join(HEAD.replace("aux1", f"aux{number}") for number in range(10_001)),
        "x.toml, line 60016: this is one [[auxiliary]] more than 10,000, the most of a network.",
    ),
    "a name with a slash": (
        TINY.replace("block1", "a/b"),
        'x.toml, line 12: a name is "a/b", expected a letter and th',
    ),
    "a name that another has": (
        TINY.replace("block1", "conv1"),
        "x.toml, line 12: there is something else of the name conv1; choose another.",
    ),
    "a name that every network has": (
        TINY.replace("block1", "logits"),
        "x.toml, line 12: every network has something of the name logits; choose another.",
    ),
    "an unknown convention": (
        TINY + '[convention]\nlike = "torch/vision"',
        'x.toml, line 16: there is neither a zoo nor an architecture "torch/vision"; did you mean torchvision',
    ),
    "a convention that is a name": (
        'convention = "slim"\n' + TINY,
        'x.toml, line 1: convention is "slim", expected a ta',
    ),
    "a field's value that there is not": (
        TINY + '[convention]\nbottleneck_stride = "conv3"',
        'x.toml, line 16: bottleneck_stride is "conv3", expected conv1 or conv2.',
    ),
    "an epsilon below zero": (
        TINY + "[convention]\nbatch_norm_epsilon = -1e-3",
        "x.toml, line 16: batch_norm_epsilon is -0.001, expected a number from 0 on.",
    ),
    "a number beyond float32": (
        TINY + "[convention]\nlast_gamma = 1e39",
        "x.toml, line 16: last_gamma is 1e+39, expected a number that float32 can hold.",
    ),
    "a size of three sides": (
        TINY + "[convention]\npreprocessing.size = [1, 2, 3]",
        "x.toml, line 16: size is [1, 2, 3], expected a list of 2.",
    ),
    "a deviation of zero": (
        TINY + "[convention]\npreprocessing.std = [58.395, 0, 57.375]",
        "x.toml, line 16: std is 0, expected numbers above 0.",
    ),
    "a deviation below zero": (
        TINY + "[convention]\npreprocessing.std = [-1.0, 1.0, 1.0]",
        "x.toml, line 16: std is -1.0, expected numbers above 0.",
    ),
    "a deviation that is no number": (
        TINY + "[convention]\npreprocessing.std = [nan, 1.0, 1.0]",
        "x.toml, line 16: std is NaN, expected a number.",
    ),
    "groups that do not divide": (
        TINY + '[[blocks]]\nscope = "b"\nunit = "grouped_bottleneck"\nunits = [\n[8, 4, 1, 2],\n[8, 4, 1, 3]]',
        "x.toml, line 20: b/unit_2/bottleneck_v1/conv2 has 4 channels in and 4 out, which 3 groups do not divide.",
    ),
    "channels that zeros cannot take away": (
        TINY.replace("depth = 16", "depth = 64") + '[convention]\nlike = "cifar"',
        "x.toml, line 14: block1/unit_1/basic_v1/shortcut has 64 channels to make 32 of; zero_channels only adds some.",
    ),
    "an auxiliary head without a name": (
        TINY + HEAD.replace('scope = "aux1"', ""),
        "x.toml, line 16: this [[auxiliary]] has no scope, which is its name.",
    ),
    "an auxiliary head without a block": (
        TINY + HEAD.replace('block = "block1"', ""),
        "x.toml, line 16: the auxiliary head aux1 has no block.",
    ),
    "an auxiliary head of a block's name": (
        TINY + HEAD.replace("aux1", "block1"),
        "x.toml, line 17: there is something else of the name block1; choose another.",
    ),
    "two auxiliary heads of one name": (
        TINY + HEAD + HEAD,
        "x.toml, line 23: there is something else of the name aux1; choose another.",
    ),
    "an unknown key of an auxiliary head": (
        TINY + HEAD + "hiden = 3",
        'x.toml, line 21: [[auxiliary]] has no field "hiden"; did you mean hidden?',
    ),
    "text for an auxiliary head's depth": (
        TINY + HEAD + 'depth = "3"',
        'x.toml, line 21: depth is "3", expected a positive integer.',
    ),
    "all of what a dense layer reads dropped": (
        TINY + HEAD + "dropout = [0.5, 1.0]",
        "x.toml, line 21: dropout is 1.0, expected a number from 0 to below 1.",
    ),
    "one share for two layers": (TINY + HEAD + "dropout = [0.5]", "x.toml, line 21: dropout is [0.5], expected a list"),
    "a pool without a stride": (
        TINY + HEAD.replace('"none"', "[5]"),
        "x.toml, line 20: pool is [5], expected a list of 2 or none.",
    ),
    "an auxiliary head on a unit that there is not": (
        TINY + HEAD.replace("unit = 3", "unit = 4"),
        "x.toml, line 16: aux1 reads unit 4 of block1, which mine/x does not have.",
    ),
    "an auxiliary head on a block that there is not": (
        TINY + HEAD.replace('"block1"', '"block2"'),
        "x.toml, line 16: aux1 reads unit 3 of block2, which mine/x does not have.",
    ),
    "two auxiliary heads on one unit": (
        TINY + HEAD + HEAD.replace("aux1", "aux2"),
        "x.toml, line 22: aux2 and aux1 both read block1/unit_3/basic_v1; a unit has one head.",
    ),
    "an auxiliary head in single brackets": (
        TINY + HEAD.replace("[[auxiliary]]", "[auxiliary]"),
        "x.toml, line 16: auxiliary is {",
    ),
    "a scale too few": (
        TINY + TRANSFORM.replace("[2.0, 2.0, 2.0]", "[2.0, 2.0]"),
        "x.toml, line 16: The input_transform of mine/x has 2 scales and 3 shifts; its images have 3 channels.",
    ),
    "scales for other images": (
        "in_channels = 2\n" + TINY + TRANSFORM,
        "x.toml, line 17: The input_transform of mine/x has 3 scales and 3 shifts; its images have 2 channels.",
    ),
    "an input transform without shifts": (
        TINY + TRANSFORM.replace("shift", "# shift"),
        "x.toml, line 16: [input_transform] has no shift.",
    ),
    "an unknown key of an input transform": (
        TINY + TRANSFORM + "mean = 3",
        'x.toml, line 19: [input_transform] has no field "mean"; it has scale, shift.',
    ),
    "a shift that is text": (
        TINY + TRANSFORM.replace("-1, -1, -1", '-1, "x", -1'),
        'x.toml, line 18: shift is "x", expected a number.',
    ),
    "an endless shift": (
        TINY + TRANSFORM.replace("-1, -1, -1", "-1, inf, -1"),
        "x.toml, line 18: shift is Infinity, expected a number.",
    ),
    "a shift for all channels": (
        TINY + TRANSFORM.replace("[-1, -1, -1]", "-1"),
        "x.toml, line 18: shift is -1, expected a list.",
    ),
    "an input transform that is a number": (
        "input_transform = 3\n" + TINY,
        "x.toml, line 1: input_transform is 3, expected a table, under [input_transform].",
    ),
    "more parameters than any machine holds": (
        TINY.replace("depth = 16\nkernel = 3", "depth = 1000000\nkernel = 1000000"),
        "x.toml: the network has 3,000,",
    ),
}


@pytest.mark.parametrize(("text", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_text_is_refused_for(text: str, sentence: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_toml(text, "x.toml")
    assert str(caught.value).startswith(sentence)
    assert str(caught.value).endswith((".", "?"))
    assert str(caught.value).isprintable()


def test_an_output_stride_that_cannot_be_is_refused_with_those_that_can() -> None:
    with pytest.raises(BadInput) as caught:
        read_toml("in_channels = 1\noutput_stride = 3\n" + TINY, "x.toml")
    assert str(caught.value) == "x.toml, line 2: The output_stride needs to be a multiple of 2."
    assert caught.value.__notes__ == ["mine/x can have 2, 4, not 3."]
