"""The modes in which a user may run a network: each has a name, and options of `build`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from isomorph.backends.options import Options
from isomorph.spec import BadInput
from isomorph.spec.errors import did_you_mean

TF32 = "tf32"
"""A setting of a whole process, not an option of `build`: `Backend.use_tf32`."""

# Word in a mode's name -> options. A name has a word of each row, in this order; "" is left out.
WORDS: tuple[Mapping[str, Mapping[str, Any]], ...] = (
    {
        "eager": {},
        "graph": {"compiled": "graph"},
        "xla": {"compiled": "xla"},
        "engine": {"compiled": "engine"},
    },
    {"": {}, "nchw": {"layout": "NCHW"}, "nhwc": {"layout": "NHWC"}},
    {"": {}, "folded": {"fold_batch_norm": True}},
    {"": {}, "bfloat16": {"autocast": "bfloat16"}, "float16": {"autocast": "float16"}, "tf32": {TF32: True}},
)


@dataclass(frozen=True)
class Mode:
    """A way to run a network.

    name: "eager", "eager-nchw", "graph-folded-bfloat16".
    options: of `Backend.build`.
    tf32: whether GPUs round the operands of float32's products to TF32.
    """

    name: str
    options: Mapping[str, Any]
    tf32: bool

    def precision(self, options: Options) -> str:
        """Return the precision in which it computes with these resolved options: "tf32", or one of DTYPES."""
        return TF32 if self.tf32 else options.precision


def _all_modes() -> dict[str, Mode]:
    modes: dict[str, Mode] = {}
    for choices in product(*(row.items() for row in WORDS)):
        name = "-".join(word for word, _ in choices if word)
        options = {key: value for _, row in choices for key, value in row.items()}
        modes[name] = Mode(name, options, tf32=options.pop(TF32, False))
    return modes


MODES = _all_modes()

USUAL = (
    "eager",
    "eager-nchw",
    "eager-nhwc",
    "eager-folded",
    "eager-bfloat16",
    "eager-tf32",
    "graph",
    "graph-nchw",
    "graph-folded",
    "graph-folded-bfloat16",
    "xla",
    "xla-folded",
    "engine",
    "engine-nhwc",
    "engine-folded",
)
"""The modes that are measured when none is named, where a framework has their compiler, layout and, for TF32, a GPU."""


def choose_modes(names: Sequence[str] | None) -> tuple[tuple[Mode, ...], Mapping[str, str]]:
    """Return the modes of these names, or the usual ones, and for each unknown name why there is no such mode.

    >>> from isomorph.tools.benching.modes import choose_modes
    >>> (mode,), unknown = choose_modes(["graph-folded-bfloat16", "grph"])
    >>> mode.options
    {'compiled': 'graph', 'fold_batch_norm': True, 'autocast': 'bfloat16'}
    >>> unknown
    {'grph': "There is no mode 'grph'; did you mean graph or ...

    Raises BadInput where all names are unknown.
    """
    chosen = list(dict.fromkeys(USUAL if names is None else names))
    if not chosen:
        raise BadInput(f"No mode was named; expected some of {', '.join(USUAL)}.")
    unknown = {name: _unknown(name) for name in chosen if name not in MODES}
    if len(unknown) == len(chosen):
        raise BadInput(unknown[chosen[0]])
    return tuple(MODES[name] for name in chosen if name in MODES), unknown


def _unknown(name: str) -> str:
    hint = did_you_mean(name, MODES, f"there are {', '.join(USUAL)} and more.")
    return f"There is no mode {name!r}; {hint}"
