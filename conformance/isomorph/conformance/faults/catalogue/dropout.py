"""Faults of dropout in training: how much is dropped, and how what is left is scaled. Inference is right."""

from isomorph.conformance.faults.changes import redesign
from isomorph.conformance.faults.fault import Fault, LearningSurgery

SHARE = 0.2
"""The share of values that is dropped."""

BEFORE_THE_LOGITS = {"gradients": "logits"}

DROPOUT = (
    Fault(
        "dropout-left-out",
        "Nothing is dropped in training.",
        "https://github.com/Lasagne/Recipes/issues/51",
        "two units, with dropout",
        None,
        redesign(dropout=0.0),
        BEFORE_THE_LOGITS,
    ),
    Fault(
        "dropout-keeps-its-share",
        "What should be dropped is kept, and the rest dropped, as where one framework asks for what the other keeps.",
        "https://github.com/aymericdamien/TensorFlow-Examples/issues/205",
        "two units, with dropout",
        None,
        redesign(dropout=1 - SHARE),
        BEFORE_THE_LOGITS,
    ),
    Fault(
        "dropout-never-scaled",
        "What training leaves is not scaled up, and nothing is scaled down at inference.",
        "https://github.com/rbgirshick/py-faster-rcnn/issues/211",
        "two units, with dropout",
        None,
        LearningSurgery("scale_dropout", {"by": 1 - SHARE}),
        BEFORE_THE_LOGITS,
    ),
    Fault(
        "dropout-scaled-twice",
        "What training leaves is scaled up, and inference scaled down all the same.",
        "https://github.com/clab/dynet/issues/186",
        "two units, downscaled",
        None,
        LearningSurgery("scale_dropout", {"by": 1 / (1 - SHARE)}),
        BEFORE_THE_LOGITS,
    ),
)
