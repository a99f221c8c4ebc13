"""A copy of the working tree in which sources can be changed while nobody else sees it."""

import compileall
import contextlib
import hashlib
import os
import py_compile
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

FLOORS = ("spec", "backends", "conformance", "tools")


class Tree:
    """One copy, at `root`, beside a link to the folder of recorded answers and weights.

    Python's caches in it are checked by their sources' hashes: a file that is changed and put back within a second, at
    the same size, would else be taken for the old one.
    """

    def __init__(self, source: Path, folder: Path) -> None:
        self.root = folder / "isomorph"
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        names = subprocess.run(listed, cwd=source, capture_output=True, check=True).stdout.decode().split("\0")
        for name in filter(None, names):
            if (source / name).is_file():
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source / name, self.root / name)
        if (source.parent / "shared").is_dir():
            (folder / "shared").symlink_to(source.parent / "shared")
        for floor in FLOORS:
            compileall.compile_dir(
                self.root / floor, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH
            )

    @property
    def paths(self) -> list[str]:
        """What stands first in the path of modules."""
        return [str(self.root / floor) for floor in FLOORS]

    def environment(self, temporary: Path) -> dict[str, str]:
        """The variables of a process that is to import this copy, and of all that it starts."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        own = {"PYTHONPATH": os.pathsep.join(self.paths), "TMPDIR": str(temporary)}
        if (self.root.parent / "shared").is_dir():
            own["ISOMORPH_REQUIRE_PEERS"] = "1"  # a change by which tests are skipped is one that they notice
        return kept | threads | own

    @contextlib.contextmanager
    def planted(self, file: str, text: str) -> Iterator[None]:
        """The tree with another text of one file, which is put back."""
        path = self.root / file
        before = path.read_text()
        path.write_text(text)
        try:
            yield
        finally:
            path.write_text(before)


def fingerprint(root: Path, file: str) -> str:
    """What tells one text of a file from another; "" for one that is not there."""
    path = root / file
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else ""
