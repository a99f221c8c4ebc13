"""The workload of all modes: the same weights, images and labels, and the reference for their answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isomorph.backends.arrays import SharedArrays
from isomorph.backends.protocol import Array
from isomorph.conformance.cases import check_decides, draw_images, draw_tensors
from isomorph.conformance.memory import check_memory, drawing
from isomorph.conformance.reference import Reference
from isomorph.spec import Architecture, BadInput
from isomorph.tools.tables import by

JUDGED_AS = {"tf32": "float16"}
"""Precision -> the one by whose noise its answers are judged: the oracle has no TF32, which has float16's significand
and less noise, as it rounds only the operands of products."""

CALIBRATED_ON = 2
"""Images from which the drawn weights' running statistics are computed, as in a trained network."""

JUDGED = 1
"""How many images of each answer are judged."""

DRAWN = 2**23
"""The most values of drawn images, 55 of 224x224, which take a second; larger batches repeat them."""


@dataclass(frozen=True)
class Workload:
    """A network with its weights, the sizes of batches, and the images and labels of which batches are made.

    size: height and width. batches: ascending. room: bytes that a process may take; None where nothing limits it.
    tensors: canonical name -> array. shared: the same, shared with other processes. images: "images" and "labels".
    """

    architecture: Architecture
    size: tuple[int, int]
    batches: tuple[int, ...]
    room: int | None
    tensors: Mapping[str, Array]
    shared: SharedArrays
    images: SharedArrays
    reference: Reference

    def noise_ratio(self, answer: Array, precision: str) -> float:
        """Return the error of an answer to any of the batches, on its first image, in noise floors of `precision`.

        Raises BadInput where the noise is too large for the error to mean anything.
        """
        precision = JUDGED_AS.get(precision, precision)
        check_decides(self.architecture, precision, self.reference.answer_floor(precision))
        return self.reference.answer_ratio(answer[:JUDGED], precision)

    def too_large(self, batch: int) -> str | None:
        """Return why no process can hold so many images; None if one can."""
        return _too_large(self.architecture, self.size, batch, self.room)


def draw_workload(
    architecture: Architecture,
    size: tuple[int, int],
    batches: Sequence[int],
    training_batch: int | None,
    seed: int,
    folder: Path,
    room: int | None,
    tensors: Mapping[str, Array] | None = None,
) -> Workload:
    """Draw a workload into files in `folder`.

    tensors: the network's; None draws them.
    Raises BadInput, before anything is drawn, where not even one image fits into `room`, and where the memory is too
    small for the oracle to prove answers.
    """
    if reason := _too_large(architecture, size, 1, room):
        raise BadInput(f"Images of {by(*size)} are too large: {reason}; expected smaller ones.")
    check_memory(architecture, CALIBRATED_ON if tensors is None else JUDGED, *size, drawing)
    count = max(CALIBRATED_ON, DRAWN // _values(architecture, size))
    most = max(*batches, training_batch or 1, CALIBRATED_ON)
    images = draw_images(architecture, min(count, most), *size, seed)
    if tensors is None:
        tensors = draw_tensors(architecture, images[:CALIBRATED_ON], seed)
    labels = np.random.default_rng(seed).integers(0, architecture.head.num_classes or 1, len(images))
    return Workload(
        architecture,
        size,
        tuple(sorted(batches)),
        room,
        tensors,
        SharedArrays.write(folder / "tensors", tensors),
        SharedArrays.write(folder / "images", {"images": images, "labels": labels}),
        Reference(architecture, tensors, images[:JUDGED]),
    )


def _values(architecture: Architecture, size: tuple[int, int]) -> int:
    return size[0] * size[1] * architecture.in_channels


def _too_large(architecture: Architecture, size: tuple[int, int], batch: int, room: int | None) -> str | None:
    needed = 4 * batch * _values(architecture, size)
    if room is None or needed <= room:
        return None
    who = "one alone takes" if batch == 1 else "they alone take"
    return f"{who} {needed / 2**30:.1f} GiB, and a process may take {room / 2**30:.1f}"
