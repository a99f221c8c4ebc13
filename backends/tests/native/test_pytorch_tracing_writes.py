"""Random programs that write in place, through views of views: every tensor that lives reads what is there."""

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from isomorph.backends.pytorch.tracing.tracer import trace

from .pytorch_models import assert_sound, some_images

LENGTH = 14


class Program(nn.Module):
    """Views, writes into them and functions of them, the same for each seed; it returns all that lives at its end."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        chance = random.Random(self.seed)
        living = [x * 2, torch.zeros(2, 6, 8, 6, dtype=x.dtype), x.clone()]
        for _ in range(LENGTH):
            target = chance.choice(living)
            match chance.choice(["view", "view", "function", "write", "write", "write", "copy", "copy", "forget"]):
                case "view":
                    living.append(view(target, chance))
                case "function":
                    living.append(target * 3)
                case "write":
                    write(target, chance)
                case "copy":
                    copy(target, chance.choice(living), chance)
                case "forget" if len(living) > 3:
                    del living[chance.randrange(len(living))]
        return {str(number): each for number, each in enumerate(living)}


def view(x: Tensor, chance: random.Random) -> Tensor:
    """A part of a tensor, moved: it lies in the same storage."""
    axis = chance.randrange(x.ndim)
    match chance.choice(["slice", "select", "transpose", "step", "flat"]):
        case "slice":
            return x.narrow(axis, x.shape[axis] // 3, max(1, x.shape[axis] // 2))
        case "select" if x.ndim > 2:
            return x.select(axis, x.shape[axis] - 1)
        case "transpose":
            return x.transpose(axis, 0)
        case "step":
            return x[:, ::2]
        case "flat" if x.is_contiguous():
            return x.view(x.shape[0], -1)
    return x.unsqueeze(axis)


def write(x: Tensor, chance: random.Random) -> None:
    match chance.choice(["relu", "factor", "constant", "zeros", "sigmoid"]):
        case "relu":
            x.relu_()
        case "factor":
            x.mul_(-1.5).add_(1)
        case "constant":
            x[..., :1] = 0.5
        case "zeros":
            x.zero_()
        case "sigmoid":
            x.sigmoid_()


def copy(target: Tensor, source: Tensor, chance: random.Random) -> None:
    """Write one tensor into another, as far as its axes go; memory that overlaps is copied before."""
    if target.ndim != source.ndim:
        return
    corner = tuple(slice(0, min(one, other)) for one, other in zip(target.shape, source.shape, strict=True))
    if target.untyped_storage().data_ptr() == source.untyped_storage().data_ptr():
        source = source.clone()
    if chance.random() < 0.5:
        target[corner] = source[corner]
    else:
        target[corner] += source[corner]


@pytest.mark.parametrize("seed", range(60))
def test_everything_that_lives_reads_what_was_written(seed: int) -> None:
    program: Any = Program(seed)
    images = some_images()
    expected = program(channels_first(images))
    graph = trace(program, images)
    assert_sound(graph)
    for name, read in graph.outputs.items():
        np.testing.assert_allclose(graph.take(read), expected[name].numpy(), rtol=1e-13, atol=1e-13)
    for name in expected.keys() - graph.outputs.keys():
        assert constant(program, name), f"{name} depends on the images, and is left out"


def constant(program: Any, name: str) -> bool:
    """Whether one of a program's results is the same for other images."""
    one, other = (program(channels_first(some_images() + add))[name] for add in (0.0, 0.7))
    return bool(torch.equal(one, other))


def channels_first(images: Any) -> Tensor:
    return torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
