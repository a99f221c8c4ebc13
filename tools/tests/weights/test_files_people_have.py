"""Files as people save them, wrapped, renamed, with heads of their own: each gives what its author needed of it.

The kinds are those that were found among checkpoints which people published, and scripts that save such files.
"""

import json
import pickle
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from isomorph.spec import Architecture, BadInput, architecture, tensor_shapes, zoo
from isomorph.tools import check, convert, inspect, predict
from isomorph.tools.checkpoints import write_safetensors
from isomorph.tools.checkpoints.tensorflow.ordered_code import FULL
from isomorph.tools.weights.told import ToldByStructure
from isomorph.tools.weights.weights import AveragesBeside, read_weights

from ..keras_files import keras2
from ..pytorch_files import saved
from ..tensors import Tensors, of_zoo, plain
from ..tf_bundles import write_shards
from ..tf_slices import checkpoint, described, held
from ..tf_slices import listed as listed_slices

R20, R18 = architecture("cifar/resnet20"), architecture("torchvision/resnet18", num_classes=7)
SLIM = architecture("slim/mobilenet_v1", width_multiplier=0.25, num_classes=11)
SMALL_PADDLE = architecture("paddle/mobilenet_v2", width_multiplier=0.25, num_classes=3)
SMALL = architecture("keras/MobileNet", width_multiplier=0.25, num_classes=5)

Write = Callable[[Path], object]


def values_of(network: Architecture) -> Tensors:
    """The network's tensors with values, under its zoo's names."""
    made = plain(network)
    naming = zoo(network.name.partition("/")[0]).naming
    return {each.name: each.from_canonical(made[name]) for name, each in naming.tensors(network).items()}


def under(prefix: str, tensors: Tensors) -> Tensors:
    return {prefix + name: value for name, value in tensors.items()}


def renamed(tensors: Tensors, *rules: tuple[str, str]) -> Tensors:
    """The tensors under names in which patterns were replaced, one after the other."""
    called = {}
    for name, value in tensors.items():
        new = name
        for pattern, replacement in rules:
            new = re.sub(pattern, replacement, new)
        called[new] = value
    assert len(called) == len(tensors)
    return called


# PaddleClas's generations of names.

PADDLE = architecture("paddle/resnet18", num_classes=10)


def of_paddleclas(template: str, stem: str, classifier: str, norm: str, kernel: str) -> Tensors:
    """The names of a release. template: of a unit, of the numbers of its block, itself, and among all."""
    called = {}
    for name, value in of_zoo(PADDLE).items():
        scope, _, leaf = name.rpartition(".")
        kind = norm if re.search(r"bn\d$|downsample\.1$", scope) else kernel
        if found := re.match(r"layer(\d)\.(\d)\.(.*)", scope):
            block, unit, rest = int(found[1]) - 1, int(found[2]), found[3]
            step = "short" if rest.startswith("downsample") else f"conv{int(rest[-1]) - 1}"
            new = f"{template.format(block=block, unit=unit, number=2 * block + unit)}.{step}.{kind}.{leaf}"
        else:
            new = f"{classifier}.{leaf}" if scope == "fc" else f"{stem}.{kind}.{leaf}"
        called[new] = value
    return called


# Containers.


def pickle_of(content: Mapping[str, object]) -> Write:
    def plainly(value: object) -> object:
        if isinstance(value, np.ndarray):
            return np.ascontiguousarray(value)
        return {key: plainly(each) for key, each in value.items()} if isinstance(value, Mapping) else value

    return lambda path: path.write_bytes(pickle.dumps(plainly(content), 2))


def torch(content: Mapping[str, object]) -> Write:
    return lambda path: path.write_bytes(saved(content))


def slices(tensors: Tensors) -> Write:
    """A checkpoint of TensorFlow's first saver: one file."""

    def write(path: Path) -> None:
        lists = [described(name.encode(), value.shape) for name, value in tensors.items()]
        parts = [held(value.tobytes(), name, [(0, FULL)] * value.ndim) for name, value in sorted(tensors.items())]
        path.write_bytes(checkpoint(listed_slices(*lists), *sorted(parts)))

    return write


SEQUENTIAL = {re.sub(r"^fc\.", "fc.1.", name): value for name, value in of_zoo(R18).items()}
R18_OF_CIFAR = architecture("cifar/resnet18")
MOBILENET = architecture("torchvision/mobilenet_v2", num_classes=4)
CIFAR18 = renamed(of_zoo(R18_OF_CIFAR), ("shortcut", "downsample"), ("linear", "fc"))
OF_20, OF_18 = of_zoo(R20), of_zoo(R18)
OWN_SCOPE = {f"FeatureExtractor/{name}": value for name, value in values_of(SLIM).items()}

FILES: dict[str, tuple[str, Write, Architecture, str, str]] = {
    # what it is -> its name, what writes it, the network, and the prefix and the key that are said
    "a net of a tutorial's, of several GPUs": (
        "ckpt.pth", torch({"net": under("module.", OF_20), "acc": 91, "epoch": 7}), R20, "", "",
    ),
    "Lightning's": (
        "last.ckpt",
        torch({"epoch": 1, "callbacks": {}, "hyper_parameters": {"lr": 1}, "state_dict": under("model.", OF_20)}),
        R20, "model.", "",
    ),
    "DeepSpeed's": (
        "mp_rank_00_model_states.pt", torch({"module": OF_18, "optimizer": None, "ds_version": "0.14"}), R18, "", "",
    ),
    "a student with its teacher": (
        "dino.pth",
        torch({"student": under("module.backbone.", OF_18), "teacher": under("backbone.", OF_18)}),
        R18, "backbone.", "student",
    ),
    "timm's, with averages": (
        "last.pth.tar", torch({"epoch": 1, "state_dict": OF_18, "state_dict_ema": OF_18}), R18, "", "state_dict",
    ),
    "detectron2's": (
        "model.pkl", pickle_of({"model": OF_20, "__author__": "x", "matching_heuristics": True}), R20, "", "",
    ),
    "NumPy's arrays": ("arrays.npz", lambda path: np.savez(path, allow_pickle=False, **OF_20), R20, "", ""),
    "a classifier behind a dropout": ("fc1.pth", torch(SEQUENTIAL), R18, "", ""),
    "a classifier without one": (
        "mbv2.pth",
        torch(renamed(of_zoo(MOBILENET), (r"^classifier\.1", "classifier"))), MOBILENET, "", "",
    ),
    "a ResNet-18 for CIFAR under torchvision's names": ("r18.pth", torch(CIFAR18), R18_OF_CIFAR, "", ""),
    "Paddle's, wrapped by a script": (
        "wrapped.pdparams", pickle_of({"model": of_zoo(SMALL_PADDLE), "epoch": 1}), SMALL_PADDLE, "", "",
    ),
    "Paddle's, of several GPUs": ("dp.pdparams", pickle_of(under("_layers.", of_zoo(PADDLE))), PADDLE, "_layers.", ""),
    "Paddle's, a backbone": (
        "backbone.pdparams", pickle_of(under("backbone.", of_zoo(PADDLE))), PADDLE, "backbone.", "",
    ),
    "PaddleClas 2.0's": (
        "2_0.pdparams",
        pickle_of(of_paddleclas("bb_{block}_{unit}", "conv", "out", "_batch_norm", "_conv")), PADDLE, "", "",
    ),
    "PaddleClas 2.2's": (
        "2_2.pdparams", pickle_of(of_paddleclas("blocks.{number}", "stem.0", "fc", "bn", "conv")), PADDLE, "", "",
    ),
    "a checkpoint of TensorFlow's first saver": ("mobilenet.ckpt", slices(values_of(SLIM)), SLIM, "", ""),
    "a checkpoint within a scope": (
        "model.ckpt", lambda path: write_shards(path, OWN_SCOPE), SLIM, "FeatureExtractor/MobilenetV1/", "",
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::isomorph.tools.weights.told.ToldByStructure")
@pytest.mark.filterwarnings("ignore::isomorph.tools.weights.weights.AveragesBeside")
@pytest.mark.parametrize(("name", "write", "network", "prefix", "key"), FILES.values(), ids=FILES)
def test_it_is_told(tmp_path: Path, name: str, write: Write, network: Architecture, prefix: str, key: str) -> None:
    """The one network it holds, without being asked for; every command reads it so."""
    write(tmp_path / name)
    report = inspect(tmp_path / name, values=False)
    assert (report.architecture, report.alternatives, report.prefix, report.key) == (network, (), prefix, key)
    weights = read_weights(tmp_path / name)
    assert weights.architecture == network
    assert {name: value.shape for name, value in weights.tensors.items()} == tensor_shapes(network)


# What becomes of their values.


def test_a_head_behind_a_dropout_is_kept(tmp_path: Path) -> None:
    network = architecture("mlperf_tiny/resnet8", num_classes=3)
    own = plain(network)
    in_sequential = {f"m.{name}".replace("m.logits", "m.fc.1"): value for name, value in own.items()}
    (tmp_path / "mine.pth").write_bytes(saved(in_sequential))
    with pytest.warns(ToldByStructure):
        convert(tmp_path / "mine.pth", tmp_path / "new.safetensors")
    new = read_weights(tmp_path / "new.safetensors")
    assert new.architecture == network
    assert all(np.array_equal(new.tensors[name], value) for name, value in own.items())


def test_averages_are_taken_where_they_are_asked_for(tmp_path: Path) -> None:
    trained = values_of(R20)
    averaged = {name: value / 2 for name, value in trained.items()}
    path = tmp_path / "last.pth.tar"
    path.write_bytes(saved({"state_dict": trained, "state_dict_ema": averaged}))
    with pytest.warns(AveragesBeside, match="--key state_dict_ema"):
        convert(path, tmp_path / "trained.safetensors", to="cifar")
    convert(path, tmp_path / "averaged.safetensors", to="cifar", key="state_dict_ema")
    for name, expected in (("trained", trained), ("averaged", averaged)):
        tensors = read_weights(tmp_path / f"{name}.safetensors").tensors
        np.testing.assert_array_equal(tensors["logits/biases"], expected["linear.bias"])


# Keras's `Sequential([base, GlobalAveragePooling2D, Dropout, Dense])`, and a model of the base's layers and a Dense.

NAMED = dict(zip(of_zoo(SMALL), values_of(SMALL).values(), strict=True))


def in_layers(head: str) -> dict[str, Tensors]:
    """The variables of Keras's layers, whose classifier is a dense one."""
    layers: dict[str, Tensors] = {}
    for name, value in NAMED.items():
        layer, variable = name.split("/")
        if layer == "conv_preds":
            layers.setdefault(head, {})[f"{head}/{variable}:0"] = (
                value.reshape(value.shape[-2:]) if value.ndim > 1 else value
            )
        else:
            layers.setdefault(layer, {})[f"{layer}/{variable}:0"] = value
    return layers


def nested() -> dict[str, Tensors]:
    layers = in_layers("dense")
    head = layers.pop("dense")
    return {
        "mobilenet_0.25_96": {name: value for each in layers.values() for name, value in each.items()},
        "dense": head,
    }


@pytest.mark.parametrize(
    "layers", [pytest.param(nested(), id="a base within a model"), pytest.param(in_layers("out"), id="in one model")]
)
def test_a_transferred_keras_model_is_told_with_its_head(tmp_path: Path, layers: dict[str, Tensors]) -> None:
    path = tmp_path / "mine.h5"
    path.write_bytes(keras2(layers, "model_weights"))
    report = inspect(path)
    assert (report.architecture, report.alternatives) == (SMALL, ())
    with pytest.warns(ToldByStructure):
        weights = read_weights(path)
    own = plain(SMALL)
    assert weights.tensors.keys() == own.keys()
    assert [name for name in own if not np.array_equal(weights.tensors[name], own[name])] == []


def test_what_was_told_runs_and_predicts(tmp_path: Path) -> None:
    path = tmp_path / "lightning.ckpt"
    path.write_bytes(saved({"state_dict": under("model.", values_of(R20))}))
    np.save(tmp_path / "x.npy", np.ones((1, 32, 32, 3), np.float32))
    with pytest.warns(ToldByStructure):
        assert check(path, backends=["oracle"], batch=1).agree
    with pytest.warns(ToldByStructure):
        report = predict(path, [tmp_path / "x.npy"], backends=["oracle"])
    assert np.asarray(report.backends[0].probabilities).shape == (1, 10)


# What is not told, and why.


def test_parameters_alone_are_said_to_be_so(tmp_path: Path) -> None:
    parameters = {name: value for name, value in OF_18.items() if "running" not in name}
    (tmp_path / "named_parameters.pth").write_bytes(saved(parameters))
    with pytest.raises(BadInput, match="holds the parameters of torchvision/resnet18 alone: the running means"):
        read_weights(tmp_path / "named_parameters.pth")


def test_a_network_that_its_own_file_calls_another_is_not_recovered_as_one(tmp_path: Path) -> None:
    """As a timm folder of `resnetblur18`, of a ResNet-18's tensors: what would be recovered is not its function."""
    write_safetensors(tmp_path / "model.safetensors", OF_18, {})
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "resnetblur18", "num_classes": 7}))
    report = inspect(tmp_path, values=False)
    assert (report.architecture, report.recovered, report.not_recovered) == (None, None, None)
    assert "its architecture is timm's 'resnetblur18', which is not among those here" in " ".join(str(report).split())
    with pytest.raises(BadInput, match="resnetblur18"):
        report.to_toml()


def test_a_network_of_several_functions_is_not_said_to_be_of_no_zoo(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "canonical.safetensors", plain(SLIM), {})
    report = inspect(tmp_path / "canonical.safetensors", values=False)
    assert report.recovered is None
    assert "choose one with --arch" in " ".join(str(report).split())
