"""The README's figure: one network, trained by each framework in its own way from the same start.

    .venv/bin/python -m examples.loss_curves tools/examples/loss_curves.svg

The oracle is trained as well, in float64, which the others are held against, and in float32: its own rounding is all
that its two curves differ by.
"""

import argparse

import numpy as np
from rich.progress import track

from examples import digits, rounding, separate_process
from examples.chart import draw
from examples.rounding import LIMIT, first_difference
from isomorph.tools.writing import write_text

FRAMEWORKS = {"PyTorch": "pytorch", "Keras": "keras", "Paddle": "paddle"}


def main() -> None:
    """Train in all, print where each parts from the oracle, and draw the losses."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figure", type=digits.new_file, help="the SVG to write")
    digits.add_epochs_and_seed(parser)
    options = parser.parse_args()

    steps = list(track(rounding.train(options.seed, options.epochs), "oracle", options.epochs * digits.STEPS))
    curves = {
        "oracle, float64": np.array([step.float64 for step in steps]),
        "oracle, float32": np.array([step.float32 for step in steps]),
    }
    for name, framework in FRAMEWORKS.items():
        print(name)
        _, curves[name] = separate_process.train(
            framework, "--epochs", str(options.epochs), "--seed", str(options.seed)
        )

    (_, reference), *others = curves.items()
    for name, losses in others:
        print(f"{name:16} {_said(first_difference(losses, reference))}")
    flipped = next((number for number, step in enumerate(steps) if step.flips), None)
    write_text(options.figure, draw(curves, flipped))


def _said(step: int | None) -> str:
    return f"is never off by more than {LIMIT}" if step is None else f"is off by more than {LIMIT} first at step {step}"


if __name__ == "__main__":
    main()
