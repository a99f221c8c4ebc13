"""How a model changes its images before the first layer: their channels, a factor and a summand of each."""

from dataclasses import dataclass

import numpy as np

from isomorph.backends.array_forms import Array, Images
from isomorph.conformance.likeness.noise import close, distance


@dataclass(frozen=True)
class Fit:
    """What is read of images.

    channels: the number of each channel in the images; factors, summands: what each is multiplied by and added to.

    >>> print(Fit((2, 1, 0), (4.0, 4.0, 4.0), (-1.0, -1.2, -1.0)))
    as BGR, times 4, plus (-1, -1.2, -1)
    """

    channels: tuple[int, ...]
    factors: tuple[float, ...]
    summands: tuple[float, ...]

    @property
    def is_plain(self) -> bool:
        """Whether the images are read as they are."""
        return str(self) == "as they are"

    def __str__(self) -> str:
        parts = []
        if self.channels != tuple(range(len(self.channels))):
            parts.append("as BGR" if self.channels == (2, 1, 0) else f"with channels {self.channels}")
        if set(self.factors) != {1.0}:
            parts.append(f"times {_numbers(self.factors)}")
        if set(self.summands) != {0.0}:
            parts.append(f"plus {_numbers(self.summands)}")
        return ", ".join(parts) or "as they are"


def fit_images(images: Images, x: Array) -> Fit | None:
    """Return the channels of the images, and their factors and summands, that make `x`; None where none do."""
    channels, factors, summands = [], [], []
    for place, channel in enumerate(np.moveaxis(x, -1, 0)):
        for number in sorted(range(images.shape[-1]), key=lambda number, place=place: number != place):  # type: ignore[misc]
            line = _line(images[..., number], channel)
            if line:
                channels.append(number)
                factors.append(line[0])
                summands.append(line[1])
                break
        else:
            return None
    return Fit(tuple(channels), tuple(factors), tuple(summands))


def _line(image: Array, channel: Array) -> tuple[float, float] | None:
    """Return factor and summand that make a channel of an image's; None where none do."""
    centred = image - image.mean()
    factor = float((centred * (channel - channel.mean())).sum() / (centred * centred).sum())
    summand = float(channel.mean() - factor * image.mean())
    if distance(image * factor + summand, channel) > close(image.dtype):
        return None
    digits = 9 if image.dtype == np.float64 else 5
    return float(f"{factor:.{digits}g}"), round(summand, digits) + 0.0


def _numbers(values: tuple[float, ...]) -> str:
    return f"{values[0]:.6g}" if len(set(values)) == 1 else f"({', '.join(f'{value:.6g}' for value in values)})"
