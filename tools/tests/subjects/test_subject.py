"""What a command is asked about: names and files, options that contradict, weights that no comparison can use."""

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from isomorph.spec import Architecture, BadInput, architecture, zoo
from isomorph.tools.checkpoints import sha256, write_safetensors
from isomorph.tools.subjects.subject import Case, check_limits, check_request, find_subject, make_case

from ..tensors import Tensors, changed, plain

R20 = architecture("cifar/resnet20")
OURS = plain(R20)
LAST = "logits/biases"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, tensors: Tensors, **metadata: str) -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    write_safetensors(name, tensors, metadata)
    return name


def refused(subject: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(BadInput) as caught:
        find_subject(subject, *arguments, **options)
    return str(caught.value)


# Names and files.


def test_a_name_is_an_architecture_with_its_options() -> None:
    found = find_subject("slim/resnet_v1_50", output_stride=8, num_classes=None)
    assert found.architecture == architecture("slim/resnet_v1_50", output_stride=8, num_classes=None)
    assert (found.tensors, found.origin) == (None, None)


def test_an_architecture_may_be_given_itself() -> None:
    mine = Architecture("mine/net", R20.stem, R20.blocks)
    assert find_subject(mine, num_classes=5).architecture == mine.with_options(num_classes=5)


def test_a_known_name_wins_over_a_file() -> None:
    write("cifar/resnet20", plain(architecture("cifar/resnet32")))
    assert find_subject("cifar/resnet20").tensors is None


@pytest.mark.parametrize("path", ["./cifar/resnet20", "absolute"])
def test_a_path_forces_the_file(path: str) -> None:
    write("cifar/resnet20", plain(architecture("cifar/resnet32")))
    given = str(Path("cifar/resnet20").resolve()) if path == "absolute" else path
    found = find_subject(given)
    assert found.architecture == architecture("cifar/resnet32")
    assert found.origin is not None
    assert (found.origin.source, found.origin.sha256) == (given.removeprefix("./"), sha256("cifar/resnet20"))


@pytest.mark.parametrize(
    ("subject", "sentence"),
    [
        pytest.param(
            "cifar/resnet21", "There is no architecture 'cifar/resnet21', nor such a file; did you mean cifar/resnet"
        ),
        pytest.param(
            "Slim/ResNet_v1_50", "There is no architecture 'Slim/ResNet_v1_50', nor such a file; did you mean slim/"
        ),
        ("zzz", "There is no architecture 'zzz', nor such a file; `isomorph list` shows all."),
        ("absent.pth", "absent.pth: there is no such file: check the name and the folder."),
        ("./absent", "absent: there is no such file: check the name and the folder."),
        (".", ".: is a folder, a file was expected: name the checkpoint file in it."),
    ],
)
def test_it_is_refused_for_there_is_no(subject: str, sentence: str) -> None:
    assert refused(subject).startswith(sentence)


def test_arch_goes_with_a_file_only() -> None:
    sentence = "--arch goes with a checkpoint; cifar/resnet20 is an architecture already."
    assert refused("cifar/resnet20", "cifar/resnet20") == sentence


def test_an_unknown_arch() -> None:
    assert refused(write("x.safetensors", OURS), "cifar/resnet21").startswith(
        "There is no architecture 'cifar/resnet21'"
    )


# A file's own classes and channels.


def test_options_that_a_file_leaves_open_are_taken() -> None:
    found = find_subject(write("x.safetensors", OURS), output_stride=2, global_pool=False, num_classes=10)
    assert found.architecture == R20.with_options(output_stride=2, global_pool=False)


def test_the_width_is_the_files() -> None:
    network = architecture("keras/MobileNet", width_multiplier=0.25, num_classes=5)
    ours, theirs = plain(network), zoo("keras").naming.tensors(network)
    found = find_subject(write("x.safetensors", {t.name: t.from_canonical(ours[name]) for name, t in theirs.items()}))
    assert found.architecture == network
    assert found.tensors is not None
    assert [name for name, value in ours.items() if not np.array_equal(found.tensors[name], value)] == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"num_classes": 5}, "The num_classes of x.safetensors is 10, not 5; leave the option out."),
        ({"num_classes": None}, "The num_classes of x.safetensors is 10, not none; leave the option out."),
        ({"in_channels": 1}, "The in_channels of x.safetensors is 3, not 1; leave the option out."),
    ],
    ids=str,
)
def test_an_option_that_contradicts_the_file_is_refused(options: dict[str, Any], sentence: str) -> None:
    assert refused(write("x.safetensors", OURS), **options) == sentence


# Weights.


def with_last(value: Any) -> Tensors:
    return changed(OURS, {LAST: np.asarray(value)})


NUMBERS = np.arange(10, dtype=np.float32)
WEIGHTS = {
    "NaN": (with_last([*NUMBERS[:9], np.nan]), "holds 1 value in logits/biases that is NaN or infinite; exp"),
    "infinity": (
        with_last(np.full(10, np.inf, np.float32)),
        "holds 10 values in logits/biases that are",
    ),
    "NaN in bfloat16": (
        with_last(np.full(10, np.nan, ml_dtypes.bfloat16)),
        "holds 10 values in logits/biases that",
    ),
    "a negative variance": (
        changed(OURS, {"conv1/BatchNorm/moving_variance": np.full(16, -1e-30, np.float32)}),
        "holds a negative variance in conv1/BatchNorm/moving_variance; expected none below zero.",
    ),
    "integers": (with_last(NUMBERS.astype("i8")), "holds logits/biases in int64; expected one of float32, float64,"),
    "truth values": (with_last(NUMBERS > 3), "holds logits/biases in bool; expected one of float32, float64,"),
    "complex numbers": (with_last(NUMBERS.astype("c8")), "holds logits/biases in complex64; expected one of float32,"),
}


@pytest.mark.parametrize(("tensors", "sentence"), WEIGHTS.values(), ids=WEIGHTS)
def test_weights_are_refused_for(tensors: Tensors, sentence: str) -> None:
    assert refused(write("x.safetensors", tensors)).startswith(f"x.safetensors {sentence}")


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_weights_keep_the_files_dtype(dtype: str) -> None:
    tensors = {name: value.astype(dtype) for name, value in OURS.items()}
    found = find_subject(write("x.safetensors", tensors)).tensors
    assert found is not None
    assert [name for name, value in found.items() if value.tobytes() != tensors[name].tobytes()] == []


def test_a_variance_of_zero_is_let_pass() -> None:
    tensors = changed(OURS, {"conv1/BatchNorm/moving_variance": np.zeros(16, np.float32)})
    assert find_subject(write("x.safetensors", tensors)).tensors is not None


# Requests.


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"batch": 0}, "A batch of 0 images was asked for; expected at least one."),
        ({"seed": -1}, "The seed -1 is out of range; expected 0 to 2^64 - 1."),
        ({"seed": 1 << 64}, "The seed 18446744073709551616 is out of range; expected 0 to 2^64 - 1."),
        ({"size": (0, 32)}, "Images of 0x32 are too small for cifar/resnet20"),
        ({"device": "tpu"}, "There is no device 'tpu'; there are auto, cpu, gpu."),
        ({"dtype": "float8"}, "There is no dtype 'float8'; there are float32, float64, bfloat16, float16."),
    ],
    ids=str,
)
def test_a_request_is_refused(request_: dict[str, Any], sentence: str) -> None:
    asked = {"size": None, "batch": 1, "seed": 0, "device": "cpu", "dtype": "float32"} | request_
    with pytest.raises(BadInput) as caught:
        check_request(R20, **asked)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ((0, None), "The time limit is 0 s; expected more than 0 and at most 1,000,000 s."),
        ((-1, None), "The time limit is -1 s; expected more than 0 and at most 1,000,000 s."),
        ((float("nan"), None), "The time limit is nan s; expected more than 0 and at most 1,000,000 s."),
        ((float("inf"), None), "The time limit is inf s; expected more than 0 and at most 1,000,000 s."),
        ((1, 0), "The memory limit is 0 bytes; expected at least one and fewer than 2^62, 4 EiB."),
        ((1, float("nan")), "The memory limit is nan bytes; expected at least one and fewer than 2^62, 4 EiB."),
        ((1, 1e300), "The memory limit is 1e+300 bytes; expected at least one and fewer than 2^62, 4 EiB."),
    ],
    ids=str,
)
def test_limits_are_refused(limits: tuple[float, float | None], sentence: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_limits(*limits)
    assert str(caught.value) == sentence


# Cases.


def case(seed: int) -> Case:
    return make_case(find_subject(R20), size=(9, 8), batch=2, seed=seed)


def test_the_same_seed_draws_the_same_bits() -> None:
    first, second = case(3), case(3)
    assert first.images.tobytes() == second.images.tobytes()
    assert {k: v.tobytes() for k, v in first.tensors.items()} == {k: v.tobytes() for k, v in second.tensors.items()}
    assert first.weights_origin == second.weights_origin
    assert first.images_origin == second.images_origin
    assert (first.weights_origin.source, first.images_origin.source) == ("drawn, seed 3", "drawn, seed 3")


def test_the_bits_of_seed_0_are_these() -> None:
    """On every machine: a report's digests say that two people compared the same thing."""
    drawn = case(0)
    assert drawn.images_origin.sha256[:16] == "4d63e6ca317aa4b8"
    assert drawn.weights_origin.sha256[:16] == "0719a6db25585a93"


def test_another_seed_draws_others() -> None:
    first, second = case(3), case(4)
    assert first.images_origin.sha256 != second.images_origin.sha256
    assert first.weights_origin.sha256 != second.weights_origin.sha256
    same = [name for name, value in first.tensors.items() if np.array_equal(value, second.tensors[name])]
    assert same == []


def test_a_drawn_case_has_the_zoos_size_unless_asked() -> None:
    assert make_case(find_subject(R20), batch=1).images.shape == (1, 32, 32, 3)


def test_given_images_are_taken_as_they_are() -> None:
    pixels = np.random.default_rng(0).normal(size=(3, 5, 4, 3))
    found = make_case(find_subject(R20), pixels)
    np.testing.assert_array_equal(found.images, pixels.astype(np.float32))
    assert found.images_origin.source == "given"


@pytest.mark.parametrize(
    ("pixels", "sentence"),
    [
        pytest.param(np.zeros((5, 4, 3)), "The given array is of shape [5, 4, 3]; cifar/resnet20 expects", id="rank 3"),
        pytest.param(np.full((1, 5, 4, 3), np.nan), "The given array holds pixels that are NaN", id="NaN"),
        pytest.param(np.full((1, 5, 4, 3), "a"), "The given array holds <U1; expected numbers.", id="text"),
    ],
)
def test_given_images_are_refused_for(pixels: Any, sentence: str) -> None:
    with pytest.raises(BadInput) as caught:
        make_case(find_subject(R20), pixels)
    assert str(caught.value).startswith(sentence)
