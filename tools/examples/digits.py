"""What the three scripts that train on handwritten digits share: the data, the network, the start and the order.

1797 digits of 8x8 pixels that scikit-learn ships (`load_digits`, after Alpaydin and Kaynak, 1998), every fifth held
out; a ResNet-8 of the CIFAR design (He et al., 2015, section 4.2), trained by SGD with momentum alone: Keras's
`weight_decay` is decoupled from the gradient, and no L2 term as the others' is.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits

from isomorph.spec import BadInput, tensor_shapes
from isomorph.spec.zoos import cifar
from isomorph.tools.converting.initialisation import initialise
from isomorph.tools.writing import check_writable, write_text

Array = npt.NDArray[Any]

NETWORK = cifar.resnet(8).with_options(in_channels=1)

TRAIN = 1437
BATCH = 32
STEPS = TRAIN // BATCH
"""Of an epoch. The digits that are left, too few for a batch, are others in the next one's order."""

EPOCHS = 10
"""The learning rate stays what it is: held-out accuracy swings between 95 and 99% at first, and is calm after eight."""

LEARNING_RATE = 2.0**-4
MOMENTUM = 0.875
"""Both binary fractions: Keras and Paddle keep them in float32, PyTorch does not."""

SEED = 23
"""Of the start and the order. No ReLU reads anything nearer to zero than 1.7e-5 in the first four steps; float32 is off
by 4e-6 at most there, so that no order of summation puts a ReLU on the other side (`examples.rounding`)."""


class Digits(NamedTuple):
    """images: [N, 8, 8, 1] float32, of mean 0 and variance 1 over the digits that train. labels: [N] int64."""

    images: Array
    labels: Array


def read() -> tuple[Digits, Digits]:
    """The digits that train, TRAIN of them, and the 360 that are held out."""
    images, labels = load_digits(return_X_y=True)
    held_out = np.arange(len(labels)) % 5 == 0
    mean, deviation = images[~held_out].mean(), images[~held_out].std()
    images = ((images - mean) / deviation).astype(np.float32).reshape(-1, 8, 8, 1)
    labels = labels.astype(np.int64)
    return Digits(images[~held_out], labels[~held_out]), Digits(images[held_out], labels[held_out])


def start(seed: int) -> dict[str, Array]:
    """Canonical name -> float32 tensor of a new network, drawn in NumPy as the design's initialisers ask."""
    return initialise(NETWORK, frozenset(tensor_shapes(NETWORK)), seed)


class Order:
    """The indices of each batch, as the frameworks' loaders take them for a batch sampler; another order each epoch."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        """Batches in an epoch."""
        return STEPS

    def __iter__(self) -> Iterator[list[int]]:
        """Those of the next epoch, drawn from the seed and its number."""
        shuffled = np.random.default_rng([self.seed, self.epoch]).permutation(TRAIN)
        self.epoch += 1
        return iter(shuffled[: STEPS * BATCH].reshape(STEPS, BATCH).tolist())


def arguments(description: str | None) -> argparse.Namespace:
    """epochs, seed, and losses, the file to write or None; ends the process with a sentence where they are bad."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_epochs_and_seed(parser)
    parser.add_argument("--losses", type=new_file, metavar="FILE", help="write the loss of each step, as JSON")
    return parser.parse_args()


def add_epochs_and_seed(parser: argparse.ArgumentParser) -> None:
    """The arguments that decide what the losses are."""
    for name, least, default, what in (
        ("--epochs", 1, EPOCHS, "times over the data"),
        ("--seed", 0, SEED, "of the start and the order"),
    ):
        parser.add_argument(name, type=_at_least(least), default=default, metavar="N", help=f"{what} ({default})")


def report(accuracy: float, losses: list[float], path: Path | None) -> None:
    """Print the fraction of held-out digits that are told; write it and the loss of each step, in nats, to `path`."""
    print(f"held-out accuracy: {accuracy:.2%}")
    if path is not None:
        write_text(path, json.dumps({"accuracy": accuracy, "losses": losses}))


def new_file(text: str) -> Path:
    """The path of a file that can be written, as an argument's type."""
    try:
        check_writable(text)
    except BadInput as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return Path(text)


def _at_least(least: int) -> Any:
    def integer(text: str) -> int:
        if not text.isascii() or not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no integer from {least} up")
        return int(text)

    return integer
