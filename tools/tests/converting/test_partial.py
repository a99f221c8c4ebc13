"""`convert --partial`: what of a file fits a network, names and shapes both; the rest is fresh, and all is told."""

from pathlib import Path

import numpy as np
import pytest

from isomorph.spec import BadInput, architecture, tensor_shapes
from isomorph.tools.converting.convert import convert
from isomorph.tools.converting.initialisation import initialise
from isomorph.tools.weights.weights import read_weights

from ..converted import R20, bits, bits_of, named, of_cifar
from ..tensors import plain

R32 = architecture("cifar/resnet32")
MISFIT = "no tensor of the network has its name and shape"


def test_a_deeper_network_takes_what_it_has_the_names_of(tmp_path: Path) -> None:
    source, target = of_cifar(tmp_path / "a.safetensors"), tmp_path / "b.safetensors"
    report = convert(source, target, arch="cifar/resnet32", partial=True, seed=3)
    taken = tensor_shapes(R20).keys()
    assert report.drawn == tuple(name for name in tensor_shapes(R32) if name not in taken)
    assert (report.left_out, report.tensors, report.source.architecture) == ({}, len(tensor_shapes(R32)), R32.name)
    expected = plain(R20) | initialise(R32, frozenset(report.drawn), 3)
    assert bits_of(target) == bits({name: expected[name] for name in tensor_shapes(R32)})


def test_what_has_another_shape_is_drawn_and_left_out(tmp_path: Path) -> None:
    tensors = named(R20, "cifar", plain(R20)) | {"head.weight": np.ones(3, np.float32)}
    source, target = of_cifar(tmp_path / "a.safetensors", tensors), tmp_path / "b.safetensors"
    report = convert(source, target, arch="cifar/resnet20", num_classes=3, partial=True)
    assert report.drawn == ("logits/weights", "logits/biases")
    assert report.left_out == dict.fromkeys(("linear.weight", "linear.bias", "head.weight"), MISFIT)
    assert read_weights(target).architecture == R20.with_options(num_classes=3)


def test_what_is_missing_is_drawn_in_the_files_dtype(tmp_path: Path) -> None:
    tensors = {name: value.astype(np.float16) for name, value in named(R20, "cifar", plain(R20)).items()}
    del tensors["linear.bias"], tensors["bn1.weight"]
    source, target = of_cifar(tmp_path / "a.safetensors", tensors), tmp_path / "b.safetensors"
    report = convert(source, target, arch="cifar/resnet20", partial=True)
    assert (report.drawn, report.dtypes) == (("conv1/BatchNorm/gamma", "logits/biases"), ("float16",))


def test_what_fits_whole_is_taken_whole(tmp_path: Path) -> None:
    source, target = of_cifar(tmp_path / "a.safetensors"), tmp_path / "b.safetensors"
    report = convert(source, target, arch="cifar/resnet20", partial=True, to="cifar")
    assert (report.drawn, report.left_out) == ((), {})
    assert bits_of(target) == bits_of(source)


def test_what_stands_beside_the_tensors_is_told_once(tmp_path: Path, shared: Path) -> None:
    source = shared / "weights" / "cifar_pytorch" / "resnet20-12fca82f.th"
    report = convert(source, tmp_path / "b.pth", arch="cifar/resnet32", partial=True)
    assert report.left_out == {"best_prec1": MISFIT}


def test_a_trained_head_is_replaced_where_another_one_is_asked_for_alone(tmp_path: Path) -> None:
    """`fc = Sequential(Dropout, Linear)`: the classifier is there, under another name."""
    seven = R20.with_options(num_classes=7)
    own = {name.replace("linear.", "linear.1."): value for name, value in named(seven, "cifar", plain(seven)).items()}
    source = of_cifar(tmp_path / "a.safetensors", own)
    for num_classes in (None, 7):
        with pytest.raises(
            BadInput, match=r"holds all of cifar/.*20, a head of 7 classes among it \(linear\.1\.weight\)"
        ):
            convert(source, tmp_path / "b.pth", arch="cifar/resnet20", num_classes=num_classes, partial=True)
    report = convert(source, tmp_path / "b.pth", arch="cifar/resnet20", num_classes=5, partial=True)
    assert report.drawn == ("logits/weights", "logits/biases")
    assert report.left_out == dict.fromkeys(("linear.1.weight", "linear.1.bias"), MISFIT)


def test_nothing_that_fits_is_refused(tmp_path: Path) -> None:
    source = of_cifar(tmp_path / "a.safetensors")
    with pytest.raises(BadInput, match=r"^No tensor of .* has the name and the shape of one of keras/VGG16\.$"):
        convert(source, tmp_path / "b.pth", arch="keras/VGG16", partial=True)
    assert list(tmp_path.iterdir()) == [source]
