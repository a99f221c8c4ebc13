"""The backend: `wrong:MISTAKE` makes one of MISTAKES, `wrong:none` makes none."""

from dataclasses import replace
from typing import Any

from isomorph.backends.oracle.backend import Oracle
from isomorph.backends.protocol import Network, Options
from isomorph.spec import Architecture

from . import building, inference, training
from .building import OPTIONS
from .honest import HonestNetwork
from .operations import OPERATIONS

NETWORKS: dict[str, type[HonestNetwork]] = {
    "none": HonestNetwork,
    **inference.NETWORKS,
    **building.NETWORKS,
    **training.NETWORKS,
}
MISTAKES = (*NETWORKS, *OPTIONS, *OPERATIONS, "another dtype", "trains folded")


class Wrong(Oracle):
    """The backend."""

    def __init__(self, mistake: str) -> None:
        assert mistake in MISTAKES, mistake
        self.mistake = mistake
        if mistake in OPERATIONS:
            setattr(*OPERATIONS[mistake])

    def cannot_compile(self, device: str) -> str | None:
        return None

    def lacks_autocast(self, device: str, autocast: str) -> str | None:
        return None if autocast == "bfloat16" else "It has no autocast but bfloat16."

    def build(self, architecture: Architecture, **options: Any) -> Network:  # type: ignore[override]
        if self.mistake == "any output stride":
            architecture = architecture.with_options(output_stride=None)
        if self.mistake == "trains folded" and options.get("fold_batch_norm"):
            options["training"] = False
        return super().build(architecture, **options)

    def _build(self, architecture: Architecture, options: Options) -> HonestNetwork:
        change = OPTIONS.get(self.mistake, {})
        if self.mistake == "another dtype":
            options = replace(options, dtype="float32")
        kind = NETWORKS.get(self.mistake, HonestNetwork)
        return kind(architecture.with_options(**change) if change else architecture, options)


def create(engine: str) -> Wrong:
    """The backend that makes a mistake."""
    return Wrong(engine)
