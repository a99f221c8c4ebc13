"""Other people's packages, as far as Python sees them, and pytest as they would run it."""

import os
import subprocess
import sys
from pathlib import Path

FLOORS = [str(Path(__file__).parents[2] / floor) for floor in ("spec", "backends", "conformance", "tools")]


def install(site: Path, name: str, entry_points: str) -> Path:
    """Have a folder of installed packages hold one that offers some entry points; returns the folder."""
    metadata = site / f"{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(entry_points)
    return site


def run_pytest(folder: Path, *arguments: str, site: Path, keep: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run pytest in `folder`, isomorph's floors and the packages of `site` being installed.

    keep: a file descriptor that pytest is to have, too.
    """
    unwanted = ("PYTEST_", "COV_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    inherited = filter(None, [os.environ.get("PYTHONPATH")])
    environment["PYTHONPATH"] = os.pathsep.join([str(site), *FLOORS, *inherited])
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        pass_fds=[] if keep is None else [keep],
        capture_output=True,
        text=True,
        check=False,
    )
