"""detectron2's and Caffe2's `.pkl` of networks: a pickle, of protocol 2 to 4, of dictionaries of NumPy's arrays.

detectron2's converters write `{"model": {name: array}, "__author__": ..., "matching_heuristics": True}`; Detectron and
Caffe2 wrote `{"blobs": {name: array}}`, with momenta beside the parameters. Python runs whatever a pickle names; here
every global is looked up in a table and nothing is executed.

Source: detectron2/checkpoint/detection_checkpoint.py (`DetectionCheckpointer._load_file`).
"""

from functools import partial
from types import MappingProxyType

from isomorph.tools.checkpoints.checkpoint import Checkpoint
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.numpy import pickled_arrays
from isomorph.tools.checkpoints.numpy.pickled_arrays import ArrayRef
from isomorph.tools.checkpoints.pickles.machine import check_protocol, unpickle_all
from isomorph.tools.checkpoints.pickles.state_dicts import CAFFE2_WRAPPER, StateDict, checkpoint_in
from isomorph.tools.checkpoints.pickles.values import Constructor, empty_dictionary

NAME = "detectron2 pickle"
CAFFE2_NAME = "Caffe2 pickle"

_MOMENTUM = "_momentum"

_NAMES: dict[str, Constructor | None] = {**pickled_arrays.NAMES, "collections.OrderedDict": empty_dictionary}


def read(file: MappedFile) -> Checkpoint:
    """Read the checkpoint in `file`. Raises BadInput if it is no dictionary of arrays, damaged, or would run code."""
    check_protocol(file)
    value = unpickle_all(file, 0, file.size, _NAMES, spans=True)
    return checkpoint_in(file, value, "array", _array, partial(_made, file))


def _array(entry: object) -> ArrayRef | None:
    return entry if isinstance(entry, ArrayRef) else None


def _made(file: MappedFile, found: StateDict[ArrayRef]) -> Checkpoint:
    is_caffe2 = CAFFE2_WRAPPER in found.unwrapped
    momenta = tuple(name for name in found.tensors if is_caffe2 and name.endswith(_MOMENTUM))
    tensors = {name: array.array(file, name) for name, array in found.tensors.items() if name not in momenta}
    return Checkpoint(
        path=file.path,
        format=CAFFE2_NAME if is_caffe2 else NAME,
        tensors=MappingProxyType(tensors),
        metadata=MappingProxyType({}),
        unwrapped=found.unwrapped,
        left_out=found.left_out + momenta,
        network_name=found.network_name,
    )
