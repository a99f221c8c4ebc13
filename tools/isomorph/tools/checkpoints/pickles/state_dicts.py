"""Find the tensors of a network among the dictionaries that a training script saved."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Generic, Protocol, TypeVar

from isomorph.tools.checkpoints.checkpoint import Checkpoint, Dictionary, is_averaged
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.pickles.values import Entries
from isomorph.tools.checkpoints.wording import counted, shown

CAFFE2_WRAPPER = "blobs"
"""Where Caffe2 keeps a network."""

WRAPPERS = ("state_dict", "model", "model_state_dict", "model_ema", "state_dict_ema", CAFFE2_WRAPPER)
"""Where training scripts keep the network most often: of dictionaries with as many kernels the first one is taken."""

NETWORK_NAME = "arch"
"""Where training scripts keep the name that they built the network by: PyTorch's ImageNet example, and timm."""

PREFIXES = ("module.", "_orig_mod.")
"""What `DataParallel` and `torch.compile` put before every name, possibly both and more than once."""

TOP = "."
"""The key of the dictionary that was saved itself."""

_OPTIMIZERS = ("optim", "lr_sched", "scheduler", "scaler", "amp")  # what stands beside a network and is none

_DEEPEST = 8  # wrappers inside wrappers: scripts use one or two, a dictionary that holds itself has no end
_MOST_OFTEN = 16  # how many times over its tensors may view the bytes of a file: tied weights share theirs


class Described(Protocol):
    """A tensor that a pickle describes."""

    @property
    def nbytes(self) -> int:
        """Bytes of its elements."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of its axes."""


T = TypeVar("T", bound=Described)


@dataclass(frozen=True)
class StateDict(Generic[T]):
    """The tensors of a network as a pickle describes them.

    Attributes:
        entries: the dictionary that they are in, with what else is there.
        tensors: by name.
        unwrapped: the keys of dictionaries that were peeled off, outermost first.
        around: those dictionaries.
        network_name: what the script calls the network; empty where it does not.
    """

    entries: Entries
    tensors: Mapping[str, T]
    unwrapped: tuple[str, ...]
    around: tuple[Entries, ...]
    network_name: str

    @property
    def left_out(self) -> tuple[str, ...]:
        """The names of what is beside the tensors, on every level that was peeled off."""
        levels = zip(self.around, self.unwrapped, strict=True)
        beside = (name for entries, key in levels for name in entries if name != key)
        return (*beside, *(name for name in self.entries if name not in self.tensors))

    @property
    def key(self) -> str:
        """The keys that lead to it, joined by dots; "." for the top."""
        return ".".join(self.unwrapped) or TOP


def checkpoint_in(
    file: MappedFile,
    value: object,
    noun: str,
    tensor_of: Callable[[object], T | None],
    made: Callable[[StateDict[T]], Checkpoint],
    size: int = 0,
) -> Checkpoint:
    """Return the checkpoint of the likeliest dictionary of tensors in `value`, the object that was saved.

    It is the one with the most kernels; of several the one that is not averaged, and the one under the most usual key.
    The others are among its `dictionaries`.

    noun: what a refusal calls a tensor. tensor_of: tells an entry that is one from others, for which it returns None.
    made: makes the checkpoint. size: the bytes of all files that hold the tensors, where `file` does not alone.
    Raises BadInput where there are none, a name is not text, or they are together far larger than the file.
    """
    if not isinstance(value, Entries):
        raise file.bad(f"it holds {shown(value)}, a dictionary of {noun}s was expected: save a state_dict()")
    found = sorted(_all_in(value, tensor_of), key=_rank)
    if not found:
        holds = ", ".join(shown(key) for key in list(value)[:5]) or "nothing under any name"
        raise file.bad(f"no {noun}s were found in it (it holds {holds}), a state_dict was expected under some key")

    def opened(each: StateDict[T]) -> Checkpoint:
        return made(_checked(file, each, noun, size))

    best = opened(found[0])
    if len(found) == 1:
        return best
    dictionaries = {
        each.key: Dictionary(len(each.tensors), is_averaged(each.key), partial(opened, each)) for each in found
    }
    return replace(best, key=found[0].key, dictionaries=MappingProxyType(dictionaries))


def _rank(found: StateDict[T]) -> tuple[int, bool, bool, int, int]:
    kernels = sum(len(tensor.shape) > 1 for tensor in found.tensors.values())
    usual = [WRAPPERS.index(key) for key in found.unwrapped if key in WRAPPERS]
    at_top = not found.unwrapped
    return -kernels, at_top, is_averaged(found.key), min(usual, default=len(WRAPPERS)), len(found.unwrapped)


def _all_in(saved: Entries, tensor_of: Callable[[object], T | None]) -> Iterator[StateDict[T]]:
    """Yield every dictionary that has tensors, in the object that was saved; those of optimizers are left out."""
    pending: list[tuple[Entries, tuple[str, ...], tuple[Entries, ...], str]] = [(saved, (), (), "")]
    seen: set[int] = set()
    while pending:
        entries, keys, around, name = pending.pop()
        if id(entries) in seen or len(keys) > _DEEPEST:
            continue
        seen.add(id(entries))
        noted_name = entries.get(NETWORK_NAME)
        name = noted_name if isinstance(noted_name, str) else name
        tensors = {key: tensor for key, entry in entries.items() if (tensor := tensor_of(entry)) is not None}
        if tensors:
            yield StateDict(entries, tensors, keys, around, name)
        for key, entry in reversed(entries.items()):
            if isinstance(entry, Entries) and not key.startswith(_OPTIMIZERS):
                pending.append((entry, (*keys, key), (*around, entries), name))


def _checked(file: MappedFile, found: StateDict[T], noun: str, size: int) -> StateDict[T]:
    """Return the dictionary. Raises BadInput for a name that is no text, and for tensors far larger than the file."""
    if found.entries.strangers:
        raise file.bad(
            f"among its {noun}s {found.entries.strangers} stand under keys that are no text: names were expected"
        )
    total = sum(tensor.nbytes for tensor in found.tensors.values())
    size = size or file.size
    if total > _MOST_OFTEN * size:
        raise file.bad(
            f"its {counted(len(found.tensors), noun)} would take {total:,} bytes, at most {_MOST_OFTEN} times the "
            f"file's {size:,} were expected: it is made to exhaust the memory"
        )
    return found


def without_prefixes(tensors: Mapping[str, T]) -> tuple[Mapping[str, T], tuple[str, ...]]:
    """Return the tensors under names without the prefixes that all of them have, and those, outermost first."""
    peeled: list[str] = []
    while prefix := next((prefix for prefix in PREFIXES if all(_follows(name, prefix) for name in tensors)), None):
        tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
        peeled.append(prefix)
    return tensors, tuple(peeled)


def _follows(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and name != prefix
