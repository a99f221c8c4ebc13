"""Faults of the backward pass, whose forward pass is right to the bit."""

import numpy as np

from isomorph.conformance.faults.fault import Fault, LearningSurgery

UNIT = "units/unit_2/basic_v1"

CELLS = 7 * 8
"""The cells of the map that the two units' global pool averages."""

WITH_BORDER = 9 * 10
"""The cells of the same map with one cell of padding on each side."""

# Before the kink there is a gamma of zero, through which no gradient passes: only it and its beta learn otherwise. In
# the backward pass beta comes first, in network order gamma.
ON_A_KINK = {"gradients": f"{UNIT}/conv1/BatchNorm/beta", "steps": f"{UNIT}/conv1/BatchNorm/gamma"}

BEHIND_THE_POOL = {"gradients": f"{UNIT}/conv2/BatchNorm/beta", "steps": "conv1/weights"}

GRADIENTS = (
    Fault(
        "relu-slope-1-at-0",
        "The gradient of ReLU at zero is one.",
        "https://github.com/tensorflow/playground/issues/19",
        "two units",
        None,
        LearningSurgery("set_slope_at", {"bend": 0.0, "slope": 1.0}),
        ON_A_KINK,
    ),
    Fault(
        "relu-slope-half-at-0",
        "The gradient of ReLU at zero is a half, as of a maximum that shares it out among equals.",
        "https://github.com/jax-ml/jax/issues/37821",
        "two units",
        None,
        LearningSurgery("set_slope_at", {"bend": 0.0, "slope": 0.5}),
        ON_A_KINK,
    ),
    Fault(
        "relu6-slope-1-at-6",
        "The gradient of ReLU6 at six is one, as of a clipping.",
        "https://github.com/Oneflow-Inc/OneFlow-Benchmark/issues/166",
        "two units, with ReLU6",
        None,
        LearningSurgery("set_slope_at", {"bend": 6.0, "slope": 1.0}),
        ON_A_KINK,
    ),
    Fault(
        "relu6-slope-half-at-6",
        "The gradient of ReLU6 at six is a half, as of a minimum that shares it out among equals.",
        "https://github.com/tinygrad/tinygrad/pull/18029",
        "two units, with ReLU6",
        None,
        LearningSurgery("set_slope_at", {"bend": 6.0, "slope": 0.5}),
        ON_A_KINK,
    ),
    Fault(
        "statistics-as-constants",
        "Batch norm's gradient takes a batch's mean and variance for constants.",
        "https://github.com/deeplearning4j/deeplearning4j/pull/8379",
        "two units",
        None,
        LearningSurgery("hold_statistics"),
        {"gradients": f"{UNIT}/conv2/weights", "steps": "conv1/weights"},
    ),
    Fault(
        "pool-gradient-padded",
        "The average pool's gradient is shared out among cells of padding, too, which its mean leaves out.",
        "https://github.com/tracel-ai/burn/issues/5604",
        "two units",
        None,
        LearningSurgery("scale_gradient", {"scope": "global_pool", "by": CELLS / WITH_BORDER}),
        BEHIND_THE_POOL,
    ),
    Fault(
        "pool-gradient-in-float32",
        "The average pool's gradient is weighed by a float32 number.",
        "isomorph: backends/paddle/layers.py, AvgPool2D; Paddle's own pools do so in float64, too",
        "two units",
        None,
        LearningSurgery("scale_gradient", {"scope": "global_pool", "by": float(np.float32(1 / CELLS)) * CELLS}),
        BEHIND_THE_POOL,
    ),
    Fault(
        "auxiliary-head-detached",
        "What an auxiliary head learns from ends at the head, and the trunk below has none of it.",
        "https://github.com/wudongming97/TopoMLP/issues/21",
        "twins",
        None,
        LearningSurgery("scale_gradient", {"scope": "aux1/conv", "by": 0.0}),
        {"gradients": "block1/unit_1/inception/branch4/BatchNorm/beta", "steps": "conv1/weights"},
    ),
)
