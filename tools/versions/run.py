"""Older releases of the frameworks, one environment after another: `make test-versions` prints the table in the docs.

    .venv/bin/python -m versions.run [--folder .versions] [NAME ...]

Each environment of environments.toml is set up below the folder, where the next run finds it again, and has to pass
the trials of trial.py. Status 1 where one of them fails.
"""

import argparse
import json
import os
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator
from pathlib import Path

from versions.trial import TRIALS

ENVIRONMENTS = Path(__file__).with_name("environments.toml")
ROOT = Path(__file__).parents[2]
TIMEOUT = 3600.0
"""Seconds that the trials of one environment may take: torch.compile's first build is the slowest of them."""


def main() -> None:
    """Print a row of the table for each environment, as soon as it has been tried."""
    environments = tomllib.loads(ENVIRONMENTS.read_text(encoding="utf-8"))
    parser = argparse.ArgumentParser(description="Try older releases of the frameworks.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(environments)}; all by default")
    parser.add_argument("--folder", type=Path, default=ROOT / ".versions", help="where environments live (.versions)")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in environments]:
        parser.error(f"there is no environment {unknown[0]!r}; expected some of {', '.join(environments)}")
    print("| release | with |", *(f"{trial} |" for trial in TRIALS))
    print("| --- | --- |", *("--- |" for _ in TRIALS))
    all_passed = True
    for name in options.names or environments:
        environment = environments[name]
        python = set_up(options.folder / name.replace(" ", "-"), environment["requirements"])
        rows = list(outcomes(python, environment["backend"]))
        print(f"| {name} | {installed(python)} |", *(f"{outcome} |" for _, outcome in rows), flush=True)
        all_passed &= all(passed for passed, _ in rows)
    raise SystemExit(0 if all_passed else 1)


def set_up(folder: Path, requirements: list[str]) -> Path:
    """Make the environment unless it is there, with isomorph from this folder. Returns its interpreter."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--editable", str(ROOT), *requirements], check=True, stdout=sys.stderr)
    return python


def installed(python: Path) -> str:
    """The versions of Python and NumPy there."""
    script = "import platform, numpy; print('Python', platform.python_version() + ', NumPy', numpy.__version__)"
    return subprocess.run([python, "-c", script], check=True, capture_output=True, text=True).stdout.strip()


def outcomes(python: Path, backend: str) -> Iterator[tuple[bool, str]]:
    """Whether each trial passed, and what it came to; those that a crash or a lack of time took away failed."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tools")}
    command = [str(python), "-m", "versions.trial", backend]
    try:
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, timeout=TIMEOUT, check=False)
        output, reason = done.stdout, f"ended with status {done.returncode}"
    except subprocess.TimeoutExpired as expired:
        output, reason = (expired.stdout or b"").decode(), f"not done in {TIMEOUT:.0f} s"
    ended = {line["trial"]: (line["passed"], line["outcome"]) for line in map(json.loads, output.splitlines())}
    for trial in TRIALS:
        passed, outcome = ended.get(trial, (False, reason))
        yield passed, outcome if passed else f"FAILS: {outcome}"


if __name__ == "__main__":
    main()
