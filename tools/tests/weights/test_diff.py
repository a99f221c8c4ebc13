"""`diff`: the same weights in two files, whatever they are called and however they lie there, or how they differ."""

import json
import math
import warnings
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from isomorph.conformance.small_networks import slim_small
from isomorph.spec import BadInput, architecture
from isomorph.tools.checkpoints import write_safetensors
from isomorph.tools.converting.containers import Container
from isomorph.tools.converting.convert import convert
from isomorph.tools.weights.diff import DiffReport, diff
from isomorph.tools.weights.weights import ValuesDisagree

from ..command import answered, isomorph, refused_here
from ..converted import ALL_CONTAINERS, R20, in_toml, named, of_cifar, subject_of, target_in
from ..tensors import Array, Tensors, changed, plain

NAMES = tuple(plain(R20))


def of(path: Path, tensors: Tensors) -> Path:
    write_safetensors(path, tensors, {})
    return path


def compared(tmp_path: Path, one: Tensors, other: Tensors) -> DiffReport:
    return diff(of(tmp_path / "one.safetensors", one), of(tmp_path / "other.safetensors", other))


def statuses(report: DiffReport) -> dict[str, str]:
    return {tensor.name: tensor.status for tensor in report.tensors}


@pytest.mark.parametrize("container", ALL_CONTAINERS, ids=lambda container: container.name)
def test_a_converted_file_has_the_same_weights(tmp_path: Path, container: Container) -> None:
    network, to = subject_of(container)
    source = of(tmp_path / "a.safetensors", named(network, network.name.partition("/")[0], plain(network)))
    convert(source, target_in(tmp_path, container), to=to, arch=network.name)
    report = diff(source, target_in(tmp_path, container), arch=network.name)
    assert (report.canonical, report.same, report.same_function, report.exit_status) == (True, True, True, 0)
    assert statuses(report) == dict.fromkeys(plain(network), "equal")
    assert report.verdict == "The same weights."


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_a_cast_is_the_same_weights(tmp_path: Path, dtype: str) -> None:
    source = of_cifar(tmp_path / "a.safetensors")
    convert(source, tmp_path / "b.safetensors", dtype=dtype)
    for first, second in ((source, tmp_path / "b.safetensors"), (tmp_path / "b.safetensors", source)):
        report = diff(first, second)
        assert (report.same, set(statuses(report).values())) == (True, {"cast"})


@pytest.mark.parametrize("pair", ["layers of one shape", "a square kernel transposed", "rows and columns of a 3x3"])
def test_what_names_and_shapes_cannot_tell_is_named(tmp_path: Path, pair: str) -> None:
    """Such a file is read as well as a right one: only another, or the answers, can tell."""
    before = plain(R20)
    one, other = (f"block1/unit_{unit}/basic_v1/conv1/weights" for unit in (1, 2))
    after = {
        "layers of one shape": before | {one: before[other], other: before[one]},
        "a square kernel transposed": before | {one: np.ascontiguousarray(before[one].transpose(0, 1, 3, 2))},
        "rows and columns of a 3x3": before | {one: np.ascontiguousarray(before[one].transpose(1, 0, 2, 3))},
    }[pair]
    report = compared(tmp_path, before, after)
    found = {name for name, status in statuses(report).items() if status == "different"}
    assert found == ({one, other} if pair == "layers of one shape" else {one})
    assert (report.same, report.exit_status) == (False, 1)


def test_each_tensor_is_told_how_it_differs(tmp_path: Path) -> None:
    before = plain(R20)
    moved = before["conv1/weights"].copy()
    moved[0, 0, 0, :2] += np.float32(0.5)
    report = compared(tmp_path, before, before | {"conv1/weights": moved, "logits/biases": -before["logits/biases"]})
    assert [tensor.name for tensor in report.tensors if tensor.status != "equal"] == ["conv1/weights", "logits/biases"]
    kernel, biases = (tensor for tensor in report.tensors if tensor.status == "different")
    assert (kernel.values, kernel.first, kernel.second) == (2, ("float32", (3, 3, 3, 16)), ("float32", (3, 3, 3, 16)))
    assert kernel.max_abs == pytest.approx(0.5, rel=1e-6)
    assert kernel.rel_l2 == pytest.approx(0.5 * math.sqrt(2) / np.linalg.norm(before["conv1/weights"]), rel=1e-6)
    assert biases.rel_l2 == pytest.approx(2)
    assert biases.values == 10
    assert (report.exit_status, report.verdict) == (1, "They are not the same weights.")


def test_what_is_missing_or_of_another_shape_is_told(tmp_path: Path) -> None:
    other = architecture("cifar/resnet32", num_classes=3)
    deeper = plain(other) | {name: value for name, value in plain(R20).items() if not name.startswith("logits")}
    report = compared(tmp_path, plain(R20), deeper)
    found = statuses(report)
    assert {found[name] for name in NAMES if not name.startswith("logits")} == {"equal"}
    assert {name for name, status in found.items() if status == "shape"} == {"logits/weights", "logits/biases"}
    assert {name for name, status in found.items() if status == "only second"} == {*plain(other)} - {*NAMES}
    assert report.same_function is False
    assert statuses(compared(tmp_path, deeper, plain(R20)))["block1/unit_4/basic_v1/conv1/weights"] == "only first"


def test_the_same_weights_of_two_functions_are_told(tmp_path: Path) -> None:
    source = of_cifar(tmp_path / "a.safetensors")
    with pytest.warns(ValuesDisagree, match="as those of cifar/plain20"):
        convert(source, tmp_path / "b.safetensors", arch="cifar/plain20")
    report = diff(source, tmp_path / "b.safetensors")
    assert (report.same, report.same_function, report.exit_status) == (True, False, 0)
    assert report.verdict == (
        "The same weights of two functions: cifar/resnet20 and cifar/plain20 compute different things with them."
    )


# Values: each pair in a file of a network that nobody knows, under one name.

F4 = np.float32
BF16 = ml_dtypes.bfloat16
PAIRS: dict[str, tuple[Array, Array, str]] = {
    "equal bits": (np.array([1.5, np.nan], F4), np.array([1.5, np.nan], F4), "equal"),
    "nothing": (np.zeros(0, F4), np.zeros(0, F4), "equal"),
    "a scalar": (np.array(1, F4), np.array(1, F4), "equal"),
    "complex": (np.array([1 + 2j], np.complex64), np.array([1 + 2j], np.complex64), "equal"),
    "another imaginary part": (np.array([1 + 2j], np.complex64), np.array([1 + 3j], np.complex64), "different"),
    "truth": (np.array([True]), np.array([False]), "different"),
    "another zero": (np.array([0.0], F4), np.array([-0.0], F4), "different"),
    "another NaN": (np.array([0x7FC00000], "u4").view(F4), np.array([0x7FC00001], "u4").view(F4), "different"),
    "an infinity instead": (np.array([1.0, 2.0], F4), np.array([np.inf, 2.0], F4), "different"),
    "NaN instead": (np.array([1.0, 2.0], F4), np.array([np.nan, 2.0], F4), "different"),
    "a cast": (np.array([1 / 3], F4), np.array([1 / 3], np.float16), "cast"),
    "a cast of NaN": (np.array([np.nan, np.inf], F4), np.array([np.nan, np.inf], BF16), "cast"),
    "nothing in another dtype": (np.zeros(0, F4), np.zeros(0, np.float64), "cast"),
    "one half from the other": (np.array([1 + 2**-9], np.float16), np.array([1], BF16), "cast"),
    "a cast beyond the range": (np.array([1e6], F4), np.array([np.inf], np.float16), "different"),
    "a cast of other numbers": (np.array([1 / 3], F4), np.array([0.5], np.float16), "different"),
    "integers of two widths": (np.array([7]), np.array([7], np.int32), "cast"),
    "an integer that was cut off": (np.array([1.75], F4), np.array([1], np.int32), "different"),
    "a real part alone": (np.array([1 + 2j], np.complex64), np.array([1], F4), "different"),
}


@pytest.mark.parametrize(("one", "other", "status"), PAIRS.values(), ids=PAIRS)
def test_two_values_are(tmp_path: Path, one: Array, other: Array, status: str) -> None:
    with warnings.catch_warnings(action="error"):
        (found,) = compared(tmp_path, {"x": one}, {"x": other}).tensors
        (reverse,) = compared(tmp_path, {"x": other}, {"x": one}).tensors
    assert found.status == reverse.status == status
    assert found.values == reverse.values == (1 if status == "different" else None)
    for number in (found.max_abs, found.rel_l2):
        assert number is None or math.isfinite(number)


# Files of networks that are not known.


def test_unknown_networks_are_compared_by_their_own_names(tmp_path: Path) -> None:
    report = compared(tmp_path, {"a": np.ones(2), "b": np.ones(3)}, {"a": np.ones(2), "c": np.ones(3)})
    assert (report.canonical, report.architectures, report.same_function) == (False, (None, None), None)
    assert statuses(report) == {"a": "equal", "b": "only first", "c": "only second"}


def test_files_without_a_common_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"^No tensor of .* is called as one of .*; --arch says what they are of\.$"):
        compared(tmp_path, {"a": np.ones(2)}, {"b": np.ones(2)})


def test_arch_says_what_both_are_of(tmp_path: Path) -> None:
    small = slim_small()
    path = in_toml(tmp_path / "small.toml", small)
    of(tmp_path / "a.safetensors", plain(small))
    of(tmp_path / "b.safetensors", named(small, "slim", plain(small)))
    report = diff(tmp_path / "a.safetensors", tmp_path / "b.safetensors", arch=str(path))
    assert (report.canonical, report.same) == (True, True)
    with pytest.raises(BadInput, match=r"a\.safetensors do not fit cifar/resnet20: "):
        diff(tmp_path / "a.safetensors", tmp_path / "b.safetensors", arch="cifar/resnet20")


# The command.


@pytest.mark.usefixtures("empty_folder")
def test_diff_prints_what_differs_in_80_columns() -> None:
    of_cifar(Path("a.safetensors"))
    of(
        Path("b.safetensors"),
        plain(R20) | {"logits/biases": np.zeros(10, F4), "conv1/weights": plain(R20)["conv1/weights"] * 2},
    )
    done = isomorph("diff", "a.safetensors", "b.safetensors")
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (1, "")
    assert lines[:3] == [
        "a.safetensors: cifar/resnet20",
        "b.safetensors: cifar/resnet20",
        "97 tensors, by canonical names: 95 equal bit for bit, 2 different",
    ]
    assert [line.split()[0] for line in lines[3:5]] == ["tensor", "conv1/weights"]
    assert lines[5:8:2] == ["  conv1.weight in the first", "  linear.bias in the first"]
    assert lines[6].split()[0] == "logits/biases"
    assert lines[4].split()[1:] == ["different", f"{abs(plain(R20)['conv1/weights']).max():.3g}", "1", "432"]
    assert lines[-1] == "They are not the same weights."
    assert max(map(len, lines)) <= 80


@pytest.mark.usefixtures("empty_folder")
def test_diff_writes_json_and_nothing_else_to_stdout() -> None:
    of_cifar(Path("a.safetensors"))
    document = json.loads(answered("diff", "a.safetensors", "a.safetensors", "--json", "-"))
    assert document.keys() == {
        "first", "second", "architectures", "canonical", "same_function", "tensors", "same", "verdict"
    }  # fmt: skip
    assert (document["same"], len(document["tensors"])) == (True, 97)
    assert document["tensors"][0]["first"] == ["float32", [3, 3, 3, 16]]


def test_a_table_says_how_many_rows_it_leaves_out(tmp_path: Path) -> None:
    before = {f"x{number:02}": np.ones(1) for number in range(30)}
    text = str(compared(tmp_path, before, {name: -value for name, value in before.items()}))
    assert text.count("different  ") == 10
    assert "and 20 more; --json has all" in text


def test_two_networks_are_said_to_be_two_before_their_tensors_are_listed(tmp_path: Path) -> None:
    other = architecture("cifar/resnet32")
    report = compared(tmp_path, named(R20, "cifar", plain(R20)), named(other, "cifar", plain(other)))
    assert report.other_network
    lines = str(report).splitlines()
    assert " ".join(lines[:2]).startswith("They are two different networks, cifar/resnet20 and cifar/resnet32: the te")
    other_head = plain(R20.with_options(num_classes=7))
    assert str(compared(tmp_path, plain(R20), other_head)).startswith(
        "They are both cifar/resnet20, for other images or classes: the tensors"
    )
    assert lines[-2].startswith("and ")
    assert lines[-2].endswith(" more; --json has all")
    assert sum("only" in line for line in lines if not line.startswith(" ")) <= 12


def test_one_network_of_other_weights_is_not_two(tmp_path: Path) -> None:
    assert not compared(tmp_path, plain(R20), plain(R20) | {"logits/biases": np.zeros(10, F4)}).other_network


@pytest.mark.parametrize(
    ("one", "other", "names"),
    [
        pytest.param("cifar", "cifar", ["conv1.weight in both"], id="both files of a zoo"),
        pytest.param("cifar", None, ["conv1.weight in the first"], id="the second under canonical names"),
        pytest.param(None, None, [], id="both under canonical names"),
    ],
)
def test_a_tensor_is_named_as_the_files_call_it(
    tmp_path: Path, one: str | None, other: str | None, names: list[str]
) -> None:
    first, second = (plain(R20) if zoo_name is None else named(R20, zoo_name, plain(R20)) for zoo_name in (one, other))
    (tensor, *_) = compared(tmp_path, first, second).tensors
    assert (tensor.name, [*tensor.other_names()]) == ("conv1/weights", names)


@pytest.mark.parametrize("name", ["[/b]", "[red]x", "\x1b[31mx"])
def test_a_name_is_neither_markup_nor_a_command_to_the_terminal(tmp_path: Path, name: str) -> None:
    text = str(compared(tmp_path, {name: np.ones(1)}, {name: np.zeros(1)}))
    assert name.replace("\x1b", "\\x1b") in text
    assert "\x1b" not in text


@pytest.mark.usefixtures("empty_folder")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(("a.safetensors", "no.pth"), "no.pth: there is no such file", id="no second file"),
        pytest.param(("no.pth", "a.safetensors"), "no.pth: there is no such file", id="no first file"),
        pytest.param(("a.safetensors", "."), ".: is a folder, a file was expected", id="a folder"),
        pytest.param(
            ("a.safetensors", "a.safetensors", "--arch", "x"), "There is no architecture 'x'", id="no network"
        ),
        pytest.param(
            ("a.safetensors", "b.safetensors", "--json", "b.safetensors"), "--json b.safetensors is a file", id="itself"
        ),
    ],
)
def test_a_bad_request_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str
) -> None:
    for name in ("a.safetensors", "b.safetensors"):
        of_cifar(Path(name))
    assert refused_here(capsys, "diff", *arguments).startswith(sentence)
    assert refused_here(capsys, "diff", *arguments).startswith(sentence)


def test_nothing_is_changed_by_a_copy_that_lacks_a_tensor(tmp_path: Path) -> None:
    """A file that fits no network is compared by the names that both have."""
    source = of_cifar(tmp_path / "a.safetensors")
    less = of(tmp_path / "b.safetensors", changed(named(R20, "cifar", plain(R20)), {"linear.bias": None}))
    report = diff(source, less)
    assert (report.architectures, report.canonical) == (("cifar/resnet20", None), False)
    assert [name for name, status in statuses(report).items() if status != "equal"] == ["linear.bias"]
