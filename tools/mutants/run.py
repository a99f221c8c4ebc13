"""Small changes of meaning, planted one at a time in a copy of the tree: do the tests notice? `make mutants` prints it.

    .venv/bin/python -m mutants.run [--area spec] [--only FILE] [--count 50] [--jobs 2] [--survivors]

Status 1 where one survives that is not listed in equivalents.toml. A run that was interrupted goes on where it was.
"""

import argparse
import signal
import time
from pathlib import Path

from rich.console import Console

from mutants.areas import AREAS
from mutants.campaign import Campaign
from mutants.equivalents import change_of, read_equivalents, unmatched
from mutants.mutant import Mutant
from mutants.results import Results, result, state_of, survivors_of, table
from mutants.sampling import mutants_in, sample

ROOT = Path(__file__).parents[2]
RESULTS = "results.json"


def main() -> None:
    """Print the survivors, and a table by area; status 1 where there are any."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as ctrl-C: nothing is left behind
    options = _options()
    drawn, offered = _drawn(options)
    results = Results(options.kept / RESULTS, state_of(ROOT))
    equivalents = read_equivalents()
    for area, mutant in drawn:
        if change_of(mutant) in equivalents:
            results.add(result(mutant, area, "equivalent"))
    left = [(area, mutant) for area, mutant in drawn if mutant.key not in results.known]
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    started = time.monotonic()
    try:
        if left:
            campaign = Campaign(
                ROOT, AREAS, options.jobs, options.budget, options.kept / "entered", stale=options.stale
            )
            campaign.run(left, results, console)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    of_this_run = [results.known[mutant.key] for _, mutant in drawn]
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    console.print(table(of_this_run, offered))
    console.print(f"{len(left)} planted in {minutes} min {seconds} s")
    raise SystemExit(any(entry.survives for entry in of_this_run))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Plant small changes of meaning, and see whether the tests notice.")
    parser.add_argument("--area", action="append", choices=AREAS, help="of these alone; all by default")
    parser.add_argument("--only", action="append", metavar="FILE", help="in these files alone, as paths from the root")
    parser.add_argument("--count", type=int, help="how many in each area; 0 for all that there are")
    parser.add_argument("--seed", type=int, default=0, help="which ones are drawn (0)")
    parser.add_argument("--jobs", type=int, default=2, help="at a time (2)")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of tests for each, as they take alone (60)")
    parser.add_argument("--survivors", action="store_true", help="only those that survived the last run")
    parser.add_argument("--stale", action="store_true", help="trace tests again only where they themselves changed")
    parser.add_argument("--kept", type=Path, default=ROOT / ".mutants", help="where results and traces are kept")
    options = parser.parse_args()
    if absent := set(options.only or ()) - {file for area in AREAS.values() for file in area.files(ROOT)}:
        parser.error(f"no area has the file {', '.join(sorted(absent))}")
    return options


def _drawn(options: argparse.Namespace) -> tuple[list[tuple[str, Mutant]], dict[str, int]]:
    """The mutants to plant, with their areas; and how many there are in each area."""
    drawn, offered = [], {}
    survivors = survivors_of(options.kept / RESULTS) if options.survivors else None
    for name in options.area or AREAS:
        files = AREAS[name].files(ROOT)
        mutants = mutants_in(ROOT, [file for file in files if not options.only or file in options.only])
        if not options.only:
            _check_listed(files, mutants)
        offered[name] = len(mutants)
        if survivors is not None:
            chosen = sample([mutant for mutant in mutants if mutant.key in survivors], None, options.seed)
        else:
            count = AREAS[name].count if options.count is None else options.count or None
            chosen = sample(mutants, count, options.seed)
        drawn += [(name, mutant) for mutant in chosen]
    return drawn, offered


def _check_listed(files: list[str], mutants: list[Mutant]) -> None:
    listed = {change for change in read_equivalents() if change[0] in files}
    if strange := unmatched(listed, mutants):
        raise SystemExit("equivalents.toml lists what is none of the changes:\n" + "\n".join(map(str, strange)))


if __name__ == "__main__":
    main()
