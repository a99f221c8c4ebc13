"""Tries everything in one backend: builds, runs, compares with the oracle, exports and reads what was written."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from isomorph.backends import Unavailable
from isomorph.backends.arrays import SharedArrays
from isomorph.backends.options import AUTOCASTS, COMPILERS, DTYPES, LAYOUTS
from isomorph.backends.process import BackendFailed, BackendProcess, DiskFull, RemoteNetwork
from isomorph.conformance.precision import prove_precision
from isomorph.conformance.verdict import FLOORS
from isomorph.spec import Architecture, BadInput
from isomorph.spec.document import to_document
from isomorph.tools.probing.capability import Capability
from isomorph.tools.probing.tiny import TINY, Lacks, Trial

ANYWAY = -1
"""The key of a network that its backend refuses to build; others' count from 0."""

Start = Callable[[bool], BackendProcess]
"""Starts the backend's process, with TF32 on a GPU or without."""


class Prober:
    """One backend. A process that a trial ends is replaced, so that it costs that trial alone.

    device: "cpu" or "gpu", where it computes.
    """

    def __init__(self, start: Start, trial: Trial) -> None:
        self.trial = trial
        self._start = start
        self._process = start(False)
        self.device = "auto"

    def close(self) -> None:
        """End its process."""
        self._process.close()

    @property
    def process(self) -> BackendProcess:
        """That which lives."""
        if self._process.is_spent:
            self._process.close()
            self._process = self._start(False)
        return self._process

    def probe(self, device: str, say: Callable[[str], None]) -> Iterator[Capability]:
        """Everything, one after the other. Raises Unavailable or BackendFailed where the backend cannot even start."""
        described, offers = self.process.describe(), self.process.call("offers", device=device)
        self.device = offers["device"]
        name = described["gpu_name"] or ""
        yield Capability("GPU", "built for GPUs", offers["gpu_build"], "" if offers["gpu_build"] else "built for CPUs")
        yield Capability("GPU", "sees a GPU", described["gpu"], name or ("" if described["gpu"] else "it sees none"))
        for group, name, trial in self._trials(offers["exports"]):
            say(f"{group} {name}")
            yield self._try(group, name, trial)

    def _trials(self, exports: list[str]) -> Iterator[tuple[str, str, Callable[[], str]]]:
        for dtype in DTYPES:
            yield "computes in", dtype, partial(self._precision, dtype)
        yield "computes in", "TF32", self._tf32
        for autocast in AUTOCASTS:
            yield "autocast", autocast, partial(self._autocast, autocast)
        for layout in LAYOUTS:
            yield "layout", layout, partial(self._options, layout=layout)
        for compiler in COMPILERS:
            yield "compiler", compiler, partial(self._options, compiled=compiler)
        yield "inference", "folded batch norms", partial(self._options, fold_batch_norm=True)
        for form in exports:
            yield "exports to", form, partial(self._export, form)

    def _build_anyway(self, architecture: Architecture, **options: Any) -> RemoteNetwork:
        """A float32 network, or one in another dtype; where the backend refuses it, what its framework makes of it."""
        process = self.process
        try:
            return process.build(architecture.undrawn(), self.device, **options)
        except Unavailable:
            given = {"architecture": to_document(architecture.undrawn()), "options": {"device": self.device, **options}}
            process.call("build_anyway", key=ANYWAY, **given)
            return RemoteNetwork(process, ANYWAY, architecture, self.device, options.get("dtype", "float32"))

    def _try(self, group: str, name: str, trial: Callable[[], str]) -> Capability:
        try:
            return Capability(group, name, True, trial())
        except DiskFull:  # which says nothing of the backend
            raise
        except Unavailable as error:
            return Capability(group, name, False, f"refused: {error}")
        except (Lacks, BadInput, BackendFailed, MemoryError) as error:
            return Capability(group, name, False, str(error))

    def _precision(self, dtype: str) -> str:
        network = self._build_anyway(TINY, dtype=dtype)
        _, ratio = self.trial.ask(network, dtype)
        found = prove_precision(lambda probe: self._build_anyway(probe, dtype=dtype), dtype)
        if found != dtype:
            raise Lacks(f"it computes in {found}")
        return f"proved, {ratio:.1f} noise floors"

    def _tf32(self) -> str:
        with self._start(True) as process:
            found = prove_precision(lambda probe: process.build(probe, self.device, "float32"), "float32")
        if found != "tf32":
            raise Lacks(f"with TF32 allowed it computes in {found} on the {self.device}")
        return "proved"

    def _autocast(self, precision: str) -> str:
        network = self._build_anyway(TINY, autocast=precision)
        answer, ratio = self.trial.ask(network, precision)
        if self.trial.reference.answer_ratio(answer, "float32") <= FLOORS:
            raise Lacks("it computes in float32 all the same")
        return f"{ratio:.1f} noise floors"

    def _options(self, **options: Any) -> str:
        network = self.process.build(TINY.undrawn(), self.device, **options)
        _, ratio = self.trial.ask(network, "float32")
        return f"{ratio:.1f} noise floors"

    def _export(self, form: str) -> str:
        """On the CPU: a file is read where there may be no GPU."""
        process = self.process
        network = process.build(TINY.undrawn(), "cpu")
        network.load(self.trial.tensors)
        images = process.share({"images": self.trial.images}).to_document()
        found = process.call("export", key=network.key, form=form, images=images, out=process.new_file())
        self.trial.judge(SharedArrays.from_document(found["arrays"]).open()["answer"], "float32")
        files = found["files"]
        return f"{sum(files.values()):,} bytes in {len(files)} file{'s' if len(files) > 1 else ''}"
