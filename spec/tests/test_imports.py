"""The specification needs the standard library alone."""

import subprocess
import sys

IMPORTED = """
import sys
before = set(sys.modules)
import isomorph.spec, isomorph.spec.document
for name in isomorph.spec.architectures():
    isomorph.spec.infer(isomorph.spec.architecture(name), 224, 224)
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""


def test_nothing_outside_the_standard_library_is_imported() -> None:
    """In an interpreter of its own, which has not imported pytest."""
    run = subprocess.run([sys.executable, "-P", "-c", IMPORTED], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    imported = set(run.stdout.split())
    assert "isomorph" in imported
    assert imported - sys.stdlib_module_names == {"isomorph"}
