"""Find the tensors of a network in the dictionary that a training script saved."""

from collections.abc import Callable
from types import MappingProxyType

from isomorph.tools.checkpoints.checkpoint import Checkpoint
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.pickles.values import Entries
from isomorph.tools.checkpoints.pytorch.objects import StorageRef, TensorRef
from isomorph.tools.checkpoints.wording import counted, shown

WRAPPERS = ("state_dict", "model", "model_state_dict", "model_ema", "state_dict_ema")
"""Where training scripts keep the network, in the order in which the first one with tensors is taken.

A script that keeps both keeps the averaged weights (ema) beside the trained ones; the trained ones are the network.
"""

NETWORK_NAME = "arch"
"""Where training scripts keep the name that they built the network by: PyTorch's ImageNet example, and timm."""

PREFIXES = ("module.", "_orig_mod.")
"""What `DataParallel` and `torch.compile` put before every name, possibly both and more than once."""

_DEEPEST = 8  # wrappers inside wrappers: scripts use one or two, a dictionary that holds itself has no end
_MOST_OFTEN = 16  # how many times over its tensors may view the bytes of a file: tied weights share theirs


def checkpoint_of(file: MappedFile, form: str, value: object, start_of: Callable[[StorageRef], int]) -> Checkpoint:
    """Return the checkpoint in `value`, the object that was saved; `start_of` says at which byte a storage starts.

    Raises:
        BadInput: there are no tensors, a name is not text, or the tensors together are far larger than the file.
    """
    if not isinstance(value, Entries):
        raise file.bad(f"it holds {shown(value)}, a dictionary of tensors was expected: save a state_dict()")
    location = _find(value, (), [], set())
    if location is None:
        holds = ", ".join(shown(key) for key in list(value)[:5]) or "nothing under any name"
        raise file.bad(
            f"no tensors were found in it (it holds {holds}), a state_dict was expected at the top or under one of "
            f"{', '.join(WRAPPERS)}"
        )
    entries, unwrapped, left_out = location
    if entries.strangers:
        raise file.bad(f"among its tensors {entries.strangers} stand under keys that are no text: names were expected")
    left_out += [name for name, entry in entries.items() if not isinstance(entry, TensorRef)]
    refs = {name: entry for name, entry in entries.items() if isinstance(entry, TensorRef)}
    total = sum(ref.nbytes for ref in refs.values())
    if total > _MOST_OFTEN * file.size:
        raise file.bad(
            f"its {counted(len(refs), 'tensor')} would take {total:,} bytes, at most {_MOST_OFTEN} times the file's "
            f"{file.size:,} were expected: it is made to exhaust the memory"
        )
    refs, prefixes = _without_prefixes(refs)
    return Checkpoint(
        path=file.path,
        format=form,
        tensors=MappingProxyType({name: ref.array(file, name, start_of(ref.storage)) for name, ref in refs.items()}),
        metadata=MappingProxyType({}),
        unwrapped=unwrapped + prefixes,
        left_out=tuple(left_out),
        network_name=_network_name(value, unwrapped),
    )


_Location = tuple[Entries, tuple[str, ...], list[str]]


def _find(entries: Entries, path: tuple[str, ...], beside: list[str], seen: set[int]) -> _Location | None:
    """Return the innermost dictionary of tensors, the keys that lead to it, and the names of what is beside them."""
    if id(entries) in seen or len(path) > _DEEPEST:
        return None
    seen.add(id(entries))
    for key in WRAPPERS:
        inner = entries.get(key)
        if isinstance(inner, Entries):
            location = _find(inner, (*path, key), beside + [name for name in entries if name != key], seen)
            if location:
                return location
    return (entries, path, beside) if any(isinstance(entry, TensorRef) for entry in entries.values()) else None


def _network_name(saved: Entries, wrappers: tuple[str, ...]) -> str:
    """Return the script's name of the network; of several levels, the one nearest to the tensors."""
    levels = [saved]
    for wrapper in wrappers:
        inner = levels[-1][wrapper]
        assert isinstance(inner, Entries), "it has been looked into"
        levels.append(inner)
    names = (level.get(NETWORK_NAME) for level in reversed(levels))
    return next((name for name in names if isinstance(name, str)), "")


def _without_prefixes(refs: dict[str, TensorRef]) -> tuple[dict[str, TensorRef], tuple[str, ...]]:
    peeled: list[str] = []
    while prefix := next((prefix for prefix in PREFIXES if all(_follows(name, prefix) for name in refs)), None):
        refs = {name.removeprefix(prefix): ref for name, ref in refs.items()}
        peeled.append(prefix)
    return refs, tuple(peeled)


def _follows(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and name != prefix
