"""What a backend's process is asked to build for a planted fault: for inference, for training, and to see dropout."""

from typing import Any

import pytest

from isomorph.conformance.faults.planted import PlantedNetworks, Purpose, without_fault
from isomorph.spec import Architecture


class Process:
    """A process that is none, and keeps what it is asked for."""

    name = "keras"

    def __init__(self) -> None:
        self.asked: list[tuple[float, str, str, dict[str, Any]]] = []

    def build(self, network: Architecture, device: str, dtype: str, **options: Any) -> object:
        self.asked.append((network.head.dropout, device, dtype, options))
        return object()


@pytest.mark.parametrize(
    ("network", "purpose", "dropout", "options"),
    [
        ("two units, with dropout", "inference", 0.2, {}),
        ("two units, with dropout", "training", 0.0, {"training": True, "freeze_batch_norm": False}),
        ("two units, frozen", "training", 0.0, {"training": True, "freeze_batch_norm": True}),
        ("two units, with dropout", "dropout", 0.2, {"training": True, "freeze_batch_norm": True}),
    ],
    ids=["inference", "training", "training with frozen batch norms", "dropout"],
)
def test_a_network_is_built_for(network: str, purpose: Purpose, dropout: float, options: dict[str, bool]) -> None:
    """Once: what nothing is planted in serves all faults."""
    process: Any = Process()
    networks = PlantedNetworks(process, "gpu")
    none = without_fault(network)
    first = networks.build(none, "float32", purpose)
    assert networks.build(none, "float32", purpose) is first
    assert process.asked == [(dropout, "gpu", "float32", options)]
