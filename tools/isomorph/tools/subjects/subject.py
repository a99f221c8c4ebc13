"""Resolve what a command is given: an architecture, or a checkpoint whose tensors tell which one."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isomorph.backends.protocol import DEVICES, DTYPES
from isomorph.conformance.cases import check_tensors, draw_images, draw_tensors
from isomorph.conformance.memory import Demand, Sizes, check_memory, drawing
from isomorph.spec import Architecture, BadInput, infer
from isomorph.tools.checkpoints import Tensor, Tensors, sha256
from isomorph.tools.designs.lookup import find_architecture, is_architecture, is_there
from isomorph.tools.designs.without_effect import warn_of_options
from isomorph.tools.images.images import AnyImages, Images, check_pixels, read_images
from isomorph.tools.weights.weights import read_weights

LONGEST = 1_000_000
"""The longest time limit in seconds, eleven days: the system's own clocks for waiting end at twenty-four."""

MOST_MEMORY = 1 << 62
"""The largest memory limit in bytes that the system's calls can express."""


@dataclass(frozen=True)
class Origin:
    """The source of weights or images, and the SHA-256 of their bytes."""

    source: str
    sha256: str


@dataclass(frozen=True)
class Subject:
    """An architecture and, if it came from a checkpoint, its canonical tensors; None where they are still to be drawn.

    preprocessing_source: as in `Weights`.
    """

    architecture: Architecture
    tensors: dict[str, Tensor] | None
    origin: Origin | None
    preprocessing_source: str = ""


@dataclass(frozen=True)
class Case:
    """Everything that a network's answers depend on: an architecture, canonical tensors, and images [N, H, W, C]."""

    architecture: Architecture
    tensors: Tensors
    images: Images
    weights_origin: Origin
    images_origin: Origin

    @property
    def sizes(self) -> Sizes:
        """How many values its tensors, images and end points have."""
        count, height, width, _ = self.images.shape
        return Sizes.of(self.architecture, count, height, width)


def find_subject(
    subject: str | Path | Architecture,
    arch: str | None = None,
    *,
    key: str | None = None,
    prefix: str | None = None,
    tensor_map: str | Path | None = None,
    **options: Any,
) -> Subject:
    """Return the network that a name, a `.toml` file or a checkpoint stands for, with a checkpoint's tensors.

    >>> from isomorph.tools.subjects.subject import find_subject
    >>> find_subject("cifar/resnet20", num_classes=7).architecture.head.num_classes
    7
    >>> subject = find_subject("resnet8.safetensors")
    >>> subject.architecture.name, len(subject.tensors)
    ('mlperf_tiny/resnet8', 48)

    subject: an architecture, its name, a `.toml` file with one, or a checkpoint file. A known name wins over a file's;
        `./` forces a file.
    arch: the architecture of a checkpoint that cannot tell, or that is to be read as another.
    key, prefix: which dictionary of a checkpoint, and which of its tensors, as `read_checkpoint` takes them.
    tensor_map: a file that says which tensor of a checkpoint is which, and all of these.
    options: of the architecture, such as `output_stride`; None for `num_classes` means no head.
    Raises BadInput for a name that is neither, for a file that cannot be read or fits nothing, and for options that
    contradict the file. Warns of options that do nothing there.
    """
    told = {"arch": arch, "key": key, "prefix": prefix, "tensor_map": tensor_map}
    resolved = _find_subject(subject, told, options)
    warn_of_options(resolved.architecture, options)
    return resolved


def _find_subject(subject: str | Path | Architecture, told: Mapping[str, Any], options: dict[str, Any]) -> Subject:
    if isinstance(subject, Architecture):
        return Subject(subject.with_options(**options), None, None)
    if is_architecture(subject):
        if given := next((name for name, value in told.items() if value), None):
            raise BadInput(
                f"--{given.removeprefix('tensor_')} goes with a checkpoint; {subject} is an architecture already."
            )
        return Subject(find_architecture(subject, **options), None, None)
    path = Path(subject)
    if not is_there(path) and not _looks_like_a_file(str(subject)):
        return Subject(find_architecture(subject), None, None)  # which refuses it, with the nearest names
    return _from_file(path, told, options)


def check_request(
    network: Architecture, size: tuple[int, int] | None, batch: int, seed: int, device: str, dtype: str
) -> None:
    """Raise BadInput unless images of this size, batch and seed can be drawn, and run on this device in this dtype."""
    check_choice("device", device, DEVICES)
    check_choice("dtype", dtype, DTYPES)
    check_drawn(batch, seed)
    infer(network, *(size or (None, None)))


def check_drawn(batch: int, seed: int) -> None:
    """Raise BadInput unless so many images can be drawn from this seed."""
    if batch < 1:
        raise BadInput(f"A batch of {batch} images was asked for; expected at least one.")
    check_seed(seed)


def check_choice(kind: str, name: str, known: Sequence[str]) -> None:
    """Raise BadInput unless a device, dtype or other kind of thing is a known one."""
    if name not in known:
        raise BadInput(f"There is no {kind} {name!r}; there are {', '.join(known)}.")


def check_seed(seed: int) -> None:
    """Raise BadInput for a seed from which nothing can be drawn."""
    if not 0 <= seed < 2**64:
        raise BadInput(f"The seed {seed} is out of range; expected 0 to 2^64 - 1.")


def check_limits(timeout: float, memory: float | None = None) -> None:
    """Raise BadInput for impossible limits of time (seconds) or memory (bytes), and for NaN."""
    if not 0 < timeout <= LONGEST:
        raise BadInput(f"The time limit is {timeout:g} s; expected more than 0 and at most {LONGEST:,} s.")
    if memory is not None and not 1 <= memory < MOST_MEMORY:
        raise BadInput(f"The memory limit is {memory:g} bytes; expected at least one and fewer than 2^62, 4 EiB.")


def make_case(
    subject: Subject,
    images: Sequence[str] | AnyImages | None = None,
    size: tuple[int, int] | None = None,
    batch: int = 2,
    seed: int = 0,
    demand: Demand = drawing,
) -> Case:
    """Read or draw the images, and the tensors if the subject has none.

    images: an array [N, H, W, C], paths of photographs or of one `.npy`, or None, which draws `batch` of `size`.
    demand: the memory that this process will need for the case. Raises BadInput where there is less.
    """
    network = subject.architecture
    if images is None:
        height, width = size or network.convention.preprocessing.size
        check_memory(network, batch, height, width, demand)
        pixels, source = draw_images(network, batch, height, width, seed), f"drawn, seed {seed}"
    elif isinstance(images, np.ndarray):
        pixels, source = check_pixels(images, "The given array", network, size), "given"
    else:
        pixels, source = read_images(images, network, size), ", ".join(Path(path).name for path in images)
    count, height, width, _ = pixels.shape
    check_memory(network, count, height, width, demand)
    tensors, origin = subject.tensors, subject.origin
    if tensors is None:
        tensors = draw_tensors(network, pixels, seed)
        origin = Origin(f"drawn, seed {seed}", digest(tensors))
    assert origin is not None
    return Case(network, tensors, pixels, origin, Origin(source, digest({"images": pixels})))


def _from_file(path: Path, told: Mapping[str, Any], options: dict[str, Any]) -> Subject:
    weights = read_weights(path, **told)
    sha = sha256(weights.checkpoint.path, *weights.checkpoint.shards)
    weights = weights.as_published(sha)
    tensors = dict(weights.tensors)
    _check_dtypes(tensors, str(path))
    check_tensors(tensors, str(path))
    network = weights.with_options(options).architecture
    return Subject(network, tensors, Origin(str(path), sha), weights.preprocessing_source)


def _check_dtypes(tensors: Tensors, source: str) -> None:
    """Raise BadInput for integers and complex numbers: no network computes with them, and nothing is cast silently."""
    for name, value in tensors.items():
        if value.dtype.name not in DTYPES:
            raise BadInput(f"{source} holds {name} in {value.dtype}; expected one of {', '.join(DTYPES)}.")


def _looks_like_a_file(subject: str) -> bool:
    return subject.startswith(("./", "../", "/", "~")) or bool(Path(subject).suffix)


def digest(arrays: Tensors) -> str:
    """Return the SHA-256, in hexadecimal, of names, dtypes, shapes and bytes, whatever the order in memory."""
    sha256 = hashlib.sha256()
    for name, value in arrays.items():
        native = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("="))
        sha256.update(f"{name} {native.dtype} {native.shape}".encode())
        sha256.update(native.reshape(-1).view(np.uint8).data)
    return sha256.hexdigest()
