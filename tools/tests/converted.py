"""Files to convert, and what must come back from them: for the tests of `convert` and of what reads its results."""

from collections.abc import Mapping
from pathlib import Path

from isomorph.spec import Architecture, architecture, zoo, zoos
from isomorph.spec.toml.writing import to_toml
from isomorph.tools.checkpoints import read_checkpoint, write_safetensors
from isomorph.tools.converting.containers import CONTAINERS, Container

from .tensors import Array, Tensors, plain

R20 = architecture("cifar/resnet20")

Bits = dict[str, tuple[str, tuple[int, ...], bytes]]


def bits(tensors: Mapping[str, Array]) -> Bits:
    """Name -> dtype, shape and bytes."""
    return {name: (value.dtype.name, tuple(value.shape), value.tobytes()) for name, value in tensors.items()}


def bits_of(path: Path) -> Bits:
    """The same of a file's tensors, under the names that they have there."""
    return bits(read_checkpoint(path).tensors)


def named(network: Architecture, zoo_name: str, tensors: Mapping[str, Array]) -> Tensors:
    """Canonical tensors as a zoo has them."""
    naming = zoo(zoo_name).naming.tensors(network)
    return {tensor.name: tensor.from_canonical(tensors[name]) for name, tensor in naming.items()}


def of_cifar(path: Path, tensors: Mapping[str, Array] | None = None) -> Path:
    """A file with the names of the CIFAR zoo: of cifar/resnet20, unless other tensors are given."""
    write_safetensors(path, named(R20, "cifar", plain(R20)) if tensors is None else tensors, {})
    return path


def in_toml(path: Path, network: Architecture) -> Path:
    """The network as a file of one's own."""
    path.write_text(to_toml(network))
    return path


def subject_of(container: Container) -> tuple[Architecture, str | None]:
    """A small network that a container can hold, and the zoo whose names to ask for, if it takes no others."""
    if container.form is not None:
        return R20, None
    assert container.name in zoos(), f"{container.name} takes the names of no zoo that is known here"
    first = next(iter(zoo(container.name).networks.values()))
    return first.with_options(num_classes=5), container.name


def target_in(folder: Path, container: Container) -> Path:
    """A path in `folder` whose suffix asks for this container."""
    return folder / f"x{container.suffixes[0] if container.suffixes else ''}"


ALL_CONTAINERS = tuple(container for container in CONTAINERS.values() if container.name != "keras")
"""All but Keras's archive, which Keras itself makes, in seconds: it has tests of its own."""
