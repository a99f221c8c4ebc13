"""Faults of kernels: their axes, their order, their values."""

import numpy as np

from isomorph.backends.protocol import Array
from isomorph.conformance.faults.changes import copy, edit, edit_all, exchange
from isomorph.conformance.faults.fault import Fault
from isomorph.spec.tensors import WEIGHTS

GROUPS = 4
"""The groups of the network called grouped."""


def interleaved(kernel: Array) -> Array:
    """[k, k, I, O] -> the same, with the outputs of all groups in turns instead of group by group."""
    *window, depth = kernel.shape
    return kernel.reshape(*window, GROUPS, depth // GROUPS).swapaxes(-1, -2).reshape(kernel.shape)


def flattened_channels_first(kernel: Array) -> Array:
    """[h, w, C, O] -> the same, read as if its inputs were [C, h, w] flattened."""
    height, width, channels, depth = kernel.shape
    return kernel.reshape(channels, height, width, depth).transpose(1, 2, 0, 3)


def reshaped(kernel: Array) -> Array:
    """[k, k, 1, C] -> the same numbers, in the order of [C, 1, k, k], reshaped instead of transposed."""
    return kernel.transpose(3, 2, 0, 1).reshape(kernel.shape)


def off_by_a_thousandth(kernel: Array) -> Array:
    """Return the kernel with one number changed."""
    changed = kernel.copy()
    changed.flat[kernel.size // 2] += 1e-3
    return changed


def in_half_precision(value: Array) -> Array:
    """Return the values rounded to float16."""
    return value.astype(np.float16)


TENSORS = (
    Fault(
        "kernel-transposed-hw",
        "A kernel's height and width are exchanged.",
        "https://github.com/shekkizh/FCN.tensorflow/issues/47",
        "bottlenecks",
        "conv1",
        edit("conv1/weights", lambda kernel: kernel.swapaxes(0, 1)),
    ),
    Fault(
        "kernel-transposed-io",
        "A square kernel's input and output channels are exchanged.",
        "https://github.com/apache/tvm/pull/9336",
        "bottlenecks",
        "block1/unit_1/bottleneck_v1/conv2",
        edit("block1/unit_1/bottleneck_v1/conv2/weights", lambda kernel: kernel.swapaxes(2, 3)),
    ),
    Fault(
        "kernel-flipped",
        "Kernels are flipped, as for a true convolution.",
        "https://github.com/keras-team/keras/issues/3015",
        "bottlenecks",
        "conv1",
        edit_all(WEIGHTS, lambda kernel: kernel[::-1, ::-1]),
    ),
    Fault(
        "groups-interleaved",
        "The outputs of a grouped convolution come in turns, instead of one group's after the other's.",
        "https://github.com/Theano/Theano/issues/6297",
        "grouped",
        "block1/unit_1/bottleneck_v1/conv2",
        edit("block1/unit_1/bottleneck_v1/conv2/weights", interleaved),
    ),
    Fault(
        "depthwise-reshaped",
        "A depthwise kernel is reshaped where it had to be transposed.",
        "https://github.com/AlexanderLutsenko/nobuco/issues/2",
        "separable",
        "block1/unit_1/separable/depthwise",
        edit("block1/unit_1/separable/depthwise/weights", reshaped),
    ),
    Fault(
        "dense-flattened-nchw",
        "A dense layer reads a map that was flattened channels first as if it had been flattened channels last.",
        "https://github.com/microsoft/MMdnn/issues/250",
        "dense",
        "fc6",
        edit("fc6/weights", flattened_channels_first),
    ),
    Fault(
        "dense-transposed",
        "A square dense kernel is not transposed where PyTorch and Paddle differ.",
        "https://github.com/PaddlePaddle/PaddleMIX/issues/239",
        "dense",
        "logits",
        edit("logits/weights", lambda kernel: kernel.swapaxes(2, 3)),
    ),
    Fault(
        "classes-shifted",
        "Every class stands one place too far, behind one for the background.",
        "https://github.com/mlcommons/inference/issues/550",
        "bottlenecks",
        "logits",
        edit("logits/weights", lambda kernel: np.roll(kernel, 1, axis=3)),
    ),
    Fault(
        "bgr-for-rgb",
        "The first convolution reads blue, green and red.",
        "https://github.com/karpathy/neuraltalk2/issues/23",
        "bottlenecks",
        "conv1",
        edit("conv1/weights", lambda kernel: kernel[:, :, ::-1]),
    ),
    Fault(
        "logits-biases-left-out",
        "The classifier has no bias.",
        "https://github.com/davidcpage/cifar10-fast/issues/2",
        "bottlenecks",
        "logits",
        edit("logits/biases", np.zeros_like),
    ),
    Fault(
        "units-swapped",
        "Two units of a block have each other's tensors, as files are sorted by name and not by number.",
        "https://github.com/keras-team/keras/issues/8134",
        "alike",
        "block1/unit_2/bottleneck_v1/conv1",
        exchange("block1/unit_2", "block1/unit_3"),
    ),
    Fault(
        "auxiliary-heads-swapped",
        "Two auxiliary heads have each other's tensors.",
        "https://github.com/pytorch/vision/issues/8736",
        "twins",
        "aux1/conv",
        exchange("aux1", "aux2"),
    ),
    Fault(
        "weights-tied",
        "A unit shares the tensors of the unit before it.",
        "https://github.com/deep-learning-with-pytorch/dlwpt-code/issues/89",
        "alike",
        "block1/unit_3/bottleneck_v1/conv1",
        copy("block1/unit_2", "block1/unit_3"),
    ),
    Fault(
        "weight-off-by-1e-3",
        "One number of one kernel is off by a thousandth, as a flipped bit leaves it.",
        "https://github.com/cockroachdb/pebble/issues/6175",
        "bottlenecks",
        "block2/unit_1/bottleneck_v1/conv2",
        edit("block2/unit_1/bottleneck_v1/conv2/weights", off_by_a_thousandth),
    ),
    Fault(
        "weights-in-float16",
        "Kernels were stored in float16.",
        "https://github.com/pytorch/pytorch/issues/39428",
        "bottlenecks",
        "conv1",
        edit_all(WEIGHTS, in_half_precision),
    ),
)
