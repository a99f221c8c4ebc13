"""Files broken at random, read by isomorph and by each format's own reader: `make mutations` prints the figures.

    .venv/bin/python -m mutations.run [--count 20000] [--keep FOLDER] [FORMAT ...]

The rules are seeded: file 17 of a format is the same for the same versions of the frameworks, but for a .keras's date.
"""

import argparse
import tempfile
import time
from pathlib import Path

from mutations import campaign, seeds
from mutations.formats import FORMATS
from mutations.process import Reader

_SHOWN = 40


def main() -> None:
    """Print a line for each format and what was found; status 1 where something was."""
    parser = argparse.ArgumentParser(description="Break sound files and compare what readers make of them.")
    parser.add_argument("formats", nargs="*", metavar="FORMAT", help=f"of {', '.join(FORMATS)}; all by default")
    parser.add_argument("--count", type=int, default=20_000, help="files of each format (20000)")
    parser.add_argument("--keep", type=Path, help="where to leave the files that something was found in")
    options = parser.parse_args()
    found = False
    for form in options.formats or FORMATS:
        started = time.monotonic()
        result, sound = of_format(form, options.count)
        found |= bool(result.findings)
        print(
            f"{form}: {result.files:,} files, {result.refused:,} refused, {result.equal:,} read alike, "
            f"{sum(result.explained.values()):,} explained, {sum(map(len, result.findings.values())):,} findings; "
            f"slowest {result.slowest:.0f} ms, {result.memory / 2**20:.1f} MiB beyond the file, "
            f"{result.own_crashes} crashes of the own reader, {time.monotonic() - started:.0f} s",
            flush=True,
        )
        for reason, times in result.explained.most_common():
            print(f"    explained {times:,}: {reason}")
        for kind, numbers in sorted(result.findings.items(), key=lambda pair: -len(pair[1]))[:_SHOWN]:
            print(f"    FOUND {len(numbers):,}: {kind} (files {numbers[:4]})", flush=True)
            if options.keep:
                _keep(options.keep, form, sound, numbers[0])
    raise SystemExit(found)


def of_format(form: str, count: int) -> tuple[campaign.Result, dict[str, seeds.Seed]]:
    """The result for one format, and the sound files that it was had from."""
    ours, own = Reader("mutations.ours"), Reader(FORMATS[form].own)
    with tempfile.TemporaryDirectory() as folder:
        seeds.save(Path(folder))
        own.save(Path(folder))
        sound = seeds.load(Path(folder) / form, (FORMATS[form].suffix,))
    try:
        return campaign.run(form, sound, count, ours, own), sound
    finally:
        ours.close()
        own.close()


def _keep(folder: Path, form: str, sound: dict[str, seeds.Seed], number: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, content in campaign.broken(form, sound, number)[1].items():
        (folder / f"{form}-{number}{suffix}").write_bytes(content)


if __name__ == "__main__":
    main()
