"""`isomorph predict` as people run it: published weights on photographs, backends that fail, and bad input."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isomorph.backends import registry
from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.spec import architecture
from isomorph.spec.document import to_document
from isomorph.tools import predict, run
from isomorph.tools.checkpoints import METADATA, write_safetensors
from isomorph.tools.images import batches
from isomorph.tools.predicting.predict import sigmoid, softmax
from isomorph.tools.subjects.backends import COMPARED

from ..command import answered, isomorph, left, refused
from ..tensors import Tensors, changed, of_zoo, plain

pytestmark = pytest.mark.usefixtures("empty_folder")

Install = Callable[[str], str]

R20 = architecture("cifar/resnet20")
CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
ORACLE = ("--backends", "oracle")


@pytest.fixture(scope="module")
def tensors() -> Tensors:
    """Weights with which the answer depends on the image, and is not certain of anything."""
    return draw_tensors(R20, draw_images(R20, 2, 32, 32))


@pytest.fixture
def weights(tmp_path: Path, tensors: Tensors) -> str:
    """A checkpoint beside the folder in which the commands run."""
    write_safetensors(tmp_path / "r20.safetensors", tensors, {})
    return str(tmp_path / "r20.safetensors")


@pytest.fixture
def photo(tmp_path: Path) -> str:
    """A photograph there."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return str(tmp_path / "photo.png")


# What it says.


@pytest.mark.thorough  # what follows, in the oracle, stands for it, and a check of every framework
def test_a_cat_is_a_cat_in_every_framework(shared: Path) -> None:
    Path("names.txt").write_text("\n".join(CIFAR10))
    cat = shared / "photos" / "skimage_chelsea.png"
    file = shared / "weights" / "cifar_pytorch" / "resnet20-12fca82f.th"
    said = answered("predict", file, cat, "--labels", "names.txt", "--json", "x.json")
    document = json.loads(Path("x.json").read_text())
    assert [(row["name"], row["status"], row["message"]) for row in document["backends"]] == [
        ("pytorch", "done", ""),
        ("keras", "done", ""),
        ("paddle", "done", ""),
    ]
    assert (document["architecture"], document["agree"], document["input"]) == ("cifar/resnet20", True, [1, 32, 32, 3])
    (image,) = document["images"]
    assert (image["image"], image["top"]) == (str(cat), {"pytorch": 3, "keras": 3, "paddle": 3})
    first = image["classes"][0]
    assert (first["index"], first["label"], len(image["classes"])) == (3, "cat", 5)
    assert min(first["probabilities"].values()) > 0.5
    rows = [line.split() for line in said.splitlines()]
    assert [row[:2] for row in rows].count(["3", "cat"]) == 1
    assert "shorter side to 32, bilinear, 32x32 from the middle; RGB, mean" in said
    assert max(map(len, said.splitlines())) <= 80


def test_probabilities_are_the_softmax_of_what_run_gives(weights: str, photo: str) -> None:
    report = predict(weights, [photo], backends=["oracle"])
    logits = run(weights, backend="oracle", images=[photo]).end_points["logits"][:, 0, 0]
    exact = np.exp(np.float64(logits)) / np.exp(np.float64(logits)).sum()
    np.testing.assert_allclose(report.probabilities["oracle"], exact, rtol=1e-4)
    np.testing.assert_allclose(report.probabilities["oracle"].sum(axis=1), 1, rtol=1e-12)


def test_softmax_bears_logits_whose_powers_are_infinite() -> None:
    np.testing.assert_array_equal(softmax(np.array([[1e4, 1e4, -1e4]])), [[0.5, 0.5, 0.0]])


# One logit.


@pytest.fixture
def binary(tmp_path: Path) -> str:
    """A checkpoint of one logit, whose score depends on the image."""
    network = R20.with_options(num_classes=1)
    tensors = draw_tensors(network, draw_images(network, 2, 32, 32))
    write_safetensors(tmp_path / "binary.safetensors", tensors, {})
    return str(tmp_path / "binary.safetensors")


def test_one_logit_is_a_score_of_two_classes(binary: str, photo: str) -> None:
    document = json.loads(answered("predict", binary, photo, *ORACLE, "--json", "-"))
    (image,) = document["images"]
    logit = run(binary, backend="oracle", images=[photo]).end_points["logits"].item()
    assert image["logit"]["oracle"] == pytest.approx(logit, rel=1e-5)
    probability = 1 / (1 + np.exp(-logit))
    found = {row["index"]: row["probabilities"]["oracle"] for row in image["classes"]}
    assert found == {0: pytest.approx(1 - probability, rel=1e-5), 1: pytest.approx(probability, rel=1e-5)}
    assert min(found.values()) > 0.001, "the case itself is certain"
    assert image["top"] == {"oracle": int(logit > 0)}
    assert [row["index"] for row in image["classes"]] == sorted(found, key=lambda index: -found[index])


def test_two_pictures_have_two_answers_of_one_logit(binary: str) -> None:
    images = np.random.default_rng(1).normal(size=(2, 32, 32, 3)) * [[[[1.0]]], [[[3.0]]]]
    (row,) = predict(binary, images, backends=["oracle"]).backends
    assert row.probabilities is not None
    assert row.scores is not None
    assert np.ptp(row.probabilities[:, 1]) > 0.01
    np.testing.assert_allclose(np.log(row.probabilities[:, 1] / row.probabilities[:, 0]), row.scores, rtol=1e-9)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        pytest.param(None, ("class 0", "class 1"), id="without names"),
        pytest.param("cat", ("not cat", "cat"), id="by one name"),
        pytest.param("dog\ncat", ("dog", "cat"), id="by two names"),
    ],
)
def test_one_logit_is_told(binary: str, photo: str, labels: str | None, names: tuple[str, str]) -> None:
    options = []
    if labels is not None:
        Path("names.txt").write_text(labels)
        options = ["--labels", "names.txt"]
    said = answered("predict", binary, photo, *ORACLE, *options)
    rows = [" ".join(line.split()) for line in said.splitlines()]
    numbers = ("", "") if labels is None else ("0 ", "1 ")
    for number, name in zip(numbers, names, strict=True):
        assert sum(row.startswith(f"{number}{name} ") for row in rows) == 1
    assert sum(row.startswith("logit ") for row in rows) == 1
    sentence = (
        f"The network has one logit, the score of {names[1]}: its sigmoid is the probability, if it was trained as"
    )
    assert sentence in " ".join(said.split())
    assert "100.00%" not in said


def test_names_of_the_wrong_count_are_refused_for_one_logit(binary: str, photo: str) -> None:
    Path("names.txt").write_text("\n".join(CIFAR10))
    assert refused("predict", binary, photo, "--labels", "names.txt") == (
        "The number of names in names.txt is 10; expected 2, or the name of the one class of which the network's logit"
        " is the score."
    )


def test_one_logit_of_any_size_is_a_probability() -> None:
    np.testing.assert_array_equal(sigmoid(np.array([1e4, 0.0, -1e4])), [[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]])
    np.testing.assert_allclose(sigmoid(np.array([-40.0]))[0, 1], np.exp(-40.0), rtol=1e-12)


# Many images.


def test_many_images_run_a_few_at_a_time_and_keep_their_order(
    weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    names = [str(tmp_path / f"{number}.png") for number in range(5)]
    for name in names:
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8)).save(name)
    whole = predict(weights, names, backends=["oracle"])
    monkeypatch.setattr(batches, "MOST_IMAGES", 2)
    said: list[tuple[str, str]] = []
    parts = predict(weights, names, backends=["oracle"], progress=lambda *event: said.append(event))
    assert parts.images == tuple(names)
    np.testing.assert_allclose(parts.probabilities["oracle"], whole.probabilities["oracle"], rtol=1e-4)
    assert np.ptp(whole.probabilities["oracle"], axis=0).max() > 1e-3, "no image is told from another"
    assert [what for who, what in said if who == "images"] == ["reading", "2 of 5 read", "4 of 5 read", "5 of 5 read"]
    assert [what for who, what in said if who == "oracle"] == [
        "importing",
        "building in float32",
        "running 1 to 2 of 5",
        "running 3 to 4 of 5",
        "running 5 to 5 of 5",
    ]


def test_top_is_at_most_all_classes(weights: str, photo: str) -> None:
    document = json.loads(answered("predict", weights, photo, *ORACLE, "--top", "99", "--json", "-"))
    (image,) = document["images"]
    assert sorted(row["index"] for row in image["classes"]) == list(range(10))
    found = [row["probabilities"]["oracle"] for row in image["classes"]]
    assert found == sorted(found, reverse=True)
    assert {row["label"] for row in image["classes"]} == {None}
    assert left() == []


def test_an_array_is_the_input_as_it_is(weights: str) -> None:
    array = np.random.default_rng(0).normal(size=(2, 8, 10, 3))
    np.save("x.npy", array)
    said = answered("predict", weights, "x.npy", *ORACLE)
    assert "none: an array is the input as it is" in said
    assert [line.strip() for line in said.splitlines() if "x.npy[" in line] == ["x.npy[0]", "x.npy[1]"]
    np.testing.assert_array_equal(
        predict(weights, array, backends=["oracle"]).probabilities["oracle"],
        predict(weights, ["x.npy"], backends=["oracle"]).probabilities["oracle"],
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param((), "shorter side to 32, bilinear, 32x32 from the middle; RGB, mean 123.675", id="the zoo's own"),
        pytest.param(
            ("--preprocess", "keras/ResNet50"), "stretched to 224x224, nearest; BGR, mean 103.", id="another's"
        ),
        pytest.param(("--preprocess", "tf"), "32, bilinear, 32x32 from the middle; RGB, mean 127.5,", id="a scale"),
        pytest.param(
            ("--preprocess", "keras/ResNet50", "--input", "16x48"), "stretched to 16x48, nearest; BGR", id="both"
        ),
    ],
)
def test_preprocessing_is_said_and_done(weights: str, photo: str, options: tuple[str, ...], words: str) -> None:
    said = answered("predict", weights, photo, *ORACLE, *options, "--json", "x.json")
    assert words in " ".join(said.split())
    document = json.loads(Path("x.json").read_text())
    own = predict(weights, [photo], backends=["oracle"]).probabilities["oracle"]
    (image,) = document["images"]
    differ = [row for row in image["classes"] if row["probabilities"]["oracle"] != own[0, row["index"]]]
    assert bool(differ) == bool(options)


# Backends that fail.


def test_a_backend_that_crashes_costs_its_own_column(install: Install, weights: str, photo: str) -> None:
    done = isomorph("predict", weights, photo, "--backends", f"oracle,{install('misbehaving:abort@end_points')}")
    said = " ".join(done.stdout.split())
    assert (done.returncode, done.stderr) == (3, "")
    assert "class oracle class" in said, "the column of what failed is not there"
    assert "oracle NumPy" in said
    assert "the process was ended by SIGABRT: the last words of a C++ library" in said


@pytest.mark.parametrize(
    ("way", "status", "message"),
    [
        ("raise Unavailable@build", "unavailable", "It has no float8."),
        ("raise Unavailable@import", "error", "It has no float8."),
        ("raise BadInput@build", "error", "The images are upside down."),
        ("leave@build", "error", "build, the process exited with status 1: cannot go on"),
    ],
)
def test_what_becomes_of_a_backend_that(
    install: Install, weights: str, photo: str, way: str, status: str, message: str
) -> None:
    report = predict(weights, [photo], backends=[install(f"misbehaving:{way}"), "oracle"])
    failed, done = report.backends
    assert (failed.status, failed.message, failed.probabilities) == (status, message, None)
    assert (done.status, list(report.probabilities)) == ("done", ["oracle"])
    assert report.exit_status == (0 if status == "unavailable" else 3)


def test_the_oracle_predicts_where_no_framework_is_installed(
    monkeypatch: pytest.MonkeyPatch, weights: str, photo: str
) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    report = predict(weights, [photo])
    assert [(row.name, row.status) for row in report.backends] == [
        ("oracle", "done"),
        *((name, "unavailable") for name in COMPARED),
    ]
    assert report.exit_status == 0


def test_logits_that_are_no_numbers_are_an_error_and_no_prediction(tmp_path: Path, photo: str) -> None:
    huge = {name: value * np.float32(1e5) if name.endswith("weights") else value for name, value in plain(R20).items()}
    write_safetensors(tmp_path / "x.safetensors", huge, {})
    report = predict(tmp_path / "x.safetensors", [photo], backends=["oracle"], dtype="float16")
    (row,) = report.backends
    assert (row.status, row.message, report.exit_status) == ("error", "its logits hold NaN or infinite values", 3)


# Bad input.


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(
            ("cifar/resnet20", "PHOTO"),
            "cifar/resnet20 is an architecture, whose fresh weights predict nothing; give a checkpoint file",
            id="an architecture",
        ),
        pytest.param(("absent.pth", "PHOTO"), "absent.pth: there is no such file", id="a missing checkpoint"),
        pytest.param(("FILE", "absent.png"), "There is no file absent.png.", id="a missing photograph"),
        pytest.param(
            ("FILE", "FILE"), "FILE is not a photograph that can be read: it is of no format", id="no photograph"
        ),
        pytest.param(("FILE", "PHOTO", "--top", "0"), "The top 0 classes were asked for; expected", id="no class"),
        pytest.param(
            ("FILE", "PHOTO", "--preprocess", "cafe"),
            "There is no preprocessing 'cafe'; did you mean caffe",
            id="an unknown preprocessing",
        ),
        pytest.param(
            ("FILE", "PHOTO", "--labels", "PHOTO"), "PHOTO is not UTF-8 at byte 0; expected class names", id="no labels"
        ),
        pytest.param(("FILE", "PHOTO", "--labels", "absent"), "There is no file absent.", id="missing labels"),
        pytest.param(("FILE", "PHOTO", "--input", "32x"), "--input 32x is not a size; expected height", id="no size"),
        pytest.param(("FILE", "PHOTO", "--input", "0x0"), "Images of 0x0 are too small for cifar/r", id="no pixel"),
        pytest.param(("FILE", "PHOTO", "--dtype", "int8"), "There is no dtype 'int8'; there are", id="a dtype"),
        pytest.param(("FILE", "PHOTO", "--backends", "pytroch"), "There is no backend 'pytroch'; did", id="a backend"),
        pytest.param(
            ("FILE", "PHOTO", "--arch", "cifar/resnet32"),
            "The tensors of FILE are not those of cifar/resnet32",
            id="another's",
        ),
        pytest.param(("FILE", "PHOTO", "--json", "absent/x"), "absent/x cannot be written", id="a report in no folder"),
        pytest.param(("FILE", "PHOTO", "--timeout", "0"), "The time limit is 0 s; expected more", id="no time"),
    ],
)
def test_a_prediction_is_refused_for(weights: str, photo: str, arguments: tuple[str, ...], sentence: str) -> None:
    places = {"FILE": weights, "PHOTO": photo}
    said = refused("predict", *(places.get(each, each) for each in arguments))
    for name, place in places.items():
        said = said.replace(place, name)
    assert said.startswith(sentence)
    assert left() == []


def test_labels_of_the_wrong_count_are_refused(weights: str, photo: str) -> None:
    Path("names.json").write_text(json.dumps(CIFAR10[:9]))
    sentence = refused("predict", weights, photo, "--labels", "names.json")
    assert sentence == "The number of names in names.json is 9; expected 10, one for each class."


def test_a_folder_without_images_is_refused(weights: str) -> None:
    Path("empty").mkdir()
    sentence = refused("predict", weights, "empty")
    assert sentence == "The folder empty holds no images; expected files such as .jpg or .png in it."


@pytest.mark.parametrize("command", ["predict", "run", "check"])
def test_a_greyscale_photograph_is_refused_to(weights: str, command: str) -> None:
    Image.new("L", (40, 40)).save("grey.png")
    arguments = {
        "predict": ("grey.png", *ORACLE),
        "check": ("--images", "grey.png", *ORACLE),
        "run": ("--images", "grey.png", "--backend", "oracle", "--out", "y.npz"),
    }
    assert refused(command, weights, *arguments[command]) == (
        "grey.png is a greyscale photograph (mode L) and cifar/resnet20 expects colour; convert it to RGB first."
    )
    assert left() == ["grey.png"]


def test_a_preprocessing_for_an_array_is_refused(weights: str) -> None:
    np.save("x.npy", np.ones((1, 8, 8, 3)))
    sentence = refused("predict", weights, "x.npy", "--preprocess", "tf")
    assert sentence == "x.npy is the network's input already; leave --preprocess out or give photographs."


def test_a_file_without_classifier_is_refused(photo: str) -> None:
    headless = {"logits/weights": None, "logits/biases": None}
    write_safetensors("x.safetensors", changed(plain(R20), headless), {})
    sentence = refused("predict", "x.safetensors", photo)
    assert sentence.startswith("x.safetensors has no classifier, without which it predicts nothing; `isomorph run`")


def test_a_network_that_answers_with_a_map_is_refused(photo: str) -> None:
    document = json.dumps(to_document(R20.with_options(global_pool=False)))
    write_safetensors("x.safetensors", plain(R20), {METADATA: document})
    sentence = refused("predict", "x.safetensors", photo)
    assert sentence.startswith("x.safetensors answers with a map of classes and not with one for the image; `isomorph")


# Which architecture.


@pytest.mark.parametrize(
    ("options", "told", "words"),
    [
        pytest.param((), "torchvision/resnet18", "shorter side to 64, bilinear", id="told as torchvision's"),
        pytest.param(("--arch", "timm/resnet18"), "timm/resnet18", "shorter side to 64, bicubic", id="asked for"),
    ],
)
def test_timms_own_file_is(photo: str, options: tuple[str, ...], told: str, words: str) -> None:
    network = architecture("timm/resnet18", num_classes=10)
    named = {name: value.astype(np.float16) for name, value in of_zoo(network).items()}
    write_safetensors("x.safetensors", named, {})
    said = answered("predict", "x.safetensors", photo, *ORACLE, "--input", "56x56", *options)
    assert said.splitlines()[0] == told
    assert words in said
