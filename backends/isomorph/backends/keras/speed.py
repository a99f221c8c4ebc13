"""Keras's zoo, training step and matrix product on the chosen engine, for `isomorph bench`."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import keras

from isomorph.backends.array_forms import Answers, Array, Images, Labels, Tensors
from isomorph.backends.keras.engines import on_device
from isomorph.backends.options import Options
from isomorph.backends.speed.clock import Work
from isomorph.backends.speed.framework import LEARNING_RATE, MOMENTUM, Framework, Zoo
from isomorph.backends.training import AUXILIARY_WEIGHT


class Application(Zoo):
    """A network of keras.applications."""

    def __init__(self, native: Any, device: str) -> None:
        self.options = Options(device, layout="NHWC")
        self.native = native

    def load(self, tensors: Tensors) -> None:
        """Load layer by layer, from names such as `conv1_conv/kernel`."""
        for name, value in tensors.items():
            layer, _, variable = name.partition("/")
            getattr(self.native.get_layer(layer), variable).assign(value)

    def prepared(self, images: Images) -> Callable[[], Answers]:
        """As `Zoo.prepared`, by a plain call, which is eager."""
        with on_device(self.options.device):
            x = keras.ops.convert_to_tensor(images)

        def answer() -> Answers:
            with on_device(self.options.device):
                logits: Answers = keras.ops.convert_to_numpy(self.native(x, training=False))
            return logits

        return answer


class KerasFramework(Framework):
    """Keras, used as in its own guides."""

    def zoo(self, name: str, classes: int, size: tuple[int, int, int], device: str) -> Zoo:
        """Return a network of keras.applications that answers logits."""
        make = getattr(keras.applications, name)
        with on_device(device):
            native = make(weights=None, classes=classes, input_shape=size, classifier_activation=None)
        return Application(native, device)

    def training_step(self, native: Any, options: Options, images: Images, labels: Labels) -> Work:
        """Return a step of Keras's own trainer, which compiles a graph unless it is told to use XLA."""
        heads = len(native.outputs)
        loss_functions = [keras.losses.SparseCategoricalCrossentropy(from_logits=True) for _ in range(heads)]
        weights = [1.0] + [AUXILIARY_WEIGHT] * (heads - 1)
        jit: bool | str = "auto" if options.compiled is None else options.compiled == "xla"
        with on_device(options.device):
            x = keras.ops.convert_to_tensor(images if options.layout == "NHWC" else images.transpose(0, 3, 1, 2))
            native.compile(
                keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM),
                loss_functions if heads > 1 else loss_functions[0],
                loss_weights=weights if heads > 1 else None,
                jit_compile=jit,
            )
        y = [labels] * heads if heads > 1 else labels

        def step() -> float:
            with on_device(options.device):
                native.reset_metrics()  # it returns the mean loss since then
                losses = native.train_on_batch(x, y)
            return float(losses[0] if isinstance(losses, list | tuple) else losses)

        return step

    def products(self, size: int, precision: str, device: str) -> Iterator[tuple[str, Work]]:
        """Yield `keras.ops.matmul`, with one cell fetched, as engines return before they are done."""
        with on_device(device):
            matrix = keras.ops.ones((size, size), dtype=precision)

        def multiply() -> Array:
            with on_device(device):
                cell: Array = keras.ops.convert_to_numpy(keras.ops.matmul(matrix, matrix)[:1, :1])
            return cell

        yield "keras.ops.matmul", multiply

    def threads(self) -> int:
        """Return the engine's number of threads; JAX has as many as its process may use cores."""
        match keras.backend.backend():
            case "tensorflow":
                import tensorflow as tf

                return tf.config.threading.get_intra_op_parallelism_threads() or int(
                    os.environ.get("TF_NUM_INTRAOP_THREADS", "0")
                )
            case "torch":
                import torch

                return torch.get_num_threads()
            case _:
                return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
