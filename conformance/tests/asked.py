"""What the suite asks, in a line each: networks with their sizes, and the mistakes that are planted."""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any

from isomorph.backends.training import SGD
from isomorph.conformance.faults.catalogue import CATALOGUE
from isomorph.conformance.faults.fault import Redesign, Retensor, Retrain
from isomorph.conformance.faults.networks import CASES as PLANTED_IN
from isomorph.conformance.faults.networks import FROZEN
from isomorph.conformance.small_networks import PAIRS
from isomorph.conformance.suite import test_every_network, test_lattice, test_live_peers
from isomorph.conformance.suite.network_cases import CASES
from isomorph.conformance.suite.training_cases import CASES as TRAINED
from isomorph.conformance.suite.training_cases import DEEP
from isomorph.spec import Architecture, architecture, architectures

WRITTEN_DOWN = Path(__file__).with_name("asked.txt")


def asked() -> Iterator[str]:
    """All lines, as they stand in `asked.txt`."""
    groups: dict[str, Mapping[str, Any]] = {
        "inference": CASES,
        "every network": test_every_network.CASES,
        "every network, on a lattice": test_every_network.LATTICES,
        "lattices": test_lattice.LATTICES,
        "live peers": {str(each): each for each in test_live_peers.PEERS},
        "live peers, exhaustive": {str(each): each for each in test_live_peers.EXHAUSTIVE},
        "training": TRAINED | DEEP,
        "faults": PLANTED_IN,
        "frozen": dict.fromkeys(sorted(FROZEN), "yes"),
        "atrous": {"pairs": PAIRS},
        "planted": CATALOGUE,
    }
    for group, members in groups.items():
        for name, member in members.items():
            yield f"{group}: {name}: {_said(member)}"


def _said(value: Any) -> str:
    """A value as Python would write it, less what goes without saying: a field's default, a zoo's own network."""
    if isinstance(value, Redesign | Retensor):  # which the oracle sees at the fault's place
        return type(value).__name__
    if isinstance(value, Retrain):
        return f"Retrain({_said(value.sgd(SGD()))}, {value.auxiliary_weight}, {value.carried})"
    if isinstance(value, Architecture) and value.name in architectures():
        return f"{value.name}{_differing(value, architecture(value.name))}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_said(each)}' for key, each in value.items())}}}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_said, value))})"
    if is_dataclass(value) and not isinstance(value, type):
        return f"{type(value).__name__}{_differing(value, None)}"
    return repr(value)


def _differing(value: Any, other: Any) -> str:
    """The fields in which a value differs from another of its kind, or from the defaults."""
    wrong = {each.name: getattr(value, each.name) for each in fields(value)}
    usual = {each.name: getattr(other, each.name) if other else _default(each) for each in fields(value)}
    return f"({', '.join(f'{name}={_said(each)}' for name, each in wrong.items() if each != usual[name])})"


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


if __name__ == "__main__":
    WRITTEN_DOWN.write_text("".join(f"{line}\n" for line in asked()))
