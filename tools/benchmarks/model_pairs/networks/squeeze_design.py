"""A small network with squeeze-and-excitation, after MobileNetV3: its tensors, and what goes wrong when it is ported.

The stem, a 3x3 convolution of stride 2, reads images of 32x40; four inverted bottlenecks follow, then the head.
"""

import numpy as np

from benchmarks.model_pairs.networks.drawing import Tensors, drawn
from benchmarks.model_pairs.networks.fault import Fault

# Channels in, expanded, kernel of the depthwise convolution, channels that the gate is squeezed to (0: no gate), out.
BLOCKS = {
    "block1": (12, 20, 3, 8, 12),
    "block2": (12, 32, 3, 0, 16),
    "block3": (16, 48, 5, 12, 20),
    "block4": (20, 48, 5, 12, 20),
}


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.{tensor}": (width,) for tensor in ("gamma", "beta", "mean", "variance")}


def _dense(name: str, into: int, out: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (into, out), f"{name}.bias": (out,)}


def _shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"stem.conv.weight": (3, 3, 3, 12)} | _norm("stem.norm", 12)
    for name, (into, expanded, kernel, reduced, out) in BLOCKS.items():
        shapes |= {f"{name}.expand.weight": (1, 1, into, expanded)} | _norm(f"{name}.norm1", expanded)
        shapes |= {f"{name}.depthwise.weight": (kernel, kernel, expanded, 1)} | _norm(f"{name}.norm2", expanded)
        if reduced:
            shapes |= _dense(f"{name}.squeeze.reduce", expanded, reduced)
            shapes |= _dense(f"{name}.squeeze.excite", reduced, expanded)
        shapes |= {f"{name}.project.weight": (1, 1, expanded, out)} | _norm(f"{name}.norm3", out)
    return shapes | _dense("hidden", 20, 40) | _dense("classifier", 40, 9)


SHAPES = _shapes()


def _deviation(name: str, shape: tuple[int, ...]) -> float:
    fan_in = int(np.prod(shape[:2] if ".depthwise." in name else shape[:-1]))
    return float(np.sqrt(2 / fan_in))


def ported(seed: int, fault: str, style: str) -> Tensors:
    """What `drawn` draws, as a script brings it to the other framework: with the faults that such scripts make."""
    if style:
        raise ValueError(f"no style {style!r}")
    if fault and fault not in FAULTS:
        raise ValueError(f"no fault {fault!r}")
    tensors = drawn(SHAPES, seed, _deviation)
    match fault:
        case "bgr-images":
            tensors["stem.conv.weight"] = tensors["stem.conv.weight"][:, :, ::-1]
        case "transposed-depthwise-kernel":
            tensors["block3.depthwise.weight"] = tensors["block3.depthwise.weight"].transpose(1, 0, 2, 3)
        case "norms-by-position":
            for tensor in ("gamma", "beta", "mean", "variance"):
                one, two = f"block4.norm1.{tensor}", f"block4.norm2.{tensor}"
                tensors[one], tensors[two] = tensors[two], tensors[one]
        case "background-class-last":
            for tensor in ("weight", "bias"):
                tensors[f"classifier.{tensor}"] = np.roll(tensors[f"classifier.{tensor}"], -1, axis=-1)
    return tensors


_ORDER = r"before|after|order|exchanged|reads the"

FAULTS = {
    # Attributes.
    "same-pads-in-strided-convolutions": Fault(r"stem", r"pad"),  # and in block2 and block3
    "default-epsilon": Fault(r"norm", r"eps"),
    "stride-on-expansion": Fault(r"block2", r"stride"),
    "dilated-last-block": Fault(r"block4", r"dilat|\brates?\b|atrous"),
    # Activations.
    "hard-sigmoid-of-old-keras": Fault(r"block1", r"slope|\b0\.2\b|\b1\.2\b|factor|scaled?\b"),
    "sigmoid-in-gates": Fault(r"block1", r"\bsigmoid"),
    "swish-for-hard-swish": Fault(r"stem", r"silu|(?<!hard[ _-])swish"),
    "hard-swish-in-squeeze": Fault(r"block1", r"hard[ _-]?(swish|silu)"),
    "activation-after-projection": Fault(r"block1", r"extra.*(relu|activation)|(relu|activation).*extra"),
    # Orders.
    "activation-before-norm": Fault(r"stem", _ORDER),
    "squeeze-before-activation": Fault(r"block1", _ORDER),
    "residual-before-norm": Fault(r"block1", _ORDER),
    "mean-after-hidden": Fault(r"hidden|mean|pool", _ORDER),
    # Gates.
    "squeeze-by-max": Fault(r"block1", r"\bmax"),
    "squeeze-over-rows": Fault(
        r"block1", r"\b(axis|axes|dimensions?|kernel|sizes?|rows|columns)\b|over \d+ num|pool to"
    ),
    "missing-squeeze": Fault(r"block3", r"missing|lacks|does not read|reads the"),
    "shared-squeeze": Fault(r"block[34]", r"another layer|tensors? of|shared|block3"),
    "dropped-bias-of-reduction": Fault(r"reduce", r"bias"),
    # Residuals and scales.
    "missing-residual": Fault(r"block4", r"missing|lacks|does not (read|add)|reads the"),
    "survival-factor": Fault(r"block4", r"factor|scale|multipl|product|\b0\.8\b"),
    "rescaling-in-model": Fault(r"stem|scal|image|input|^$", r"times|extra|scal|factor|off by|times"),
    # Tensors.
    "bgr-images": Fault(r"stem", r"revers|permut|flip|reorder"),
    "transposed-depthwise-kernel": Fault(r"block3\.depthwise", r"transpos"),
    "norms-by-position": Fault(r"block4\.norm[12]", r"another layer|tensors? of|exchanged"),
    "background-class-last": Fault(r"classifier", r"permut|roll|shift|order"),
}
