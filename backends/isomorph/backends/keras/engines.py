"""What differs between the engines that Keras runs on. Keras reads its engine from the environment, once, at import."""

import os
import sys

from isomorph.backends.protocol import Unavailable

ENVIRONMENT = "KERAS_BACKEND"


def choose_engine(engine: str) -> None:
    """Have Keras run on `engine`. Raises Unavailable if it was imported on another one already."""
    if "keras" in sys.modules:
        import keras

        if keras.backend.backend() != engine:
            raise Unavailable(
                f"Keras runs on {keras.backend.backend()} in this process and cannot change to {engine};"
                f" set {ENVIRONMENT}={engine} before it is imported."
            )
    os.environ[ENVIRONMENT] = engine


def engine_version(engine: str) -> str:
    """The version of the framework under Keras."""
    from importlib.metadata import packages_distributions, version

    return version(packages_distributions()[engine][0])


def has_gpu(engine: str) -> bool:
    """Whether the framework under Keras sees a GPU."""
    if engine == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    if engine == "jax":
        import jax

        return jax.default_backend() == "gpu"
    import torch

    return torch.cuda.is_available()


def use_exact_arithmetic(engine: str) -> None:
    """TF32 and reduced sums off, deterministic kernels."""
    if engine == "tensorflow":
        import keras
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)
        tf.config.experimental.enable_op_determinism()
        keras.utils.set_random_seed(0)  # determinism forbids drawing fresh weights without one
    elif engine == "jax":
        import jax

        jax.config.update("jax_default_matmul_precision", "highest")
    else:
        import torch

        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
