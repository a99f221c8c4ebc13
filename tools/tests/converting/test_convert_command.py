"""`isomorph convert` as people run it: what it prints and writes, what it refuses, and ctrl-C."""

import json
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from isomorph.spec import architecture
from isomorph.tools.checkpoints import write_bundle, write_safetensors
from isomorph.tools.converting.report import ConvertReport, Side

from ..command import answered, left, refused, refused_here, started
from ..converted import R20, bits, bits_of, named, of_cifar
from ..tensors import plain

pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.fixture
def source() -> Path:
    return of_cifar(Path("a.safetensors"))


def test_convert_says_what_became_of_it(source: Path) -> None:
    said = answered("convert", source, "b.pth").splitlines()
    assert said == [
        "from a.safetensors: cifar/resnet20, cifar names, safetensors",
        "to   b.pth: cifar/resnet20, isomorph's pytorch names, pytorch",
        "The names are isomorph's own; --to ZOO gives a zoo's, of the same function.",
        "97 tensors, 271,098 values, float32",
        "To load it:",
        "  import torch",
        "  from isomorph.backends import load_backend",
        "  from isomorph.spec import architecture",
        '  model = load_backend("pytorch").build(architecture("cifar/resnet20")).native',
        '  model.load_state_dict(torch.load("b.pth"))',
        "  model.eval()",
    ]
    assert left() == ["a.safetensors", "b.pth"]


OWN_NAMES = "The names are isomorph's own"
OTHER_NAMES = "; --to ZOO gives a zoo's, of the same function"


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        pytest.param(("b.safetensors",), f"{OWN_NAMES}{OTHER_NAMES}.", id="canonical names are isomorph's own"),
        pytest.param(("b.pdparams",), f"{OWN_NAMES}{OTHER_NAMES}.", id="a file for Paddle could have a zoo's"),
        pytest.param(("b.pth", "--to", "cifar"), None, id="a zoo's names were asked for"),
    ],
)
def test_convert_says_that_the_names_are_isomorphs_own(
    source: Path, request_: tuple[str, ...], sentence: str | None
) -> None:
    lines = answered("convert", source, *request_).splitlines()
    assert (sentence in lines) if sentence else not any(line.startswith(OWN_NAMES) for line in lines)


def test_convert_names_no_option_where_a_file_takes_no_zoos_names() -> None:
    side = Side("b.keras", "cifar/resnet20", "cifar/resnet20", "isomorph's keras", "keras")
    report = ConvertReport(side, side, 1, 1, ("float32",), (), {}, (), ())
    assert str(report).splitlines()[2] == f"{OWN_NAMES}."


def test_convert_says_what_was_changed_left_out_and_drawn() -> None:
    stray = {f"bn{number}.num_batches_tracked": np.array(7) for number in range(6)}
    of_cifar(Path("a.safetensors"), named(R20, "cifar", plain(R20)) | stray)
    said = answered("convert", "a.safetensors", "b.pth", "--head", "new", "--num-classes", "3", "--dtype", "float16")
    assert (
        "97 tensors, 270,643 values, float16 changed: cast from float32 to float16 (97 tensors)"
        " fresh: logits/weights, logits/biases"
        " left out: bn0.num_batches_tracked, bn1.num_batches_tracked, bn2.num_batches_tracked, bn3.num_batches_tracked"
        " and 2 more: no network computes with it"
        " left out: linear.weight, linear.bias: a fresh one stands in its place"
    ) in " ".join(said.split())


def test_convert_breaks_its_own_lines_at_80_columns_and_no_line_of_a_script(source: Path) -> None:
    name = f"{'long_' * 20}b.pth"
    *report, load, _ = answered("convert", source, name).splitlines()
    assert max(map(len, report)) <= 80
    assert any(line.endswith("long_") for line in report), "a name goes on behind one of its parts"
    assert load == f'  model.load_state_dict(torch.load("{name}"))'


def test_convert_writes_json_and_nothing_else_to_stdout(source: Path) -> None:
    document = json.loads(answered("convert", source, "b.pth", "--json", "-"))
    assert document.keys() == {
        "source", "target", "tensors", "values", "dtypes", "changes", "left_out", "drawn", "load"
    }  # fmt: skip
    assert document["source"] == {
        "path": "a.safetensors",
        "architecture": "cifar/resnet20",
        "title": "cifar/resnet20",
        "names": "cifar",
        "format": "safetensors",
    }
    assert (document["tensors"], document["dtypes"]) == (97, ["float32"])


def test_convert_writes_json_to_a_file(source: Path) -> None:
    said = answered("convert", source, "b.pth", "--json", "b.json")
    assert said.startswith("from a.safetensors")
    assert json.loads(Path("b.json").read_text())["target"]["path"] == "b.pth"


@pytest.mark.parametrize("name", ["a[red]b[bold.pth", 'a "b".pth', "näme.pth", "a\nb.pth"])
def test_a_name_is_printed_as_it_is(source: Path, name: str) -> None:
    said = answered("convert", source, name).splitlines()
    assert said[1].startswith(f"to   {name}:" if name.isprintable() else "to   a\\nb.pth:")
    load = said[-2].strip().removeprefix("model.load_state_dict(torch.load(").removesuffix("))")
    assert json.loads(load) == name


# What is refused, and leaves the folder as it was.

BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "no such file": (("nothing.pth", "b.pth"), "nothing.pth: there is no such file"),
    "a suffix that says nothing": (("a.safetensors", "b.xyz"), "b.xyz has none of the suffixes .safetensors, "),
    "no such format": (("a.safetensors", "b", "--format", "zip"), "There is no format 'zip'; there are safetensors, "),
    "a folder that is not there": (("a.safetensors", "no/b.pth"), "no/b.pth cannot be written: there is no folder no"),
    "a target that is there": (("a.safetensors", "old.pth"), "old.pth is there already; --force replaces it."),
    "the source itself": (("a.safetensors", "a.safetensors"), "a.safetensors is the source itself"),
    "the source itself by force": (("a.safetensors", "./a.safetensors", "--force"), "a.safetensors is the source"),
    "the source by a link": (("a.safetensors", "link.safetensors", "--force"), "link.safetensors is the source itself"),
    "a checkpoint itself by force": (("c.ckpt", "c.ckpt", "--force"), "c.ckpt.index is the source itself"),
    "a checkpoint's own shard": (
        ("c.ckpt", "c.ckpt.data-00000-of-00001", "--format", "pytorch", "--force"),
        "c.ckpt.data-00000-of-00001 is the source itself",
    ),
    "a report over the target": (("a.safetensors", "b.pth", "--json", "b.pth"), "--json b.pth is a file of this"),
    "a report over the source": (("a.safetensors", "b.pth", "--json", "./a.safetensors"), "--json ./a.safetensors is"),
    "a report into no folder": (("a.safetensors", "b.pth", "--json", "no/b"), "no/b cannot be written"),
    "another zoo": (
        ("a.safetensors", "b.pth", "--to", "keras"),
        "keras has no network of the function of cifar/resnet20, under",
    ),
    "another function": (("a.safetensors", "b.pth", "--to", "cifar/plain20"), "cifar/resnet20 and cifar/plain20, "),
    "no such zoo": (("a.safetensors", "b.pth", "--to", "nope"), "There is no zoo 'nope'; there are cifar, "),
    "names that the format has not": (
        ("a.safetensors", "b.ckpt", "--to", "cifar"),
        "Nothing reads cifar's names in a tensorflow file; name the target with one of .safetensors, .pth, ",
    ),
    "no such dtype": (("a.safetensors", "b.pth", "--dtype", "int8"), "There is no dtype 'int8'; there are float32, "),
    "another architecture": (
        ("a.safetensors", "b.pth", "--arch", "cifar/resnet56"),
        "The tensors of a.safetensors are not those",
    ),
    "no such architecture": (("a.safetensors", "b.pth", "--arch", "nope"), "There is no architecture 'nope'"),
    "classes without a head": (
        ("a.safetensors", "b.pth", "--num-classes", "3"),
        "The classes of a.safetensors are its",
    ),
    "an old head": (("a.safetensors", "b.pth", "--head", "old"), "--head old is not known; expected new."),
    "no classes": (
        ("a.safetensors", "b.pth", "--head", "new", "--num-classes", "0"),
        "num_classes of cifar/resnet20 is",
    ),
    "a seed below zero": (("a.safetensors", "b.pth", "--head", "new", "--seed", "-1"), "The seed -1 is out of range"),
    "a part of nothing": (("a.safetensors", "b.pth", "--partial"), "--partial needs --arch, the network that the file"),
    "a part with a new head": (
        ("a.safetensors", "b.pth", "--partial", "--arch", "cifar/resnet32", "--head", "new"),
        "--head new goes with a whole file; --partial draws what does not fit, the head too.",
    ),
}


@pytest.fixture
def folder(source: Path) -> dict[str, bytes]:
    """What stands beside the source, and must stand there afterwards."""
    Path("old.pth").write_bytes(b"older")
    Path("link.safetensors").symlink_to(source)
    write_bundle("c.ckpt", plain(R20))
    return {path.name: path.read_bytes() for path in Path().iterdir()}


@pytest.mark.parametrize(("arguments", "sentence"), BAD.values(), ids=BAD)
def test_it_is_refused(
    folder: dict[str, bytes], capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str
) -> None:
    assert refused_here(capsys, "convert", *arguments).startswith(sentence)
    assert {path.name: path.read_bytes() for path in Path().iterdir()} == folder


def test_a_refusal_is_one_line_on_stderr(source: Path) -> None:
    assert refused("convert", source, source, "--force") == (
        "a.safetensors is the source itself; give the result another name."
    )


def test_force_replaces_what_is_there(source: Path) -> None:
    Path("b.pth").write_bytes(b"older")
    answered("convert", source, "b.pth", "--to", "cifar", "--force")
    assert bits_of(Path("b.pth")) == bits(named(R20, "cifar", plain(R20)))


def test_ctrl_c_leaves_nothing() -> None:
    network = architecture("cifar/resnet20", num_classes=1_000_000)  # 256 MB
    values = plain(R20) | {
        "logits/weights": np.broadcast_to(np.float32(1), (1, 1, 64, 1_000_000)),
        "logits/biases": np.broadcast_to(np.float32(1), (1_000_000,)),
    }
    write_safetensors("a.safetensors", named(network, "cifar", values), {})
    while True:
        with started("convert", "a.safetensors", "b.safetensors") as process:
            while process.poll() is None and not any(Path().glob(".b*/unfinished")):
                time.sleep(0.001)
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=60)
        if process.returncode:
            break
        Path("b.safetensors").unlink()  # on a busy machine the signal may come when all is written: once more
    assert (process.returncode, stdout) == (130, "")
    assert "Traceback" not in stderr
    assert left() == ["a.safetensors"]
