"""Differences between the engines that Keras runs on. Keras reads its engine from the environment, once, at import."""

import os
import sys
from typing import Any

from isomorph.backends.options import Compiler
from isomorph.backends.protocol import Unavailable

ENVIRONMENT = "KERAS_BACKEND"

# Keras's `jit_compile` first: XLA, or torch.compile. Without it JAX is compiled all the same, and PyTorch runs eagerly.
_COMPILERS: dict[str, tuple[Compiler, ...]] = {"tensorflow": ("xla", "graph"), "jax": ("xla",), "torch": ("graph",)}


def choose_engine(engine: str) -> None:
    """Make Keras run on `engine`. Raises Unavailable if it was imported on another one already."""
    if "keras" in sys.modules:
        import keras

        if keras.backend.backend() != engine:
            raise Unavailable(
                f"Keras runs on {keras.backend.backend()} in this process and cannot change to {engine};"
                f" set {ENVIRONMENT}={engine} before it is imported."
            )
    os.environ[ENVIRONMENT] = engine


def compilers(engine: str) -> tuple[Compiler, ...]:
    """Return the compilers of the framework under Keras, that of Keras's `jit_compile` first."""
    return _COMPILERS[engine]


def engine_version(engine: str) -> str:
    """Return the version of the framework under Keras."""
    from importlib.metadata import packages_distributions, version

    return version(packages_distributions()[engine][0])


def on_device(device: str) -> Any:
    """Return Keras's scope in which tensors and variables are made on "cpu" or "gpu"."""
    import keras

    # JAX takes no name without a number before Keras 3.12. PyTorch copies every weight to "cpu:0", and the copies, no
    # leaves any more, get no gradients.
    return keras.device(device if keras.backend.backend() == "torch" else f"{device}:0")


def has_gpu(engine: str) -> bool:
    """Return whether the framework under Keras sees a GPU."""
    if engine == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    if engine == "jax":
        import jax

        return jax.default_backend() == "gpu"
    import torch

    return torch.cuda.is_available()


def has_gpu_build(engine: str) -> bool:
    """Return whether the framework under Keras was built for GPUs; JAX's code for them is a package of its own."""
    if engine == "tensorflow":
        import tensorflow as tf

        return bool(tf.test.is_built_with_gpu_support())
    if engine == "jax":
        from importlib.metadata import entry_points

        return any("cuda" in plugin.name or "rocm" in plugin.name for plugin in entry_points(group="jax_plugins"))
    import torch

    return torch.version.cuda is not None or torch.version.hip is not None


def gpu_name(engine: str) -> str | None:
    """Return the GPU's own name; None where the framework under Keras sees none."""
    if not has_gpu(engine):
        return None
    if engine == "tensorflow":
        import tensorflow as tf

        details = tf.config.experimental.get_device_details(tf.config.list_physical_devices("GPU")[0])
        return details.get("device_name")
    if engine == "jax":
        import jax

        return str(jax.devices("gpu")[0].device_kind)
    import torch

    return torch.cuda.get_device_name()


def use_exact_arithmetic(engine: str) -> None:
    """Turn off TF32 and reduced-precision sums, and turn on determinism."""
    use_tf32(engine, False)
    if engine == "tensorflow":
        import keras
        import tensorflow as tf

        if has_gpu(engine):  # on a CPU all is, and XLA refuses to compile the gradients of pools
            tf.config.experimental.enable_op_determinism()
            keras.utils.set_random_seed(0)  # determinism forbids drawing fresh weights without one
    elif engine == "torch":
        import torch

        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
        torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True


def use_tf32(engine: str, allowed: bool) -> None:
    """Allow or forbid TF32 in matrix products and convolutions."""
    if engine == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(allowed)
    elif engine == "jax":
        import jax

        # Of convolutions, too.
        jax.config.update("jax_default_matmul_precision", "tensorfloat32" if allowed else "highest")
    else:
        import torch

        # Both by the names that PyTorch had before `fp32_precision`: it refuses to tell either way once they are mixed.
        torch.backends.cuda.matmul.allow_tf32 = allowed
        torch.backends.cudnn.allow_tf32 = allowed
