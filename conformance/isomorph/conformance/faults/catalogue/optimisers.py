"""Faults of the optimiser: its momentum, its velocity and its L2 term. Gradients and running statistics are right."""

from dataclasses import replace

from isomorph.conformance.faults.fault import Fault, LearningSurgery, Retrain
from isomorph.spec.tensors import BETA, BIASES, GAMMA, WEIGHTS

FIRST = {"steps": "conv1/weights"}

OPTIMISERS = (
    Fault(
        "momentum-dampened",
        "What enters the velocity is 1 - momentum of the gradient.",
        "https://github.com/torch/optim/issues/163",
        "two units",
        None,
        LearningSurgery("dampen"),
        FIRST,
    ),
    Fault(
        "nesterov",
        "Momentum is Nesterov's.",
        "https://github.com/AtheMathmo/rusty-machine/pull/190",
        "two units",
        None,
        LearningSurgery("use_nesterov"),
        FIRST,
    ),
    Fault(
        "velocity-forgotten",
        "Each step starts from rest, as from a checkpoint without the optimiser's state.",
        "https://github.com/AlexeyAB/darknet/issues/6720",
        "two units",
        None,
        Retrain(carried=0.0),
        FIRST,
    ),
    Fault(
        "velocity-at-old-rate",
        "The velocity has the learning rate of earlier steps in it, which has been halved since.",
        "https://github.com/apache/mxnet/issues/15533",
        "two units",
        None,
        Retrain(carried=2.0),
        FIRST,
    ),
    Fault(
        "decay-decoupled",
        "Weight decay shrinks kernels past the velocity, where the network has an L2 term in the gradient.",
        "https://github.com/leondgarse/Keras_insightface/issues/5",
        "two units",
        None,
        LearningSurgery("decouple_decay"),
        {"steps": "velocity of conv1/weights"},  # from rest the first step ends where it should
    ),
    Fault(
        "l2-on-all-tensors",
        "Biases, gammas and betas have an L2 term, too.",
        "https://github.com/pytorch/pytorch/issues/1402",
        "two units",
        None,
        Retrain(lambda sgd: replace(sgd, decayed=(WEIGHTS, BIASES, GAMMA, BETA))),
        {"steps": "conv1/BatchNorm/gamma"},
    ),
    Fault(
        "l2-left-out",
        "Nothing has an L2 term.",
        "https://github.com/tinghuiz/SfMLearner/issues/34",
        "two units",
        None,
        Retrain(lambda sgd: replace(sgd, l2=0.0)),
        FIRST,
    ),
    Fault(
        "l2-doubled",
        "The L2 term is twice as large, as that of Keras's l2(x), which is x times the square and not half of it.",
        "https://github.com/titu1994/DenseNet/issues/57",
        "two units",
        None,
        Retrain(lambda sgd: replace(sgd, l2=2 * sgd.l2)),
        FIRST,
    ),
    Fault(
        "l2-halved",
        "The L2 term is half as large, as half of a decay that had no two to take away.",
        "https://github.com/tensorpack/tensorpack/issues/1381",
        "two units",
        None,
        Retrain(lambda sgd: replace(sgd, l2=sgd.l2 / 2)),
        FIRST,
    ),
)
