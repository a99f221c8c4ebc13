"""Keras's files, written here and loaded by Keras, and written by Keras and read here."""

import json
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from isomorph.backends.keras.naming import NAMING
from isomorph.conformance.small_networks import KIN, RIGID
from isomorph.spec import Architecture, architecture, zoo
from isomorph.spec.naming import ZooTensor
from isomorph.tools.checkpoints import read_checkpoint
from isomorph.tools.checkpoints.keras.layer_order import layer_order
from isomorph.tools.checkpoints.keras.writing import filled, write_h5, write_weights_h5
from isomorph.tools.weights.identify import identify

from ..keras_process import run_keras
from ..tensors import Tensors, plain

pytestmark = pytest.mark.thorough  # that the printed lines load such files is tested every time

OWN = {
    name: (KIN | RIGID)[name]
    for name in ("slim's bottlenecks", "pre-activated bottlenecks", "inverted residuals", *RIGID)
}
ZOO = {
    "MobileNet": architecture("keras/MobileNet", width_multiplier=0.25),
    "MobileNetV2": architecture("keras/MobileNetV2", width_multiplier=0.35),
}
HALF = "grouped bottlenecks"
WRITERS = {".h5": write_h5, ".weights.h5": write_weights_h5}

LOADED = """
def differing(model, expected):
    found = {f"{layer.name}/{one.name}": np.asarray(one) for layer in model.layers for one in layer.weights}
    assert found.keys() == expected.keys()
    return [name for name in expected if found[name].tobytes() != expected[name].tobytes()]


def tensors(name):
    with np.load(folder / f"{name}.npz") as kept:
        return dict(kept)


def own(name, **options):
    return load_backend("keras").build(networks[name].undrawn(), **options)


outcomes = {}
images = np.random.default_rng(0).normal(size=(2, 65, 64, 3)).astype(np.float32)
for name in OWN:
    network, other, expected = own(name), own(name), tensors(name)
    for suffix in (".h5", ".weights.h5"):
        network.native.load_weights(folder / f"{name}{suffix}")
        outcomes[name + suffix] = differing(network.native, expected)
        network.native.set_weights([0 * value for value in network.native.get_weights()])
    other.load({**other.tensors(), **tensors(f"{name}, canonical")})
    network.native.load_weights(folder / f"{name}.weights.h5")
    if not np.array_equal(network.answer(images), other.answer(images)):
        outcomes[name + suffix].append("answers")
    network.native.save_weights(folder / f"{name}, saved.weights.h5")
    network.native.save(folder / f"{name}, saved.keras")
    network.native.save(folder / f"{name}, saved.h5")
for name, options in ZOO.items():
    for suffix in (".h5", ".weights.h5"):
        model = getattr(keras.applications, name)(weights=folder / f"{name}{suffix}", classes=1000, **options)
        outcomes[name + suffix] = differing(model, tensors(name))
half = own(HALF, dtype="bfloat16")
half.native.load_weights(folder / f"{HALF}.weights.h5")
kept = {name: value.view("<u2") for name, value in half.tensors().items()}
np.savez(folder / "half.npz", **kept)
half.native.save_weights(folder / "half, saved.weights.h5")
(folder / "outcomes.json").write_text(json.dumps(outcomes))
"""


def in_keras(theirs: dict[str, ZooTensor], tensors: Tensors) -> Tensors:
    return {one.name: np.ascontiguousarray(one.from_canonical(tensors[own])) for own, one in theirs.items()}


def write(folder: Path, name: str, network: Architecture, theirs: dict[str, ZooTensor]) -> None:
    """The network's tensors in both forms, and what Keras should have of them."""
    order, tensors = layer_order(network, theirs), plain(network)
    for suffix, writer in WRITERS.items():
        writer(folder / f"{name}{suffix}", filled(order, tensors))
    kept: dict[str, Any] = {own: value for own, value in tensors.items() if own not in order.left_out}
    expected: dict[str, Any] = in_keras({own: theirs[own] for own in kept}, kept)
    np.savez(folder / f"{name}.npz", **expected)
    np.savez(folder / f"{name}, canonical.npz", **kept)


def halved(tensors: Tensors) -> Tensors:
    return {name: value.astype(ml_dtypes.bfloat16) for name, value in tensors.items()}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[str]]]:
    """The folder of all files, and of each the tensors of which Keras got something else."""
    folder = tmp_path_factory.mktemp("written")
    for name, network in OWN.items():
        write(folder, name, network, NAMING.tensors(network))
    for name, network in ZOO.items():
        write(folder, name, network, zoo("keras").naming.tensors(network))
    half = (KIN | RIGID)[HALF]
    write_weights_h5(
        folder / f"{HALF}.weights.h5", filled(layer_order(half, NAMING.tensors(half)), halved(plain(half)))
    )
    widths = {"MobileNet": {"alpha": 0.25}, "MobileNetV2": {"alpha": 0.35}}
    run_keras(f"OWN, ZOO, HALF = {list(OWN)}, {widths}, {HALF!r}\n{LOADED}", folder)
    return folder, json.loads((folder / "outcomes.json").read_text())


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("name", [*OWN, *ZOO])
def test_keras_loads(name: str, suffix: str, outcomes: tuple[Path, dict[str, list[str]]]) -> None:
    """Without a warning, every value where it belongs; and isomorph's own networks answer as if they were given it."""
    _, differing = outcomes
    assert differing[f"{name}{suffix}"] == []


def numbered(name: str, leaves: list[str]) -> str:
    """A variable of a batch norm that has three, of which `.weights.h5` does not tell which are there."""
    layer, _, leaf = name.rpartition("/")
    return f"{layer}/{leaves.index(leaf)}" if layer.endswith("_BatchNorm") and len(leaves) == 3 else name


@pytest.mark.parametrize("suffix", [".h5", ".weights.h5", ", saved.h5", ", saved.weights.h5", ", saved.keras"])
@pytest.mark.parametrize("name", OWN)
def test_what_was_saved_is_read_back(name: str, suffix: str, outcomes: tuple[Path, Any]) -> None:
    """By isomorph or by Keras."""
    folder, _ = outcomes
    with np.load(folder / f"{name}.npz") as kept:
        expected = dict(kept)
    if suffix.endswith(".weights.h5"):
        inside: dict[str, list[str]] = {}
        for one in expected:
            inside.setdefault(one.rpartition("/")[0], []).append(one.rpartition("/")[2])
        expected = {numbered(one, inside[one.rpartition("/")[0]]): value for one, value in expected.items()}
    found = read_checkpoint(folder / f"{name}{suffix}").tensors
    assert found.keys() == expected.keys()
    for one, value in expected.items():
        assert (found[one].dtype, found[one].shape) == (value.dtype, value.shape), one
        assert found[one].tobytes() == value.tobytes(), one


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("name", ZOO)
def test_a_file_for_keras_applications_is_told_by_its_names(name: str, suffix: str, outcomes: tuple[Path, Any]) -> None:
    folder, _ = outcomes
    found, tensors = identify(read_checkpoint(folder / f"{name}{suffix}").tensors, "FILE")
    assert found == ZOO[name]
    assert all(np.array_equal(tensors[one], value) for one, value in plain(ZOO[name]).items())


def test_bfloat16_goes_to_keras_and_comes_back(outcomes: tuple[Path, Any]) -> None:
    folder, _ = outcomes
    network = (KIN | RIGID)[HALF]
    expected = halved(plain(network))
    with np.load(folder / "half.npz") as kept:
        assert {name: value.tobytes() for name, value in kept.items()} == {
            name: value.tobytes() for name, value in expected.items()
        }
    for path in (f"{HALF}.weights.h5", "half, saved.weights.h5"):
        found = read_checkpoint(folder / path).tensors
        assert {value.dtype for value in found.values()} == {np.dtype(ml_dtypes.bfloat16)}
        theirs = in_keras(NAMING.tensors(network), expected)
        assert {name: value.tobytes() for name, value in found.items()} == {
            name: value.tobytes() for name, value in theirs.items()
        }
