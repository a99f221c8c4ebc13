"""The base class of every backend: a few abstract methods, and the logic around them that is the same for all.

network = load_backend("pytorch").build(architecture, device="cpu", dtype="float32")
network.native               # the framework's own object: train, save, compile and export it as any other
network.load(tensors)        # canonical names -> NumPy arrays
network.end_points(images)   # [N, H, W, C] in, {name: [N, h, w, c]} out
network.save(path)           # the framework's own file
network.answer(images)       # what the native object answers, as fast as it can
network.gradients(images, labels)    # of the loss of a batch
network.step(images, labels, SGD())  # one step of the framework's own optimiser

A backend of one's own is a `Backend` and a `Network`, each with its abstract methods: their arguments have been checked
and cast, so that they neither check nor cast. `network.plan` describes all layers to build: `isomorph.spec.layers`
defines them, and a unit's `wiring` says which layer each of them reads and how their results are joined.
Its module has `create(engine)`, which returns the Backend, and is offered as an entry point in the group
`isomorph.backends`; `engine` is the part of the name behind a colon, or "". CONTRIBUTING.md says how to certify it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from isomorph.backends.array_forms import Answers, Array, Images, Labels, Maps, Tensors
from isomorph.backends.dtypes import as_dtype
from isomorph.backends.exporting import Export
from isomorph.backends.failures import Unavailable
from isomorph.backends.models import Model
from isomorph.backends.network import Network
from isomorph.backends.options import (
    AUTOCASTS,
    COMPILERS,
    DEVICES,
    DTYPES,
    LAYOUTS,
    Autocast,
    Compiler,
    Device,
    Layout,
    Options,
    check_choice,
)
from isomorph.backends.speed.framework import Framework
from isomorph.spec import Architecture, BadInput

__all__ = [
    "AUTOCASTS",
    "COMPILERS",
    "DEVICES",
    "DTYPES",
    "LAYOUTS",
    "Answers",
    "Array",
    "Autocast",
    "Backend",
    "Compiler",
    "Device",
    "Images",
    "Labels",
    "Layout",
    "Maps",
    "Network",
    "Options",
    "Tensors",
    "Unavailable",
    "as_dtype",
]


class Backend(ABC):
    """A framework that builds networks. Constructing one imports the framework.

    >>> from isomorph.backends import load_backend
    >>> oracle = load_backend("oracle")
    >>> oracle.name, oracle.has_gpu(), oracle.layouts("cpu")
    ('oracle', False, ('NHWC',))
    """

    name: str

    @property
    @abstractmethod
    def version(self) -> str:
        """The framework's version, for reports."""

    @abstractmethod
    def has_gpu(self) -> bool:
        """Return whether the framework sees a GPU here."""

    @abstractmethod
    def use_exact_arithmetic(self) -> None:
        """Turn off TF32 and reduced-precision sums, and turn on determinism, for this whole process."""

    def use_tf32(self, allowed: bool = True) -> None:  # noqa: B027 - nothing is what most backends have to do
        """Let GPUs round the operands of float32's products to TF32, or forbid it, for this whole process.

        Sums stay in float32. It changes nothing on a CPU, on a GPU older than Ampere, and in a framework without such
        a mode; backends of a framework that has one override this method.
        """

    def has_gpu_build(self) -> bool:
        """Return whether this installation of the framework could compute on a GPU, if there were one."""
        return self.has_gpu()

    def gpu_name(self) -> str | None:
        """Return the GPU's own name, "NVIDIA H200"; None where the framework sees none, or does not tell."""
        return None

    @abstractmethod
    def layouts(self, device: str) -> tuple[str, ...]:
        """Return the LAYOUTS that it supports on "cpu" or "gpu", the best for eager execution first."""

    @abstractmethod
    def _build(self, architecture: Architecture, options: Options) -> Network:
        """Build with options that have been resolved."""

    def lacks(self, device: str, dtype: str) -> str | None:
        """Return why this framework cannot compute in `dtype` on `device`; None if it can."""
        return None

    def compilers(self, device: str) -> tuple[Compiler, ...]:
        """Return the COMPILERS that it supports on `device`, the one that `compiled=True` means first."""
        return ("graph",)

    def cannot_compile(self, device: str) -> str | None:
        """Return why this framework's compiler cannot be used on `device` here; None if it can."""
        return None

    def lacks_autocast(self, device: str, autocast: str) -> str | None:
        """Return why float32 networks cannot compute in the precision `autocast` on `device`; None if they can."""
        return f"{self.name} has no autocast."

    def lacks_together(self, options: Options) -> str | None:
        """Return why options that it supports one by one cannot be combined; None if they can."""
        return None

    def framework(self) -> Framework:
        """Return the framework, as `isomorph bench` measures it. Raises Unavailable for a backend without one."""
        raise Unavailable(f"isomorph bench knows no training step and no matrix product of {self.name}.")

    def exports(self) -> Mapping[str, Export]:
        """Return the framework's own formats by name, each with the function that writes networks in it."""
        return {}

    def open(self, what: str, arguments: Mapping[str, Any] | None = None) -> Model:
        """Open a model that somebody else wrote: a factory that returns one, or one of the framework's saved programs.

        what: "file.py:factory", "package.module:factory", or a path. The code of a factory is run in this process.
        arguments: the factory's.

        Raises BadInput where there is no such model, Unavailable in a backend that opens none.

        >>> from isomorph.backends import load_backend
        >>> load_backend("oracle").open("mine.py:make_model")
        Traceback (most recent call last):
            ...
        isomorph.backends.failures.Unavailable: oracle opens no models of others.
        """
        raise Unavailable(f"{self.name} opens no models of others.")

    def model(self, native: Any) -> Model:
        """Return one of the framework's own objects as a model that can be traced. Raises as `open` does.

        >>> from isomorph.backends import load_backend
        >>> load_backend("oracle").model(object())
        Traceback (most recent call last):
            ...
        isomorph.backends.failures.Unavailable: oracle opens no models of others.
        """
        raise Unavailable(f"{self.name} opens no models of others.")

    def resolve_device(self, device: Device) -> str:
        """Return the device, "cpu" or "gpu", that `device` means here.

        Raises BadInput for a value that is none of DEVICES, Unavailable for a GPU that is not there.

        >>> from isomorph.backends import load_backend
        >>> load_backend("oracle").resolve_device("auto")
        'cpu'
        """
        check_choice("device", device, DEVICES)
        if device == "gpu" and not self.has_gpu():
            raise Unavailable(f"{self.name} sees no GPU here.")
        return ("gpu" if self.has_gpu() else "cpu") if device == "auto" else device

    def build(
        self,
        architecture: Architecture,
        device: Device = "cpu",
        dtype: str = "float32",
        training: bool = False,
        *,
        layout: Layout | None = None,
        compiled: bool | Compiler = False,
        fold_batch_norm: bool = False,
        freeze_batch_norm: bool = False,
        autocast: Autocast | None = None,
    ) -> Network:
        """Build `architecture` with fresh weights drawn by its convention's initialisers.

        training: leave the native object in training mode; False puts it in inference mode.
        layout: how maps lie in memory; None is the framework's best for eager execution on that device.
        compiled: compute answers with a compiler, one of COMPILERS, or True for the framework's best; the first answer
            at each size takes longer.
        fold_batch_norm: fold batch norms into convolutions, for inference; tensors are folded when they are loaded.
        freeze_batch_norm: for fine-tuning, have batch norms learn nothing, and normalise by their running statistics in
            training, too; one image of any size is then enough for a batch.
        autocast: compute a float32 network's products in this precision, one of AUTOCASTS, as the framework's users do.

        Raises BadInput for a dtype, a layout, a compiler or an autocast that does not exist, and Unavailable where the
        framework lacks it.

        >>> from isomorph.backends import load_backend
        >>> from isomorph.spec import architecture
        >>> network = load_backend("oracle").build(architecture("cifar/resnet20"), dtype="float64", training=True)
        >>> network.dtype, network.options.training
        ('float64', True)
        """
        options = self.resolve(device, dtype, training, layout, compiled, fold_batch_norm, freeze_batch_norm, autocast)
        return self._build(architecture, options)

    def resolve(
        self,
        device: Device = "cpu",
        dtype: str = "float32",
        training: bool = False,
        layout: Layout | None = None,
        compiled: bool | Compiler = False,
        fold_batch_norm: bool = False,
        freeze_batch_norm: bool = False,
        autocast: Autocast | None = None,
    ) -> Options:
        """Resolve the options of `build`, without building; raises the same errors for them.

        >>> from isomorph.backends import load_backend
        >>> options = load_backend("oracle").resolve(device="auto")
        >>> options.device, options.layout
        ('cpu', 'NHWC')
        """
        check_choice("dtype", dtype, DTYPES)
        where = self.resolve_device(device)
        layouts, compilers = self.layouts(where), self.compilers(where)
        compiler = compilers[0] if compiled is True else compiled or None
        check_choice("layout", layout or layouts[0], LAYOUTS)
        check_choice("compiler", compiler or COMPILERS[0], COMPILERS)
        check_choice("autocast", autocast or AUTOCASTS[0], AUTOCASTS)
        options = Options(
            where, dtype, training, layout or layouts[0], compiler, fold_batch_norm, freeze_batch_norm, autocast
        )
        if fold_batch_norm and (training or freeze_batch_norm):
            raise BadInput("Folded batch norms are for inference; a network that is to be trained needs its own.")
        if autocast and dtype != "float32":
            raise BadInput(f"Autocast is for float32 networks; one of {dtype} computes in that already.")
        if options.layout not in layouts:
            raise Unavailable(f"{self.name} computes in {' or '.join(layouts)} on the {where}, not in {layout}.")
        reasons = (
            self.lacks(where, dtype),
            self.cannot_compile(where) if compiler else None,
            self.lacks_autocast(where, autocast) if autocast else None,
        )
        if reason := next(filter(None, reasons), None):
            raise Unavailable(reason)
        if compiler and compiler not in compilers:
            raise Unavailable(f"{self.name} compiles by {' or '.join(compilers)} on the {where}, not by {compiler}.")
        if reason := self.lacks_together(options):
            raise Unavailable(reason)
        return options
