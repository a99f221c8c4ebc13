"""A few hundred of the damaged files that `make mutations` reads by the thousand, of every format.

What isomorph reads of them, the format's own reader gives as well; all else is refused with a sentence.
"""

import importlib.util
from pathlib import Path

import pytest

from mutations.formats import FORMATS
from mutations.run import HOW, of_format

MEGABYTE = 1 << 20
COUNT = 300
FRAMEWORKS = {"pytorch": "torch"}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc, which tells what the process used")
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("form", FORMATS)
def test_damaged_files_are_refused_or_read_as_their_own_reader_reads_them(form: str, how: str) -> None:
    name = FORMATS[form].own.rpartition(".")[2]
    framework = FRAMEWORKS.get(name, name)
    if importlib.util.find_spec(framework) is None:
        pytest.skip(f"needs {framework}, which reads and writes the files that are compared")
    result, sound = of_format(form, range(COUNT), how)
    assert len(sound) >= 2, "splices need two sound files"
    assert not result.findings
    assert result.files == COUNT
    # Were all of one kind, the mutations would be too wild or too tame to show anything.
    assert result.refused > COUNT // 10
    assert result.equal > COUNT // 100
    assert result.memory < 64 * MEGABYTE
    assert result.slowest < 1000
