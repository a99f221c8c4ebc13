"""What the oracle takes in memory, reckoned and measured; and what is refused for it."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from isomorph.conformance import memory
from isomorph.conformance.memory import (
    Demand,
    Sizes,
    backend_process,
    check_memory,
    drawing,
    drawing_images,
    judging,
    timed_process,
    training,
    training_process,
)
from isomorph.spec import BadInput, architecture

MEASURED = """
import json, sys
from pathlib import Path
from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.conformance.reference import Reference
from isomorph.conformance.training.case import draw_training
from isomorph.conformance.training.drawn import DrawnTraining
from isomorph.spec import architecture

name, batch, height, width, work = sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5]
network = architecture(name)


def kibibytes(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


before = kibibytes("VmRSS")
Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here on
if work == "training":
    DrawnTraining(draw_training(network, batch, height, width)).prepare((1,), 2)
else:
    images = draw_images(network, batch, height, width)
    tensors = draw_tensors(network, images)
    if work != "drawing":
        reference = Reference(network, tensors, images)
        for dtype in dict.fromkeys(("float64", work)):
            reference.floors(dtype)
            reference.parts(dtype)
print(json.dumps((kibibytes("VmHWM") - before) * 1024))
"""

CASES: dict[str, tuple[str, int, int, int, str, Demand]] = {
    "drawing, by its maps": ("cifar/resnet20", 4, 288, 224, "drawing", drawing),
    "drawing, by its weights": ("torchvision/vgg11", 1, 64, 64, "drawing", drawing),
    "float32, by its maps": ("cifar/resnet20", 2, 128, 160, "float32", judging),
    "float32, by its weights": ("slim/resnet_v1_50", 2, 64, 64, "float32", judging),
    "bfloat16": ("cifar/resnet20", 2, 128, 128, "bfloat16", partial(judging, dtype="bfloat16")),
    "training, by its maps": ("cifar/resnet20", 4, 80, 64, "training", training),
    "training, by its weights": ("torchvision/resnet18", 4, 32, 32, "training", training),
}


SLOW = ("bfloat16", "drawing, by its weights", "training, by its maps")
"""Those for which the sums below stand in `make test`, and the other cases."""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux, which tells a process's peak")
@pytest.mark.parametrize(
    ("name", "batch", "height", "width", "work", "demand"),
    [
        pytest.param(*case, id=name, marks=[pytest.mark.thorough] if name in SLOW else [])
        for name, case in CASES.items()
    ],
)
def test_what_is_reckoned_is_what_it_takes(
    name: str, batch: int, height: int, width: int, work: str, demand: Demand
) -> None:
    command = [sys.executable, "-c", MEASURED, name, str(batch), str(height), str(width), work]
    # Each thread of NumPy's products takes a buffer of its own, and waits for the others in a loop.
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=600, env=environment)
    reckoned = demand(Sizes.of(architecture(name), batch, height, width))
    assert 0.7 <= json.loads(done.stdout) / reckoned <= 1.25


def test_the_sizes_of_a_small_network() -> None:
    """mlperf_tiny/resnet8 by hand: end points of 16, 32 and 64 channels on 32x32, 16x16 and 8x8."""
    sizes = Sizes.of(architecture("mlperf_tiny/resnet8"), 2, 32, 32)
    largest, halved, quartered = 32 * 32 * 16, 16 * 16 * 32, 8 * 8 * 64
    # The stem and, of each unit, two convolutions and their sum, with a shortcut's convolution where it strides.
    inside = 4 * largest + 4 * halved + 4 * quartered
    assert sizes == Sizes(
        values=78_186 + 480,  # what learns, and running statistics
        images=2 * 32 * 32 * 3,
        maps=2 * (inside + 64 + 10 + 10),
        largest=2 * largest,
        inputs=2 * (32 * 32 * 3 + largest + largest + halved + quartered),
        windows=32 * 32 * 9 * 16,
    )


# In the digits of what these take stand the bytes for each value, each number of a map, and so on down to the images.
DECIMAL = Sizes(values=10**15, images=1, maps=10**12, largest=10**6, inputs=10**9, windows=10**3)
ORACLE, FRAMEWORK = 2**25, 600_000_000


@pytest.mark.parametrize(
    ("demand", "sizes", "taken"),
    [
        pytest.param(drawing_images, DECIMAL, ORACLE + 32, id="drawing images"),
        pytest.param(drawing, DECIMAL, ORACLE + 12_008_000_024_008_012, id="drawing"),
        pytest.param(judging, DECIMAL, ORACLE + 12_016_004_024_008_012, id="judging, by its weights"),
        pytest.param(judging, replace(DECIMAL, values=0), ORACLE + 24_004_024_008_012, id="judging, by its maps"),
        pytest.param(
            partial(judging, dtype="bfloat16"), DECIMAL, ORACLE + 12_032_006_024_008_012, id="judging bfloat16"
        ),
        pytest.param(training, DECIMAL, ORACLE + 96_024_000_064_008_024, id="training"),
        pytest.param(backend_process, DECIMAL, FRAMEWORK + 16_024_000_000_000_000, id="a backend that answers"),
        pytest.param(training_process, DECIMAL, FRAMEWORK + 48_048_000_000_000_000, id="a backend that trains"),
        pytest.param(
            partial(timed_process, batch=5, trained=0), DECIMAL, FRAMEWORK + 12_000_000_060_000_000, id="a timed one"
        ),
        pytest.param(
            partial(timed_process, batch=5, trained=7),
            DECIMAL,
            FRAMEWORK + 12_056_000_000_000_000,
            id="one that trains, too",
        ),
    ],
)
def test_so_many_bytes_are_reckoned(demand: Demand, sizes: Sizes, taken: int) -> None:
    assert demand(sizes) == taken


@pytest.mark.parametrize(("there", "refused"), [(None, False), (10_000, False), (9_999, True)])
def test_what_takes_more_than_there_is_is_refused(
    monkeypatch: pytest.MonkeyPatch, there: int | None, refused: bool
) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: there)
    network = architecture("cifar/resnet20")
    if not refused:
        check_memory(network, 2, 32, 32, lambda sizes: 10_000)
        return
    with pytest.raises(BadInput):
        check_memory(network, 2, 32, 32, lambda sizes: 10_000)


@pytest.mark.parametrize(("batch", "images"), [(1, "1 image"), (2000, "2,000 images")])
def test_the_sentence_says_what_it_takes_and_what_there_is(
    monkeypatch: pytest.MonkeyPatch, batch: int, images: str
) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 3 * 2**29)
    with pytest.raises(BadInput) as caught:
        check_memory(architecture("cifar/resnet20"), batch, 20, 30, lambda sizes: 1234 * 2**30)
    assert str(caught.value) == (
        f"cifar/resnet20 on {images} of 20x30 takes 1,234.0 GiB of memory in the oracle, and there are 1.5 GiB;"
        " expected smaller images, or fewer of them."
    )
