"""Which causes of a diagnosis name a fault, told from what the catalogue says of it and not from what diagnoses say."""

from isomorph.conformance.faults.fault import Fault

CAUSES: dict[str, tuple[str, ...]] = {
    # geometry
    "stride-on-first-1x1": ("stride",),
    "stride-on-3x3": ("stride",),
    "stride-in-first-unit": ("stride",),
    "same-for-explicit": ("padding",),
    "explicit-for-same": ("padding",),
    "pool-padded-1-1": ("pool padding",),
    "pool-padded-0-1": ("pool padding",),
    "pool-same-on-odd-maps": (),
    "pool-not-padded": ("pool padding",),
    "pool-floor-for-ceil": ("pool padding",),
    "pool-ceil-for-floor": ("pool padding",),
    "pool-zero-for-lowest": ("pool padded with",),
    "pool-lowest-for-zero": ("pool padded with",),
    "pool-zero-behind-relu": (),
    "depthwise-padded-behind": ("padding",),
    "depthwise-padded-alike": ("padding",),
    "rate-for-stride": ("stride", "rate"),
    "rate-ignored": ("rate",),
    "rate-too-early": ("rate",),
    "rate-not-multiplied": ("rate",),
    "inception-3x3-for-5x5": ("kernel",),
    "unit-skipped": ("stride", "missing unit"),  # the unit before the one that is left out strides in its place
    "classes-1001": ("depth",),
    "dense-map-not-pooled": ("missing mean",),
    # normalisation
    "epsilon-1e-3": ("epsilon",),
    "epsilon-1e-5": ("epsilon",),
    "epsilon-2e-5": ("epsilon",),
    "epsilon-1.001e-5": ("epsilon",),
    "gamma-beta-swapped": ("beta and gamma exchanged",),
    "mean-variance-swapped": ("moving_mean and moving_variance exchanged",),
    "statistics-not-loaded": ("not loaded",),
    "variance-unbiased": ("times a factor",),
    "variance-less-epsilon": ("off by a constant",),
    "gamma-left-out": ("not loaded",),
    "beta-left-out": ("not loaded",),
    "biases-left-out": ("not loaded",),
    "batch-norms-swapped": ("another layer's tensors",),
    "projection-not-normed": ("missing batch norm",),
    # tensors
    "kernel-transposed-hw": ("transposed in space",),
    "kernel-transposed-io": ("transposed",),
    "kernel-flipped": ("flipped",),
    "groups-interleaved": ("groups interleaved",),
    "depthwise-reshaped": ("reshaped",),
    "dense-flattened-nchw": ("flatten order",),
    "dense-transposed": ("transposed",),
    "classes-shifted": ("outputs shifted",),
    "bgr-for-rgb": ("BGR",),
    "logits-biases-left-out": ("not loaded",),
    "units-swapped": ("another layer's tensors",),
    "auxiliary-heads-swapped": ("another layer's tensors",),
    "weights-tied": ("another layer's tensors",),
    "weight-off-by-1e-3": ("few values",),
    "weights-in-float16": ("cast",),
    # wiring
    "relu6-for-relu": ("ReLU6 for ReLU",),
    "relu-for-relu6": ("ReLU for ReLU6",),
    "relu-missing-in-stem": ("missing ReLU",),
    "relu-missing-behind-sum": ("missing ReLU",),
    "relu-missing-in-depthwise": ("missing ReLU6",),
    "relu-before-sum": ("extra ReLU",),
    "relu-in-shortcut": ("extra ReLU",),
    "relu-on-linear-bottleneck": ("extra ReLU6",),
    "relu-before-batch-norm": ("ReLU before batch norm",),
    "relu-behind-convolutions": ("extra ReLU",),
    "identity-behind-preact": ("reads another",),
    "projection-before-preact": ("reads another",),
    "residual-left-out": ("not loaded",),
    "shortcuts-left-out": ("missing layer", "missing sum"),
    "projection-for-zeros": ("convolution and batch norm for padding",),
    "auxiliary-relu-missing": ("missing ReLU",),
    "auxiliary-pool-fixed": ("average pool for adaptive pool",),
    "input-not-transformed": ("images",),
    "input-shifted-as-bgr": ("BGR",),
    "softmax-twice": ("extra softmax",),
    # modes
    "dropout-left-on": ("extra dropout",),
    "dropout-not-scaled": ("missing factor",),
    "dropout-scaled": ("extra factor",),
    "batch-norm-in-training": ("training batch norm",),
    # precision
    "tf32-left-on": ("precision",),
    "bfloat16-left-on": ("precision",),
    "float32-for-float64": ("precision",),
    "constants-in-float32": ("cast",),
}
"""Fault of inference -> the causes that a diagnosis has to name, all of them, in the order of the network.

The first of them stands at the fault's place. None for a fault that changes nothing.
"""

WITHOUT_HEADS = {"dropout-not-scaled": "logits"}
"""Fault in an auxiliary head and elsewhere, too -> its first place in a network that does not run its heads."""


def place_in(fault: Fault, heads: frozenset[str]) -> str | None:
    """Return the place of a fault in a network that runs some of its auxiliary heads alone; None where it has none.

    heads: scopes of the ones that run.
    """
    place = fault.place
    scopes = {head.scope for head in fault.case.network.auxiliary}
    is_run = place is None or place.partition("/")[0] not in scopes - heads
    return place if is_run else WITHOUT_HEADS.get(fault.name)
