"""Faults that neither an architecture nor tensors can say, done to a native object: the same functions in each file."""

SURGEONS = {name: f"{__name__}.{name}" for name in ("pytorch", "keras", "paddle")}
"""Backend -> its module, which is imported where the backend runs and nowhere else; Keras's engines share one."""


TRAINERS = {name: f"{__name__}.learning.{name}" for name in SURGEONS}
"""The same for what backends learn with."""


def surgeon_of(backend: str) -> str | None:
    """The module for a backend, `keras:jax`; None where there is none."""
    return SURGEONS.get(backend.partition(":")[0])


def trainer_of(backend: str) -> str | None:
    """The same for what it learns with."""
    return TRAINERS.get(backend.partition(":")[0])
