"""Mistakes of building: how an architecture is read, compiled, folded, and run under autocast."""

import numpy as np

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.protocol import Array, Tensors

from .honest import HonestNetwork, rounded


class CompiledOnce(HonestNetwork):
    """Compiled, it answers with the tensors that were there when it was."""

    compiled: OracleNetwork | None = None

    def _answer(self, images: Array) -> Array:
        if not self.options.compiled:
            return super()._answer(images)
        if self.compiled is None:
            self.compiled = OracleNetwork(self.architecture, self.options)
            self.compiled.load(self.loaded)
        return self.compiled._answer(images)


class CompiledForOneSize(HonestNetwork):
    """Compiled, it answers images of another size as those that it was compiled for."""

    size: tuple[int, ...] | None = None

    def _answer(self, images: Array) -> Array:
        if self.options.compiled:
            self.size = self.size or images.shape[1:3]
            images = np.resize(images, (len(images), *self.size, images.shape[3]))
        return super()._answer(images)


class FoldedInPart(HonestNetwork):
    """Folded, it takes what tensors there are, and keeps the others."""

    def load(self, tensors: Tensors, partial: bool = False) -> tuple[list[str], list[str]]:
        if self.options.fold_batch_norm and partial:
            return super().load(self.loaded | dict(tensors))
        return super().load(tensors, partial)


class NoAutocast(HonestNetwork):
    """Autocast has no effect."""

    def _answer(self, images: Array) -> Array:
        return OracleNetwork._answer(self, images)


class CoarserAutocast(HonestNetwork):
    """Under autocast the images are rounded to whole numbers, too."""

    def _answer(self, images: Array) -> Array:
        return super()._answer(np.rint(images) if self.options.autocast else images)


class AutocastTensors(HonestNetwork):
    """Under autocast the tensors themselves are in the lower precision."""

    def _get(self, name: str) -> Array:
        value = super()._get(name)
        return rounded(value) if self.options.autocast else value


NETWORKS: dict[str, type[HonestNetwork]] = {
    "compiled once": CompiledOnce,
    "compiled for one size": CompiledForOneSize,
    "folded in part": FoldedInPart,
    "no autocast": NoAutocast,
    "coarser autocast": CoarserAutocast,
    "autocast tensors": AutocastTensors,
}

OPTIONS: dict[str, dict[str, object]] = {
    "epsilon": {"batch_norm_epsilon": 1.001e-5},
    "padding": {"convolution_padding": "same"},
    "pool padding": {"pool_padding": "valid"},
    "pool fill": {"pool_fill": "zero"},
    "decay": {"batch_norm_decay": 0.99},
    "any output stride": {"output_stride": None},
}
"""Mistakes of reading an architecture: the option that is taken to be another."""
