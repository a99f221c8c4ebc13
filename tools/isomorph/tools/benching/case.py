"""What all modes are given: the same weights, images and labels, and what their answers are held against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from isomorph.backends.arrays import SharedArrays
from isomorph.backends.protocol import Array
from isomorph.conformance.cases import check_decides, draw_images, draw_tensors
from isomorph.conformance.reference import Reference
from isomorph.spec import Architecture

JUDGED_AS = {"tf32": "float16"}
"""TF32 has float16's significand. The oracle has no TF32, whose noise is less: it rounds operands of products alone."""

CALIBRATED_ON = 2
"""Images on which the drawn weights' running statistics are those of a trained network; answers are judged on one."""


@dataclass(frozen=True)
class Case:
    """A network with its weights, its images by batch, and labels for as many as are trained on.

    size: height and width. tensors: canonical.
    """

    architecture: Architecture
    size: tuple[int, int]
    tensors: Mapping[str, Array]
    shared: SharedArrays
    images: Mapping[int, SharedArrays]
    training: SharedArrays
    reference: Reference

    def noise_ratio(self, answer: Array, precision: str) -> float:
        """The error of an answer to any of the batches, on its first image, in noise floors of `precision`.

        Raises BadInput where noise is so large that it would say nothing.
        """
        precision = JUDGED_AS.get(precision, precision)
        check_decides(self.architecture, precision, self.reference.answer_floor(precision))
        return self.reference.answer_ratio(answer[:1], precision)


def draw_case(
    architecture: Architecture,
    size: tuple[int, int],
    batches: Sequence[int],
    training_batch: int,
    seed: int,
    folder: Path,
    tensors: Mapping[str, Array] | None = None,
) -> Case:
    """Draw all of it into files in `folder`; `tensors` that are given are not drawn."""
    most = max(*batches, training_batch, CALIBRATED_ON)
    images = draw_images(architecture, most, *size, seed)
    if tensors is None:
        tensors = draw_tensors(architecture, images[:CALIBRATED_ON], seed)
    labels = np.random.default_rng(seed).integers(0, architecture.head.num_classes or 1, training_batch)
    write = cache(lambda batch: SharedArrays.write(folder / f"images-{batch}", {"images": images[:batch]}))
    return Case(
        architecture,
        size,
        tensors,
        SharedArrays.write(folder / "tensors", tensors),
        {batch: write(batch) for batch in batches},
        SharedArrays.write(folder / "training", {"images": images[:training_batch], "labels": labels}),
        Reference(architecture, tensors, images[:1]),
    )
