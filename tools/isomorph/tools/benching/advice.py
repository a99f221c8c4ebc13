"""The ranking in words: what to choose here and why, and what it costs."""

import math
import statistics

from isomorph.tools.benching.ranking import Ranking, short
from isomorph.tools.benching.results import ZOO, ModeResult, Spread

UNITS = {"latency": "ms for one image", "throughput": "images/s", "training": "images/s", "memory": "GiB"}


def advise(ranking: Ranking) -> str:
    """One paragraph."""
    ours = [(row, figure) for row, figure in ranking.ranked if row.mode != ZOO]
    if not ours:
        return "Nothing could be measured, so that there is nothing to choose."
    (best, figure), *rest = ours
    sentences = [f"For {ranking.goal} choose {_called(best)}: {_figure(ranking, figure)}{_compared(ranking, best)}."]
    sentences.append(_costs(ranking, best))
    exact = next((each for each in ours if each[0].precision == "float32"), None)
    if best.precision != "float32" and exact:
        sentences.append(
            f"It computes in {best.precision}; in float32 choose {_called(exact[0])}, {_figure(ranking, exact[1])}."
        )
    other = next(((row, theirs) for row, theirs in rest if row.backend != best.backend), None)
    if other:
        sentences.append(_runner_up(ranking, figure, *other))
    return " ".join(filter(None, sentences))


def _called(row: ModeResult) -> str:
    return f"{row.backend} with {row.mode}"


def _figure(ranking: Ranking, figure: Spread) -> str:
    return f"{short(figure.median)} {UNITS[ranking.goal]}"


def _compared(ranking: Ranking, row: ModeResult) -> str:
    ratio, share = ranking.ratio(row), ranking.share(row)
    said = ""
    if ratio:
        said += f", {ratio.median:.2f} {'of' if ranking.goal == 'memory' else 'times'} its framework's own zoo"
    if share:
        said += f", {100 * share.median:.0f} % of its matrix product's rate"
    return said


def _runner_up(ranking: Ranking, best: Spread, row: ModeResult, figure: Spread) -> str:
    apart = figure.least > best.most or figure.most < best.least
    said = f"The next framework is {_called(row)}, {_figure(ranking, figure)}"
    return f"{said}." if apart else f"{said}: their spreads overlap, so that either will do."


def _costs(ranking: Ranking, best: ModeResult) -> str:
    """First call, and how many images pay for it; memory; batch norms that are gone."""
    costs = []
    eager = next((row for row in ranking.rows if (row.backend, row.mode) == (best.backend, "eager")), None)
    if best.first_call is not None and best.options.get("compiled"):
        cost = f"{best.first_call:.1f} s for the first answer"
        if paid := _images_to_pay(ranking, best, eager):
            cost += f" (it pays from {paid:,} images on)"
        costs.append(cost)
    if best.memory and ranking.goal != "memory":
        costs.append(f"{short(best.memory / 2**30)} GiB of memory")
    said = [f"It costs {' and '.join(costs)}."] if costs else []
    said += ["Folded, it cannot be trained."] if best.options.get("fold_batch_norm") else []
    return " ".join(said)


def _images_to_pay(ranking: Ranking, best: ModeResult, eager: ModeResult | None) -> int | None:
    """After how many images the first call's extra seconds over eager execution are won back; None if never."""
    if eager is None or eager.first_call is None or best.first_call is None:
        return None
    mine, theirs = ranking.timing(best), ranking.timing(eager)
    if mine is None or theirs is None or best.first_call <= eager.first_call:
        return None
    won = statistics.median(theirs.rounds) / theirs.batch - statistics.median(mine.rounds) / mine.batch
    return math.ceil((best.first_call - eager.first_call) / won) if won > 0 else None
