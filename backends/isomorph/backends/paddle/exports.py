"""Paddle's own files, written and run again."""

from collections.abc import Mapping
from pathlib import Path

import paddle
from paddle.static import InputSpec

from isomorph.backends.exporting import Export, Run
from isomorph.backends.network import Array, Network


def _pdparams(network: Network, images: Array, folder: Path) -> Run:
    """Weights alone, for whoever has the code."""
    path = str(folder / "network.pdparams")
    network.save(path)
    other = type(network)(network.architecture.undrawn(), network.options)
    other.native.set_state_dict(paddle.load(path))
    return other.answer


def _static_program(network: Network, images: Array, folder: Path) -> Run:
    """The whole network, for any number of images of this size."""
    path = str(folder / "network")
    _, height, width, channels = images.shape
    spec = InputSpec([None, channels, height, width], "float32", "images")
    paddle.jit.save(network.native, path, input_spec=[spec])
    program = paddle.jit.load(path)
    return lambda given: program(paddle.to_tensor(given.transpose(0, 3, 1, 2).copy())).numpy()


EXPORTS: Mapping[str, Export] = {".pdparams": _pdparams, "jit.save": _static_program}
