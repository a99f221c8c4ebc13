"""Where changes are planted, how many, and which files of tests could notice them."""

from dataclasses import dataclass
from pathlib import Path

SPEC_TESTS = ("spec/tests/test_*.py",)
SUITE = "conformance/isomorph/conformance/suite"
VERDICTS = tuple(
    f"conformance/isomorph/conformance/{name}.py"
    for name in ("verdict", "training/verdict", "lattice/verdict", "precision", "expected_failures")
)

# Of the suite: what asks a backend, here the oracle, and what asks the suite's own parts.
ASKING = tuple(
    f"{SUITE}/test_{name}.py" for name in ("peers", "slim", "atrous", "build_options", "noise", "training_refusals")
)
JUDGING = tuple(
    f"{SUITE}/test_{name}.py"
    for name in ("verdict", "bounds", "noise", "lattice_verdict", "training_verdict", "precision")
)
DRAWING = tuple(
    f"{SUITE}/test_{name}.py"
    for name in ("cases", "dropout_verdict", "lattice_draw", "planting", "faults", "faults_of_training")
)


@dataclass(frozen=True)
class Area:
    """A part of the sources.

    sources, without: patterns of files, from the root. count: mutants of a run, unless told otherwise.
    tests: patterns of the files of tests that could notice; none of them needs a framework.
    """

    sources: tuple[str, ...]
    count: int
    tests: tuple[str, ...]
    without: tuple[str, ...] = ()

    def files(self, root: Path) -> list[str]:
        """The sources, as paths from the root."""
        return _listed(root, self.sources, self.without)

    def test_files(self, root: Path) -> list[str]:
        """The files of tests, as paths from the root."""
        return _listed(root, self.tests, ())


def _listed(root: Path, patterns: tuple[str, ...], without: tuple[str, ...]) -> list[str]:
    listed = {path for pattern in patterns for path in root.glob(pattern)}
    listed -= {path for pattern in without for path in root.glob(pattern)}
    return sorted(str(path.relative_to(root)) for path in listed if path.is_file())


AREAS = {
    "spec": Area(
        ("spec/isomorph/spec/*.py", "spec/isomorph/spec/families/*.py", "spec/isomorph/spec/toml/*.py"),
        count=120,
        tests=SPEC_TESTS,
    ),
    "zoos": Area(
        ("spec/isomorph/spec/zoos/*.py",),
        count=80,
        tests=(
            *SPEC_TESTS,
            f"{SUITE}/test_peers.py",
            "tools/tests/images/test_preprocess.py",
            "tools/tests/images/test_recorded_preprocessing.py",
        ),
    ),
    "oracle": Area(
        ("backends/isomorph/backends/oracle/*.py",),
        count=60,
        tests=(
            "backends/tests/test_oracle_*.py",
            "backends/tests/test_arithmetic.py",
            "backends/tests/test_grouped_bottleneck.py",
            "backends/tests/test_speed.py",
            *ASKING,
        ),
    ),
    "verdicts": Area(
        VERDICTS,
        count=80,
        tests=(*JUDGING, "conformance/tests/test_expected_failures.py"),
    ),
    "conformance": Area(
        ("conformance/isomorph/conformance/**/*.py",),
        count=80,
        tests=("conformance/tests/test_*.py", f"{SUITE}/test_training.py", *JUDGING, *DRAWING),
        without=(*VERDICTS, f"{SUITE}/**/*.py", "conformance/isomorph/conformance/faults/surgery/**/*.py"),
    ),
    "suite": Area((f"{SUITE}/*.py",), count=24, tests=("conformance/tests/test_*.py", *ASKING, *JUDGING, *DRAWING)),
    "checkpoints": Area(
        ("tools/isomorph/tools/checkpoints/**/*.py",),
        count=120,
        tests=(
            "tools/tests/checkpoints/test_*.py",
            "tools/tests/commands/test_bad_files.py",
            "tools/tests/commands/test_hostile_commands.py",
            "tools/tests/weights/test_keras_config.py",
            "tools/tests/weights/test_metadata.py",
        ),
    ),
    "bench": Area(
        ("tools/isomorph/tools/benching/*.py",),
        count=60,
        tests=tuple(
            f"tools/tests/benching/test_bench{name}.py"
            for name in (
                "",
                "_arithmetic",
                "_workload",
                "_command",
                "_plausibility",
                "_explain",
                "_interrupt",
                "_limits",
                "_pace",
                "_plots",
                "_quick",
                "_ranking",
                "_report",
                "_rounds",
                "_scaling",
                "_zoo",
            )
        ),
    ),
}
