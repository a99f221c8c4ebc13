"""A small vision transformer: its tensors, and what goes wrong when it is ported.

Images of 32x40 are cut into 4x5 patches of 8x8; two pre-norm blocks of two heads follow, and a head on the class token.
"""

import numpy as np

from benchmarks.model_pairs.networks.drawing import Tensors, drawn
from benchmarks.model_pairs.networks.fault import Fault

PATCH, WIDTH, HIDDEN, HEADS, TOKENS, CLASSES = 8, 24, 48, 2, 21, 7


def _dense(name: str, into: int, out: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (into, out), f"{name}.bias": (out,)}


def _norm(name: str) -> dict[str, tuple[int, ...]]:
    return {f"{name}.gamma": (WIDTH,), f"{name}.beta": (WIDTH,)}


def _shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "embedding.patches.weight": (PATCH, PATCH, 3, WIDTH),
        "embedding.patches.bias": (WIDTH,),
        "embedding.class_token": (1, 1, WIDTH),
        "embedding.positions": (1, TOKENS, WIDTH),
    }
    for block in ("block1", "block2"):
        shapes |= _norm(f"{block}.norm1")
        for layer in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes |= _dense(f"{block}.attention.{layer}", WIDTH, WIDTH)
        shapes |= _norm(f"{block}.norm2")
        shapes |= _dense(f"{block}.mlp.fc1", WIDTH, HIDDEN) | _dense(f"{block}.mlp.fc2", HIDDEN, WIDTH)
    return shapes | _norm("norm") | _dense("head", WIDTH, CLASSES)


SHAPES = _shapes()


def _deviation(name: str, shape: tuple[int, ...]) -> float:
    sharp = 1.5 if ".q_proj." in name or ".k_proj." in name else 1.0
    return float(sharp * np.sqrt(2 / np.prod(shape[:-1])))


def ported(seed: int, fault: str) -> Tensors:
    """What `drawn` draws, as a script brings it to the other framework: with the faults that such scripts make."""
    if fault and fault not in FAULTS:
        raise ValueError(f"no fault {fault!r}")
    tensors = drawn(SHAPES, seed, _deviation)
    match fault:
        case "patches-flattened-channels-first":
            kernel = tensors["embedding.patches.weight"]
            tensors["embedding.patches.weight"] = kernel.reshape(3, PATCH, PATCH, WIDTH).transpose(1, 2, 0, 3)
        case "transposed-output-projection":
            for block in ("block1", "block2"):
                tensors[f"{block}.attention.out_proj.weight"] = tensors[f"{block}.attention.out_proj.weight"].T
    return tensors


_WIRING = r"before|after|order|exchanged|reads the|does not read|also reads"
_ARRANGED = r"reorder|permut|transpos|reshap|interleav|\bheads?\b"
_FACTOR = r"factor|scal|multipl|divi"

FAULTS = {
    # The embedding.
    "column-major-tokens": Fault(r"embedding", r"reorder|permut|transpos|order"),
    "class-token-appended": Fault(r"embedding", r"concatenation|append|prepend|order|exchanged"),
    "positions-before-class-token": Fault(r"embedding", _WIRING),
    "patches-flattened-channels-first": Fault(r"patches", r"reorder|permut|transpos|order|shuffl"),
    # Blocks.
    "post-norm": Fault(r"block1", _WIRING),
    "residual-of-norm": Fault(r"block1", _WIRING),
    "mlp-beside-attention": Fault(r"block1", _WIRING),
    "shared-blocks": Fault(r"block[12]", r"another layer|tensors? of|shared|block1"),
    # Norms.
    "default-epsilon": Fault(r"norm", r"eps"),
    "unbiased-variance": Fault(r"norm", r"factor|scal|varianc|bessel"),
    "missing-final-norm": Fault(r"^$|\bnorm\b|head", r"missing|lacks|does not read|reads the"),
    # Attention.
    "missing-scale": Fault(r"attention", _FACTOR),
    "scale-by-width": Fault(r"attention", _FACTOR),
    "four-heads": Fault(r"attention", r"\bheads?\b|reshap|sizes?|split|factor|groups"),
    "interleaved-heads": Fault(r"attention", _ARRANGED),
    "qkv-by-head": Fault(r"attention", rf"{_ARRANGED}|another layer|tensors? of|outputs of \d+ layers"),
    "unmerged-heads": Fault(r"attention", _ARRANGED),
    "exchanged-query-and-key": Fault(r"attention", r"exchanged|transpos|another layer|tensors? of|reads the"),
    "softmax-over-queries": Fault(r"attention", r"\b(axis|axes|dimensions?|rows|columns)\b|transpos"),
    "missing-qkv-bias": Fault(r"attention", r"\bbias"),
    "transposed-output-projection": Fault(r"attention", r"transpos"),
    # The MLP.
    "gelu-tanh": Fault(r"mlp", r"tanh|approximat"),
    "quick-gelu": Fault(r"mlp", r"quick|sigmoid|silu|swish|1\.702"),
    "gelu-after-both-layers": Fault(r"mlp", r"extra.*(gelu|activation)|(gelu|activation).*extra"),
    # The head.
    "mean-pool": Fault(r"^$|\bnorm\b|head|pool|mean", r"\bmean|pool|average"),
}
