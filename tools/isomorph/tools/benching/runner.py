"""The competing networks: a mode of a backend, or the network of a framework's own zoo."""

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import numpy as np

from isomorph.backends import Unavailable
from isomorph.backends.arrays import SharedArrays
from isomorph.backends.options import Options
from isomorph.backends.process import BackendEnded, BackendFailed
from isomorph.conformance.verdict import FLOORS
from isomorph.spec import infer, zoo
from isomorph.tools.benching.baselines import PLAIN, Baseline
from isomorph.tools.benching.explain import explain
from isomorph.tools.benching.modes import Mode
from isomorph.tools.benching.results import ZOO, ModeResult, make_timing
from isomorph.tools.benching.timed_process import Start, TimedProcess, WrongAnswers
from isomorph.tools.benching.workload import Workload

ZOO_KEY = -1
"""The worker's key of the zoo's network; other keys count from 0."""


class Runner(TimedProcess):
    """A network in a process of its own.

    facts: fields of its ModeResult, as they become known.
    peaks: piece of work -> peak bytes of memory of the process after warming up.
    """

    mode: str
    key: int  # of the network in its worker, once it is built

    def __init__(self, backend: str, start: Start, workload: Workload, tf32: bool = False) -> None:
        super().__init__(backend, start, tf32)
        self.workload = workload
        self.peaks: dict[str, int] = {}
        self.facts: dict[str, Any] = {"macs": infer(workload.architecture, *workload.size).macs or 0}

    @property
    def name(self) -> str:
        """For progress."""
        return f"{self.backend} {self.mode}"

    @property
    def precision(self) -> str:
        """The precision in which it computes."""
        return "float32"

    @property
    def judged(self) -> bool:
        """Whether its answers are judged against the oracle's."""
        return True

    @abstractmethod
    def build(self, training: bool) -> int:
        """Build and load it in its process, and return its key."""

    def _prepare(self) -> None:
        self._load()
        for batch in self.workload.batches:
            if reason := self.workload.too_large(batch) or self._fails_at(batch):
                larger = " or more" if batch != self.workload.batches[-1] else ""
                self._say(f"not at {batch} images{larger}: {reason}")  # smaller batches keep their figures
                break
        with suppress(Unavailable):
            self.facts["threads"] = self.call("threads")
        if self.mode != ZOO:
            with suppress(Unavailable):
                self.facts["disk"] = self.call("size_on_disk", key=self.key)

    def _load(self) -> None:
        described = self.process.describe()
        self.facts |= {"version": described["version"], "import_seconds": described["import_seconds"]}
        self.key = self.build(training=False)
        self.call("forget_peak")

    def _fails_at(self, batch: int) -> str | None:
        """Prepare answers to so many images. Return why that fails, if it does and smaller batches did not."""
        prepared = list(self.turns)
        try:
            self._prepare_answers(batch)
        except BackendFailed as error:
            if not prepared:
                raise
            if isinstance(error, BackendEnded):  # a new process repeats what this one did
                self.start()
                self._load()
                for work in prepared:
                    self._prepare_answers(int(work.split()[1]))
            else:
                self.call("forget_peak")  # that of the failed attempt
            return str(error)
        return None

    def _prepare_answers(self, batch: int) -> None:
        work, out = f"inference {batch}", self.process.new_file()
        images = self.workload.images.to_document()
        first = self.call("prepare_answers", key=self.key, work=work, out=out, images=images, batch=batch)
        self.facts.setdefault("first_call", first["seconds"])
        if self.judged:
            self._judge(SharedArrays.from_document(first["arrays"]))
        self.warm_up(work)
        self.peaks[work] = self.call("peak")

    def _judge(self, answer: SharedArrays) -> None:
        ratio = self.workload.noise_ratio(answer.open()["answer"], self.precision)
        self.facts["noise_ratio"] = max(ratio, self.facts.get("noise_ratio", 0.0))
        if ratio > FLOORS:
            raise WrongAnswers(f"the answer is {ratio:.3g} noise floors of {self.precision} off; up to 8 pass")

    def finish_inference(self) -> None:
        """Note the peak memory."""
        self._note(self._try(lambda: self.facts.update(memory=max(self.call("peak"), *self.peaks.values()))))

    def prepare_training(self, batch: int) -> None:
        """Build it again, to be trained on `batch` images; if that fails, its other figures stay."""

        def prepare() -> None:
            self.call("forget_peak")
            self.call("discard", key=self.key)
            self.key, work = self.build(training=True), f"training {batch}"
            images = self.workload.images.to_document()
            self.call("prepare_training", key=self.key, work=work, images=images, batch=batch)
            self.warm_up(work)

        if self.pid and (reason := self.workload.too_large(batch)):
            self._say(f"not trained at {batch} images: {reason}")
            self.close()
        self._note_training(self._try(prepare))

    def train(self, seconds: float) -> None:
        """Take one turn of training."""
        self._note_training(self._try(lambda: self._turn("training", seconds)))

    def finish_training(self) -> None:
        """Note the peak memory of training, and end the process."""
        if any(work.startswith("training") for work in self.turns):
            self._note_training(self._try(lambda: self.facts.update(training_memory=self.call("peak"))))
        self.close()

    def _note_training(self, failure: tuple[str, str] | None) -> None:
        if failure:
            self._say(f"not trained: {failure[1]}")
            self.close()

    def row(self) -> ModeResult:
        """Return its results so far."""
        timings = [
            make_timing(
                "training" if work.startswith("training") else "inference",
                int(work.split()[1]),
                turns,
                self.peaks.get(work),
            )
            for work, turns in self.turns.items()
            if turns
        ]
        status = "interrupted" if self.status == "measured" and not timings else self.status
        return ModeResult(
            self.backend,
            self.mode,
            status,
            self.message,
            precision=self.precision,
            timings=tuple(timings),
            **self.facts,
        )


class ModeRunner(Runner):
    """A mode of a backend, with the options as the backend resolved them."""

    def __init__(self, backend: str, start: Start, workload: Workload, mode: Mode, options: Options) -> None:
        super().__init__(backend, start, workload, mode.tf32)
        self.mode = mode.name
        self.options = options
        self._mode_options, self._precision = mode.options, mode.precision(options)
        self.facts |= {"options": asdict(options), "lines": explain(backend, mode, options)}

    @property
    def precision(self) -> str:
        """The precision of its autocast, TF32, or float32."""
        return self._precision

    def build(self, training: bool) -> int:
        """Build it by the backend, and return its key."""
        network = self.process.build(
            self.workload.architecture.undrawn(), self.options.device, training=training, **self._mode_options
        )
        network.load(self.workload.shared)
        return network.key


class ZooRunner(Runner):
    """The network of a framework's own zoo; if there is none, a plain module from the specification.

    PyTorch's is torchvision, whose modules are plain ones in NCHW.
    """

    mode = ZOO

    def __init__(self, backend: str, start: Start, workload: Workload, baseline: Baseline | None, device: str) -> None:
        super().__init__(backend, start, workload)
        self.device = device
        self._set(baseline)

    def _set(self, baseline: Baseline | None) -> None:
        self.baseline = baseline
        design = baseline.design if baseline else self.workload.architecture
        self.facts |= {
            "macs": infer(design, *self.workload.size).macs or 0,
            "lines": baseline.call if baseline else PLAIN,
            "options": {},
        }

    @property
    def judged(self) -> bool:
        """Whether it is the same function as the measured network, with its weights."""
        return self.baseline is None or self.baseline.same

    def build(self, training: bool) -> int:
        """Build it by the framework's zoo, or as a plain module, and return its key."""
        if self.baseline:
            try:
                return self._build_zoo(self.baseline)
            except Unavailable:
                if self.backend != "pytorch":
                    raise
                self._set(None)
        network = self.process.build(
            self.workload.architecture.undrawn(), self.device, training=training, layout="NCHW"
        )
        network.load(self.workload.shared)
        return network.key

    def _build_zoo(self, baseline: Baseline) -> int:
        design = baseline.design
        size = (*self.workload.size, design.in_channels)
        arguments = {"name": baseline.own_name, "classes": design.head.num_classes, "size": size, "device": self.device}
        self.call("build_zoo", key=ZOO_KEY, **arguments)
        if baseline.same:
            tensors = self._share_tensors(baseline)
            self.call("load_zoo", key=ZOO_KEY, tensors=tensors.to_document())
        return ZOO_KEY

    def _share_tensors(self, baseline: Baseline) -> SharedArrays:
        """Share the tensors in float32 under the names of the zoo."""
        zoo_name, _, _ = baseline.design.name.partition("/")
        zoo_tensors = zoo(zoo_name).naming.tensors(baseline.design)
        tensors: Mapping[str, Any] = self.workload.tensors
        pairs = ((zoo_tensors[name], value.astype(np.float32)) for name, value in tensors.items())
        return self.process.share({tensor.name: tensor.from_canonical(value) for tensor, value in pairs})
