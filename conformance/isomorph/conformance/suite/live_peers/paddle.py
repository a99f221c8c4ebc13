"""paddle.vision.models, as a peer."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import paddle

from isomorph.backends.protocol import Array
from isomorph.conformance.suite.live_peers.answering import Peer, main

OUTPUTS = ("logits", "aux1", "aux2")


class PaddlePeer(Peer):
    """A paddle.nn.Layer. Its names are those of its state_dict, "conv1.weight"."""

    def __init__(self, name: str, options: Mapping[str, Any], size: tuple[int, int], head: bool, dtype: str) -> None:
        cut: dict[str, Any] = {} if head else {"num_classes": 0, "with_pool": False}
        paddle.seed(0)
        self.dtype = dtype
        self.layer = getattr(paddle.vision.models, name)(**options, **cut).to(dtype=dtype)
        self.layer.eval()

    def tensors(self) -> dict[str, Array]:
        """Return all its tensors, under its own names."""
        return {name: value.numpy() for name, value in self.layer.state_dict().items()}

    def load(self, tensors: Mapping[str, Array]) -> None:
        """Load tensors, one for each of its own."""
        state_dict = {name: paddle.to_tensor(value.astype(self.dtype)) for name, value in tensors.items()}
        missing, unexpected = self.layer.set_state_dict(state_dict)
        assert not missing, missing
        assert not unexpected, unexpected

    def calibrate(self, images: Array) -> None:
        """Make the images' own statistics the running ones, by one pass in training mode."""
        for layer in self.layer.sublayers():
            if isinstance(layer, paddle.nn.BatchNorm2D):
                layer._momentum = 0.0
        self.layer.train()
        self.layer(self._to_map(images))
        self.layer.eval()

    def answer(self, images: Array, output: str) -> Array:
        """Return one of its outputs for images [N, H, W, C]: [N, classes]; without a head a map [N, h, w, C]."""
        with paddle.no_grad():
            outputs = self.layer(self._to_map(images))
        # GoogLeNet has three, at inference, too.
        chosen = outputs[OUTPUTS.index(output)] if isinstance(outputs, tuple) else outputs
        answer: Array = chosen.numpy()
        return answer.transpose(0, 2, 3, 1) if answer.ndim == 4 else answer

    def _to_map(self, images: Array) -> paddle.Tensor:
        return paddle.to_tensor(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


if __name__ == "__main__":
    main(PaddlePeer)
