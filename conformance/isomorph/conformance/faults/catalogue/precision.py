"""Faults of precision: operands are rounded, as by a device that has been left in a faster mode."""

from dataclasses import replace

from isomorph.conformance.faults.fault import Fault, Redesign, Surgery
from isomorph.spec.convention import as_float32

PRECISION = (
    Fault(
        "tf32-left-on",
        "Convolutions round what they multiply to TF32's 11 bits.",
        "https://github.com/pytorch/pytorch/issues/107514",
        "bottlenecks",
        "conv1",
        Surgery("round_operands", {"bits": 11}),
    ),
    Fault(
        "bfloat16-left-on",
        "Convolutions round what they multiply to bfloat16's 8 bits.",
        "https://github.com/jax-ml/jax/issues/7010",
        "bottlenecks",
        "conv1",
        Surgery("round_operands", {"bits": 8}),
    ),
    Fault(
        "float32-for-float64",
        "Convolutions round what they multiply to float32's 24 bits, which images and kernels in a file have anyway.",
        "https://github.com/jax-ml/jax/issues/9973",
        "bottlenecks",
        "block1/unit_1/bottleneck_v1/shortcut",
        Surgery("round_operands", {"bits": 24}),
    ),
    Fault(
        "constants-in-float32",
        "The input transform's constants have been through float32.",
        "isomorph: backends/keras/layers.py, Affine; of Python's numbers Keras makes float32 first",
        "joins",
        "input_transform",
        Redesign(
            lambda network: network.with_options(
                input_transform=network.input_transform
                and replace(
                    network.input_transform,
                    scale=tuple(map(as_float32, network.input_transform.scale)),
                    shift=tuple(map(as_float32, network.input_transform.shift)),
                )
            )
        ),
    ),
)
