"""Say in words what a ranking advises: what to choose here and why, and what it costs."""

import math
import statistics

from isomorph.tools.benching.ranking import Ranking, short
from isomorph.tools.benching.results import ZOO, ModeResult, Spread, Timing

UNITS = {"latency": "ms for one image", "throughput": "images/s", "training": "images/s", "memory": "GiB"}


def advise(ranking: Ranking) -> str:
    """Return the advice, one paragraph."""
    ours = [(row, figure) for row, figure in ranking.ranked if row.mode != ZOO]
    if not ours:
        return "Nothing could be measured, so that there is nothing to choose."
    (best, figure), *others = ours
    sentences = [f"For {ranking.goal} choose {_called(best)}: {_figure(ranking, figure)}{_compared(ranking, best)}."]
    sentences.append(_costs(ranking, best))
    exact = next((each for each in ours if each[0].precision == "float32"), None)
    if best.precision != "float32" and exact:
        sentences.append(
            f"It computes in {best.precision}; in float32 choose {_called(exact[0])}, {_figure(ranking, exact[1])}."
        )
    runner_up = next(((row, spread) for row, spread in others if row.backend != best.backend), None)
    if runner_up:
        sentences.append(_next_framework(ranking, figure, *runner_up))
    return " ".join(filter(None, sentences))


def _called(row: ModeResult) -> str:
    return f"{row.backend} with {row.mode}"


def _figure(ranking: Ranking, figure: Spread) -> str:
    return f"{short(figure.median)} {UNITS[ranking.goal]}"


def _compared(ranking: Ranking, row: ModeResult) -> str:
    ratio, share = ranking.ratio(row), ranking.share(row)
    clauses = ""
    if ratio:
        clauses += f", {ratio.median:.2f} {'of' if ranking.goal == 'memory' else 'times'} its framework's own zoo"
    if share:
        clauses += f", {100 * share.median:.0f} % of its matrix product's rate"
    return clauses


def _next_framework(ranking: Ranking, best: Spread, row: ModeResult, figure: Spread) -> str:
    overlap = figure.least <= best.most and figure.most >= best.least
    sentence = f"The next framework is {_called(row)}, {_figure(ranking, figure)}"
    return f"{sentence}: their spreads overlap, so that either will do." if overlap else f"{sentence}."


def _costs(ranking: Ranking, best: ModeResult) -> str:
    """Return sentences on the first call, the images that pay for it, memory, and folded batch norms."""
    costs = []
    eager = next((row for row in ranking.rows if (row.backend, row.mode) == (best.backend, "eager")), None)
    if best.first_call is not None and best.options.get("compiled"):
        cost = f"{best.first_call:.1f} s for the first answer"
        if images := _images_to_pay(ranking, best, eager):
            cost += f" (it pays from {images:,} images on)"
        costs.append(cost)
    if best.memory and ranking.goal != "memory":
        costs.append(f"{short(best.memory / 2**30)} GiB of memory")
    sentences = [f"It costs {' and '.join(costs)}."] if costs else []
    sentences += ["Folded, it cannot be trained."] if best.options.get("fold_batch_norm") else []
    return " ".join(sentences)


def _images_to_pay(ranking: Ranking, best: ModeResult, eager: ModeResult | None) -> int | None:
    """Return after how many images the extra seconds of the first call, over eager execution, pay; None if never."""
    if eager is None or eager.first_call is None or best.first_call is None:
        return None
    timing, eager_timing = ranking.timing(best), ranking.timing(eager)
    if timing is None or eager_timing is None or best.first_call <= eager.first_call:
        return None
    saved = _seconds_per_image(eager_timing) - _seconds_per_image(timing)
    return math.ceil((best.first_call - eager.first_call) / saved) if saved > 0 else None


def _seconds_per_image(timing: Timing) -> float:
    return statistics.median(timing.rounds) / timing.batch
