"""Faults that neither an architecture nor tensors can express, planted in native objects by the same functions."""

SURGEONS = {name: f"{__name__}.{name}" for name in ("pytorch", "keras", "paddle")}
"""Backend -> its module, which is imported where the backend runs and nowhere else; Keras's engines share one."""


TRAINERS = {name: f"{__name__}.learning.{name}" for name in SURGEONS}
"""Backend -> its module of faults of training."""


def surgeon_of(backend: str) -> str | None:
    """Return the module for a backend, `keras:jax`; None where there is none."""
    return SURGEONS.get(backend.partition(":")[0])


def trainer_of(backend: str) -> str | None:
    """Return the module of faults of training for a backend; None where there is none."""
    return TRAINERS.get(backend.partition(":")[0])
