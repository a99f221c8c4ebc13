"""Faults of wiring: activations, shortcuts, heads, and what reads what."""

from dataclasses import replace

import numpy as np

from isomorph.conformance.faults.changes import edit, redesign
from isomorph.conformance.faults.fault import Fault, Redesign, Surgery

UNIT = "block1/unit_1/bottleneck_v1"

WIRING = (
    Fault(
        "relu6-for-relu",
        "ReLU6 stands for ReLU.",
        "https://github.com/titu1994/MobileNetworks/issues/3",
        "dense",
        "block1",
        redesign(activation="relu6"),
    ),
    Fault(
        "relu-for-relu6",
        "ReLU stands for ReLU6.",
        "https://github.com/microsoft/MMdnn/issues/72",
        "dense, with ReLU6",
        "block1",
        redesign(activation="relu"),
    ),
    Fault(
        "relu-missing-in-stem",
        "No ReLU follows the first convolution.",
        "https://github.com/google/flax/pull/343",
        "bottlenecks",
        "conv1",
        Surgery("set_activation", {"scope": "conv1", "activation": None}),
    ),
    Fault(
        "relu-missing-behind-sum",
        "No ReLU follows the sum of a unit.",
        "https://github.com/ajbrock/BoilerPlate/issues/2",
        "bottlenecks",
        UNIT,
        Surgery("set_activation", {"scope": UNIT, "activation": None}),
    ),
    Fault(
        "relu-missing-in-depthwise",
        "No activation follows a depthwise convolution.",
        "https://github.com/ildoonet/tf-pose-estimation/issues/279",
        "separable",
        "block1/unit_1/separable/depthwise",
        Surgery("set_activation", {"scope": "block1/unit_1/separable/depthwise", "activation": None}),
    ),
    Fault(
        "relu-before-sum",
        "A ReLU too many stands between a unit's last convolution and the sum.",
        "https://github.com/kuangliu/pytorch-cifar/issues/4",
        "bottlenecks",
        f"{UNIT}/conv3",
        Surgery("set_activation", {"scope": f"{UNIT}/conv3", "activation": "relu"}),
    ),
    Fault(
        "relu-in-shortcut",
        "A ReLU too many stands between a projection and the sum.",
        "https://github.com/keras-team/keras/issues/14953",
        "bottlenecks",
        f"{UNIT}/shortcut",
        Surgery("set_activation", {"scope": f"{UNIT}/shortcut", "activation": "relu"}),
    ),
    Fault(
        "relu-on-linear-bottleneck",
        "An activation follows the last 1x1 of an inverted residual, which is linear.",
        "https://github.com/tensorflow/tensorflow/issues/50835",
        "inverted",
        "block1/unit_1/inverted_residual/project",
        Surgery("set_activation", {"scope": "block1/unit_1/inverted_residual/project", "activation": "relu6"}),
    ),
    Fault(
        "relu-before-batch-norm",
        "The activation stands between convolution and batch norm instead of behind both.",
        "https://github.com/keras-team/keras/issues/4618",
        "bottlenecks",
        "conv1",
        Surgery("activate_first", {"scope": "conv1"}),
    ),
    Fault(
        "relu-behind-convolutions",
        "A ReLU follows every convolution, where the network has them behind concatenations alone.",
        "paddlepaddle 3.3.1: vision/models/googlenet.py:126",
        "joins",
        "conv1",
        redesign(activation_after="convolutions"),
    ),
    Fault(
        "identity-behind-preact",
        "The identity shortcut of a pre-activation unit starts behind the first batch norm instead of before it.",
        "https://github.com/tensorflow/models/issues/841",
        "preactivated",
        "block1/unit_3/bottleneck_v2",
        Surgery(
            "read_behind",
            {"scope": "block1/unit_3/bottleneck_v2/shortcut", "other": "block1/unit_3/bottleneck_v2/preact"},
        ),
    ),
    Fault(
        "projection-before-preact",
        "The projection of a pre-activation unit starts before the first batch norm instead of behind it.",
        "https://github.com/kuangliu/pytorch-cifar/issues/9",
        "preactivated",
        "block1/unit_1/bottleneck_v2/shortcut",
        Surgery(
            "read_before",
            {"scope": "block1/unit_1/bottleneck_v2/shortcut", "other": "block1/unit_1/bottleneck_v2/preact"},
        ),
    ),
    Fault(
        "residual-left-out",
        "A unit passes its input on: the gammas that training began with zeros were not loaded.",
        "torchvision 0.28.0: models/resnet.py:218, zero_init_residual",
        "alike",
        "block1/unit_2/bottleneck_v1/conv3",
        edit("block1/unit_2/bottleneck_v1/conv3/BatchNorm/gamma", np.zeros_like),
    ),
    Fault(
        "shortcuts-left-out",
        "Nothing is added to a unit's residual.",
        "https://github.com/delira-dev/delira/issues/91",
        "bottlenecks",
        f"{UNIT}/shortcut",
        redesign(shortcut="none"),
    ),
    Fault(
        "projection-for-zeros",
        "A projection stands for the shortcut that adds channels of zeros.",
        "https://github.com/ethanhe42/resnet-cifar10-caffe/issues/15",
        "zero channels",
        "block2/unit_1/basic_v1/shortcut",
        redesign(shortcut="projection"),
    ),
    Fault(
        "auxiliary-relu-missing",
        "No ReLU follows an auxiliary head's dense layer.",
        "paddlepaddle 3.3.1: vision/models/googlenet.py:252",
        "joins",
        "aux1/fc1",
        Redesign(
            lambda network: network.with_options(
                auxiliary=(replace(network.auxiliary[0], rectified=False), network.auxiliary[1])
            )
        ),
    ),
    Fault(
        "auxiliary-pool-fixed",
        "An auxiliary head's pool has windows of 5x5, of whatever size the map is, instead of covering it.",
        "torchvision 0.28.0: models/googlenet.py, InceptionAux",
        "twins",
        "aux1/pool",
        Redesign(
            lambda network: network.with_options(
                auxiliary=tuple(replace(head, pool=(5, 3)) for head in network.auxiliary)
            )
        ),
    ),
    Fault(
        "input-not-transformed",
        "The images are not transformed in front of the first layer, as pretrained weights want.",
        "https://github.com/pytorch/vision/issues/4136",
        "joins",
        "input_transform",
        redesign(input_transform=None),
    ),
    Fault(
        "input-shifted-as-bgr",
        "The images are shifted by means that stand in the order blue, green, red.",
        "https://github.com/yhenon/keras-frcnn/issues/218",
        "joins",
        "input_transform",
        Redesign(
            lambda network: network.with_options(
                input_transform=network.input_transform
                and replace(network.input_transform, shift=network.input_transform.shift[::-1])
            )
        ),
    ),
    Fault(
        "softmax-twice",
        "Logits have been through a softmax already.",
        "https://github.com/jaehong31/CGES/issues/1",
        "bottlenecks",
        "logits",
        Surgery("set_activation", {"scope": "logits", "activation": "softmax"}),
    ),
)
