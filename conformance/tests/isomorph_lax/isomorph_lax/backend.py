"""isomorph's protocol over JAX: what its entry-point group `isomorph.backends` is given."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import numpy as np

from isomorph.backends import Backend, Network, Unavailable
from isomorph.backends.options import Compiler
from isomorph.backends.protocol import Array, Options, as_dtype
from isomorph.spec import Architecture
from isomorph.spec.tensors import split
from isomorph_lax.form import Form
from isomorph_lax.initializers import fresh_parameters
from isomorph_lax.network import Parameters, answer, run_network, run_part


@dataclass
class Model:
    """What one works with in JAX: `model.apply(model.parameters, images)`.

    apply: parameters and images, in the network's layout -> logits [N, classes]; a map where the head does not pool.
    parameters: scope of a layer -> leaf -> array.
    """

    apply: Callable[[Parameters, jax.Array], jax.Array]
    parameters: Parameters


class LaxNetwork(Network):
    """An architecture as a function and its parameters."""

    def __init__(self, architecture: Architecture, options: Options) -> None:
        super().__init__(architecture, options)
        self._form = Form(options.layout)
        self._device = jax.devices(options.device)[0]
        apply = partial(answer, self.plan, self._form)
        key = jax.random.key(np.random.default_rng().integers(2**32))
        parameters = jax.device_put(fresh_parameters(self.plan, key, self.dtype), self._device)
        self._model = Model(jax.jit(apply) if options.compiled else apply, parameters)

    @property
    def native(self) -> Model:
        """The `Model`."""
        return self._model

    def _get(self, name: str) -> Array:
        scope, leaf = split(name)
        return np.array(self._model.parameters[scope][leaf])

    def _set(self, name: str, value: Array) -> None:
        scope, leaf = split(name)
        self._model.parameters[scope][leaf] = self._to_jax(value)

    def _run(self, part: str | None, x: Array) -> dict[str, Array]:
        run = run_network if part is None else partial(run_part, part=part)
        found = run(self.plan, self._form, parameters=self._model.parameters, x=self._to_map(x))
        return {name: np.array(self._form.to_nhwc(y)) for name, y in found.items()}

    def _answer(self, images: Array) -> Array:
        y = self._model.apply(self._model.parameters, self._to_map(images))
        return np.array(self._form.to_nhwc(y) if y.ndim == 4 else y)

    def _to_map(self, x: Array) -> jax.Array:
        return self._form.from_nhwc(self._to_jax(x))

    def _to_jax(self, x: Array) -> jax.Array:
        return jax.device_put(x.astype(as_dtype(self.dtype)), self._device)


class Lax(Backend):
    """The backend. JAX has float64 for a whole process or not at all: making this turns it on."""

    name = "lax"

    def __init__(self) -> None:
        jax.config.update("jax_enable_x64", True)

    @property
    def version(self) -> str:
        """JAX's."""
        return str(jax.__version__)

    def has_gpu(self) -> bool:
        """Whether JAX computes on one by default."""
        return bool(jax.default_backend() == "gpu")

    def use_exact_arithmetic(self) -> None:
        """Every product asks for the highest precision itself; this is for whatever else the process computes."""
        jax.config.update("jax_default_matmul_precision", "highest")

    def layouts(self, device: str) -> tuple[str, ...]:
        """Both."""
        return ("NHWC", "NCHW")

    def compilers(self, device: str) -> tuple[Compiler, ...]:
        """`jax.jit`, which is XLA."""
        return ("xla",)

    def _build(self, architecture: Architecture, options: Options) -> LaxNetwork:
        if options.training:
            raise Unavailable("isomorph_lax is for inference; a model of its own that trains is still to come.")
        return LaxNetwork(architecture, options)


def create(engine: str) -> Lax:
    """The backend, for isomorph; it has no engines."""
    return Lax()
