"""`make mutants`: the changes that it offers, which of them are drawn, and a whole run over a tree of three files."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console

from mutants.areas import AREAS, Area
from mutants.campaign import Campaign
from mutants.choosing import Names, choose
from mutants.equivalents import read_equivalents, unmatched
from mutants.learnt import Learnt
from mutants.operators import mutants_of
from mutants.results import Results, described, state_of, survivors_of, table
from mutants.running import Runner
from mutants.sampling import mutants_in, sample
from mutants.tree import Tree

from .command import wait_for

CHANGES = {
    "an integer": ("x = 3", {"x = 4"}),
    "a fraction, by 2 %": ("x = 8.0", {"x = 8.16"}),
    "a comparison's bound": ("x = a <= b", {"x = a < b"}),
    "a chain of comparisons": ("x = a < b < c", {"x = a <= b < c", "x = a < b <= c"}),
    "membership": ("x = a not in b", {"x = a in b"}),
    "arithmetic behind parentheses": ("x = (a + b) / c", {"x = (a - b) / c", "x = (a + b) * c"}),
    "a rounding upwards": ("x = -(-a // b)", {"x = (-a // b)", "x = -(a // b)", "x = -(-a * b)"}),
    "both, either": ("x = a and b", {"x = a or b"}),
    "a size that NumPy reckons": (
        "x = a.reshape(-1, 2)",
        {"x = a.reshape(1, 2)", "x = a.reshape(-1, 3)", "x = a.reshape(2, -1)"},
    ),
    "a negation": ("x = not a", {"x = bool(a)"}),
    "a condition": ("x = [a for a in b if a]", {"x = [a for a in b if not (a)]"}),
    "a flag": ("x = True", {"x = False"}),
    "a keyword argument": ("f(a, k=b, l=c)", {"pass", "f(a, l=c)", "f(a, k=b)"}),
    "arguments": ("x = f(a, b)", {"x = f(b, a)"}),
    "a pair": ("x = height, width", {"x = width, height", "x = width, width", "x = height, height"}),
    "the smaller for the larger, in whatever order": ("x = max(a, b)", {"x = min(a, b)"}),
    "a key of a table": ("x = {'epsilon': a}", {"x = {'epsiloo': a}"}),
    "a statement in place": ("x += a", {"x -= a", "pass"}),
    "an assignment to a part": ("x[a] = b", {"pass"}),
    "a refusal": ("if a:\n    raise E('no b')", {"if not (a):", "pass"}),
    "the letters behind an accent": ("é = a + b", {"é = a - b"}),
}


@pytest.mark.parametrize(("source", "changes"), CHANGES.values(), ids=CHANGES)
def test_it_changes(source: str, changes: set[str]) -> None:
    mutants = mutants_of(source + "\n", "f.py")
    assert {mutant.after for mutant in mutants} == changes
    assert all(mutant.is_a_program for mutant in mutants)


SILENT = {
    "docstrings": '"""8 bits"""',
    "annotations": "def f(x: Literal[8]) -> Pair[8]: ...",
    "sentences": "x = 'at most a few'",
    "what is raised": "raise E(8)",
    "types": "Array = NDArray[Literal[8]]",
    "formatted text": "x = f'{a:.3f} of {b + 8}'",
    "text for people": "f = Option(help='bits')",
    "the order of what is only compared": "def f(a, b) -> Hashable:\n    return a, (b, a)",
}


@pytest.mark.parametrize("source", SILENT.values(), ids=SILENT)
def test_it_leaves_alone(source: str) -> None:
    assert {mutant.after for mutant in mutants_of(source + "\n", "f.py")} <= {"pass"}


def test_it_leaves_alone_what_no_value_reaches() -> None:
    assert mutants_of("match a:\n    case never:\n        assert_never(never)\n", "f.py") == []


def test_a_mutant_says_where_it_stands() -> None:
    source = "class A:\n    @cache\n    def f(self):\n        x = 1\n        return x\n\n    y = 2\n"
    inside, outside = mutants_of(source, "f.py")
    assert (inside.scope, inside.line, inside.function) == ("A.f", 4, "A.f")
    assert (outside.scope, outside.line, outside.function) == ("A", 7, None)
    assert inside.text == source.replace("x = 1", "x = 2")


def test_equal_changes_have_names_of_their_own() -> None:
    assert len({mutant.key for mutant in mutants_of("x = 1\nx = 1\n", "f.py")}) == 2


def test_an_edit_elsewhere_leaves_the_sample_as_it_was() -> None:
    source = "".join(f"x{n} = f({n}, a < {n})\n" for n in range(30))
    before = {mutant.key for mutant in sample(mutants_of(source, "f.py"), 20, seed=0)}
    after = {mutant.key for mutant in sample(mutants_of("import os\n\n" + source, "f.py"), 20, seed=0)}
    assert before == after
    assert len(before) == 20
    assert before != {mutant.key for mutant in sample(mutants_of(source, "f.py"), 20, seed=1)}


def test_a_sample_has_every_operator() -> None:
    source = "".join(f"x{n} = {n}\n" for n in range(50)) + "y = a < b\n"
    assert {mutant.operator for mutant in sample(mutants_of(source, "f.py"), 2, seed=0)} == {"number", "comparison"}


@pytest.mark.parametrize("name", AREAS)
def test_every_pattern_of_an_area_has_files(name: str, pytestconfig: pytest.Config) -> None:
    area, root = AREAS[name], pytestconfig.rootpath
    patterns = (*area.sources, *area.tests, *area.without)
    assert [pattern for pattern in patterns if not list(root.glob(pattern))] == []


def test_every_equivalent_is_a_change_that_there_is(pytestconfig: pytest.Config) -> None:
    equivalents = read_equivalents()
    files = {file for file, _, _ in equivalents}
    assert unmatched(equivalents, mutants_in(pytestconfig.rootpath, sorted(files))) == []


def test_an_equivalent_without_a_reason_is_refused(tmp_path: Path) -> None:
    (tmp_path / "e.toml").write_text('[[equivalent]]\nfile = "f.py"\nbefore = "x"\nafter = "y"\nreason = ""\n')
    with pytest.raises(ValueError, match="expected after, before, file, reason"):
        read_equivalents(tmp_path / "e.toml")


def learnt(file: str, entered: str, **durations: float) -> Learnt:
    """Of tests that take so long each, the one called `entered` enters the function f; "" is what is run at import."""
    tests = {f"{file}::{name}": seconds for name, seconds in durations.items()}
    return Learnt({}, tests, {}, {f"{file}::{entered}" if entered else "": ["spec/padding.py f"]})


TESTS_OF_F = {
    "tests/test_a_long_one.py": learnt("tests/test_a_long_one.py", "", long=9.0, longer=50.0),
    "tests/test_entering.py": learnt("tests/test_entering.py", "enters", short=0.1, enters=1.0),
    "tests/test_others.py": learnt("tests/test_others.py", "", slow=0.5, fast=0.2),
    "tests/test_padding.py": learnt("tests/test_padding.py", "", padding=2.0),
    "tests/test_unrelated.py": Learnt({}, {"tests/test_unrelated.py::test": 0.1}, {}, {}),
}


@pytest.mark.parametrize(
    ("budget", "tests"),
    [(60.0, ["enters", "padding", "fast", "slow", "short", "long"]), (3.75, ["enters", "padding", "fast", "slow"])],
)
def test_the_likeliest_and_the_fastest_tests_are_run_first(budget: float, tests: list[str], tmp_path: Path) -> None:
    """One that enters the function, those of a file of its name, and those of the shortest files; nothing unrelated."""
    mutant = mutants_of("def f():\n    return 1\n", "spec/padding.py")[0]
    chosen = choose(mutant, TESTS_OF_F, Names(tmp_path), budget)
    assert [test.partition("::")[2] for test in chosen] == tests


LIMITS = """
LIMIT = 8.0


def within(x):
    return x <= LIMIT


def first_above(limit, step):
    x = 0
    while x < limit:
        x += step
    return x


def unused(x):
    return x - 1
"""

TESTS = """
import subprocess
import sys

from limits import LIMIT, first_above, within


def test_below():
    assert within(LIMIT - 1)


def test_above():
    script = "from limits import within; raise SystemExit(within(8.2))"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_steps():
    assert first_above(10, 2) == 10
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository of one module, whose tests leave one side of its bound open."""
    root = tmp_path / "tree"
    (root / "spec/tests").mkdir(parents=True)
    (root / "spec/limits.py").write_text(LIMITS)
    (root / "spec/tests/test_limits.py").write_text(TESTS)
    (root / "pytest.ini").write_text(
        "[pytest]\naddopts = --import-mode=importlib\nconsider_namespace_packages = true\n"
    )
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return root


ENDLESS = """
import signal
import sys
from pathlib import Path

from rich.console import Console

from mutants.areas import Area
from mutants.campaign import Campaign
from mutants.results import Results
from mutants.sampling import mutants_in

signal.signal(signal.SIGINT, signal.default_int_handler)
tree, kept = map(Path, sys.argv[1:])
mutants = [("limits", m) for m in mutants_in(tree, ["spec/limits.py"]) if m.after == "pass"]
areas = {"limits": Area(("spec/*.py",), 1, ("spec/tests/test_*.py",))}
Campaign(tree, areas, 1, 60.0, kept, patience=1e5).run(mutants, Results(kept / "results.json", ""), Console(quiet=True))
"""


@pytest.fixture
def endless(tree: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A campaign in which a change is planted that never ends, and its folder of temporary files."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    command = [sys.executable, "-c", ENDLESS, str(tree), str(tmp_path / "kept")]
    with subprocess.Popen(command, env=os.environ | {"TMPDIR": str(temporary)}, stderr=subprocess.PIPE) as run:
        while not any("pass" in path.read_text() for path in temporary.glob("*/0/isomorph/spec/limits.py")):
            assert run.poll() is None
            time.sleep(0.05)
        try:
            yield run, temporary
        finally:
            run.kill()


def at_work(temporary: Path) -> int:
    """How many processes run that were started with this folder."""
    whole_lines = ["ps", "-ww", "-eo", "args"]  # whatever COLUMNS says
    running = subprocess.run(whole_lines, capture_output=True, text=True, check=True).stdout
    return running.count(str(temporary))


def test_ctrl_c_leaves_nothing(endless: tuple[subprocess.Popen[bytes], Path]) -> None:
    run, temporary = endless
    run.send_signal(signal.SIGINT)
    _, words = run.communicate(timeout=300)
    assert words.splitlines()[-1] == b"KeyboardInterrupt"
    assert list(temporary.iterdir()) == []
    assert at_work(temporary) == 0


def test_sigkill_leaves_no_process(endless: tuple[subprocess.Popen[bytes], Path]) -> None:
    run, temporary = endless
    wait_for(lambda: at_work(temporary) > 1, run)  # one that was asked, and its fork in the tests
    run.kill()
    wait_for(lambda: at_work(temporary) == 0)


HIDDEN = """
import subprocess
import sys
from importlib.util import find_spec


def test_here():
    assert find_spec("torch") is None


def test_in_a_process_that_it_starts():
    code = "from importlib.util import find_spec; raise SystemExit(find_spec('torch') is not None)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
"""


def test_no_framework_is_asked(tree: Path, tmp_path: Path) -> None:
    """Even where one is installed: here, a module of that name."""
    (tree / "spec/torch.py").touch()
    (tree / "spec/tests/test_hidden.py").write_text(HIDDEN)
    with closing(Runner(Tree(tree, tmp_path), tmp_path / "temporary")) as runner:
        answer = runner.run(["spec/tests/test_hidden.py"], 60.0)
    assert len(answer["durations"]) == 2
    assert answer["failed"] == {}


def test_a_test_that_is_skipped_for_want_of_peers_fails_where_they_are(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ISOMORPH_REQUIRE_PEERS", raising=False)
    assert "ISOMORPH_REQUIRE_PEERS" not in Tree(tree, tmp_path / "without").environment(tmp_path)
    (tree.parent / "shared").mkdir()
    assert Tree(tree, tmp_path / "with").environment(tmp_path)["ISOMORPH_REQUIRE_PEERS"] == "1"


def test_a_run_says_of_each_change_whether_the_tests_notice(tree: Path, tmp_path: Path) -> None:
    """One of them never ends, and one is noticed by another process than the tests' own."""
    areas = {"limits": Area(("spec/*.py",), 10, ("spec/tests/test_*.py",))}
    mutants = [mutant for mutant in mutants_in(tree, areas["limits"].files(tree)) if mutant.operator != "condition"]
    results = Results(tmp_path / "results.json", state_of(tree))
    console = Console(quiet=True)
    Campaign(tree, areas, 1, 60.0, tmp_path / "kept", patience=3.0).run(
        [("limits", m) for m in mutants], results, console
    )

    outcomes = {(entry.before, entry.after): entry.outcome for entry in results.known.values()}
    assert outcomes == {
        ("LIMIT = 8.0", "LIMIT = 8.16"): "survived",
        ("return x <= LIMIT", "return x < LIMIT"): "survived",
        ("x = 0", "x = 1"): "noticed",
        ("while x < limit:", "while x <= limit:"): "noticed",
        ("x += step", "x -= step"): "hung",
        ("x += step", "pass"): "hung",
        ("return x - 1", "return x + 1"): "unreached",
        ("return x - 1", "return x - 2"): "unreached",
    }
    assert (tree / "spec/limits.py").read_text() == LIMITS
    assert table(results.known.values(), {"limits": 9}).splitlines()[1].split() == [
        *("limits", "9", "8", "2", "2", "2", "2", "0")
    ]
    kept = Results(tmp_path / "results.json", state_of(tree))
    assert kept.known == results.known
    assert len(survivors_of(tmp_path / "results.json")) == 4
    assert "limits.py:2 number\n  - LIMIT = 8.0\n  + LIMIT = 8.16" in described(next(iter(kept.known.values())))

    (tree / "spec/limits.py").write_text(LIMITS + "\n")
    assert Results(tmp_path / "results.json", state_of(tree)).known == {}
