"""What certificates call the suite's modules."""

from pathlib import Path

import pytest

from isomorph.conformance import suite
from isomorph.conformance.suite.titles import TITLES, title_of

MODULES = {path.stem for path in Path(suite.__path__[0]).glob("test_*.py")}


@pytest.mark.parametrize("module", TITLES)
def test_a_title_is_of_a_module_that_there_is(module: str) -> None:
    assert module in MODULES


def test_a_module_without_one_has_its_name() -> None:
    assert title_of("test_live_peers.py::test_in_float64[x.py::y]") == "live peers"
    assert title_of("test_slim.py::test_a_max_pool_of[x]") == "slim's own tests"


def test_every_title_is_another() -> None:
    assert len({title_of(f"{module}.py::test") for module in MODULES}) == len(MODULES)
