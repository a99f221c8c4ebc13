"""What every backend has: a few methods, and the logic around them that is the same for all.

network = load_backend("pytorch").build(architecture, device="cpu", dtype="float32")
network.native               # the framework's own object: train, save, compile and export it as any other
network.load(tensors)        # canonical names -> NumPy arrays
network.end_points(images)   # [N, H, W, C] in, {name: [N, h, w, c]} out
network.save(path)           # the framework's own file
network.answer(images)       # what the native object answers, as fast as it can
network.gradients(images, labels)    # of the loss of a batch
network.step(images, labels, SGD())  # one step of the framework's own optimiser

A backend of one's own is a `Backend` and a `Network`, each with its abstract methods: what they are given has been
checked and cast, so that they neither check nor cast. `network.plan` says all that there is to build, layer by layer:
`isomorph.spec.layers` is what they are, and a unit's `wiring` says which of them each reads and what becomes of them.
Its module has `create(engine)`, which returns the Backend, and is offered as an entry point in the group
`isomorph.backends`; `engine` is what stands behind a colon in the name, or "". CONTRIBUTING.md says how to certify it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from isomorph.backends.dtypes import as_dtype
from isomorph.backends.exporting import Export
from isomorph.backends.failures import Unavailable
from isomorph.backends.network import Array, Network, Tensors
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
    "Array",
    "Autocast",
    "Backend",
    "Compiler",
    "Device",
    "Layout",
    "Network",
    "Options",
    "Tensors",
    "Unavailable",
    "as_dtype",
]


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

    def use_tf32(self, allowed: bool = True) -> None:  # noqa: B027 - nothing is what most backends have to do
        """Let GPUs round the operands of float32's products to TF32, or forbid it, for this whole process.

        Sums stay in float32. It changes nothing on a CPU, on a GPU older than Ampere, and in a framework that has no
        such mode, as here: those that have one override this.
        """

    def has_gpu_build(self) -> bool:
        """Whether this installation of the framework could compute on a GPU, if there were one."""
        return self.has_gpu()

    def gpu_name(self) -> str | None:
        """What the GPU calls itself, "NVIDIA H200"; None where the framework sees none, or does not say."""
        return None

    @abstractmethod
    def layouts(self, device: str) -> tuple[str, ...]:
        """Those of LAYOUTS that it can compute in on "cpu" or "gpu", its best for eager execution first."""

    @abstractmethod
    def _build(self, architecture: Architecture, options: Options) -> Network:
        """Build with options that have been resolved."""

    def lacks(self, device: str, dtype: str) -> str | None:
        """Why this framework cannot compute in `dtype` on `device`; None if it can."""
        return None

    def compilers(self, device: str) -> tuple[Compiler, ...]:
        """Those of COMPILERS that it has on `device`, the one that `compiled=True` means first."""
        return ("graph",)

    def cannot_compile(self, device: str) -> str | None:
        """Why this framework's compiler cannot be used on `device` here; None if it can."""
        return None

    def lacks_autocast(self, device: str, autocast: str) -> str | None:
        """Why float32 networks cannot compute in the precision `autocast` on `device`; None if they can."""
        return f"{self.name} has no autocast."

    def lacks_together(self, options: Options) -> str | None:
        """Why options that it has one by one cannot go together; None if they can."""
        return None

    def framework(self) -> Framework:
        """The framework itself, as `isomorph bench` measures it. Raises Unavailable where nobody says how."""
        raise Unavailable(f"isomorph bench knows no training step and no matrix product of {self.name}.")

    def exports(self) -> Mapping[str, Export]:
        """The framework's own formats by name, and what writes networks of this backend in each."""
        return {}

    def resolve_device(self, device: Device) -> str:
        """What "auto" means here: "cpu" or "gpu".

        Raises BadInput for what is none of DEVICES, Unavailable for a GPU that is not there.
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
            at each size takes its time.
        fold_batch_norm: fold batch norms into convolutions, for inference; tensors are folded when they are loaded.
        freeze_batch_norm: for fine-tuning, have batch norms learn nothing, and normalise by their running statistics in
            training, too; one image of any size is then enough for a batch.
        autocast: compute a float32 network's products in this precision, one of AUTOCASTS, as the framework's users do.

        Raises BadInput for a dtype, a layout, a compiler or an autocast that there is not, and Unavailable where the
        framework lacks it.
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
        """What the options of `build` mean here, before anything is built; raises what `build` raises of them."""
        check_choice("dtype", dtype, DTYPES)
        where = self.resolve_device(device)
        layouts, compilers = self.layouts(where), self.compilers(where)
        chosen = compilers[0] if compiled is True else compiled or None
        check_choice("layout", layout or layouts[0], LAYOUTS)
        check_choice("compiler", chosen or COMPILERS[0], COMPILERS)
        check_choice("autocast", autocast or AUTOCASTS[0], AUTOCASTS)
        options = Options(
            where, dtype, training, layout or layouts[0], chosen, fold_batch_norm, freeze_batch_norm, autocast
        )
        if fold_batch_norm and (training or freeze_batch_norm):
            raise BadInput("Folded batch norms are for inference; a network that is to be trained needs its own.")
        if autocast and dtype != "float32":
            raise BadInput(f"Autocast is for float32 networks; one of {dtype} computes in that already.")
        if options.layout not in layouts:
            raise Unavailable(f"{self.name} computes in {' or '.join(layouts)} on the {where}, not in {layout}.")
        reasons = (
            self.lacks(where, dtype),
            self.cannot_compile(where) if chosen else None,
            self.lacks_autocast(where, autocast) if autocast else None,
        )
        if reason := next(filter(None, reasons), None):
            raise Unavailable(reason)
        if chosen and chosen not in compilers:
            raise Unavailable(f"{self.name} compiles by {' or '.join(compilers)} on the {where}, not by {chosen}.")
        if reason := self.lacks_together(options):
            raise Unavailable(reason)
        return options
