"""Measure along axes: at each point all modes take turns, each in a process of its own, as in the bench itself."""

from collections.abc import Callable, Mapping, Sequence

from isomorph.spec import BadInput
from isomorph.tools.benching.axes import Point
from isomorph.tools.benching.baselines import find_baseline
from isomorph.tools.benching.competitors import Described, fit_together, runners, turn_groups
from isomorph.tools.benching.curves import Curve, Measured
from isomorph.tools.benching.ranking import Ranking
from isomorph.tools.benching.results import ZOO, ModeResult
from isomorph.tools.benching.rounds import Progress, Rounds
from isomorph.tools.benching.timed_process import Start
from isomorph.tools.benching.workload import Workload

ROUNDS = 3
"""Turns at each point: a curve shows how cost grows, and many points outweigh the noise of one."""

EAGER = "eager"


class Scaling:
    """Measures all points, one after the other.

    described: the backends, with the modes to follow. draw: makes the workload at a point.
    turn: least seconds of a turn. curves: the results so far, each with one point.
    """

    def __init__(
        self,
        points: Sequence[Point],
        described: Sequence[Described],
        start: Start,
        draw: Callable[[Point], Workload],
        turn: float,
        progress: Progress,
    ) -> None:
        self.curves: list[Curve] = []
        self._points = points
        self._described = described
        self._start, self._draw, self._turn, self._progress = start, draw, turn, progress
        self._each = (1 + ROUNDS) * sum(map(self._most, described))  # steps at one point, at most
        self._before = 0

    def run(self) -> None:
        """Measure all points. Ctrl-C keeps the results so far, and leaves no process."""
        for number, point in enumerate(self._points):
            self._before = number * self._each
            self._say(0, 0, f"drawing what runs at {point.label}")
            try:
                workload = self._draw(point)
            except BadInput as error:  # the noise is too large to judge answers
                self.curves.append(Curve(point.axis, "all", "all", (), {point.label: str(error)}))
                continue
            self._measure(point, workload)

    def _measure(self, point: Point, workload: Workload) -> None:
        competitors = [runners(each, self._start, workload) for each in self._described]
        _, groups = turn_groups(competitors, lambda processes: fit_together(workload, processes, None))
        course = Rounds(groups, ROUNDS, None, self._turn, self._say)
        try:
            course.run()
        finally:
            course.close()
            self.curves += [_curve(point, row) for row in course.rows()]

    def _most(self, described: Described) -> int:
        zoo = any(find_baseline(described.backend, point.network) for point in self._points)
        return len(described.modes) + (zoo or described.backend == "pytorch")

    def _say(self, done: int, _planned: int, what: str) -> None:
        self._progress(self._before + done, max(1, self._each * len(self._points)), f"scaling: {what}")


def choose_followed(described: Sequence[Described], ranking: Ranking, named: bool) -> list[Described]:
    """Return the backends with the modes to follow: the named ones, or eager execution and each backend's best."""
    if named:
        return [each for each in described if each.modes]
    best: Mapping[str, str] = {row.backend: row.mode for row, _ in reversed(ranking.ranked) if row.mode != ZOO}
    chosen = []
    for each in described:
        wanted = {EAGER, best.get(each.backend, EAGER)}
        modes = tuple((mode, options) for mode, options in each.modes if mode.name in wanted)
        chosen.append(Described(each.backend, each.device, modes, ()))
    return [each for each in chosen if each.modes]


def _curve(point: Point, row: ModeResult) -> Curve:
    """Return the part of a curve at a point: along the batch, one value for each of its batches."""
    measured = tuple(
        Measured(*(_at(point, timing.batch)), timing.rounds, timing.memory) for timing in row.timings if timing.rounds
    )
    missing = {point.label: f"{row.status.replace('measured', '')} {row.message}".strip()} if row.message else {}
    return Curve(point.axis, row.backend, row.mode, measured, missing)


def _at(point: Point, batch: int) -> tuple[int, str]:
    return (batch, str(batch)) if point.axis == "batch" else (point.x, point.label)
