"""Which tests enter which functions: learnt from a traced run of each file, and kept until its sources change."""

import hashlib
import json
import shutil
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from queue import SimpleQueue

from mutants import trace
from mutants.running import Runner
from mutants.tree import fingerprint

PATIENCE = 3600.0
"""Seconds that a file of tests may take."""

OURS = "tools/mutants/"
"""This package, which runs the tests and is none of what they test."""


@dataclass(frozen=True)
class Learnt:
    """One file of tests.

    sources: fingerprints of all files that it imports, by path. durations: seconds of each test that passes, by id.
    failed: messages of those that do not, by id; they can notice nothing.
    entered: the functions that each of them enters, as "path name"; under "" what is entered at import.
    """

    sources: dict[str, str]
    durations: dict[str, float]
    failed: dict[str, str]
    entered: dict[str, list[str]]

    def is_valid(self, root: Path, stale: bool) -> bool:
        """Whether none of the sources has changed since; `stale` asks for the tests themselves alone."""
        return all(
            fingerprint(root, file) == then
            for file, then in self.sources.items()
            if not stale or PurePosixPath(file).match("test_*.py")
        )


def learn(
    files: list[str],
    runners: list[Runner],
    threads: Executor,
    kept: Path,
    folder: Path,
    progress: Callable[[str], None],
    stale: bool = False,
) -> dict[str, Learnt]:
    """What there is to know of each file of tests, from the files in `kept` where they are still valid.

    runners: as many as there are threads. folder: for the traces of those that are run. stale: whether what was
        learnt holds still where other sources than the tests have changed.
    """
    kept.mkdir(parents=True, exist_ok=True)
    free: SimpleQueue[Runner] = SimpleQueue()
    for runner in runners:
        free.put(runner)

    def learn_one(file: str) -> Learnt:
        path = kept / f"{hashlib.sha256(file.encode()).hexdigest()[:16]}.json"
        root = runners[0].tree.root
        learnt = Learnt(**json.loads(path.read_text())) if path.is_file() else None
        if learnt is None or not learnt.is_valid(root, stale):
            runner = free.get()
            try:
                learnt = _trace(file, runner, folder / path.stem)
            finally:
                free.put(runner)
            path.write_text(json.dumps(asdict(learnt)))
        progress(file)
        return learnt

    return dict(zip(files, threads.map(learn_one, files), strict=True))


def _trace(file: str, runner: Runner, folder: Path) -> Learnt:
    folder.mkdir()
    trace.prepare(folder)
    answer = runner.run([file], PATIENCE, folder=folder)
    tests = ["", *answer["durations"]]
    entered: dict[str, set[str]] = defaultdict(set)
    for line in (folder / "entered").read_text().splitlines():
        number, function = line.split(" ", 1)
        if int(number) < len(tests) and not function.startswith(OURS):
            entered[tests[int(number)]].add(function)
    shutil.rmtree(folder)
    sources = {file, *(function.rpartition(" ")[0] for functions in entered.values() for function in functions)}
    passed = {test: seconds for test, seconds in answer["durations"].items() if test not in answer["failed"]}
    return Learnt(
        {source: fingerprint(runner.tree.root, source) for source in sorted(sources)},
        passed,
        answer["failed"] or ({file: answer["message"]} if answer["status"] not in (0, 5) else {}),
        {test: sorted(functions) for test, functions in entered.items()},
    )
