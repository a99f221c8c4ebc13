"""Export networks to Paddle's own files, and run those."""

from collections.abc import Mapping
from pathlib import Path

import paddle
from paddle.static import InputSpec

from isomorph.backends.array_forms import Images
from isomorph.backends.exporting import Export, Run
from isomorph.backends.network import Network


def _pdparams(network: Network, images: Images, folder: Path) -> Run:
    """Write the weights alone, for a program that has the code."""
    path = str(folder / "network.pdparams")
    network.save(path)
    reloaded = type(network)(network.architecture.undrawn(), network.options)
    reloaded.native.set_state_dict(paddle.load(path))
    return reloaded.answer


def _static_program(network: Network, images: Images, folder: Path) -> Run:
    """Write the whole network, for any number of images of this size."""
    path = str(folder / "network")
    _, height, width, channels = images.shape
    spec = InputSpec([None, channels, height, width], "float32", "images")
    paddle.jit.save(network.native, path, input_spec=[spec])
    program = paddle.jit.load(path)
    return lambda batch: program(paddle.to_tensor(batch.transpose(0, 3, 1, 2).copy())).numpy()


EXPORTS: Mapping[str, Export] = {".pdparams": _pdparams, "jit.save": _static_program}
