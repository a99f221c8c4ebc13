"""Try everything in one backend: build, run, compare with the oracle, export, and run what was exported."""

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
"""The worker's key of a network that the backend refuses to build; other keys count from 0."""

Start = Callable[[bool], BackendProcess]
"""Start the backend's process, with or without TF32 on a GPU."""


class Prober:
    """Tries one backend. A process that crashes is replaced, so that only one trial fails.

    device: "cpu" or "gpu", where the backend computes.
    """

    def __init__(self, start: Start, trial: Trial) -> None:
        self.trial = trial
        self._start = start
        self._process = start(False)
        self.device = "auto"

    def close(self) -> None:
        """End the backend's process."""
        self._process.close()

    @property
    def process(self) -> BackendProcess:
        """The backend's process, started anew where the last one crashed."""
        if self._process.is_spent:
            self._process.close()
            self._process = self._start(False)
        return self._process

    def probe(self, device: str, say: Callable[[str], None]) -> Iterator[Capability]:
        """Try everything in turn. Raises Unavailable or BackendFailed where the backend cannot even start."""
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
        """Build a network, float32 by default; if the backend refuses it, as its framework builds it all the same."""
        process = self.process
        try:
            return process.build(architecture.undrawn(), self.device, **options)
        except Unavailable:
            build_options = {"device": self.device, **options}
            document = to_document(architecture.undrawn())
            process.call("build_anyway", key=ANYWAY, architecture=document, options=build_options)
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
        proved = prove_precision(lambda probe: self._build_anyway(probe, dtype=dtype), dtype)
        if proved != dtype:
            raise Lacks(f"it computes in {proved}")
        return f"proved, {ratio:.1f} noise floors"

    def _tf32(self) -> str:
        with self._start(True) as process:
            proved = prove_precision(lambda probe: process.build(probe, self.device, "float32"), "float32")
        if proved != "tf32":
            raise Lacks(f"with TF32 allowed it computes in {proved} on the {self.device}")
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
        """Export on the CPU: the file may be read where there is no GPU."""
        process = self.process
        network = process.build(TINY.undrawn(), "cpu")
        network.load(self.trial.tensors)
        images = process.share({"images": self.trial.images}).to_document()
        exported = process.call("export", key=network.key, form=form, images=images, out=process.new_file())
        self.trial.judge(SharedArrays.from_document(exported["arrays"]).open()["answer"], "float32")
        files = exported["files"]
        return f"{sum(files.values()):,} bytes in {len(files)} file{'s' if len(files) > 1 else ''}"
