"""Networks as plain data: no framework, no NumPy, the standard library alone.

>>> from isomorph.spec import architecture, infer
>>> infer(architecture("slim/resnet_v1_50"), 224, 224).macs
3482255360
"""

from isomorph.spec.architecture import Architecture, Block, Head, Stem, StemConvolution, StemPool
from isomorph.spec.convention import Convention, Initializer
from isomorph.spec.errors import BadInput
from isomorph.spec.function import function
from isomorph.spec.inference import EndPoint, Inference, infer
from isomorph.spec.plan import Plan, plan
from isomorph.spec.preprocessing import Preprocessing
from isomorph.spec.tensors import count_parameters, is_trainable, tensor_shapes
from isomorph.spec.zoo import Zoo, architecture, architectures, zoo, zoos

__all__ = [
    "Architecture",
    "BadInput",
    "Block",
    "Convention",
    "EndPoint",
    "Head",
    "Inference",
    "Initializer",
    "Plan",
    "Preprocessing",
    "Stem",
    "StemConvolution",
    "StemPool",
    "Zoo",
    "architecture",
    "architectures",
    "count_parameters",
    "function",
    "infer",
    "is_trainable",
    "plan",
    "tensor_shapes",
    "zoo",
    "zoos",
]
