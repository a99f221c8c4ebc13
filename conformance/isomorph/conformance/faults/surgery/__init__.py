"""Faults that neither an architecture nor tensors can say, done to a native object: the same functions in each file."""

SURGEONS = {name: f"{__name__}.{name}" for name in ("pytorch", "keras", "paddle")}
"""Backend -> its module, which is imported where the backend runs and nowhere else; Keras's engines share one."""


def surgeon_of(backend: str) -> str | None:
    """The module for a backend, `keras:jax`; None where there is none."""
    return SURGEONS.get(backend.partition(":")[0])
