"""Networks of one's own, as `.toml` files: wherever a command takes an architecture's name, and what is refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isomorph.spec import BadInput, architecture, architectures, function, infer
from isomorph.spec.toml.document import read_toml
from isomorph.spec.toml.writing import to_toml
from isomorph.tools import show
from isomorph.tools.checkpoints import write_safetensors
from isomorph.tools.designs import lookup
from isomorph.tools.designs.lookup import find_architecture
from isomorph.tools.recording.record import RECORD
from isomorph.tools.subjects.subject import find_subject

from ..command import answered, left, refused
from ..tensors import canonical, of_zoo, plain

pytestmark = pytest.mark.usefixtures("empty_folder")

EXAMPLES = Path(__file__).parents[3] / "spec" / "examples"
SMALL = "small_cifar.toml"

TINY = """\
[[blocks]]
scope = "block1"
unit = "basic"
units = [[8, 8, 2]]

[head]
num_classes = 5

[convention]
like = "cifar"
"""


@pytest.fixture
def tiny(empty_folder: None) -> str:
    """The name of a file with a network of one unit."""
    Path("tiny.toml").write_text(TINY)
    return "tiny.toml"


# Found.


def test_a_file_is_an_architecture_with_its_options(tiny: str) -> None:
    found = find_architecture(tiny, num_classes=7, output_stride=1)
    assert found == read_toml(TINY, tiny).with_options(num_classes=7, output_stride=1)
    assert found.name == "mine/tiny"


def test_a_name_is_an_architecture_with_its_options() -> None:
    assert find_architecture("slim/resnet_v1_50", num_classes=7) == architecture("slim/resnet_v1_50", num_classes=7)


def test_a_known_name_wins_over_a_file(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "architectures", lambda: (tiny,))
    with pytest.raises(BadInput, match=r"^There is no architecture 'tiny\.toml'; "):
        find_architecture(tiny)


@pytest.mark.parametrize("path", ["tiny.toml", "./tiny.toml", Path("tiny.toml")], ids=["name", "./name", "path"])
@pytest.mark.usefixtures("tiny")
def test_it_is_given_by(path: str | Path) -> None:
    assert find_subject(path).architecture.name == show(path).architecture.name == "mine/tiny"


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    Path("tiny.toml").write_text(TINY, encoding="utf-8-sig")
    assert find_architecture("tiny.toml").name == "mine/tiny"


# show


def test_show_prints_it(tiny: str) -> None:
    said = answered("show", tiny).splitlines()
    assert said[0] == "mine/tiny  32x32, an architecture of your own"
    assert said[3].split() == ["block1/unit_1", "16x16x8", "2", "1", "7", "824", "0.2", "M"]


def test_show_writes_one_to_edit_that_is_the_same_function() -> None:
    table = answered("show", "slim/resnet_v1_50", "--output-stride", "16", "--toml", "mine.toml")
    assert table.startswith("slim/resnet_v1_50  224x224, TF-slim")
    assert left() == ["mine.toml"]
    found, asked = find_architecture("mine.toml"), architecture("slim/resnet_v1_50", output_stride=16)
    assert found.name == "mine/resnet_v1_50"
    assert function(found) == function(asked)
    assert found.convention == asked.convention


def test_show_keeps_a_file_that_is_there_unless_told_otherwise() -> None:
    """Somebody may have edited it for hours."""
    Path("mine.toml").write_text("# mine\n")
    assert (
        refused("show", "cifar/resnet20", "--toml", "mine.toml") == "mine.toml is there already; --force replaces it."
    )
    assert Path("mine.toml").read_text() == "# mine\n"
    assert answered("show", "cifar/resnet20", "--toml", "mine.toml", "--force").startswith("cifar/resnet20")
    assert read_toml(Path("mine.toml").read_text()).name == "mine/resnet20"


def test_show_writes_it_to_stdout_alone() -> None:
    said = answered("show", "cifar/resnet20", "--toml", "-")
    assert said.startswith('# cifar/resnet20, to be edited.\n\nname = "mine/resnet20"\n')
    assert function(read_toml(said)) == function(architecture("cifar/resnet20"))


def test_show_writes_it_beside_the_json() -> None:
    document = json.loads(answered("show", "cifar/resnet20", "--toml", "x.toml", "--json", "-"))
    assert document["architecture"] == "cifar/resnet20"
    assert left() == ["x.toml"]


@pytest.mark.parametrize("name", architectures())
def test_show_gives_a_start_from(name: str) -> None:
    assert function(read_toml(show(name).to_toml())) == function(architecture(name))


# check and run


@pytest.mark.thorough
def test_check_draws_weights_for_an_example_in_every_backend() -> None:
    shutil.copy(EXAMPLES / SMALL, SMALL)
    backends = ["oracle", "pytorch", "keras", "paddle"]
    options = ("--backends", ",".join(backends), "--batch", "1", "--json", "-")
    report = json.loads(answered("check", SMALL, *options))
    assert (report["architecture"], report["agree"]) == ("mine/resnet14", True)
    assert report["weights"]["source"] == "drawn, seed 0"
    assert [(row["name"], row["status"], row["logits_shape"]) for row in report["backends"]] == [
        (name, "pass", [1, 1, 1, 10]) for name in backends
    ]


@pytest.mark.parametrize("names", ["canonical", "cifar", "torchvision", "keras"])
def test_check_reads_a_file_as_of_it_under_names_that_are(names: str, tiny: str) -> None:
    network = find_architecture(tiny)
    tensors = canonical(network) if names == "canonical" else of_zoo(network, names)
    write_safetensors("x.safetensors", {name: np.array(value) for name, value in tensors.items()}, {})
    found = find_subject("x.safetensors", tiny)
    assert found.architecture == network
    assert found.tensors is not None
    assert found.tensors.keys() == canonical(network).keys()


def test_check_reads_a_file_as_of_it(tiny: str) -> None:
    write_safetensors("x.safetensors", plain(find_architecture(tiny)), {})
    said = answered("check", "x.safetensors", "--arch", tiny, "--backends", "oracle", "--batch", "1")
    assert said.startswith("mine/tiny\n")


def test_run_keeps_its_end_points(tiny: str) -> None:
    answered("run", tiny, "--backend", "oracle", "--batch", "1", "--out", "y.npz")
    with np.load("y.npz") as kept:
        assert list(kept) == [*infer(find_architecture(tiny)).shapes(1), RECORD]


# Auxiliary heads and an input transform.

TRANSFORMED = """
[[auxiliary]]
scope = "aux1"
block = "block1"
unit = 1
pool = "none"
depth = 3
hidden = 5

[input_transform]
scale = [2.0, 2.0, 2.0]
shift = [-1.0, -1.0, -1.0]
"""


def test_show_prints_auxiliary_heads_and_an_input_transform(tiny: str) -> None:
    Path(tiny).write_text(TINY + TRANSFORMED)
    rows = [line.split()[:2] for line in answered("show", tiny).splitlines()[3:]]
    assert rows[:3] == [["input_transform", "32x32x3"], ["block1/unit_1", "16x16x8"], ["aux1", "1x1x5"]]
    answered("show", tiny, "--toml", "again.toml")
    assert function(find_architecture("again.toml")) == function(find_architecture(tiny))


def test_check_compares_auxiliary_heads(tiny: str) -> None:
    Path(tiny).write_text(TINY + TRANSFORMED)
    backends = ["oracle", "pytorch"]
    report = json.loads(answered("check", tiny, "--backends", ",".join(backends), "--batch", "1", "--json", "-"))
    assert [(row["name"], row["status"]) for row in report["backends"]] == [(name, "pass") for name in backends]
    names = [point["name"] for point in report["backends"][1]["runs"][0]["end_points"]]
    assert {"input_transform", "aux1/pool", "aux1/logits", "aux1"} <= set(names)


# The examples.


@pytest.mark.parametrize(
    ("file", "last"),
    [
        pytest.param(SMALL, (1, 1, 1, 10), id="a ResNet for CIFAR"),
        pytest.param("dilated.toml", (1, 17, 17, 21), id="a dilated ResNet"),
        pytest.param("mobile.toml", (1, 1, 1, 2), id="a MobileNet"),
    ],
)
def test_an_example_is(file: str, last: tuple[int, ...]) -> None:
    report = show(EXAMPLES / file)
    assert list(report.inference.shapes(1).values())[-1] == last


def test_all_examples_are_tested() -> None:
    assert sorted(path.name for path in EXAMPLES.iterdir()) == sorted([SMALL, "dilated.toml", "mobile.toml"])


# Refused.

REQUESTS: dict[str, tuple[tuple[str, ...], str]] = {
    "a file that is not there": (("check", "absent.toml"), "There is no file absent.toml."),
    "a file in no folder": (("show", "absent/x.toml"), "There is no file absent/x.toml."),
    "a folder": (("show", "folder.toml"), "folder.toml cannot be read: Is a directory."),
    "an arch that is not there": (("check", "tiny.safetensors", "--arch", "absent.toml"), "There is no file absent.to"),
    "a file and an arch": (
        ("check", "tiny.toml", "--arch", "cifar/resnet20"),
        "--arch goes with a checkpoint; tiny.toml is an architecture already.",
    ),
    "a file that predicts": (
        ("predict", "tiny.toml", "x.png"),
        "tiny.toml is an architecture, whose fresh weights predict nothing; give a checkpoint file.",
    ),
    "a file with a mistake": (
        ("show", "wrong.toml"),
        'wrong.toml, line 3: there is no unit "basik"; did you mean basic',
    ),
    "an output stride that it cannot have": (
        ("show", "tiny.toml", "--output-stride", "3"),
        "The target output_stride cannot be reached: mine/tiny can have 1, 2, not 3.",
    ),
    "groups that do not divide": (
        ("check", "groups.toml"),
        "groups.toml, line 4: block1/unit_1/bottleneck_v1/conv2 has 4 channels in and 4 out, which 3 groups do not d",
    ),
    "an auxiliary head on no unit": (
        ("show", "head.toml"),
        "head.toml, line 12: aux1 reads unit 2 of block1, which mine/head does not have.",
    ),
    "an option that only a zoo's have": (
        ("show", "tiny.toml", "-o", "aux_logits=false"),
        "mine/tiny has no option 'aux_logits'; it has ",
    ),
    "an output stride that cannot be, in the file": (
        ("show", "stride.toml"),
        "stride.toml, line 1: The target output_stride cannot be reached: mine/stride can have 1, 2, not 3.",
    ),
    "a file of another's name": (
        ("show", "false.toml"),
        "false.toml is called cifar/resnet20 and differs from that; call it mine/resnet20, for example.",
    ),
    "Latin-1": (
        ("show", "latin.toml"),
        "latin.toml is not UTF-8 at byte 5; expected an architecture as TOML in UTF-8.",
    ),
    "a new file in no folder": (
        ("show", "tiny.toml", "--toml", "absent/x.toml"),
        "absent/x.toml cannot be written: there is no folder absent; make it, or name another.",
    ),
    "two reports on stdout": (
        ("show", "tiny.toml", "--toml", "-", "--json", "-"),
        "Both --json and --toml are -; they are two files.",
    ),
}


@pytest.mark.parametrize(("arguments", "sentence"), REQUESTS.values(), ids=REQUESTS)
@pytest.mark.usefixtures("tiny")
def test_a_request_is_refused_for(arguments: tuple[str, ...], sentence: str) -> None:
    Path("folder.toml").mkdir()
    Path("wrong.toml").write_text(TINY.replace("basic", "basik"))
    Path("groups.toml").write_text(
        TINY.replace("basic", "grouped_bottleneck").replace("[8, 8, 2]", "[8, 4, 2, 3]").replace("cifar", "slim")
    )
    Path("head.toml").write_text(f'{TINY}\n[[auxiliary]]\nscope = "aux1"\nblock = "block1"\nunit = 2\n')
    Path("stride.toml").write_text(f"output_stride = 3\n{TINY}")
    Path("false.toml").write_text(f'name = "cifar/resnet20"\n{TINY}')
    Path("latin.toml").write_bytes("# rosé".encode("latin-1"))
    write_safetensors("tiny.safetensors", canonical(find_architecture("tiny.toml")), {})
    before = left()
    assert refused(*arguments).startswith(sentence)
    assert left() == before


def test_a_file_that_says_all_of_a_known_architecture_may_have_its_name() -> None:
    Path("x.toml").write_text(to_toml(architecture("cifar/resnet20")))
    assert find_architecture("x.toml") == architecture("cifar/resnet20")


def test_a_file_that_is_too_big_is_refused(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "MOST_BYTES", len(TINY))
    assert find_architecture(tiny).name == "mine/tiny"
    Path(tiny).write_text(f"{TINY}\n")
    with pytest.raises(BadInput, match=r"^tiny\.toml is larger than \d+ bytes; expected an architecture as TOML\.$"):
        find_architecture(tiny)


@pytest.mark.parametrize("options", [{"width_multiplier": 0.5}, {"replace_stride_with_dilation": [False] * 3}], ids=str)
def test_a_zoos_own_options_are_not_its(tiny: str, options: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=r"^mine/tiny has no option "):
        find_architecture(tiny, **options)
