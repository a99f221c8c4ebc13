"""Faults of batch norm: its epsilon, its tensors and its rules."""

import numpy as np

from isomorph.conformance.faults.changes import edit_all, exchange, exchange_all, redesign
from isomorph.conformance.faults.fault import Fault, Retensor, Tensors
from isomorph.spec.tensors import BETA, BIASES, GAMMA, MOVING_MEAN, MOVING_VARIANCE, split

IN_A_BATCH = 32 * 7 * 7
"""The values in a channel of ResNet-50's last map, for a batch of 32 images."""


def with_fresh_statistics(tensors: Tensors) -> Tensors:
    """Return the tensors with the moving averages of a network that has seen no image."""
    fresh = {MOVING_MEAN: np.zeros_like, MOVING_VARIANCE: np.ones_like}
    return {name: fresh.get(split(name)[1], lambda value: value)(value) for name, value in tensors.items()}


NORMALISATION = (
    Fault(
        "epsilon-1e-3",
        "Epsilon is 1e-3, Keras's default, instead of 1e-5.",
        "https://github.com/gzuidhof/nn-transfer/pull/3",
        "bottlenecks",
        "conv1",
        redesign(batch_norm_epsilon=1e-3),
    ),
    Fault(
        "epsilon-1e-5",
        "Epsilon is 1e-5, PyTorch's default, instead of 1e-3.",
        "https://github.com/r9y9/tacotron_pytorch/issues/19",
        "inceptions",
        "conv1",
        redesign(batch_norm_epsilon=1e-5),
    ),
    Fault(
        "epsilon-2e-5",
        "Epsilon is 2e-5 instead of 1e-5.",
        "https://github.com/ceccocats/tkDNN/issues/167",
        "bottlenecks",
        "conv1",
        redesign(batch_norm_epsilon=2e-5),
    ),
    Fault(
        "epsilon-1.001e-5",
        "Epsilon is 1.001e-5, as in Keras's ResNets, instead of 1e-5.",
        "keras 3.15.1: applications/resnet.py:155",
        "without a head",
        "conv1",
        redesign(batch_norm_epsilon=1.001e-5),
    ),
    Fault(
        "gamma-beta-swapped",
        "Each batch norm has its gamma for its beta.",
        "https://github.com/keras-team/keras/pull/3248",
        "bottlenecks",
        "conv1",
        exchange_all(GAMMA, BETA),
    ),
    Fault(
        "mean-variance-swapped",
        "Each batch norm has its moving mean for its moving variance.",
        "https://github.com/gmalivenko/pytorch2keras/issues/120",
        "bottlenecks",
        "conv1",
        exchange_all(MOVING_MEAN, MOVING_VARIANCE),
    ),
    Fault(
        "statistics-not-loaded",
        "Moving means are zero and variances one, as in a fresh network.",
        "https://github.com/cleinc/bts/issues/90",
        "bottlenecks",
        "conv1",
        Retensor(with_fresh_statistics),
    ),
    Fault(
        "variance-unbiased",
        "The moving variances are n / (n - 1) times the network's, of the unbiased rule for the biased.",
        "https://github.com/pytorch/pytorch/issues/77427",
        "bottlenecks",
        "conv1",
        edit_all(MOVING_VARIANCE, lambda variance: variance * (IN_A_BATCH / (IN_A_BATCH - 1))),
    ),
    Fault(
        "variance-less-epsilon",
        "Epsilon has been taken off the moving variances, as if the file had held their sum.",
        "https://github.com/facebookresearch/detectron2/pull/3160",
        "bottlenecks",
        "conv1",
        edit_all(MOVING_VARIANCE, lambda variance: variance - 1e-5),
    ),
    Fault(
        "gamma-left-out",
        "Gammas are one, as for a batch norm that has none.",
        "https://github.com/tensorflow/models/issues/1001",
        "bottlenecks",
        "conv1",
        edit_all(GAMMA, np.ones_like),
    ),
    Fault(
        "beta-left-out",
        "Betas are zero.",
        "https://github.com/leela-zero/leela-zero/pull/1099",
        "bottlenecks",
        "conv1",
        edit_all(BETA, np.zeros_like),
    ),
    Fault(
        "biases-left-out",
        "Convolutions in front of a batch norm lose the bias that the network gives them.",
        "keras 3.15.1: applications/resnet.py:242",
        "biased",
        "conv1",
        edit_all(BIASES, np.zeros_like),
    ),
    Fault(
        "batch-norms-swapped",
        "A projection has the batch norm of the unit's last convolution, and the other way round.",
        "https://github.com/tensorflow/tfjs-converter/pull/178",
        "bottlenecks",
        "block1/unit_1/bottleneck_v1/shortcut",
        exchange("block1/unit_1/bottleneck_v1/shortcut/BatchNorm", "block1/unit_1/bottleneck_v1/conv3/BatchNorm"),
    ),
    Fault(
        "projection-not-normed",
        "No batch norm follows the projections.",
        "keras 3.15.1: applications/resnet.py:326",
        "bottlenecks",
        "block1/unit_1/bottleneck_v1/shortcut",
        redesign(shortcut_batch_norm=False),
    ),
)
