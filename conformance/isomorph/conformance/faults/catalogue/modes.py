"""Faults of mode: what is for training is on at inference."""

from isomorph.conformance.faults.changes import redesign
from isomorph.conformance.faults.fault import Fault, Surgery

MODES = (
    Fault(
        "dropout-left-on",
        "Dropout drops at inference.",
        "https://github.com/facebookresearch/DME/issues/3",
        "dense",
        "fc7",
        Surgery("leave_in_training", {"kind": "dropout"}),
    ),
    Fault(
        "dropout-not-scaled",
        "Dropout leaves inference as it is, where the network scales it by what training drops.",
        "paddlepaddle 3.3.1: vision/models/googlenet.py:193",
        "joins",
        "aux1/fc1",
        redesign(dropout_mode="upscale_in_train"),
    ),
    Fault(
        "dropout-scaled",
        "Inference is scaled by what training drops, where the network scales training.",
        "paddlepaddle 3.3.1: vision/models/googlenet.py:193",
        "dense",
        "fc7",
        redesign(dropout_mode="downscale_in_infer"),
    ),
    Fault(
        "batch-norm-in-training",
        "Batch norms use the statistics of the images at hand.",
        "https://github.com/fxia22/pointnet.pytorch/pull/19",
        "bottlenecks",
        "conv1",
        Surgery("leave_in_training", {"kind": "batch_norm"}),
    ),
)
