"""Faults of running statistics: whether they follow a batch, when, and how far."""

from isomorph.conformance.faults.changes import redesign
from isomorph.conformance.faults.fault import Fault, LearningSurgery

MEAN, VARIANCE = "conv1/BatchNorm/moving_mean", "conv1/BatchNorm/moving_variance"

RUNNING_STATISTICS = (
    Fault(
        "decay-for-momentum",
        "Batch norm's decay is 0.1, PyTorch's momentum, instead of 0.9.",
        "https://github.com/pytorch/examples/issues/289",
        "two units",
        None,
        redesign(batch_norm_decay=0.1),
        {"statistics": MEAN, "steps": MEAN},
    ),
    Fault(
        "decay-0.99",
        "Batch norm's decay is 0.99, Keras's default, instead of 0.9.",
        "https://github.com/keras-team/keras/issues/6839",
        "two units",
        None,
        redesign(batch_norm_decay=0.99),
        {"statistics": MEAN, "steps": MEAN},
    ),
    Fault(
        "running-variance-biased",
        "Running variances follow the biased variance of a batch instead of the unbiased.",
        "https://github.com/ml-explore/mlx/pull/3817",
        "two units",
        None,
        redesign(running_variance="biased"),
        {"statistics": VARIANCE, "steps": VARIANCE},
    ),
    Fault(
        "running-variance-unbiased",
        "Running variances follow the unbiased variance of a batch instead of the biased.",
        "https://github.com/rwth-i6/returnn/issues/1539",
        "two units, biased rule",
        None,
        redesign(running_variance="unbiased"),
        {"statistics": VARIANCE, "steps": VARIANCE},
    ),
    Fault(
        "statistics-never-follow",
        "Running statistics stay as they are in training.",
        "https://github.com/tensorflow/tensorflow/issues/11965",
        "two units",
        None,
        redesign(batch_norm_decay=1.0),
        {"statistics": MEAN, "steps": MEAN},
    ),
    Fault(
        "statistics-follow-twice",
        "Running statistics follow each batch twice, as where activations are computed again for the backward pass.",
        "https://github.com/pytorch/pytorch/issues/96136",
        "two units, biased rule",
        None,
        LearningSurgery("follow_in_training"),
        {"statistics": MEAN, "steps": MEAN},
    ),
    Fault(
        "moved-at-inference",
        "Running statistics follow what is seen at inference, too.",
        "https://github.com/mf1024/Batch-Renormalization-PyTorch/issues/1",
        "two units, biased rule",
        None,
        LearningSurgery("follow_at_inference"),
        {"statistics": MEAN},
    ),
    Fault(
        "frozen-yet-following",
        "The running statistics of frozen batch norms follow all the same.",
        "https://github.com/keras-team/keras/issues/6570",
        "two units, frozen",
        None,
        LearningSurgery("follow_in_training"),
        {"statistics": MEAN, "steps": MEAN},
    ),
    Fault(
        "frozen-unasked",
        "Batch norms use their running statistics in training, too, and leave them as they are.",
        "https://github.com/isht7/pytorch-deeplab-resnet/issues/39",
        "two units",
        None,
        LearningSurgery("leave_in_inference"),
        {"gradients": "loss", "statistics": MEAN, "steps": "conv1/weights"},
    ),
)
