"""`convert`: every tensor arrives with its own bits, under other names and in other files, or is told of."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.protocol import Options
from isomorph.conformance.small_networks import slim_small
from isomorph.spec import Architecture, BadInput, architecture
from isomorph.tools.checking.check import check
from isomorph.tools.checkpoints import METADATA, read_checkpoint, write_pytorch_zip, write_safetensors
from isomorph.tools.converting.containers import Container
from isomorph.tools.converting.convert import NO_ROUNDING, convert
from isomorph.tools.converting.targets import find_target
from isomorph.tools.converting.transfer import can_transfer, transfer
from isomorph.tools.weights.metadata import read_architecture
from isomorph.tools.weights.weights import read_weights

from ..converted import ALL_CONTAINERS, R20, bits, bits_of, in_toml, named, of_cifar, subject_of, target_in
from ..tensors import Array, plain

containers = pytest.mark.parametrize("container", ALL_CONTAINERS, ids=lambda container: container.name)


@containers
def test_there_and_back_every_bit_stays(tmp_path: Path, container: Container) -> None:
    network, to = subject_of(container)
    first, back = tmp_path / "first.safetensors", tmp_path / "back.safetensors"
    write_safetensors(first, named(network, network.name.partition("/")[0], plain(network)), {})
    there = target_in(tmp_path, container)
    report = convert(first, there, to=to, arch=network.name)
    assert bits(read_weights(there, network.name).tensors) == bits(plain(network))
    assert (report.target.format, report.changes, report.drawn, report.left_out) == (container.name, (), (), {})
    convert(there, back, arch=network.name, to=network.name.partition("/")[0])
    assert bits_of(back) == bits_of(first)


@containers
def test_the_same_file_makes_the_same_files(tmp_path: Path, container: Container) -> None:
    network, to = subject_of(container)
    source, contents = tmp_path / "a.safetensors", []
    write_safetensors(source, named(network, network.name.partition("/")[0], plain(network)), {})
    for folder in (tmp_path / "one", tmp_path / "other"):
        folder.mkdir()
        convert(source, target_in(folder, container), to=to, arch=network.name)
        contents.append({path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()})
    assert contents[0] == contents[1] != {}


def test_a_vgg_of_keras_becomes_torchvisions_and_back(tmp_path: Path) -> None:
    """Where maps are of the size that the dense layers read, a pool to that size leaves them as they are."""
    keras, torchvision = (small_vgg(name) for name in ("keras/VGG16", "torchvision/vgg16"))
    tensors = plain(keras)
    images = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype(np.float32)  # which leave a map of 8x8
    there, changes = transfer(tensors, keras, torchvision, NO_ROUNDING)
    assert changes == ["a pool to 8x8 before fc6 added, which changes no map of 8x8 and admits others"]
    np.testing.assert_array_equal(logits(torchvision, there, images), logits(keras, tensors, images))
    back, changes = transfer(there, torchvision, keras, NO_ROUNDING)
    assert changes == ["the pool to 8x8 before fc6 left out, without which images have to leave a map of 8x8"]
    assert bits(back) == bits(tensors)
    smaller = small_vgg("torchvision/vgg16", cells=7)
    assert not can_transfer(keras, smaller), "a pool to another size is another function"


def small_vgg(name: str, cells: int = 8) -> Architecture:
    """The first two convolutions of a VGG, its first pool, and its dense layers, narrow, behind a map of `cells`."""
    network = architecture(name, num_classes=5)
    blocks = [replace(block, args=((4, *block.args[0][1:]),)) for block in network.blocks[:1]]
    sizes = {"adaptive_pool": ((cells,),), "fc6": ((6, cells),), "fc7": ((6, 1),)}
    last = [replace(block, args=sizes[block.scope]) for block in network.blocks if block.scope in sizes]
    return replace(network, blocks=(*blocks, network.blocks[1], *last))


def logits(network: Architecture, tensors: Mapping[str, Array], images: Array) -> Array:
    built = OracleNetwork(network, Options(dtype="float32"))
    built.load(tensors)
    return built.answer(images)


@pytest.mark.parametrize(("source", "to"), [("keras/VGG16", "torchvision"), ("torchvision/vgg16", "keras")])
def test_a_vgg_is_found_in_the_other_zoo(source: str, to: str) -> None:
    network, form = find_target(architecture(source, num_classes=7), to)
    assert (network.name.partition("/")[0], form, network.head.num_classes) == (to, to, 7)


def test_options_say_what_of_a_file_is_not_as_its_name_says(tmp_path: Path) -> None:
    """An epsilon of another program, which decides what has to be folded for a zoo's own."""
    source = of_cifar(tmp_path / "r20.safetensors")
    with pytest.raises(BadInput, match=r"epsilon is 0\.001 in one network and 1e-05 in the other"):
        convert(source, tmp_path / "x.pth", to="cifar", batch_norm_epsilon=1e-3)
    with pytest.raises(BadInput, match=r"^The in_channels of .* is 3, not 1; leave the option out"):
        convert(source, tmp_path / "x.safetensors", in_channels=1)
    assert convert(source, tmp_path / "x.safetensors", batch_norm_epsilon=1e-3).changes == ()
    assert read_weights(tmp_path / "x.safetensors").architecture == R20.with_options(batch_norm_epsilon=1e-3)


def test_a_dtype_that_a_kind_of_file_lacks_says_what_to_cast_it_to(tmp_path: Path) -> None:
    source = of_cifar(tmp_path / "r20.safetensors")
    convert(source, tmp_path / "half.safetensors", dtype="bfloat16")
    with pytest.raises(BadInput, match=r"is bfloat16, this kind of file has .*; `--dtype float32` casts it\.$"):
        convert(tmp_path / "half.safetensors", tmp_path / "half.h5")
    convert(tmp_path / "half.safetensors", tmp_path / "half.h5", dtype="float32")


def test_names_go_round_from_zoo_to_zoo(tmp_path: Path) -> None:
    network = architecture("torchvision/resnet18", num_classes=5)
    first = named(network, "torchvision", plain(network))
    write_pytorch_zip(tmp_path / "torchvision.pth", first)
    path = tmp_path / "torchvision.pth"
    for zoo_name, suffix in (("timm", "bin"), ("transformers", "safetensors"), ("paddle", "pdparams")):
        after = tmp_path / f"{zoo_name}.{suffix}"
        report = convert(path, after, to=zoo_name)
        assert bits_of(after) == bits(named(network, zoo_name, plain(network)))
        assert (report.target.names, report.target.architecture.partition("/")[0]) == (zoo_name, zoo_name)
        path = after
    report = convert(path, tmp_path / "back.pth", to="torchvision")
    assert (report.source.names, report.tensors, report.values) == ("paddle", 102, sum(v.size for v in first.values()))
    assert bits_of(tmp_path / "back.pth") == bits(first)


@pytest.mark.filterwarnings("ignore:The values of .* do not agree:UserWarning")  # slim drew its statistics, too
def test_slims_own_checkpoint_goes_round(tmp_path: Path, shared: Path) -> None:
    source = shared / "peers" / "slim_small" / "model.ckpt"
    small = in_toml(tmp_path / "small.toml", slim_small())
    convert(source, tmp_path / "a.safetensors", arch=str(small))
    report = convert(tmp_path / "a.safetensors", tmp_path / "b.ckpt", to=str(small))
    assert (report.source.names, report.target.names) == ("canonical", "slim")
    before, after = bits_of(source), bits_of(tmp_path / "b.ckpt")
    assert after == {name: before[name] for name in after}
    first = convert(source, tmp_path / "c.safetensors", arch=str(small))
    assert {*after, *first.left_out} == {*before}


def test_a_network_of_ones_own_has_the_containers_own_names(tmp_path: Path) -> None:
    own = in_toml(tmp_path / "own.toml", replace(R20, name="mine/net"))
    report = convert(of_cifar(tmp_path / "a.safetensors"), tmp_path / "b.pth", to=str(own))
    assert (report.target.architecture, report.target.names) == ("mine/net", "isomorph's pytorch")


# What a file says of itself, and what it holds besides.


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_metadata_say_whose_tensors_they_are(tmp_path: Path, suffix: str) -> None:
    """Those that several functions have, among them."""
    small = slim_small(num_classes=3)
    write_safetensors(tmp_path / "a.safetensors", plain(small), {})
    path = in_toml(tmp_path / "small.toml", small)
    convert(tmp_path / "a.safetensors", tmp_path / f"b.{suffix}", arch=str(path))
    after = tmp_path / f"b.{suffix}"
    assert read_architecture(read_checkpoint(after).metadata[METADATA]) == small
    assert read_weights(after).architecture == small


@pytest.mark.parametrize(("to", "format"), [("cifar", "pt"), (None, None)], ids=["PyTorch's names", "canonical ones"])
def test_pytorchs_zoos_are_told_the_format_of_their_files(tmp_path: Path, to: str | None, format: str | None) -> None:
    convert(of_cifar(tmp_path / "a.safetensors"), tmp_path / "b.safetensors", to=to)
    assert read_checkpoint(tmp_path / "b.safetensors").metadata.get("format") == format


def test_every_tensor_is_accounted_for(tmp_path: Path) -> None:
    counters = {f"bn{number}.num_batches_tracked": np.array(7) for number in (1, 2)}
    source = of_cifar(tmp_path / "a.safetensors", named(R20, "cifar", plain(R20)) | counters)
    report = convert(source, tmp_path / "b.safetensors")
    assert report.left_out == dict.fromkeys(counters, "no network computes with it")
    assert bits_of(tmp_path / "b.safetensors") == bits(plain(R20))
    assert len(read_checkpoint(source).tensors) == report.tensors + len(report.left_out)


def test_what_stands_beside_the_tensors_is_told(tmp_path: Path, shared: Path) -> None:
    source = shared / "weights" / "mlperf_tiny" / "pretrainedResnet.h5"
    report = convert(source, tmp_path / "b.pth")
    assert report.left_out == {"optimizer_weights": "it stands beside the network's tensors"}
    assert report.tensors == len(read_checkpoint(source).tensors)


# Casts.


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("suffix", ["safetensors", "pth", "pdparams", "ckpt"])
def test_a_cast_is_numpys_and_is_told(tmp_path: Path, suffix: str, dtype: str) -> None:
    target = tmp_path / f"b.{suffix}"
    report = convert(of_cifar(tmp_path / "a.safetensors"), target, dtype=dtype)
    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    assert bits(read_weights(target).tensors) == bits({name: value.astype(kind) for name, value in plain(R20).items()})
    assert (report.dtypes, report.changes) == ((dtype,), (f"cast from float32 to {dtype} (97 tensors)",))


def test_what_has_the_dtype_is_not_cast(tmp_path: Path) -> None:
    source = of_cifar(tmp_path / "a.safetensors")
    assert convert(source, tmp_path / "b.safetensors", dtype="float32").changes == ()


@pytest.mark.parametrize(
    ("value", "dtype", "sentence"),
    [
        pytest.param(np.full(10, 1e6, np.float32), "float16", "too large for float16", id="too large"),
        pytest.param(np.full(10, 3.4e38, np.float32), "bfloat16", "too large for bfloat16", id="rounded to infinity"),
        pytest.param(np.ones(10, np.int64), "float16", "is int64, which is not cast to float16", id="an integer"),
        pytest.param(np.ones(10, np.complex64), "float64", "is complex64, which is not cast", id="complex"),
    ],
)
def test_a_cast_that_loses_more_than_digits_is_refused(
    tmp_path: Path, value: np.ndarray, dtype: str, sentence: str
) -> None:
    source = of_cifar(tmp_path / "a.safetensors", named(R20, "cifar", plain(R20)) | {"linear.bias": value})
    with pytest.raises(BadInput, match=f"^logits/biases .*{sentence}"):
        convert(source, tmp_path / "b.safetensors", dtype=dtype)
    assert list(tmp_path.iterdir()) == [source]


def test_infinities_and_nan_are_cast(tmp_path: Path) -> None:
    odd = np.array([np.inf, -np.inf, np.nan] + [0] * 7, np.float32)
    source = of_cifar(tmp_path / "a.safetensors", named(R20, "cifar", plain(R20)) | {"linear.bias": odd})
    convert(source, tmp_path / "b.safetensors", dtype="float16")
    assert bits_of(tmp_path / "b.safetensors")["logits/biases"] == ("float16", (10,), odd.astype("f2").tobytes())


# Refusals.

REFUSED = {
    "where the stride sits": (
        "slim/resnet_v1_50",
        "torchvision",
        ["pool_padding same / explicit and the units of block1"],
    ),
    "a stride, padding and biases": (
        "torchvision/resnet50",
        "keras",
        ["bottleneck_stride conv2 / conv1", "convolution_bias no / yes", "batch_norm_epsilon 1e-05 / 1.001e-05"],
    ),
    "padding": ("keras/MobileNet", "slim", ["depthwise_padding after / same"]),
    "depths": ("torchvision/resnet50", "torchvision/resnet101", ["they differ in the units of block3"]),
}


@pytest.mark.parametrize(("source", "to", "words"), REFUSED.values(), ids=REFUSED)
def test_another_function_is_refused_with(source: str, to: str, words: list[str]) -> None:
    with pytest.raises(BadInput, match="are not the same function, so its weights mean something else") as caught:
        find_target(architecture(source), to)
    assert [word for word in words if word not in str(caught.value)] == []
    assert "initializer" not in str(caught.value), "what training alone depends on is no reason"
    assert "pool_fill" not in str(caught.value), "the pools of these networks stand behind ReLUs"


@pytest.mark.parametrize(
    ("to", "sentence"),
    [
        ("torchvision", "torchvision has no network of the function of cifar/resnet20, under"),
        ("cifar/resnet56", "cifar/resnet20 and cifar/resnet56 are networks of other tensors"),
        ("nope", "There is no zoo 'nope'"),
        ("cifar/resnet21", "There is no architecture 'cifar/resnet21'"),
    ],
)
def test_there_is_no_such_network(to: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        find_target(R20, to)


def test_what_was_converted_computes_the_same(tmp_path: Path) -> None:
    source = of_cifar(tmp_path / "a.safetensors")
    convert(source, tmp_path / "b.ckpt")
    assert check(source, tmp_path / "b.ckpt", backends=["oracle"], size=(8, 8), batch=1).exit_status == 0
