"""Real checkpoints, as they were published: told, run in every framework, moved to every kind of file and back."""

from pathlib import Path

import numpy as np
import pytest

from isomorph.backends import load_backend
from isomorph.conformance.small_networks import slim_small
from isomorph.conformance.suite.recorded_peers import peer_rule
from isomorph.spec.toml.writing import to_toml
from isomorph.tools import check, convert, diff, predict
from isomorph.tools.checkpoints import read_checkpoint
from isomorph.tools.subjects.subject import find_subject
from isomorph.tools.weights.inspect import inspect
from isomorph.tools.weights.told import ToldByStructure

FILES = {
    "cifar/resnet20": "cifar_pytorch/resnet20-12fca82f.th",
    "mlperf_tiny/resnet8": "mlperf_tiny/pretrainedResnet.h5",
    "keras/MobileNet": "keras_mobilenet/mobilenet_v1_0.25_224_imagenet.h5",
}
SUFFIXES = (".safetensors", ".pth", ".h5", ".weights.h5", ".pdparams", ".ckpt")
LABELS = "photos/imagenet_classes.txt"


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "file"), list(FILES.items())[1:], ids=list(FILES)[1:])
def test_it_is_told_and_passes_in_every_framework(shared: Path, name: str, file: str) -> None:
    report = check(shared / "weights" / file, backends=["pytorch", "keras", "paddle"], batch=1)
    assert (report.architecture, report.agree) == (name, True)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_it_comes_back_from_every_kind_of_file_bit_for_bit(
    tmp_path: Path, shared: Path, file: str, suffix: str
) -> None:
    source, there, back = shared / "weights" / file, tmp_path / f"there{suffix}", tmp_path / "back.safetensors"
    convert(source, there)
    convert(there, back)
    assert {tensor.status for tensor in diff(source, there).tensors} == {"equal"}
    one, other = (find_subject(path).tensors for path in (source, back))
    assert one is not None
    assert other is not None
    assert {name: value.tobytes() for name, value in one.items()} == {
        name: value.tobytes() for name, value in other.items()
    }


def test_mobilenet_sees_what_is_in_the_photographs(shared: Path) -> None:
    photographs = [shared / "photos" / name for name in ("tflite_support_burger.jpg", "skimage_coffee.png")]
    file = shared / "weights" / FILES["keras/MobileNet"]
    report = predict(file, photographs, labels=shared / LABELS, backends=["pytorch"])
    assert report.labels is not None
    burger, coffee = (
        [report.labels[index] for index in np.argsort(-probabilities)[:5]]
        for probabilities in np.asarray(report.backends[0].probabilities)
    )
    assert burger[0] == "cheeseburger"
    assert "espresso" in coffee


@pytest.mark.filterwarnings("ignore:The values of .* do not agree:UserWarning")  # slim drew its statistics, too
@pytest.mark.parametrize("suffix", ["", *SUFFIXES])
def test_slims_own_checkpoint_gives_slims_logits(tmp_path: Path, shared: Path, suffix: str) -> None:
    """As it is, and from whatever it was moved to; float32, as slim ran it."""
    mine, path = tmp_path / "small.toml", shared / "peers" / "slim_small" / "model.ckpt"
    mine.write_text(to_toml(slim_small()))
    if suffix:
        convert(path, tmp_path / f"small{suffix}", arch=str(mine))
        path = tmp_path / f"small{suffix}"
    found = find_subject(path, None if "isomorph.architecture" in read_checkpoint(path).metadata else str(mine))
    assert found.tensors is not None
    oracle = load_backend("oracle").build(found.architecture, dtype="float64")
    oracle.load(found.tensors)
    logits = oracle.end_points(peer_rule(shared).image(31, 81, 81, 3, 2))["logits"]
    theirs = np.load(shared / "peers" / "slim_small.npz")["logits"]
    assert np.linalg.norm(logits - theirs) <= 1e-6 * np.linalg.norm(theirs)


@pytest.mark.parametrize(
    ("file", "titles"),
    [
        pytest.param("found/kejeon_rn20_ckpt.pth", ["cifar/resnet20"], id="under a key of its own"),
        pytest.param(
            "found/atreides_resnet20.pth",
            ["cifar/resnet20 with convolution_bias = true", "cifar/plain20 with convolution_bias = true"],
            id="under names of its own, with biases",
        ),
        pytest.param(
            "more/vww_96.h5",
            [
                f"{network} with width_multiplier 0.25 with convolution_bias = true"
                for network in ("keras/MobileNet", "slim/mobilenet_v1", "paddle/mobilenet_v1")
            ],
            id="under Keras's numbers, of a quarter of the width",
        ),
    ],
)
def test_files_that_people_published_are_told(shared: Path, file: str, titles: list[str]) -> None:
    """What their authors built them as stands among the functions that their tensors fit, first."""
    report = inspect(shared / "weights" / file, values=False)
    assert [report.title, *report.alternatives] == titles


def test_a_network_that_no_zoo_lists_is_recovered_from_its_file(tmp_path: Path, shared: Path) -> None:
    """A ResNet-20 with projections, of Keras, trained by a user."""
    file, toml = shared / "weights/more/baseline_resnet20.h5", tmp_path / "mine.toml"
    report = inspect(file)
    assert report.recovered is not None
    toml.write_text(report.to_toml())
    blocks = report.recovered.architecture.blocks
    assert [(block.unit, {args[:2] for args in block.args}, len(block.args)) for block in blocks] == [
        ("basic", {(16, 16)}, 3),
        ("basic", {(32, 32)}, 3),
        ("basic", {(64, 64)}, 3),
    ]
    with pytest.warns(ToldByStructure):
        assert check(file, arch=str(toml), backends=["pytorch"], batch=1).agree
