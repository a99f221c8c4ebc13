"""Estimate the memory that a case takes, from its plan, before anything of it is drawn.

Measured peaks of a process whose products have two threads lie between 0.7 and 1.25 times the estimates; tests assert
that.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from isomorph.backends.memory import available_memory
from isomorph.spec import Architecture, BadInput, infer, plan, tensor_shapes

BASE = 32 << 20
"""Bytes that the interpreter and NumPy's products take beside all arrays."""

FRAMEWORK = 600_000_000
"""Bytes that a framework takes before it has a network: 0.6 GB was the most measured."""


@dataclass(frozen=True)
class Sizes:
    """The numbers of values in a network and its maps.

    values: in all tensors. images: in a batch of images. maps: in all end points of that batch. largest: in the largest
    of them. inputs: in the inputs of all parts. windows: in all windows of a convolution on one image, of the one that
    has most, as the oracle lays them out for a matrix product.
    """

    values: int
    images: int
    maps: int
    largest: int
    inputs: int
    windows: int

    @classmethod
    def of(cls, architecture: Architecture, batch: int, height: int, width: int) -> "Sizes":
        """Return the sizes for images [batch, height, width, in_channels]. Raises BadInput for images too small."""
        planned = plan(architecture)
        shapes = infer(architecture, height, width).shapes(batch)
        cells = {name: prod(extent or 1 for extent in shape) for name, shape in shapes.items()}
        images = batch * height * width * architecture.in_channels
        seen = [
            cells[layer.scope] // (batch * layer.depth) * layer.kernel**2 * layer.depth_seen
            for layer in planned.convolutions
            if layer.scope in cells and (layer.kernel, layer.stride) != (1, 1) and not layer.is_depthwise
        ]
        return cls(
            values=sum(map(prod, tensor_shapes(architecture).values())),
            images=images,
            maps=sum(count for name, count in cells.items() if name not in planned.block_ends),
            largest=max(cells.values()),
            inputs=sum(cells.get(read, images) for read in planned.reads.values()),
            windows=max(seen, default=0),
        )


Demand = Callable[[Sizes], int]
"""Returns the bytes that a piece of work takes at its peak."""


def drawing_images(sizes: Sizes) -> int:
    """Return the bytes of `draw_images`: bits, their numbers, and the sums of noise and ramps, in float64."""
    return BASE + 32 * sizes.images


def drawing(sizes: Sizes) -> int:
    """Return the bytes of `draw_images` and `draw_tensors`, whose float64 pass finds the running statistics."""
    return max(drawing_images(sizes), evaluating(sizes))


def evaluating(sizes: Sizes, itemsize: int = 8) -> int:
    """Return the bytes of one pass of the oracle, which keeps every end point, in numbers of `itemsize` bytes.

    There are three more copies of the largest map: padded, before an activation, and for statistics or errors.
    """
    maps = sizes.images + sizes.maps + sizes.windows + 3 * sizes.largest
    return BASE + 4 * (sizes.values + sizes.images) + itemsize * (sizes.values + maps)


def judging(sizes: Sizes, dtype: str = "float32") -> int:
    """Return the bytes of drawing a case, and of a `Reference` that evaluates float64 and `dtype` and their noise.

    It keeps the float64 end points, the parts' inputs, their float64 end points, and those of two orders of summation,
    the last one and the next. A half precision comes after float32, whose end points it also keeps, and its networks
    have tensors of their own.
    """
    beside = BASE + 12 * sizes.images + 8 * sizes.windows + 24 * sizes.largest
    with_float64 = 12 * sizes.values + 16 * sizes.maps + 4 * sizes.inputs
    with_orders = 4 * sizes.values + 24 * sizes.maps + 4 * sizes.inputs
    needed = [drawing(sizes), beside + with_float64, beside + with_orders]
    if dtype not in ("float64", "float32"):
        needed.append(beside + 12 * sizes.values + 32 * sizes.maps + 6 * sizes.inputs)
    return max(needed)


def training(sizes: Sizes) -> int:
    """Return the bytes of the oracle's part of a comparison of training, in float64.

    A forward pass keeps three maps for each end point: behind the convolution, normalised, and activated. There are
    twelve copies of the tensors: those before and after two steps, with their velocities, gradients in each precision,
    and the network's own.
    """
    maps = 3 * sizes.maps + 8 * sizes.largest + sizes.windows + 3 * sizes.images
    return max(drawing(sizes), BASE + 8 * (12 * sizes.values + maps))


def backend_process(sizes: Sizes) -> int:
    """Return the bytes of a process that answers in float64: framework, weights twice, three sets of end points.

    ResNeXt-101 32x48d takes 11.5 GiB in Keras, which is 1.9 times its weights in float64.
    """
    return FRAMEWORK + 8 * (2 * sizes.values + 3 * sizes.maps)


def training_process(sizes: Sizes) -> int:
    """Return the bytes of a process that trains in float64: its framework, six times the weights and the maps.

    The weights: themselves, gradients, velocity, and a copy of each in transit. The backward pass needs the maps again.
    """
    return FRAMEWORK + 8 * 6 * (sizes.values + sizes.maps)


def timed_process(one_image: Sizes, batch: int, trained: int) -> int:
    """Return the bytes of a process that answers up to `batch` images, and trains on `trained`, in float32.

    Its framework, its weights three times, as gradients and momentum have their size, and three of the largest maps,
    or all maps of the images that it trains on, twice: before batch norm and behind it.
    """
    maps = max(3 * one_image.largest * batch, 2 * one_image.maps * trained)
    return FRAMEWORK + 4 * (3 * one_image.values + maps)


def fit_at_once(each: int, memory: float | None, processes: int) -> int:
    """Return how many of `processes` that take `each` bytes may run at a time in `memory` bytes; at least one.

    >>> fit_at_once(each=3 << 30, memory=8 << 30, processes=4)
    2
    """
    return processes if memory is None else max(1, min(processes, int(memory // each)))


def check_memory(architecture: Architecture, batch: int, height: int, width: int, demand: Demand) -> None:
    """Raise BadInput where the oracle's work on `batch` images takes more memory than is available."""
    needed, available = demand(Sizes.of(architecture, batch, height, width)), available_memory()
    if available is not None and needed > available:
        images = "1 image" if batch == 1 else f"{batch:,} images"
        raise BadInput(
            f"{architecture.name} on {images} of {height}x{width} takes {_in_gibibytes(needed)} of memory in the"
            f" oracle, and there are {_in_gibibytes(available)}; expected smaller images, or fewer of them."
        )


def _in_gibibytes(count: int) -> str:
    """Return bytes as text: `1,234.5 GiB`."""
    return f"{count / 2**30:,.1f} GiB"
