"""The checkpoint in what a PyTorch file's pickle holds, whichever container it is in."""

from collections.abc import Callable
from types import MappingProxyType

from isomorph.tools.checkpoints.checkpoint import Checkpoint
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.pickles.state_dicts import StateDict, checkpoint_in, without_prefixes
from isomorph.tools.checkpoints.pytorch.objects import StorageRef, TensorRef


def checkpoint_of(file: MappedFile, form: str, value: object, start_of: Callable[[StorageRef], int]) -> Checkpoint:
    """Return the checkpoint in `value`, the object that was saved; `start_of` says at which byte a storage starts.

    Raises:
        BadInput: there are no tensors, a name is not text, or the tensors together are far larger than the file.
    """

    def made(found: StateDict[TensorRef]) -> Checkpoint:
        refs, prefixes = without_prefixes(found.tensors)
        tensors = {name: ref.array(file, name, start_of(ref.storage)) for name, ref in refs.items()}
        return Checkpoint(
            path=file.path,
            format=form,
            tensors=MappingProxyType(tensors),
            metadata=MappingProxyType({}),
            unwrapped=found.unwrapped + prefixes,
            left_out=found.left_out,
            network_name=found.network_name,
        )

    return checkpoint_in(file, value, "tensor", _tensor, made)


def _tensor(entry: object) -> TensorRef | None:
    return entry if isinstance(entry, TensorRef) else None
