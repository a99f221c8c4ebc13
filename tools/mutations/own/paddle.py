"""Paddle's own readers, and sound files. They run what a pickle names: give them only what isomorph has read."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import paddle

from mutations.described import leaves, of_arrays


def save(folder: Path) -> None:
    """Sound files: pickles of every protocol, nested ones, and parameters beside programs."""
    (folder / "pdparams").mkdir(exist_ok=True)
    paddle.seed(0)
    network = paddle.nn.Sequential(paddle.nn.Linear(2, 3), paddle.nn.BatchNorm1D(3))
    for protocol in (2, 3, 4):
        paddle.save(network.state_dict(), str(folder / "pdparams" / f"{protocol}.pdparams"), protocol=protocol)
        nested = {"model": network.state_dict(), "epoch": 3, "optimizer": {"rate": 0.1}}
        paddle.save(nested, str(folder / "pdparams" / f"nested{protocol}.pdparams"), protocol=protocol)
    (folder / "pdiparams").mkdir(exist_ok=True)
    deeper = paddle.nn.Sequential(network, paddle.nn.Linear(3, 1))
    for name, layers in {"plain": network, "deeper": deeper}.items():
        layers.eval()
        paddle.jit.save(layers, str(folder / "pdiparams" / name), input_spec=[paddle.static.InputSpec([None, 2])])


def read(path: Path, _: str) -> dict[str, Any]:
    """Every array that `paddle.load` gives; of parameters, what Paddle loads into a program."""
    try:
        if path.suffix == ".pdiparams":
            return {"tensors": of_arrays(_parameters(path))}
        value = paddle.load(str(path), return_numpy=True)
        return {"tensors": of_arrays(dict(leaves(value, np.ndarray)))}
    except Exception as problem:
        return {"error": f"{type(problem).__name__}: {problem}"[:300]}


def _parameters(path: Path) -> dict[str, Any]:
    """The tensors that Paddle's own operation loads under the names in a program."""
    program = json.loads(path.with_suffix(".json").read_text())["program"]
    operations = program["regions"][0]["blocks"][0]["ops"]
    names = sorted(operation["A"][3] for operation in operations if operation["#"] == "p")
    tensors = [paddle.zeros([1]) for _ in names]
    targets = [tensor.get_tensor() for tensor in tensors]
    paddle.base.core.load_combine_func(str(path), names, targets, False, paddle.framework._current_expected_place())
    return {name: np.array(target) for name, target in zip(names, targets, strict=True)}
