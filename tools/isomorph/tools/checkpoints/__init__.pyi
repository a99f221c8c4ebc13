from .checkpoint import METADATA, Checkpoint, Tensor, Tensors
from .mapped_file import sha256
from .paddle.writing import write_pdparams
from .pytorch.zip_writing import write_pytorch_zip
from .reading import read_checkpoint
from .safetensors_file import write_safetensors
from .tensorflow.writing import write_bundle
from .transformers.writing import write_transformers_folder

__all__ = [
    "METADATA",
    "Checkpoint",
    "Tensor",
    "Tensors",
    "read_checkpoint",
    "sha256",
    "write_bundle",
    "write_pdparams",
    "write_pytorch_zip",
    "write_safetensors",
    "write_transformers_folder",
]
