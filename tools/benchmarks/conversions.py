"""What converting costs, beside a plain copy of the same bytes: `make bench` prints the table that the README quotes.

    .venv/bin/python -m benchmarks.conversions

A ResNet-152, 240 MB of drawn float32, from each kind of file to each. A conversion is timed in a process of its own
without its imports, which the same process has done before; its peak is that of the whole process.
"""

import itertools
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from isomorph.spec import architecture, tensor_shapes
from isomorph.spec.document import to_document
from isomorph.tools import convert, inspect
from isomorph.tools.checkpoints import METADATA, write_safetensors

NETWORK = "torchvision/resnet152"
SUFFIXES = (".safetensors", ".pth", ".h5", ".weights.h5", ".pdparams", ".ckpt")
ROUNDS = 3


def draw(path: Path) -> None:
    """Write the network with tensors of noise: what they hold does not matter here."""
    random = np.random.default_rng(0)
    shapes = tensor_shapes(architecture(NETWORK))
    tensors = {name: random.standard_normal(shape, np.float32) for name, shape in shapes.items()}
    write_safetensors(path, tensors, {METADATA: json.dumps(to_document(architecture(NETWORK)))})


def measure(call: Callable[[], object]) -> tuple[float, float]:
    """Seconds of a call, and this process's peak meanwhile in bytes, file pages that are mapped included."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is that of whoever started this process
    started = time.perf_counter()
    call()
    seconds = time.perf_counter() - started
    status = Path("/proc/self/status").read_text()
    return seconds, 1024.0 * int(status.partition("VmHWM:")[2].split()[0])


def measure_in_process(job: str, *paths: Path) -> tuple[float, float]:
    """Return seconds and peak bytes of one of the JOBS in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.conversions", job, *map(str, paths)]
    seconds, peak = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    return float(seconds), float(peak)


JOBS: dict[str, Callable[..., object]] = {
    "convert": convert,
    "copy": shutil.copyfile,
    "inspect": inspect,
    "inspect --no-values": lambda path: inspect(path, values=False),
    "inspect --hash": lambda path: inspect(path, digest=True),
}


def print_row(name: str, job: str, *paths: Path, size: int) -> None:
    """Print the median and the spread of a job's seconds, and its largest peak beside the file's size."""
    measured = []
    for _ in range(ROUNDS):
        for target in paths[1:]:  # to remove what is there would take its time, too
            for old in target.parent.glob(f"{target.name}*"):
                old.unlink()
        measured.append(measure_in_process(job, *paths))
    seconds = sorted(each for each, _ in measured)
    peak = max(each for _, each in measured) / size
    print(f"{name:<34}{statistics.median(seconds):6.2f} s ({seconds[0]:.2f} to {seconds[-1]:.2f}){peak:8.2f} x")


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        files = {suffix: Path(folder) / f"from{suffix}" for suffix in SUFFIXES}
        draw(files[".safetensors"])
        size = files[".safetensors"].stat().st_size
        print(f"{NETWORK}, {size / 1e6:.0f} MB")
        print_row("plain copy", "copy", files[".safetensors"], Path(folder) / "copy", size=size)
        for suffix in SUFFIXES[1:]:
            convert(files[".safetensors"], files[suffix])
        for one, other in itertools.product(SUFFIXES, repeat=2):
            print_row(f"{one} to {other}", "convert", files[one], Path(folder) / f"to{other}", size=size)
        for what in ("inspect", "inspect --no-values", "inspect --hash"):
            for suffix in SUFFIXES:
                print_row(f"{what} {suffix}", what, files[suffix], size=size)


if __name__ == "__main__":
    if sys.argv[1:]:
        print(*measure(lambda: JOBS[sys.argv[1]](*sys.argv[2:])))
    else:
        main()
