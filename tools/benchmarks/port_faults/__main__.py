"""Plant random mistakes in a network's native object in PyTorch, and count those that a diagnosis names.

    .venv/bin/python -m benchmarks.port_faults --network torchvision/resnet50 --faults 25 --seed 0 [--at-once 2]

Each is a mistake that people make when they write a network anew, at a random place; one that changes nothing on the
images, or that its author could not have missed, is drawn again. It knows what a diagnosis has to say of it: a few
words for its cause, and the end points where it may be named. Printed are those that were not named so, with what was
said instead, and how often nothing else was said beside. Exit status: 1 where fewer than LEAST of them were named.
"""

import argparse
import sys
import time
from itertools import islice

import numpy as np

from benchmarks.port_faults.drawing import Drawer, Planted
from benchmarks.port_faults.port import Mistake, Port
from isomorph.backends import load_backend
from isomorph.backends.protocol import Images, Tensors
from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.conformance.likeness.diagnosis import Diagnosis, compare_with
from isomorph.spec import Architecture, architecture

SIZE = (67, 68)
"""Height and width of the images: maps are even and odd somewhere, so that most rules of padding differ."""

LEAST = 0.95
"""The share of ports of which all mistakes have to be named."""


def main() -> int:
    """Draw, diagnose and print; return the exit status."""
    parser = argparse.ArgumentParser(prog="benchmarks.port_faults", description=__doc__)
    parser.add_argument("--network", default="torchvision/resnet50")
    parser.add_argument("--faults", type=int, default=25)
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dtype", choices=("float64", "float32"), default="float64")
    parser.add_argument("--all", action="store_true", help="print what was named, too")
    given = parser.parse_args()

    network = architecture(given.network)
    images = draw_images(network, 2, *SIZE)
    tensors = draw_tensors(network, images)
    right = Port.of(network, tensors, given.dtype)
    drawer = Drawer(right, images, given.seed)
    named = alone = places = 0
    started = time.process_time()
    for planted in islice(drawer.draw(given.at_once), given.faults):
        diagnosis = diagnose(planted, network, images.astype(given.dtype), tensors)
        missed = [mistake for mistake in planted.mistakes if not _is_named(mistake, diagnosis)]
        others = _others(planted, diagnosis)
        named += not missed
        alone += not missed and not others
        places += len(planted.mistakes) - len(missed)
        if missed or others or given.all:
            print("named " if not missed else "MISSED", "; ".join(each.what for each in planted.mistakes))
            for cause in diagnosis.causes:
                print(f"         {cause}")
            print(f"         {diagnosis.before} apart, {diagnosis.proof} with all causes")
    seconds = (time.process_time() - started) / given.faults
    print(
        f"{given.network} {given.dtype}: all named in {named} of {given.faults}, nothing else said in {alone};"
        f" {places} of {given.faults * given.at_once} mistakes; {seconds:.1f} s each"
    )
    return int(named < LEAST * given.faults)


def diagnose(planted: Planted, network: Architecture, images: Images, tensors: Tensors) -> Diagnosis:
    """Return the diagnosis of a port on images of its dtype."""
    graph = load_backend("pytorch").model(planted.port.module).trace(images)
    return compare_with(network, graph, {name: np.asarray(tensor) for name, tensor in tensors.items()})


def _is_named(mistake: Mistake, diagnosis: Diagnosis) -> bool:
    return any(
        mistake.is_named_by(finding.cause, finding.place) for cause in diagnosis.causes for finding in cause.findings
    )


def _others(planted: Planted, diagnosis: Diagnosis) -> list[str]:
    """Return the causes of which no finding names a mistake."""
    return [
        cause.first.cause
        for cause in diagnosis.causes
        if not any(
            mistake.is_named_by(finding.cause, finding.place)
            for finding in cause.findings
            for mistake in planted.mistakes
        )
    ]


if __name__ == "__main__":
    sys.exit(main())
