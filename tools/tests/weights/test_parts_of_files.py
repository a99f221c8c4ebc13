"""Which dictionary of a file, and which of its tensors: `--key`, `--prefix`, and what is said of averages beside."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from isomorph.spec import BadInput, architecture
from isomorph.tools.checkpoints import write_safetensors
from isomorph.tools.subjects.subject import find_subject
from isomorph.tools.weights.inspect import inspect
from isomorph.tools.weights.weights import AveragesBeside, read_weights

from ..command import answered, isomorph, refused_here
from ..tensors import plain

R8 = architecture("mlperf_tiny/resnet8")
TRAINED = plain(R8)
AVERAGED = {name: value / 2 for name, value in TRAINED.items()}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a file of trained and averaged weights, and one of a network among others."""
    monkeypatch.chdir(tmp_path)
    Path("both.pdparams").write_bytes(pickle.dumps({"epoch": 9, "net": TRAINED, "ema": AVERAGED}, 4))
    two = {f"{name}.{each}": value for name in ("student", "guide") for each, value in TRAINED.items()}
    write_safetensors("two.safetensors", two | {"guide.conv1/weights": 2 * TRAINED["conv1/weights"]}, {})


def first_kernel(**where: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    tensors = read_weights("both.pdparams", **where).tensors
    return np.asarray(tensors["conv1/weights"])


def test_trained_weights_are_taken_and_the_averages_beside_them_are_named() -> None:
    with pytest.warns(AveragesBeside, match=r"^both.pdparams holds averaged weights beside .* net, .* --key ema"):
        np.testing.assert_array_equal(first_kernel(), TRAINED["conv1/weights"])


def test_what_is_asked_for_is_taken_without_a_word() -> None:
    np.testing.assert_array_equal(first_kernel(key="ema"), AVERAGED["conv1/weights"])
    np.testing.assert_array_equal(first_kernel(key="net"), TRAINED["conv1/weights"])


def test_a_prefix_chooses_among_networks() -> None:
    weights = read_weights("two.safetensors", prefix="guide.")
    np.testing.assert_array_equal(weights.tensors["conv1/weights"], 2 * TRAINED["conv1/weights"])
    assert weights.architecture.name == "mlperf_tiny/resnet8"
    assert sum(name.startswith("student.") for name in weights.left_out) == len(TRAINED)


@pytest.mark.parametrize(
    ("file", "where", "sentence"),
    [
        ("both.pdparams", {"key": "model"}, "no dictionary of tensors under the key 'model'; there are 'net', 'ema'"),
        ("two.safetensors", {"key": "net"}, "no dictionary of tensors under the key 'net'; it has one, which needs no"),
        (
            "two.safetensors",
            {"prefix": "net."},
            "none of its tensors starts with 'net.'; the first is called 'student.",
        ),
    ],
    ids=["a key that is not there", "a key of a file with one dictionary", "a prefix that no name has"],
)
def test_it_is_refused(file: str, where: dict[str, str], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        read_weights(file, **where)


@pytest.mark.parametrize("where", [{"key": "net"}, {"prefix": "net."}], ids=["key", "prefix"])
def test_an_architecture_has_no(where: dict[str, str]) -> None:
    with pytest.raises(BadInput, match=f"--{next(iter(where))} goes with a checkpoint; {R8.name} is an architecture"):
        find_subject(R8.name, **where)


def test_inspect_lists_the_others() -> None:
    report = inspect("both.pdparams")
    assert (report.title, report.key, report.dictionaries) == (R8.name, "net", {"net": (48, False), "ema": (48, True)})
    assert "also            48 tensors under --key ema, averaged over steps" in str(report)
    assert json.loads(report.to_json())["dictionaries"]["ema"] == {"tensors": 48, "averaged": True}
    assert inspect("both.pdparams", key="ema").unwrapped == ("ema",)


def test_of_two_networks_in_a_file_the_first_is_told_and_prefixes_choose() -> None:
    report = inspect("two.safetensors")
    assert (report.title, report.prefix, len(report.unused)) == (R8.name, "student.", 48)
    assert inspect("two.safetensors", prefix="guide.").prefix == ""


def test_the_command_line_says_it_once_on_stderr() -> None:
    done = isomorph("convert", "both.pdparams", "a.safetensors")
    assert done.returncode == 0
    assert done.stderr.count("holds averaged weights beside those under net, which are taken: --key ema.") == 1
    answered("convert", "both.pdparams", "b.safetensors", "--key", "ema")
    np.testing.assert_array_equal(read_weights("b.safetensors").tensors["conv1/weights"], AVERAGED["conv1/weights"])


@pytest.mark.parametrize("command", ["check", "run", "predict", "inspect", "bench", "convert"])
def test_every_command_that_takes_a_file_takes_them(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    more = {"convert": ["c.pth"], "run": ["--backend", "oracle", "--out", "y.npz"], "predict": ["x.png"]}.get(
        command, []
    )
    said = refused_here(capsys, command, "both.pdparams", *more, "--key", "nosuch")
    assert "it has no dictionary of tensors under the key 'nosuch'" in said
    said = refused_here(capsys, command, "both.pdparams", *more, "--prefix", "nosuch")
    assert "none of its tensors starts with 'nosuch'" in said


def test_of_many_dictionaries_ten_are_listed() -> None:
    many = {f"copy{number:02}": {"w": np.ones((2, 2), np.float32)} for number in range(30)}
    Path("many.pdparams").write_bytes(pickle.dumps({"net": TRAINED} | many, 4))
    lines = [line.rstrip() for line in str(inspect("many.pdparams", values=False)).splitlines()]
    assert sum(line.startswith("also") for line in lines) == 11
    assert "also            20 more dictionaries; --json has all" in lines
    with pytest.raises(BadInput, match=r"there are 'net', 'copy00', .* and 23 more\.$"):
        read_weights("many.pdparams", key="nosuch")
