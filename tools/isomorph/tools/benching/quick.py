"""The quick bench: one mode of each framework, the one that the framework itself advises, in few rounds."""

from collections.abc import Mapping, Sequence

from isomorph.spec import BadInput
from isomorph.tools.benching.modes import MODES, Mode
from isomorph.tools.benching.plausibility import ROUNDS

QUICK_ROUNDS = ROUNDS
"""Turns of each mode: the fewest that have a spread, and of which doubtful ones are told."""

QUICK_BATCHES = (1, 8)
"""Images in a call: the latency, and a rate that most networks come near to on a CPU."""

ADVISED: Mapping[str, tuple[str, ...]] = {
    # "Building a Convolution/Batch Norm fuser", pytorch.org/tutorials, folds for inference as `torch.nn.utils.fusion`
    # does, and the "Performance Tuning Guide" there has channels_last, which is the layout here on a CPU.
    # `torch.compile`, which the guide names too, took up to a minute for ResNet-50's first answer on two cores.
    "pytorch": ("eager-folded",),
    # `keras.Model.compile`: `jit_compile="auto"`, the default, has `predict` compiled by XLA where the model supports
    # it. The graph is what TensorFlow's "Better performance with tf.function" advises.
    "keras": ("xla", "graph"),
    "keras:jax": ("xla",),
    # The same documentation: "auto" is eager execution on PyTorch.
    "keras:torch": ("eager",),
    # "Paddle Inference", paddlepaddle.org.cn/inference: the engine for deployment, with oneDNN on an x86 CPU.
    "paddle": ("engine",),
}
"""Backend -> modes for inference that its framework's own documentation advises, best first, with the source."""

LAST_RESORT = "eager"
"""The mode that every backend has, and what is measured of one that is not in ADVISED."""


def advised_modes(backend: str) -> tuple[Mode, ...]:
    """Return the modes that a backend's framework advises for inference, best first; the first that it has is measured.

    >>> from isomorph.tools.benching.quick import advised_modes
    >>> [mode.name for mode in advised_modes("keras")]
    ['xla', 'graph', 'eager']
    """
    names = dict.fromkeys((*ADVISED.get(backend, ()), LAST_RESORT))
    return tuple(MODES[name] for name in names)


def check_quick(
    quick: bool,
    *,
    goal: str,
    modes: Sequence[str] | None,
    rounds: int | None,
    training_batch: int | None,
    scaling: Sequence[str] | None,
) -> None:
    """Raise BadInput for what contradicts a quick bench, if it is one: what it chooses itself, or leaves out.

    >>> from isomorph.tools.benching.quick import check_quick
    >>> check_quick(True, goal="latency", modes=["graph"], rounds=None, training_batch=None, scaling=None)
    Traceback (most recent call last):
        ...
    isomorph.spec.errors.BadInput: --quick chooses modes and rounds itself, without training or scaling; leave out ...
    """
    contradicting = {
        "--for training": goal == "training",
        "--modes": modes is not None,
        "--rounds": rounds is not None,
        "--training-batch": bool(training_batch),
        "--scaling": bool(scaling),
    }
    options = [option for option, is_given in contradicting.items() if is_given]
    if quick and options:
        raise BadInput(
            "--quick chooses modes and rounds itself, without training or scaling; leave out"
            f" {' and '.join(options)}, or --quick."
        )
