"""What every backend has: a few methods, and the logic around them that is the same for all.

network = load_backend("pytorch").build(architecture, device="cpu", dtype="float32")
network.native               # the framework's own object: train, save, compile and export it as any other
network.load(tensors)        # canonical names -> NumPy arrays
network.end_points(images)   # [N, H, W, C] in, {name: [N, h, w, c]} out
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal

import ml_dtypes
import numpy as np
import numpy.typing as npt

from isomorph.spec import Architecture, BadInput, Plan, plan, tensor_shapes, zoo
from isomorph.spec.tensors import match, match_exactly

Array = npt.NDArray[Any]
Tensors = Mapping[str, Array]
Device = Literal["auto", "cpu", "gpu"]
DEVICES = ("auto", "cpu", "gpu")
DTYPES = ("float32", "float64", "bfloat16", "float16")


class Unavailable(RuntimeError):  # noqa: N818 - it names a state, which is a result and no mistake
    """This backend cannot do what was asked here, and why: a framework that is missing, a precision that it lacks."""


class Network(ABC):
    """One architecture, built in one framework.

    Attributes:
        architecture: what it was built from.
        plan: the same, resolved.
        device: "cpu" or "gpu".
        dtype: of its tensors and results, one of DTYPES.
    """

    def __init__(self, architecture: Architecture, device: str, dtype: str) -> None:
        self.architecture = architecture
        self.plan: Plan = plan(architecture)
        self.device = device
        self.dtype = dtype

    @property
    @abstractmethod
    def native(self) -> Any:
        """The framework's own object: nn.Module, keras.Model, paddle.nn.Layer."""

    @abstractmethod
    def _get(self, name: str) -> Array:
        """The canonical tensor `name`, in the network's dtype."""

    @abstractmethod
    def _set(self, name: str, value: Array) -> None:
        """Replace the canonical tensor `name`, whose shape has been checked; cast to the network's dtype."""

    @abstractmethod
    def _run(self, part: str | None, x: Array) -> dict[str, Array]:
        """The end points of all parts (None) or of one, on a checked NHWC input in the network's dtype."""

    def load(self, tensors: Tensors, partial: bool = False) -> tuple[list[str], list[str]]:
        """Take over canonical tensors; `tensors` stays as it is.

        Returns the missing and the unexpected names. Raises BadInput, naming both sides, unless there are none or
        `partial` is true; tensors of a wrong shape are always an error. Nothing is loaded when it raises.
        """
        expected = tensor_shapes(self.architecture)
        found = {name: tuple(value.shape) for name, value in tensors.items()}
        if not partial:
            match_exactly(expected, found, self.architecture.name)
        missing, unexpected = match(expected, found, self.architecture.name)
        for name, value in tensors.items():
            if not np.can_cast(value.dtype, np.float64, "same_kind"):
                raise BadInput(f"{name} for {self.architecture.name} holds {value.dtype}; expected numbers.")
        for name in expected.keys() & found.keys():
            self._set(name, np.asarray(tensors[name]))
        return missing, unexpected

    def tensors(self) -> dict[str, Array]:
        """Canonical name -> a copy of each tensor, in network order, in the network's dtype."""
        return {name: self._get(name) for name in tensor_shapes(self.architecture)}

    def state_dict(self, zoo_name: str) -> dict[str, Array]:
        """Its tensors under the names and axes of a zoo, `state_dict("torchvision")`."""
        renamed = zoo(zoo_name).naming.tensors(self.architecture)
        return {renamed[name].name: renamed[name].from_canonical(value) for name, value in self.tensors().items()}

    def end_points(self, images: Array) -> dict[str, Array]:
        """All end points of inference, in network order, whatever mode the native object is in.

        images: [N, H, W, C], cast to the network's dtype. Returns name -> [N, h, w, depth], freshly allocated.
        Raises BadInput for images of another rank, channel count or of no pixels.
        """
        self._check(images, "The images are", self.architecture.in_channels)
        found = self._run(None, self._cast(images))
        found |= {block: found[unit] for block, unit in self.plan.block_ends.items()}
        return {name: found[name] for name in self.plan.end_points}

    def part(self, name: str, x: Array) -> dict[str, Array]:
        """The end points of one part, "stem", a unit's scope or "head", run alone on its NHWC input `x`.

        Tells an error that is born in a part from one that it inherits.
        """
        if name not in self.plan.parts:
            raise BadInput(f"{self.architecture.name} has no part {name!r}; it has {', '.join(self.plan.parts)}.")
        self._check(x, f"The input of {name} is", self.plan.depth_into(name))
        found = self._run(name, self._cast(x))
        return {end_point: found[end_point] for end_point in self.plan.parts[name]}

    def _check(self, x: Array, what: str, depth: int) -> None:
        if x.ndim != 4 or x.shape[3] != depth or 0 in x.shape:
            raise BadInput(
                f"{what} {'x'.join(map(str, x.shape)) or 'a scalar'}; {self.architecture.name} expects"
                f" [batch, height, width, {depth}] with at least one pixel."
            )

    def _cast(self, x: Array) -> Array:
        return np.ascontiguousarray(x, dtype=as_dtype(self.dtype))


class Backend(ABC):
    """A framework. Making one imports it."""

    name: str

    @property
    @abstractmethod
    def version(self) -> str:
        """The framework's version, for reports."""

    @abstractmethod
    def has_gpu(self) -> bool:
        """Whether the framework sees a GPU here."""

    @abstractmethod
    def use_exact_arithmetic(self) -> None:
        """Turn off TF32 and reduced-precision sums, and on determinism, for this whole process."""

    @abstractmethod
    def _build(self, architecture: Architecture, device: str, dtype: str, training: bool) -> Network:
        """Build on "cpu" or "gpu", which has been resolved."""

    def lacks(self, device: str, dtype: str) -> str | None:
        """Why this framework cannot compute in `dtype` on `device`; None if it can."""
        return None

    def resolve_device(self, device: Device) -> str:
        """What "auto" means here: "cpu" or "gpu".

        Raises BadInput for what is none of DEVICES, Unavailable for a GPU that is not there.
        """
        if device not in DEVICES:
            raise BadInput(f"There is no device {device!r}; there are {', '.join(DEVICES)}.")
        if device == "gpu" and not self.has_gpu():
            raise Unavailable(f"{self.name} sees no GPU here.")
        return ("gpu" if self.has_gpu() else "cpu") if device == "auto" else device

    def build(
        self, architecture: Architecture, device: Device = "cpu", dtype: str = "float32", training: bool = False
    ) -> Network:
        """Build `architecture` with fresh weights drawn by its convention's initialisers.

        training: leave the native object in training mode; False puts it in inference mode.
        Raises BadInput for a dtype that is none of DTYPES, Unavailable where the framework lacks it.
        """
        if dtype not in DTYPES:
            raise BadInput(f"There is no dtype {dtype!r}; there are {', '.join(DTYPES)}.")
        where = self.resolve_device(device)
        if reason := self.lacks(where, dtype):
            raise Unavailable(reason)
        return self._build(architecture, where, dtype, training)


def as_dtype(name: str) -> np.dtype[Any]:
    """NumPy's dtype of that name; bfloat16 is ml_dtypes'."""
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)
