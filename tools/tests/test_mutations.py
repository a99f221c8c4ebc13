"""A few hundred of the damaged files that `make mutations` reads by the thousand, of every format.

What isomorph reads of them, the format's own reader gives as well; all else is refused with a sentence.
"""

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import cache
from pathlib import Path

import pytest

from mutations.formats import FORMATS
from mutations.readers import Readers
from mutations.run import HOW

from .command import children, gone, wait_for

MEGABYTE = 1 << 20
COUNT = 150
FRAMEWORKS = {"pytorch": "torch", "frozen": "tensorflow", "lite": "tensorflow"}

Opened = Callable[[str], Readers]


@pytest.fixture(scope="module")
def opened() -> Iterator[Opened]:
    """Starts a framework's readers once."""
    with ExitStack() as stack:
        yield cache(lambda own: stack.enter_context(closing(Readers(own))))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc, which tells what the process used")
@pytest.mark.parametrize(
    "how",
    [pytest.param(how, marks=pytest.mark.thorough) if how == "bytes" else how for how in HOW],  # others do so
)
@pytest.mark.parametrize("form", FORMATS)
def test_damaged_files_are_refused_or_read_as_their_own_reader_reads_them(form: str, how: str, opened: Opened) -> None:
    name = FORMATS[form].own.rpartition(".")[2]
    framework = FRAMEWORKS.get(name, name)
    if importlib.util.find_spec(framework) is None:
        pytest.skip(f"needs {framework}, which reads and writes the files that are compared")
    readers = opened(FORMATS[form].own)
    assert len(readers.sound(form)) >= 2, "splices need two sound files"
    result = readers.read(form, range(COUNT), how)
    assert not result.findings
    assert result.files == COUNT
    # Were all of one kind, the mutations would be too wild or too tame to show anything.
    assert result.refused > COUNT // 10
    assert result.equal > COUNT // 100
    assert result.memory < 64 * MEGABYTE
    assert result.slowest < 1000


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc, which tells a process's children")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-C", "SIGTERM"])
def test_a_signal_ends_its_readers_and_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    """While both of them read."""
    command = [sys.executable, "-m", "mutations.run", "--how", "bytes", "--count", "10000000", "safetensors"]
    with subprocess.Popen(
        command,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    ) as run:
        assert run.stderr
        progress = run.stderr.readline()
        readers = children(run.pid)
        run.send_signal(number)
        _, words = run.communicate(timeout=300)
    assert progress.startswith("safetensors by bytes: 256 of 10,000,000, ")
    assert "Traceback" not in words
    assert run.returncode == 130
    assert len(readers) == 2
    wait_for(lambda: all(map(gone, readers)))
    assert list(tmp_path.iterdir()) == []
