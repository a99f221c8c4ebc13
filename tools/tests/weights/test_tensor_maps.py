"""Maps: which tensor of a file is which of a network, as `inspect` writes, people correct, and all commands read it."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from isomorph.spec import Architecture, architecture, architectures, zoo
from isomorph.tools import convert, diff, inspect
from isomorph.tools.checkpoints import read_checkpoint, write_safetensors
from isomorph.tools.weights.maps.named import named
from isomorph.tools.weights.maps.reading import read_map
from isomorph.tools.weights.maps.tensor_map import fitting_axes
from isomorph.tools.weights.weights import ValuesDisagree, read_weights

from .. import converted
from ..command import answered, left, refused_here
from ..tensors import Array, plain

pytestmark = pytest.mark.usefixtures("empty_folder")

R8 = architecture("mlperf_tiny/resnet8", num_classes=7)
OWN = plain(R8)
FILE, MAP = "renamed.safetensors", "map.toml"

ALIKE = ("block1/unit_1/basic_v1/conv1/weights", "block1/unit_1/basic_v1/conv2/weights")
"""Two kernels of one shape."""


@pytest.fixture(autouse=True)
def _renamed(empty_folder: None) -> None:
    """A file of which no name says anything, in the network's order."""
    write_safetensors(FILE, {f"t{number:02}": value for number, value in enumerate(OWN.values())}, {})


def written(*options: str) -> str:
    """What `inspect --map` writes of the file."""
    answered("inspect", FILE, "--map", MAP, *options)
    return Path(MAP).read_text()


def renamed(canonical: str) -> str:
    return f"t{list(OWN).index(canonical):02}"


def same(tensors: Mapping[str, Array], others: Mapping[str, Array]) -> bool:
    return tensors.keys() == others.keys() and all(np.array_equal(tensors[name], others[name]) for name in others)


def test_a_map_says_of_each_tensor_which_it_is_and_how_sure_that_is() -> None:
    lines = written().splitlines()
    assert 'arch = "mlperf_tiny/resnet8"' in lines
    assert "num_classes = 7" in lines
    rows = dict(line.split(" = ", 1) for line in lines[lines.index("[tensors]  # of the network = in the file") + 1 :])
    assert list(rows) == [f'"{name}"' for name in OWN]
    marks = {name: row.partition("#")[2].strip() for name, row in rows.items()}
    assert {marks[f'"{name}"'] for name in ALIKE} == {"by order"}
    assert marks['"logits/weights"'] == "sure"
    told = {name: each["told"] for name, each in json.loads(inspect(FILE).to_json())["mapping"].items()}
    assert {f'"{name}"': mark for name, mark in told.items()} == marks


def test_a_file_is_read_by_its_map_as_it_was_told() -> None:
    written()
    found = read_weights(FILE, tensor_map=MAP)
    assert found.architecture == R8
    assert same(found.tensors, OWN)
    assert inspect(FILE).architecture == R8


def test_what_a_person_corrects_is_what_is_read() -> None:
    one, other = map(renamed, ALIKE)
    text = written().replace(f'"{one}"', '"?"').replace(f'"{other}"', f'"{one}"').replace('"?"', f'"{other}"')
    Path(MAP).write_text(text)
    exchanged = OWN | {ALIKE[0]: OWN[ALIKE[1]], ALIKE[1]: OWN[ALIKE[0]]}
    with pytest.warns(ValuesDisagree, match="block1/unit_1/conv2"):  # it was no mistake
        weights = read_weights(FILE, tensor_map=MAP)
    assert same(weights.tensors, exchanged)


def test_every_command_reads_it(tmp_path: Path) -> None:
    write_safetensors("own.safetensors", OWN, {})
    np.save(tmp_path / "x.npy", np.ones((1, 32, 32, 3)))
    written()
    options = ("--map", MAP, "--backends", "oracle")
    report = json.loads(answered("check", FILE, *options, "--batch", "1", "--json", "-"))
    assert (report["architecture"], report["agree"]) == ("mlperf_tiny/resnet8", True)
    predicted = json.loads(answered("predict", FILE, str(tmp_path / "x.npy"), *options, "--json", "-"))
    assert len(predicted["images"][0]["classes"]) == 5
    answered("run", FILE, "--map", MAP, "--backend", "oracle", "--batch", "1", "--out", "y.npz")
    assert json.loads(answered("diff", FILE, "own.safetensors", "--map", MAP, "--json", "-"))["same"]
    assert json.loads(answered("diff", "own.safetensors", FILE, "--other-map", MAP, "--json", "-"))["same"]
    answered("convert", FILE, "new.safetensors", "--map", MAP, "--to", "mlperf_tiny")
    assert same(read_weights("new.safetensors").tensors, OWN)


def test_diff_takes_a_part_of_either_file() -> None:
    both = {f"{part}.{name}": value * scale for part, scale in (("a", 1), ("b", 2)) for name, value in OWN.items()}
    write_safetensors("both.safetensors", both, {})
    write_safetensors("one.safetensors", OWN, {})
    assert diff("both.safetensors", "one.safetensors", prefix="a.").exit_status == 0
    assert diff("one.safetensors", "both.safetensors", other_prefix="a.").exit_status == 0
    assert diff("one.safetensors", "both.safetensors", other_prefix="b.").exit_status == 1


def test_the_part_that_inspect_was_given_is_in_the_map() -> None:
    both = {f"{part}.{name}": value * scale for part, scale in (("a", 1), ("b", 2)) for name, value in OWN.items()}
    write_safetensors("both.safetensors", both, {})
    answered("inspect", "both.safetensors", "--prefix", "b.", "--map", MAP)
    assert 'prefix = "b."' in Path(MAP).read_text().splitlines()
    assert same(read_weights("both.safetensors", tensor_map=MAP).tensors, {name: 2 * OWN[name] for name in OWN})


def test_a_tensor_that_has_no_place_is_listed_under_the_files_own_name() -> None:
    written()
    report = convert(FILE, "seven.safetensors", tensor_map=MAP, new_head=True, num_classes=3)
    assert report.drawn == ("logits/weights", "logits/biases")
    assert set(report.left_out) == {renamed("logits/weights"), renamed("logits/biases")}


def test_a_network_of_ones_own_is_referred_to_by_its_file() -> None:
    own = architecture("mlperf_tiny/resnet8").with_options(num_classes=7, shortcut="zero_channels")
    assert named(own) == ("mlperf_tiny/resnet8", {"num_classes": 7, "shortcut": "zero_channels"})
    Path("nets").mkdir()
    answered("show", "mlperf_tiny/resnet8", "--num-classes", "7", "--toml", "nets/mine.toml")
    assert 'arch = "nets/mine.toml"' in written("--arch", "nets/mine.toml").splitlines()
    assert read_weights(FILE, tensor_map=MAP).architecture.name == "mine/resnet8"


@pytest.mark.parametrize(
    "network",
    [
        architecture("keras/MobileNet", alpha=0.25, num_classes=7),
        architecture("torchvision/googlenet", aux_logits=False),
        architecture("cifar/resnet20", convolution_bias=True, num_classes=None),
        architecture("slim/resnet_v1_50", output_stride=8, in_channels=1),
    ],
    ids=["of another width", "without auxiliary heads", "with biases and no head", "dilated, for grey images"],
)
def test_a_network_is_named_with_options_that_make_it(network: Architecture) -> None:
    found = named(network)
    assert found is not None
    name, options = found
    assert architecture(name, **options) == network


@pytest.mark.parametrize("name", architectures())
def test_axes_are_told_by_shapes_or_spelled(name: str) -> None:
    for tensor in zoo(name.partition("/")[0]).naming.tensors(architecture(name)).values():
        if tensor.axes:
            assert tensor.axes.letters in fitting_axes(tensor.canonical, tensor.shape), tensor


def test_axes_that_a_shape_leaves_open_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    square = architecture("mlperf_tiny/resnet8", num_classes=64)  # of as many classes as its features
    write_safetensors("square.safetensors", converted.named(square, "mlperf_tiny", plain(square)), {})
    answered("inspect", "square.safetensors", "--map", MAP)
    text = Path(MAP).read_text()
    line = '"logits/weights" = { tensor = "dense/kernel", axes = "IO" }'
    assert [each for each in text.splitlines() if "axes" in each] == [line]
    assert same(read_weights("square.safetensors", tensor_map=MAP).tensors, plain(square))
    Path(MAP).write_text(text.replace(line, '"logits/weights" = "dense/kernel"'))
    refused = refused_here(capsys, "check", "square.safetensors", "--map", MAP)
    assert refused.endswith(
        ": the axes of dense/kernel may be OI or IO by its shape (64, 64); say which:"
        ' { tensor = "dense/kernel", axes = "OI" }.'
    )


# What is refused.


def refusal(text: str, capsys: pytest.CaptureFixture[str]) -> str:
    Path(MAP).write_text(text)
    return refused_here(capsys, "check", FILE, "--map", MAP, "--backends", "oracle")


def test_a_line_that_cannot_be_is_refused_by_its_number(capsys: pytest.CaptureFixture[str]) -> None:
    text = written()
    number = text[: text.index('"logits/weights"')].count("\n") + 1
    at = f"{MAP}, line {number}: "
    kernel, bias = renamed("logits/weights"), renamed("logits/biases")
    line = next(line for line in text.splitlines() if line.startswith('"logits/weights"'))

    def with_line(new: str) -> str:
        return refusal(text.replace(line, new), capsys)

    assert with_line(f'"logits/weights" = "{kernel}x"').startswith(
        f'{at}{FILE} has no tensor "{kernel}x"; did you mean'
    )
    assert with_line(f'"logits/weigths" = "{kernel}"').startswith(f'{at}mlperf_tiny/resnet8 has no tensor "logits/weig')
    assert with_line(f'"logits/weights" = "{bias}"').startswith(f"{at}{bias} has the shape (7,), which is none of logi")
    assert with_line('"logits/weights" = 3').startswith(f"{at}logits/weights is 3, expected a name in the file, or {{ ")
    axes = f'"logits/weights" = {{ tensor = "{kernel}", axes = '
    assert with_line(f'{axes}"WHOI" }}').startswith(f'{at}there are no axes "WHOI"; there are HWIO, OIHW, ')
    assert with_line(f'{axes}"OI" }}').startswith(
        f"{at}{kernel} has the shape (1, 1, 64, 7), which is none of logits/w"
    )
    stem = renamed("conv1/biases")
    assert with_line(f'"logits/weights" = "{stem}"').startswith(f"{at}{stem} is conv1/biases already; a tensor is one ")
    assert "no line says which tensor is logits/weights of mlperf_tiny/resnet8." in with_line("")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[tensors]\n", "this is no map: it has no arch; `isomorph inspect FILE --map map.toml` writes one."),
        ('arch = "cifar/resnet20"\n', "this is no map: it has no tensors; `isomorph inspect FILE"),
        (
            'arch = "cifar/resnt20"\n[tensors]\n',
            "line 1: There is no architecture 'cifar/resnt20', nor such a file; did",
        ),
        ('arch = "none.toml"\n[tensors]\n', "line 1: There is no file none.toml."),
        ('arch = "cifar/resnet20"\ntensors = 3\n', "line 2: tensors is 3, expected a table, under [tensors]."),
        ('arch = "cifar/resnet20"\nmap = 3\n', 'line 2: a network has no field "map"; '),
        ("arch = 3\n[tensors]\n", "line 1: arch is 3, expected "),
    ],
)
def test_a_file_that_is_no_map_is_refused(text: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert sentence in refusal(text, capsys)


def test_what_a_map_says_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    written()
    for option, value in (("--arch", "mlperf_tiny/resnet8"), ("--key", "net"), ("--prefix", "a.")):
        assert refused_here(capsys, "check", FILE, "--map", MAP, option, value) == (
            f"{option} goes without --map: {MAP} says it; change it there."
        )
    assert refused_here(capsys, "check", "cifar/resnet20", "--map", MAP).startswith("--map goes with a checkpoint; ")
    assert refused_here(capsys, "convert", FILE, "x.pth", "--partial", "--map", MAP).startswith("--partial takes what ")


def test_a_map_is_of_one_function(capsys: pytest.CaptureFixture[str]) -> None:
    plain20 = plain(architecture("cifar/resnet20"))
    write_safetensors("two.safetensors", {f"t{n:03}": value for n, value in enumerate(plain20.values())}, {})
    refused = refused_to_map("two.safetensors", capsys)
    assert refused.endswith(
        "fits cifar/resnet20 and cifar/plain20, and a map is of one network; choose it with --arch."
    )
    answered("inspect", "two.safetensors", "--map", MAP, "--arch", "cifar/plain20")
    assert read_map(MAP).architecture.name == "cifar/plain20"


def test_a_map_replaces_no_file_unasked(capsys: pytest.CaptureFixture[str]) -> None:
    written()
    Path(MAP).write_text("mine")
    assert refused_here(capsys, "inspect", FILE, "--map", MAP) == f"{MAP} is there already; --force replaces it."
    assert Path(MAP).read_text() == "mine"
    answered("inspect", FILE, "--map", MAP, "--force")
    assert Path(MAP).read_text().startswith("# Which tensor of renamed.safetensors is which")


def test_a_file_that_is_not_told_has_no_map(capsys: pytest.CaptureFixture[str]) -> None:
    write_safetensors("other.safetensors", {"a": np.ones((3, 3, 5, 7), np.float32)}, {})
    before = left()
    assert "other.safetensors" in refused_to_map("other.safetensors", capsys)
    assert left() == before
    assert read_checkpoint("other.safetensors").tensors["a"].shape == (3, 3, 5, 7)


def refused_to_map(file: str, capsys: pytest.CaptureFixture[str]) -> str:
    return refused_here(capsys, "inspect", file, "--map", MAP)
