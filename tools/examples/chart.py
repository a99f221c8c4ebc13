"""The figure of the loss curves, as an SVG: losses above, relative differences from the first curve below."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

import numpy as np

from examples.digits import Array
from examples.rounding import LIMIT, parting, relative_differences

WIDTH, LEFT, RIGHT = 860, 70, 20
COLOURS = ("#cccccc", "#666666", "#d55e00", "#0072b2", "#009e73")
"""Of the first curve, which lies below the others and is wide, and of the others; after Okabe and Ito (2008)."""

WIDE, NARROW = 5, 1

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

HALO = 'stroke="#fff" stroke-width="3"'
"""Of what lies below text that stands on curves."""


@dataclass(frozen=True)
class Panel:
    """A plot with a logarithmic axis from `low` to `high`, powers of ten, over the steps.

    top, height: in pixels.
    """

    title: str
    top: int
    height: int
    low: int
    high: int
    steps: int

    def x(self, step: float) -> float:
        """Pixels from the left."""
        return LEFT + (WIDTH - LEFT - RIGHT) * step / self.steps

    def y(self, value: float) -> float:
        """Pixels from the top; what the axis does not reach lies on its edge."""
        share = (log10(max(value, 10.0**self.low)) - self.low) / (self.high - self.low)
        return self.top + self.height * (1 - min(share, 1.0))

    def axes(self) -> list[str]:
        """The frame, a line at each power of ten, and the steps below."""
        right, bottom = WIDTH - RIGHT, self.top + self.height
        drawn = [f'<text x="{LEFT}" y="{self.top - 8}" font-weight="bold">{escape(self.title)}</text>']
        for power in range(self.low, self.high + 1):
            y = self.y(10.0**power)
            drawn.append(f'<path d="M{LEFT} {y:.1f}H{right}" stroke="#e4e4e4"/>')
            label = f"10{str(power).translate(SUPERSCRIPTS)}"
            drawn.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
        for step in range(0, self.steps + 1, 50):
            drawn.append(f'<text x="{self.x(step):.1f}" y="{bottom + 16}" text-anchor="middle">{step}</text>')
        drawn.append(f'<path d="M{LEFT} {self.top}V{bottom}H{right}" fill="none" stroke="#444"/>')
        return drawn

    def curve(self, values: Array, colour: str, width: int) -> str:
        """A line through the value of each step."""
        points = " ".join(f"{self.x(step):.1f},{self.y(value):.1f}" for step, value in enumerate(values))
        return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def draw(curves: Mapping[str, Array], flipped: int | None) -> str:
    """The figure.

    curves: name -> loss of each step, the reference first; at most five.
    flipped: the first step at which a ReLU of the oracle's is zero in one precision alone; None if there is none.
    """
    (first, reference), *others = curves.items()
    steps = len(reference)
    least, most = min(map(np.min, curves.values())), max(map(np.max, curves.values()))
    above = Panel("Training loss of each step, in nats", 80, 210, floor(log10(least)), ceil(log10(most)), steps)
    below = Panel(f"Relative difference from {first}; a dot where it first exceeds {LIMIT}", 348, 250, -9, 1, steps)
    drawn = [*above.axes(), *below.axes(), above.curve(reference, COLOURS[0], WIDE)]
    for (_, losses), colour in zip(others, COLOURS[1:], strict=False):
        drawn.append(above.curve(losses, colour, NARROW))
        drawn.append(below.curve(relative_differences(losses, reference), colour, NARROW))
    partings = [parting(losses, reference) for losses in curves.values()]
    for step, colour in zip(partings, COLOURS, strict=False):
        if step is not None:  # above all curves
            drawn.append(f'<circle cx="{below.x(step):.1f}" cy="{below.y(LIMIT):.1f}" r="4" fill="{colour}"/>')
    if flipped is not None:
        drawn += _flip(below, flipped)
    height = below.top + below.height + 40
    body = "\n".join([*_legend(list(curves), partings), *drawn])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif"'
        f' font-size="12" fill="#222">\n<rect width="{WIDTH}" height="{height}" fill="#fff"/>\n{body}\n'
        f'<text x="{WIDTH // 2}" y="{height - 6}" text-anchor="middle">step</text>\n</svg>\n'
    )


def _legend(names: list[str], partings: list[int | None]) -> list[str]:
    drawn = []
    for place, (name, parted, colour) in enumerate(zip(names, partings, COLOURS, strict=False)):
        x, width = LEFT + 155 * place, NARROW + 1 if place else WIDE
        drawn.append(f'<path d="M{x} 18h22" stroke="{colour}" stroke-width="{width}"/>')
        drawn.append(f'<text x="{x + 28}" y="22">{escape(name)}</text>')
        if parted is not None:
            drawn.append(f'<text x="{x + 28}" y="38">parts at step {parted}</text>')
    return drawn


def _flip(panel: Panel, step: int) -> list[str]:
    x, bottom = panel.x(step), panel.top + panel.height
    said = escape(f"step {step}: rounding switches one of the oracle's ReLUs for the first time")
    return [
        f'<path d="M{x:.1f} {panel.top}V{bottom}" stroke="#444" stroke-dasharray="2 3"/>',
        *(f'<text x="{x + 6:.1f}" y="{bottom - 8}" {style}>{said}</text>' for style in (HALO, "")),
    ]
