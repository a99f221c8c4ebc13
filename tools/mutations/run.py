"""Files broken at random, read by isomorph and by each format's own reader: `make mutations` prints the figures.

    .venv/bin/python -m mutations.run [--how bytes|structure] [--count 20000] [--first 0] [--keep FOLDER] [FORMAT ...]

Files are broken byte by byte, and by their structure: records are changed, and what depends on them is mended. The
rules are seeded: file 17 of a format is the same for the same versions of the frameworks, but for a .keras's date.

Status 1 where something was found, 130 where it was interrupted or terminated.
"""

import argparse
import signal
import sys
import time
from contextlib import closing
from itertools import product
from pathlib import Path

from mutations import campaign, seeds
from mutations.formats import FORMATS
from mutations.readers import Readers

_SHOWN = 40
HOW = ("bytes", "structure")
"""The two generators."""


def main() -> None:
    """Print a line for each format and what was found; status 1 where something was."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as ctrl-C: the readers are ended
    try:
        found = _run(_options())
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    raise SystemExit(found)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Break sound files and compare what readers make of them.")
    parser.add_argument("formats", nargs="*", metavar="FORMAT", help=f"of {', '.join(FORMATS)}; all by default")
    parser.add_argument("--how", choices=HOW, help="by bytes or by structure; both by default")
    parser.add_argument("--count", type=int, default=20_000, help="files of each format (20000)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first of them (0)")
    parser.add_argument("--keep", type=Path, help="where to leave the files that something was found in")
    return parser.parse_args()


def _run(options: argparse.Namespace) -> bool:
    """Whether something was found in any of the formats."""
    found = False
    numbers = range(options.first, options.first + options.count)
    for form, how in product(options.formats or FORMATS, [options.how] if options.how else HOW):
        started = time.monotonic()
        with closing(Readers(FORMATS[form].own)) as readers:
            result = readers.read(form, numbers, how, _progress(f"{form} by {how}", options.count))
        found |= bool(result.findings)
        print(
            f"{form} by {how}: {result.files:,} files, {_counts(result)}; "
            f"slowest {result.slowest:.0f} ms, {result.memory / 2**20:.1f} MiB beyond the file, "
            f"{result.own_crashes} crashes of the own reader, {time.monotonic() - started:.0f} s",
            flush=True,
        )
        _report(result)
        if options.keep:
            for files in result.findings.values():
                _keep(options.keep, form, readers.sound(form), files[0], how)
    return found


def _progress(what: str, count: int) -> campaign.Progress:
    """Say how far it is; on a terminal in one line."""
    end = "\r" if sys.stderr.isatty() else "\n"

    def show(result: campaign.Result) -> None:
        print(f"{what}: {result.files:,} of {count:,}, {_counts(result)}", end=end, file=sys.stderr, flush=True)

    return show


def _counts(result: campaign.Result) -> str:
    return (
        f"{result.refused:,} refused, {result.equal:,} read alike, {sum(result.explained.values()):,} explained, "
        f"{sum(map(len, result.findings.values())):,} findings"
    )


def _report(result: campaign.Result) -> None:
    for reason, times in result.explained.most_common():
        print(f"    explained {times:,}: {reason}")
    for kind, numbers in sorted(result.findings.items(), key=lambda pair: -len(pair[1]))[:_SHOWN]:
        print(f"    FOUND {len(numbers):,}: {kind} (files {numbers[:4]})", flush=True)


def _keep(folder: Path, form: str, sound: dict[str, seeds.Seed], number: int, how: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, content in campaign.broken(form, sound, number, how)[1].items():
        path = folder / f"{form}-{how}-{number}{suffix}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)


if __name__ == "__main__":
    main()
