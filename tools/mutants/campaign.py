"""One run: copies of the tree, the tests that each mutant calls for, and what became of it."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from queue import SimpleQueue

from rich.console import Console
from rich.progress import Progress

from mutants.areas import Area
from mutants.choosing import Names, choose, split
from mutants.learnt import Learnt, learn
from mutants.mutant import Mutant
from mutants.results import Result, Results, described, result
from mutants.running import TIMED_OUT, Runner
from mutants.tree import Tree

FIRST = 3.0
"""Seconds of tests that are run before the rest are collected."""


@dataclass(frozen=True)
class Campaign:
    """How mutants are planted.

    root: the tree, which is copied. jobs: how many copies there are, and runs of tests at a time.
    budget: seconds of tests that a mutant is given. kept: the folder of what is known of the tests.
    stale: whether what is known of tests holds still where other sources have changed.
    patience: seconds of a core that tests may take beside ten times what they take without a change.
    """

    root: Path
    areas: Mapping[str, Area]
    jobs: int
    budget: float
    kept: Path
    patience: float = 20.0
    stale: bool = False

    def run(self, mutants: Sequence[tuple[str, Mutant]], results: Results, console: Console) -> None:
        """Plant each of some mutants of areas, add what became of it to `results`, and print those that survive."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="isomorph-mutants-")))
            threads = stack.enter_context(ThreadPoolExecutor(self.jobs))  # it ends behind what its threads wait for
            runners: list[Runner] = []
            for job in map(str, range(self.jobs)):
                runner = Runner(Tree(self.root, folder / job), folder / job / "temporary")
                runners.append(stack.enter_context(closing(runner)))
            stack.callback(threads.shutdown, wait=False, cancel_futures=True)
            progress = stack.enter_context(Progress(console=console))
            copy = runners[0].tree.root  # the tree itself may be worked on while this runs
            files = {area: self.areas[area].test_files(copy) for area, _ in mutants}
            learnt = self._learnt(sorted({*chain(*files.values())}), runners, threads, folder, progress)
            names = Names(copy)
            free: SimpleQueue[Runner] = SimpleQueue()
            for runner in runners:
                free.put(runner)

            def plant(area: str, mutant: Mutant) -> Result:
                known = {file: learnt[file] for file in files[area]}
                runner = free.get()
                try:
                    tests = choose(mutant, known, names, self.budget)
                    return self._planted(area, mutant, tests, known, runner)
                finally:
                    free.put(runner)

            planting = progress.add_task("planting", total=len(mutants))
            for done in as_completed([threads.submit(plant, area, mutant) for area, mutant in mutants]):
                results.add(new := done.result())
                progress.advance(planting)
                if new.survives:
                    console.print(f"SURVIVED {described(new)}")

    def _learnt(
        self, files: list[str], runners: list[Runner], threads: Executor, folder: Path, progress: Progress
    ) -> Mapping[str, Learnt]:
        tracing = progress.add_task("tracing tests", total=len(files))
        learnt = learn(files, runners, threads, self.kept, folder, lambda _: progress.advance(tracing), self.stale)
        for test, message in (pair for known in learnt.values() for pair in known.failed.items()):
            progress.console.print(f"FAILS WITHOUT A CHANGE, and notices none: {test}: {message}")
        return learnt

    def _planted(
        self, area: str, mutant: Mutant, tests: list[str], learnt: Mapping[str, Learnt], runner: Runner
    ) -> Result:
        started = time.monotonic()
        if not tests:
            return result(mutant, area, "unreached")
        with runner.tree.planted(mutant.file, mutant.text):
            for part in split(tests, learnt, FIRST):
                patience = self.patience + 10 * sum(learnt[test.partition("::")[0]].durations[test] for test in part)
                answer = runner.run(part, patience, ordered=True)
                seconds = time.monotonic() - started
                if answer["status"] == TIMED_OUT:
                    return result(mutant, area, "hung", message=answer["message"], seconds=seconds)
                if answer["failed"] or answer["status"] not in (0, 5):
                    return result(mutant, area, "noticed", answer["noticed"], answer["message"], seconds)
        return result(mutant, area, "survived", seconds=time.monotonic() - started)
