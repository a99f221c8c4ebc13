"""Find the tensors of a network in the dictionary that a training script saved."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.pickles.values import Entries
from isomorph.tools.checkpoints.wording import counted, shown

CAFFE2_WRAPPER = "blobs"
"""Where Caffe2 keeps a network."""

WRAPPERS = ("state_dict", "model", "model_state_dict", "model_ema", "state_dict_ema", CAFFE2_WRAPPER)
"""Where training scripts keep the network, in the order in which the first one with tensors is taken.

A script that keeps both keeps the averaged weights (ema) beside the trained ones; the trained ones are the network.
"""

NETWORK_NAME = "arch"
"""Where training scripts keep the name that they built the network by: PyTorch's ImageNet example, and timm."""

PREFIXES = ("module.", "_orig_mod.")
"""What `DataParallel` and `torch.compile` put before every name, possibly both and more than once."""

_DEEPEST = 8  # wrappers inside wrappers: scripts use one or two, a dictionary that holds itself has no end
_MOST_OFTEN = 16  # how many times over its tensors may view the bytes of a file: tied weights share theirs


class Described(Protocol):
    """A tensor that a pickle describes."""

    @property
    def nbytes(self) -> int:
        """Bytes of its elements."""


T = TypeVar("T", bound=Described)


@dataclass(frozen=True)
class StateDict(Generic[T]):
    """The tensors of a network as a pickle describes them.

    Attributes:
        entries: the dictionary that they are in, with what else is there.
        tensors: by name.
        unwrapped: the keys of dictionaries that were peeled off, outermost first.
        left_out: the names of what is beside the tensors, on every level that was peeled off.
        network_name: what the script calls the network; empty where it does not.
    """

    entries: Entries
    tensors: Mapping[str, T]
    unwrapped: tuple[str, ...]
    left_out: tuple[str, ...]
    network_name: str


def state_dict_in(file: MappedFile, value: object, noun: str, tensor_of: Callable[[object], T | None]) -> StateDict[T]:
    """Return the network's tensors in `value`, the object that was saved.

    noun: what a refusal calls a tensor. tensor_of: tells an entry that is one from others, for which it returns None.
    Raises BadInput where there are none, a name is not text, or they are together far larger than the file.
    """
    if not isinstance(value, Entries):
        raise file.bad(f"it holds {shown(value)}, a dictionary of {noun}s was expected: save a state_dict()")
    location = _find(value, tensor_of, (), [], set())
    if location is None:
        holds = ", ".join(shown(key) for key in list(value)[:5]) or "nothing under any name"
        raise file.bad(
            f"no {noun}s were found in it (it holds {holds}), a state_dict was expected at the top or under one of "
            f"{', '.join(WRAPPERS)}"
        )
    entries, wrappers, left_out = location
    if entries.strangers:
        raise file.bad(f"among its {noun}s {entries.strangers} stand under keys that are no text: names were expected")
    tensors = {name: tensor for name, entry in entries.items() if (tensor := tensor_of(entry)) is not None}
    left_out += [name for name in entries if name not in tensors]
    total = sum(tensor.nbytes for tensor in tensors.values())
    if total > _MOST_OFTEN * file.size:
        raise file.bad(
            f"its {counted(len(tensors), noun)} would take {total:,} bytes, at most {_MOST_OFTEN} times the file's "
            f"{file.size:,} were expected: it is made to exhaust the memory"
        )
    return StateDict(entries, tensors, wrappers, tuple(left_out), _network_name(value, wrappers))


_Location = tuple[Entries, tuple[str, ...], list[str]]


def _find(
    entries: Entries,
    tensor_of: Callable[[object], T | None],
    path: tuple[str, ...],
    beside: list[str],
    seen: set[int],
) -> _Location | None:
    """Return the innermost dictionary of tensors, the keys that lead to it, and the names of what is beside them."""
    if id(entries) in seen or len(path) > _DEEPEST:
        return None
    seen.add(id(entries))
    for key in WRAPPERS:
        inner = entries.get(key)
        if isinstance(inner, Entries):
            others = beside + [name for name in entries if name != key]
            location = _find(inner, tensor_of, (*path, key), others, seen)
            if location:
                return location
    has_tensors = any(tensor_of(entry) is not None for entry in entries.values())
    return (entries, path, beside) if has_tensors else None


def _network_name(saved: Entries, wrappers: tuple[str, ...]) -> str:
    """Return the script's name of the network; of several levels, the one nearest to the tensors."""
    levels = [saved]
    for wrapper in wrappers:
        inner = levels[-1][wrapper]
        assert isinstance(inner, Entries), "it has been looked into"
        levels.append(inner)
    names = (level.get(NETWORK_NAME) for level in reversed(levels))
    return next((name for name in names if isinstance(name, str)), "")


def without_prefixes(tensors: Mapping[str, T]) -> tuple[Mapping[str, T], tuple[str, ...]]:
    """Return the tensors under names without the prefixes that all of them have, and those, outermost first."""
    peeled: list[str] = []
    while prefix := next((prefix for prefix in PREFIXES if all(_follows(name, prefix) for name in tensors)), None):
        tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
        peeled.append(prefix)
    return tensors, tuple(peeled)


def _follows(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and name != prefix
