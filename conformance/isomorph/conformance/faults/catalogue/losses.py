"""Faults of the loss: what it is the mean of, of what, and what auxiliary heads count in it."""

from isomorph.conformance.faults.fault import Fault, LearningSurgery, Retrain

FROM_THE_LOSS_ON = {"gradients": "loss", "steps": "conv1/weights"}

LOSSES = (
    Fault(
        "loss-summed",
        "The loss is the sum over the batch instead of the mean.",
        "https://github.com/WongKinYiu/yolov7/issues/1713",
        "two units",
        None,
        LearningSurgery("sum_loss"),
        FROM_THE_LOSS_ON,
    ),
    Fault(
        "softmax-before-loss",
        "The loss, which has a softmax in it, is given what a softmax makes of the answers.",
        "https://github.com/tflearn/tflearn/pull/562",
        "two units",
        None,
        LearningSurgery("soften_answers"),
        FROM_THE_LOSS_ON,
    ),
    Fault(
        "auxiliary-loss-left-out",
        "The losses of auxiliary heads count nothing.",
        "https://github.com/apache/mxnet/issues/2148",
        "twins",
        None,
        Retrain(auxiliary_weight=0.0),
        FROM_THE_LOSS_ON,
    ),
    Fault(
        "auxiliary-loss-weighs-1",
        "The losses of auxiliary heads count as much as the network's own, instead of 0.3 times.",
        "https://github.com/soumith/imagenet-multiGPU.torch/issues/5",
        "twins",
        None,
        Retrain(auxiliary_weight=1.0),
        FROM_THE_LOSS_ON,
    ),
    Fault(
        "auxiliary-loss-weighs-0.4",
        "The losses of auxiliary heads count 0.4 times, as in Inception v3, instead of 0.3 times.",
        "https://github.com/pytorch/vision/issues/302",
        "twins",
        None,
        Retrain(auxiliary_weight=0.4),
        FROM_THE_LOSS_ON,
    ),
)
