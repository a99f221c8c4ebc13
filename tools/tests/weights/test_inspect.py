"""`inspect`: what a checkpoint is, told from its content; and what is odd about its values, each planted here."""

import hashlib
import json
import warnings
from dataclasses import replace
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from isomorph.conformance.small_networks import slim_small
from isomorph.spec import BadInput, architecture, zoo
from isomorph.spec.naming import ZooTensor
from isomorph.tools.checkpoints import read_checkpoint, write_bundle, write_safetensors
from isomorph.tools.converting.containers import Container
from isomorph.tools.converting.convert import convert
from isomorph.tools.weights.inspect import InspectReport, inspect
from isomorph.tools.weights.sanity_checks import SuspectTensor, find_suspect_tensors

from ..command import answered, refused_here
from ..converted import ALL_CONTAINERS, R20, in_toml, named, of_cifar, subject_of, target_in
from ..tensors import Array, Tensors, of_zoo, plain

KERNEL = "layer1.0.conv1.weight"  # [16, 16, 3, 3]


def planted(path: Path, tensors: Tensors) -> tuple[SuspectTensor, ...] | None:
    """What is odd about cifar/resnet20 with some other tensors."""
    with warnings.catch_warnings(action="error"):
        return inspect(of_cifar(path, named(R20, "cifar", plain(R20)) | tensors)).oddities


def test_a_network_is_told_with_its_facts(tmp_path: Path) -> None:
    network = architecture("keras/MobileNet", width_multiplier=0.25, num_classes=7, in_channels=1)
    write_safetensors(tmp_path / "a.safetensors", of_zoo(network), {})
    report = inspect(tmp_path / "a.safetensors")
    assert (report.architecture, report.title) == (network, "keras/MobileNet with width_multiplier 0.25")
    assert (report.format, report.names, report.problem, report.unused) == ("safetensors", "keras", None, ())
    found = json.loads(report.to_json())["network"]
    assert (found["architecture"], found["num_classes"], found["in_channels"]) == ("keras/MobileNet", 7, 1)
    assert found["blocks"][0] == "1 separable to 16"
    assert found["groups"] == [1, 8, 16, 32, 64, 128, 256]
    assert found["trainable"] + found["statistics"] == sum(value.size for value in of_zoo(network).values())


@pytest.mark.parametrize("container", ALL_CONTAINERS, ids=lambda container: container.name)
def test_every_container_is_told(tmp_path: Path, container: Container) -> None:
    network, to = subject_of(container)
    write_safetensors(tmp_path / "a.safetensors", named(network, network.name.partition("/")[0], plain(network)), {})
    target = target_in(tmp_path, container)
    form = convert(tmp_path / "a.safetensors", target, to=to, arch=network.name).target.names
    report = inspect(target, arch=network.name)
    assert (report.architecture, report.names, report.oddities) == (network, form, ())
    checkpoint = read_checkpoint(target)
    assert report.tensors == {name: (each.dtype.name, each.shape) for name, each in checkpoint.tensors.items()}
    assert report.size == sum(path.stat().st_size for path in {checkpoint.path, *checkpoint.shards})


def test_a_file_of_several_parts_is_counted_and_hashed_whole(tmp_path: Path) -> None:
    write_bundle(tmp_path / "a.ckpt", plain(R20))
    report = inspect(tmp_path / "a.ckpt", digest=True)
    parts = [(tmp_path / f"a.ckpt.{end}").read_bytes() for end in ("index", "data-00000-of-00001")]
    assert (report.size, report.sha256) == (sum(map(len, parts)), hashlib.sha256(b"".join(parts)).hexdigest())


@pytest.mark.parametrize(
    ("name", "network", "beside"),
    [
        ("cifar_pytorch/resnet20-12fca82f.th", "cifar/resnet20", ("best_prec1",)),
        ("mlperf_tiny/pretrainedResnet.h5", "mlperf_tiny/resnet8", ("optimizer_weights",)),
        ("keras_mobilenet/mobilenet_v1_0.25_224_imagenet.h5", "keras/MobileNet", ()),
    ],
)
def test_a_published_file_is_told(shared: Path, name: str, network: str, beside: tuple[str, ...]) -> None:
    report = inspect(shared / "weights" / name)
    assert report.architecture is not None
    assert (report.architecture.name, report.beside, report.oddities) == (network, beside, ())


def test_what_no_network_computes_with_is_unused(tmp_path: Path) -> None:
    counter = {"bn1.num_batches_tracked": np.array(7)}
    report = inspect(of_cifar(tmp_path / "a.safetensors", named(R20, "cifar", plain(R20)) | counter))
    assert (report.unused, report.oddities) == (tuple(counter), ())


def test_an_unknown_network_is_told_with_the_reason(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "a.safetensors", {"x": np.array([1, np.nan], np.float32)}, {})
    report = inspect(tmp_path / "a.safetensors")
    assert (report.architecture, report.title, report.names) == (None, None, None)
    assert report.problem is not None
    assert "no zoo here" in report.problem
    assert report.oddities == (SuspectTensor("x", "1 of 2 values are NaN", 1),)


def test_a_file_that_fits_several_networks_is_told_with_the_reason(tmp_path: Path) -> None:
    small = architecture("slim/mobilenet_v1", width_multiplier=0.25)
    write_safetensors(tmp_path / "a.safetensors", plain(small), {})
    report = inspect(tmp_path / "a.safetensors")
    assert report.problem is not None
    assert "whose tensors are alike but whose functions are not; choose one with --arch." in report.problem
    assert inspect(tmp_path / "a.safetensors", arch="slim/mobilenet_v1").architecture == small


def test_an_architecture_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    small = in_toml(tmp_path / "small.toml", slim_small())
    with pytest.raises(BadInput, match=r"a\.safetensors (are not those of|do not fit) slim/resnet[;:]"):
        inspect(of_cifar(tmp_path / "a.safetensors"), arch=str(small))


# What is odd.


def first(value: Array, *entries: float) -> Array:
    """A copy whose first values are others."""
    changed = value.copy()
    changed.reshape(-1)[: len(entries)] = entries
    return changed


CIFAR = named(R20, "cifar", plain(R20))
VARIANCE, GAMMA, MEAN = (CIFAR[f"bn1.{leaf}"] for leaf in ("running_var", "weight", "running_mean"))
ODD: dict[str, tuple[str, Array, list[tuple[str, int]]]] = {
    "NaN": (KERNEL, first(CIFAR[KERNEL], np.nan, np.nan), [("2 of 2,304 values are NaN", 2)]),
    "an infinity": ("bn1.running_mean", first(MEAN, -np.inf), [("1 of 16 values are infinite", 1)]),
    "both": (
        "linear.bias",
        first(CIFAR["linear.bias"], np.nan, np.inf),
        [("1 of 10 values are NaN", 1), ("1 of 10 values are infinite", 1)],
    ),
    "NaN in half precision": (KERNEL, first(CIFAR[KERNEL].astype("f2"), np.nan), [("1 of 2,304 values are NaN", 1)]),
    "a negative variance": ("bn1.running_var", first(VARIANCE, -1e-9), [("1 of 16 variances are negative", 1)]),
    "a variance of zero": (
        "bn1.running_var",
        first(VARIANCE, 0, 0),
        [("2 of 16 channels are constant before their batch norm: the variance is zero", 2)],
    ),
    "both in one": (
        "bn1.running_var",
        first(VARIANCE, -1, 0),
        [
            ("1 of 16 variances are negative", 1),
            ("1 of 16 channels is constant before their batch norm: the variance is zero", 1),
        ],
    ),
    "a gamma of zero": ("bn1.weight", first(GAMMA, 0), [("1 of 16 channels is constant: gamma is zero", 1)]),
}


@pytest.mark.parametrize(("name", "value", "expected"), ODD.values(), ids=ODD)
def test_it_is_odd(tmp_path: Path, name: str, value: Array, expected: list[tuple[str, int]]) -> None:
    assert planted(tmp_path / "a.safetensors", {name: value}) == tuple(SuspectTensor(name, *each) for each in expected)


NOT_ODD = {
    "numbers whose squares overflow": (KERNEL, np.full((16, 16, 3, 3), 3e38, np.float32)),
    "numbers whose squares vanish": (KERNEL, np.full((16, 16, 3, 3), 1e-30, np.float32)),
    "a large number in half precision": (KERNEL, np.full((16, 16, 3, 3), 65504, np.float16)),
    "biases of zero": ("linear.bias", np.zeros(10, np.float32)),
    "means of zero": ("bn1.running_mean", np.zeros(16, np.float32)),
    "a tiny variance": ("bn1.running_var", np.full(16, 1e-42, np.float32)),
    "one zero among many": (KERNEL, first(CIFAR[KERNEL], 0.0)),
}


@pytest.mark.parametrize(("name", "value"), NOT_ODD.values(), ids=NOT_ODD)
def test_it_is_not_odd(tmp_path: Path, name: str, value: Array) -> None:
    assert planted(tmp_path / "a.safetensors", {name: value}) == ()


LAYOUTS = [
    (zoo_name, name, tensor)
    for network, zoo_name in (
        ("torchvision/resnet18", "torchvision"),
        ("torchvision/vgg11", "torchvision"),
        ("keras/MobileNet", "keras"),
        ("slim/mobilenet_v1", "slim"),
        ("paddle/mobilenet_v1", "paddle"),
    )
    for name, tensor in {
        each.axes: (name, each)
        for name, each in zoo(zoo_name).naming.tensors(architecture(network)).items()
        if each.axes
    }.values()
]


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
@pytest.mark.parametrize(
    ("zoo_name", "name", "tensor"),
    LAYOUTS,
    ids=[f"{one} {each.axes and each.axes.letters}" for one, _, each in LAYOUTS],
)
def test_a_dead_channel_is_found_in_every_layout(zoo_name: str, name: str, tensor: ZooTensor, dtype: str) -> None:
    tensor = replace(tensor, canonical=tuple(min(extent, 5) for extent in tensor.canonical))
    canonical = np.ones(tensor.canonical, getattr(ml_dtypes, dtype, dtype))
    canonical[..., 2] = 0
    canonical[..., -1] = 0
    found = find_suspect_tensors({tensor.name: tensor.from_canonical(canonical)}, {name: tensor})
    assert list(found) == [SuspectTensor(tensor.name, "2 of 5 channels are dead: the kernel is zero", 2)]


def test_values_that_are_not_to_be_looked_at_are_not(tmp_path: Path) -> None:
    of_cifar(tmp_path / "a.safetensors", CIFAR | {"linear.bias": np.full(10, np.nan, np.float32)})
    report = inspect(tmp_path / "a.safetensors", values=False)
    assert (report.oddities, json.loads(report.to_json())["oddities"]) == (None, None)
    assert "odd" not in str(report)


# What is printed.


def lines_of(report: InspectReport) -> list[str]:
    return [line.rstrip() for line in str(report).splitlines()]


@pytest.mark.usefixtures("empty_folder")
def test_inspect_prints_facts_and_tensors_in_80_columns() -> None:
    of_cifar(Path("a.safetensors"))
    lines = [line.rstrip() for line in answered("inspect", "a.safetensors", "--tensors", "--hash").splitlines()]
    assert lines[1:5] == [
        "format          safetensors",
        "tensors         97, 271,098 values, float32",
        "network         cifar/resnet20",
        "names           cifar",
    ]
    assert f"sha256          {hashlib.sha256(Path('a.safetensors').read_bytes()).hexdigest()}" in lines
    assert lines[-97].split() == ["conv1.weight", "float32", "16x3x3x3"]
    assert max(map(len, lines)) <= 80


@pytest.mark.usefixtures("empty_folder")
def test_inspect_writes_json_and_nothing_else_to_stdout() -> None:
    of_cifar(Path("a.safetensors"), CIFAR | {"linear.bias": np.full(10, np.nan, np.float32)})
    document = json.loads(answered("inspect", "a.safetensors", "--json", "-", "--tensors"))
    assert document.keys() == {
        "path", "format", "size", "unwrapped", "key", "dictionaries", "beside", "title", "names", "alternatives",
        "prefix", "mapping", "problem", "recovered", "not_recovered", "unused", "tensors", "sha256", "network",
        "oddities", "values",
    }  # fmt: skip
    assert document["tensors"]["conv1.weight"] == {"dtype": "float32", "shape": [16, 3, 3, 3]}
    assert document["oddities"] == [{"tensor": "linear.bias", "what": "10 of 10 values are NaN", "values": 10}]


# Networks that shapes tell.


def test_a_network_among_others_is_told_with_its_prefix_and_how_sure_that_is(tmp_path: Path) -> None:
    network = architecture("mlperf_tiny/resnet8")
    tensors = {f"net.encoder.{name}": value for name, value in plain(network).items()} | {"net.mask": np.ones((7, 5))}
    write_safetensors(tmp_path / "a.safetensors", tensors, {})
    report = inspect(tmp_path / "a.safetensors")
    said = " ".join(" ".join(lines_of(report)).split())
    assert (report.title, report.names, report.prefix) == ("mlperf_tiny/resnet8", "its own", "net.encoder.")
    assert "under net.encoder." in said
    assert "told 36 surely, 12 by numbers in their names" in said
    assert "unused net.mask" in said
    document = json.loads(report.to_json())
    assert document["mapping"]["conv1/weights"] == {"tensor": "net.encoder.conv1/weights", "told": "sure"}


def test_all_functions_of_the_same_tensors_are_told(tmp_path: Path) -> None:
    tensors = {f"t{number:03}": value for number, value in enumerate(CIFAR.values())}
    write_safetensors(tmp_path / "a.safetensors", tensors, {})
    report = inspect(tmp_path / "a.safetensors")
    said = " ".join(" ".join(lines_of(report)).split())
    assert (report.title, report.alternatives, report.problem) == ("cifar/resnet20", ("cifar/plain20",), None)
    assert "network cifar/resnet20 or cifar/plain20 names its own" in said


@pytest.mark.usefixtures("empty_folder")
def test_the_table_of_tensors_says_which_is_which() -> None:
    tensors = {f"t{number:03}": value for number, value in enumerate(CIFAR.values())} | {"step": np.ones(1)}
    write_safetensors("a.safetensors", tensors, {})
    rows = [line.split() for line in answered("inspect", "a.safetensors", "--tensors").splitlines()]
    assert ["tensor", "dtype", "shape", "is", "told"] in rows
    assert ["t000", "float32", "16x3x3x3", "conv1/weights", "sure"] in rows
    assert ["step", "float64", "1", "-", "-"] in rows


def test_a_table_says_how_many_oddities_it_leaves_out(tmp_path: Path) -> None:
    tensors = {f"x{number:02}": np.array([np.nan]) for number in range(15)}
    write_safetensors(tmp_path / "a.safetensors", tensors, {})
    lines = lines_of(inspect(tmp_path / "a.safetensors"))
    assert sum("values are NaN" in line for line in lines) == 10
    assert lines[-1] == "and 5 more; --json has all"


def test_no_more_is_claimed_than_was_looked_for(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "a.safetensors", {"x": np.ones(1)}, {})
    assert lines_of(inspect(tmp_path / "a.safetensors"))[-1] == "Nothing is odd: all values are finite."
    known = " ".join(lines_of(inspect(of_cifar(tmp_path / "b.safetensors")))[-2:])
    assert known == "Nothing is odd: all values are finite, no variance is negative, no channel is dead."


@pytest.mark.parametrize("name", ["[/b]", "[red]x", "\x1b[31mx"])
def test_a_name_is_neither_markup_nor_a_command_to_the_terminal(tmp_path: Path, name: str) -> None:
    path = tmp_path / "[red].safetensors"
    write_safetensors(path, {name: np.array([np.nan])}, {})
    report = inspect(path)
    assert str(path) in "".join(line.strip() for line in lines_of(report))
    assert name.replace("\x1b", "\\x1b") in str(report).partition("what")[2]
    assert "\x1b" not in str(report)


@pytest.mark.usefixtures("empty_folder")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(("no.pth",), "no.pth: there is no such file", id="no such file"),
        pytest.param((".",), ".: is a folder, a file was expected", id="a folder"),
        pytest.param(("a.safetensors", "--arch", "nope"), "There is no architecture 'nope'", id="no such network"),
        pytest.param(("a.safetensors", "--json", "a.safetensors"), "--json a.safetensors is a file", id="over itself"),
        pytest.param(("a.safetensors", "--json", "no/x.json"), "no/x.json cannot be written", id="into no folder"),
    ],
)
def test_a_bad_request_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str
) -> None:
    before = of_cifar(Path("a.safetensors")).read_bytes()
    assert refused_here(capsys, "inspect", *arguments).startswith(sentence)
    assert Path("a.safetensors").read_bytes() == before
