"""Paddle's own reader, and sound files. It runs what a pickle names: give it only what isomorph has read."""

from pathlib import Path
from typing import Any

import numpy as np
import paddle

from mutations.described import leaves, of_arrays


def save(folder: Path) -> None:
    """Sound files of every protocol."""
    (folder / "pdparams").mkdir(exist_ok=True)
    paddle.seed(0)
    network = paddle.nn.Sequential(paddle.nn.Linear(2, 3), paddle.nn.BatchNorm1D(3))
    for protocol in (2, 3, 4):
        paddle.save(network.state_dict(), str(folder / "pdparams" / f"{protocol}.pdparams"), protocol=protocol)


def read(path: Path, _: str) -> dict[str, Any]:
    """Every array that `paddle.load` gives."""
    try:
        value = paddle.load(str(path), return_numpy=True)
        return {"tensors": of_arrays(dict(leaves(value, np.ndarray)))}
    except Exception as problem:
        return {"error": f"{type(problem).__name__}: {problem}"[:300]}
