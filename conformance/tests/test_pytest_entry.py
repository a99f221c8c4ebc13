"""The suite's options are there in time, from any folder, and nobody else's run of pytest notices them."""

from pathlib import Path

import pytest

from isomorph.conformance import suite
from isomorph.conformance.pytest_entry import names_the_suite

from .packages import install, run_pytest

ENTRY = "isomorph.conformance.pytest_entry"
SUITE = Path(suite.__path__[0])
OTHERS_TEST = """
import sys

def test_nothing_is_there(pytestconfig):
    assert pytestconfig.pluginmanager.has_plugin("isomorph.conformance.pytest_entry")
    assert not pytestconfig.pluginmanager.has_plugin("isomorph.conformance.suite.plugin")
    assert not {"numpy", "isomorph.backends", "isomorph.spec"} & set(sys.modules)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Isomorph as it is installed from a wheel, less what does not matter here.

    The name is another, lest it hide isomorph's own metadata.
    """
    folder = tmp_path_factory.mktemp("site")
    return install(folder, "isomorph_entry", f"[pytest11]\n{ENTRY} = {ENTRY}\n")


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["in one process", "in a worker of pytest-xdist"])
def test_its_options_are_known_from_an_empty_folder(site: Path, tmp_path: Path, workers: tuple[str, ...]) -> None:
    choice = ("--backend", "oracle", "--asking-only", "-k", "test_a_max_pool_of and zeros")
    done = run_pytest(tmp_path, "--pyargs", "isomorph.conformance.suite.test_slim", *choice, *workers, site=site)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


def test_it_says_which_options_it_has(site: Path, tmp_path: Path) -> None:
    done = run_pytest(tmp_path, "--pyargs", "isomorph.conformance", "--help", site=site)
    assert {"--backend=NAME", "--expected-failures=FILE", "--every-network"} <= set(done.stdout.split())


def test_other_runs_are_left_alone(site: Path, tmp_path: Path) -> None:
    (tmp_path / "test_others.py").write_text(OTHERS_TEST)
    done = run_pytest(tmp_path, "-W", "error", site=site)
    assert done.returncode == 0, done.stdout
    refused = run_pytest(tmp_path, ".", "--backend", "oracle", site=site)
    assert refused.returncode == 4
    assert "unrecognized arguments: --backend" in refused.stderr


NAMING = {
    "the conformance floor by name": "isomorph.conformance",
    "the suite by name": "isomorph.conformance.suite",
    "a module of it": "isomorph.conformance.suite.test_slim",
    "a test of it": "isomorph.conformance.suite.test_slim::test_a_max_pool_of",
    "its folder": str(SUITE),
    "a file of it": str(SUITE / "test_slim.py"),
    "a test in a file of it": f"{SUITE / 'test_slim.py'}::test_a_max_pool_of[oracle-x::y]",
    "the floor": str(SUITE.parents[2]),
}
OTHERS = {
    "nothing": "",
    "an option": "--backend",
    "another package": "isomorph.spec",
    "a name that begins alike": "isomorph.conformance.suites",
    "a folder around all": str(SUITE.anchor),
    "a folder beside it": str(Path(__file__).parent),
}


@pytest.mark.parametrize("argument", NAMING.values(), ids=NAMING)
def test_the_suite_is_named_by(argument: str) -> None:
    assert names_the_suite(["-q", argument])


@pytest.mark.parametrize("argument", OTHERS.values(), ids=OTHERS)
def test_the_suite_is_not_named_by(argument: str) -> None:
    assert not names_the_suite(["-q", argument])
