"""A small U-Net, after Ronneberger et al. 2015 in today's habits: its tensors, and what goes wrong when it is ported.

Three levels: encoder1 and encoder2 are pooled and kept for the way up, encoder3 is the bottom; up2 is a transposed
convolution, up1 a bilinear resize with a convolution; both decoders read what the encoder kept, then what came up.
"""

import numpy as np

from benchmarks.model_pairs.networks.drawing import Tensors, drawn
from benchmarks.model_pairs.networks.fault import Fault

# Channels in, out.
BLOCKS = {"encoder1": (3, 8), "encoder2": (8, 16), "encoder3": (16, 32), "decoder2": (32, 16), "decoder1": (16, 8)}


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.{tensor}": (width,) for tensor in ("gamma", "beta", "mean", "variance")}


def _conv(name: str, kernel: int, into: int, out: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (kernel, kernel, into, out), f"{name}.bias": (out,)}


def _shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for name, (into, out) in BLOCKS.items():
        shapes |= {f"{name}.conv1.weight": (3, 3, into, out)} | _norm(f"{name}.norm1", out)
        shapes |= {f"{name}.conv2.weight": (3, 3, out, out)} | _norm(f"{name}.norm2", out)
    return shapes | _conv("up2", 4, 32, 16) | _conv("up1.conv", 3, 16, 8) | _conv("output", 1, 8, 5)


SHAPES = _shapes()


def _deviation(name: str, shape: tuple[int, ...]) -> float:
    reached = 4 if name == "up2.weight" else 1  # the outputs among which stride 2 divides a kernel's places
    return float(np.sqrt(2 * reached / np.prod(shape[:-1])))


def ported(seed: int, fault: str, style: str) -> Tensors:
    """What `drawn` draws, as a script brings it to the other framework: with the faults that such scripts make."""
    if style:
        raise ValueError(f"no style {style!r}")
    if fault and fault not in FAULTS:
        raise ValueError(f"no fault {fault!r}")
    tensors = drawn(SHAPES, seed, _deviation)
    norms = [f"{block}.{norm}" for block in BLOCKS for norm in ("norm1", "norm2")]
    match fault:
        case "flipped-kernel-of-upsampling":
            tensors["up2.weight"] = tensors["up2.weight"][::-1, ::-1]
        case "kernels-of-other-path":
            one, two = "encoder1.conv2.weight", "decoder1.conv2.weight"
            tensors[one], tensors[two] = tensors[two], tensors[one]
        case "gammas-as-betas":
            for norm in norms:
                one, two = f"{norm}.gamma", f"{norm}.beta"
                tensors[one], tensors[two] = tensors[two], tensors[one]
        case "deviations-for-variances":
            for norm in norms:
                tensors[f"{norm}.variance"] = np.sqrt(tensors[f"{norm}.variance"])
    return tensors


_ORDER = r"before|after|order|exchanged"
_WIRE = r"reads|reading|instead of"

FAULTS = {
    # Attributes.
    "epsilon-of-keras": Fault(r"norm", r"eps"),
    "reflected-pads": Fault(r"encoder1", r"reflect|fill|pad"),  # and in the other blocks
    "crop-of-upsampling": Fault(r"up2", r"pad|crop"),
    "mean-pools": Fault(r"pool|encoder", r"mean|average|avg"),
    "overlapping-pools": Fault(r"pool|encoder", r"kernel|window|pool[ _]size"),
    "stride-for-pool": Fault(r"encoder3|pool2", r"stride|(missing|lacks).*pool|pool.*missing"),
    "aligned-corners": Fault(r"up1", r"corner"),
    "nearest-resize": Fault(r"up1", r"nearest"),
    # Activations.
    "leaky-relu-in-encoder": Fault(r"encoder1", r"leaky|slope"),
    "softmax-in-model": Fault(r"output|softmax|^$", r"softmax"),
    # Orders.
    "activation-before-norm": Fault(r"encoder1", _ORDER),
    "resize-after-convolution": Fault(r"up1", _ORDER),
    "concatenation-order": Fault(r"decoder|concat|^$", r"order|exchanged|swapped"),
    # Wiring.
    "skip-before-activation": Fault(r"decoder|concat|encoder[12]|^$", rf"{_WIRE}|{_ORDER}"),
    "skip-of-first-convolution": Fault(r"decoder|concat|encoder[12]|^$", _WIRE),
    "skip-overwritten": Fault(r"decoder1|concat|encoder1|^$", _WIRE + r"|does not read|twice"),
    "shared-norm": Fault(r"norm|encoder1", r"another layer|tensors? of|shared|norm1"),
    # Layers.
    "missing-norm": Fault(r"encoder3", r"missing|lacks|without"),
    "missing-bias-of-upsampling": Fault(r"up2", r"bias"),
    "batch-statistics": Fault(r"norm|encoder1", r"statistic|training|moving|running|instance"),
    "dropout-scales": Fault(r"dropout|encoder3|up2|^$", r"factor|scal|multipl|product|\b0\.8\b"),
    # Tensors.
    "flipped-kernel-of-upsampling": Fault(r"up2", r"flip|revers|mirror|rotat"),
    "kernels-of-other-path": Fault(r"(encoder1|decoder1)\.conv2", r"another layer|tensors? of|exchanged|swapped"),
    "gammas-as-betas": Fault(r"norm", r"gamma.*beta|beta.*gamma|exchanged|swapped"),
    "deviations-for-variances": Fault(r"norm", r"varianc|deviation"),
}
