"""`check A B`: two files as functions, which the backends must compute alike with either's weights."""

import json
from pathlib import Path

import numpy as np
import pytest

from isomorph.spec import BadInput, architecture
from isomorph.tools.checking.check import check
from isomorph.tools.checking.report import CheckReport
from isomorph.tools.checkpoints import write_safetensors
from isomorph.tools.converting.containers import Container
from isomorph.tools.converting.convert import convert

from ..command import answered, isomorph, refused_here
from ..converted import ALL_CONTAINERS, R20, named, of_cifar, subject_of, target_in
from ..tensors import plain


def compared(one: Path, other: Path, size: int = 16, arch: str | None = None) -> CheckReport:
    return check(one, other, backends=["oracle"], size=(size, size), batch=1, arch=arch)


@pytest.mark.parametrize("container", ALL_CONTAINERS, ids=lambda container: container.name)
def test_one_file_in_two_formats_is_one_function(tmp_path: Path, container: Container) -> None:
    network, to = subject_of(container)
    source, target = tmp_path / "a.safetensors", target_in(tmp_path, container)
    write_safetensors(source, named(network, network.name.partition("/")[0], plain(network)), {})
    convert(source, target, to=to, arch=network.name)
    report = compared(source, target, 16 if to is None else 64, network.name)
    assert (report.agree, report.exit_status) == (True, 0)
    assert report.other is not None
    other, origin = report.other
    assert (other, report.weights.source, origin.source) == (network.name, str(source), str(target))


@pytest.mark.parametrize(
    "name", ["mlperf_tiny/pretrainedResnet.h5", "keras_mobilenet/mobilenet_v1_0.25_224_imagenet.h5"]
)
@pytest.mark.parametrize("suffix", ["pth", "pdparams"])
def test_a_published_file_converted_is_one_function(tmp_path: Path, shared: Path, name: str, suffix: str) -> None:
    source = shared / "weights" / name
    arch = convert(source, tmp_path / f"b.{suffix}").source.architecture
    # A .pdparams has no metadata, and MobileNets of three zoos have tensors of these names and shapes.
    assert compared(source, tmp_path / f"b.{suffix}", 32, arch).exit_status == 0


def test_a_copy_in_half_precision_parts_and_says_where(tmp_path: Path) -> None:
    source = of_cifar(tmp_path / "a.safetensors")
    convert(source, tmp_path / "b.safetensors", dtype="float16")
    report = compared(source, tmp_path / "b.safetensors")
    (row,) = report.backends
    assert (row.status, report.agree, report.exit_status) == ("fail", False, 1)
    assert [(run.dtype, run.verdict, run.first_divergence) for run in row.runs] == [
        ("float64", "fail", "conv1"),
        ("float32", "fail", "conv1"),
    ]
    assert row.runs[0].message.endswith("the error is born there")


def test_one_tensor_that_differs_is_where_they_part(tmp_path: Path) -> None:
    source = of_cifar(tmp_path / "a.safetensors")
    tensors = named(R20, "cifar", plain(R20))
    kernel = tensors["layer2.1.conv2.weight"] * np.float32(1.01)
    report = compared(source, of_cifar(tmp_path / "b.safetensors", tensors | {"layer2.1.conv2.weight": kernel}))
    (row,) = report.backends
    assert row.runs[0].first_divergence == "block2/unit_2/basic_v1/conv2"


def test_another_head_fails(tmp_path: Path) -> None:
    source = of_cifar(tmp_path / "a.safetensors")
    convert(source, tmp_path / "b.safetensors", new_head=True)
    report = compared(source, tmp_path / "b.safetensors")
    assert (report.exit_status, report.backends[0].runs[0].first_divergence) == (1, "logits")


def test_a_head_of_other_classes_fails(tmp_path: Path) -> None:
    source = of_cifar(tmp_path / "a.safetensors")
    convert(source, tmp_path / "b.safetensors", new_head=True, num_classes=3)
    (row,) = compared(source, tmp_path / "b.safetensors").backends
    assert (row.status, row.runs[0].message) == ("fail", "logits is 1x1x1x3, the oracle's is 1x1x1x10")


# What cannot be compared.


def test_other_designs_are_refused(tmp_path: Path) -> None:
    deeper = architecture("cifar/resnet32")
    write_safetensors(tmp_path / "b.safetensors", plain(deeper), {})
    with pytest.raises(BadInput) as caught:
        compared(of_cifar(tmp_path / "a.safetensors"), tmp_path / "b.safetensors")
    assert str(caught.value) == (
        "cifar/resnet20 and cifar/resnet32 have different end points, the first of them"
        " block1/unit_4/basic_v1/conv1; `isomorph compare` says how the designs differ."
    )


def test_images_of_other_channels_are_refused(tmp_path: Path) -> None:
    grey = R20.with_options(in_channels=1)
    other = of_cifar(tmp_path / "b.safetensors", named(grey, "cifar", plain(grey)))
    with pytest.raises(BadInput, match=r"b\.safetensors takes images of 1 channels; expected 3, as the first\.$"):
        compared(of_cifar(tmp_path / "a.safetensors"), other)


@pytest.mark.usefixtures("empty_folder")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(("cifar/resnet20", "a.safetensors"), "Two checkpoint files can be compared", id="a design first"),
        pytest.param(("a.safetensors", "cifar/resnet20"), "Two checkpoint files can be compared", id="a design second"),
        pytest.param(("a.safetensors", "no.pth"), "no.pth: there is no such file", id="no second file"),
        pytest.param(("a.safetensors", "no"), "There is no architecture 'no', nor such a file; ", id="nothing second"),
        pytest.param(
            ("a.safetensors", "a.safetensors", "--json", "a.safetensors"), "--json a.safetensors is", id="over itself"
        ),
    ],
)
def test_a_bad_request_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str
) -> None:
    of_cifar(Path("a.safetensors"))
    assert refused_here(capsys, "check", *arguments, "--backends", "oracle").startswith(sentence)


SMALL = ("--backends", "oracle", "--input", "8x8", "--batch", "1")


@pytest.mark.usefixtures("empty_folder")
def test_check_says_what_was_compared() -> None:
    convert(of_cifar(Path("a.safetensors")), "b.pdparams")
    lines = [line.rstrip() for line in answered("check", "a.safetensors", "b.pdparams", *SMALL).splitlines()]
    assert lines[3:5] == ["weights     a.safetensors", "other       b.pdparams, cifar/resnet20"]
    assert max(map(len, lines)) <= 80


@pytest.mark.usefixtures("empty_folder")
def test_check_exits_with_1_where_they_part() -> None:
    convert(of_cifar(Path("a.safetensors")), "b.pth", dtype="float16")
    done = isomorph("check", "a.safetensors", "b.pth", *SMALL, "--json", "-")
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr, document["agree"]) == (1, "", False)
    assert document["other"]["architecture"] == "cifar/resnet20"
