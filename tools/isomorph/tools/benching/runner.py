"""A network that takes part: a mode of a backend, or the network of a framework's own zoo."""

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
"""Of the zoo's network in its worker; others' count from 0."""


class Runner(TimedProcess):
    """A network in a process of its own.

    facts: fields of its ModeResult, as they become known.
    peaks: piece of work -> the most bytes of memory that the process had had once it was warm.
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
        """What it computes in."""
        return "float32"

    @property
    def judged(self) -> bool:
        """Whether its answers have to be the network's own."""
        return True

    @abstractmethod
    def build(self, training: bool) -> int:
        """Build and load it in its process; returns its key."""

    def _prepare(self) -> None:
        self._load()
        for batch in self.workload.batches:
            if reason := self.workload.too_large(batch) or self._fails_at(batch):
                larger = " or more" if batch != self.workload.batches[-1] else ""
                self._say(f"not at {batch} images{larger}: {reason}")  # smaller batches stay
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
        """Prepare answers to so many images; why there are none, where fewer were answered."""
        before = list(self.turns)
        try:
            self._prepare_answers(batch)
        except BackendFailed as error:
            if not before:
                raise
            if isinstance(error, BackendEnded):  # a new process answers what this one did
                self.start()
                self._load()
                for work in before:
                    self._prepare_answers(int(work.split()[1]))
            else:
                self.call("forget_peak")  # what it took in vain
            return str(error)
        return None

    def _prepare_answers(self, batch: int) -> None:
        work, out = f"inference {batch}", self.process.new_file()
        given = {"images": self.workload.images.to_document(), "batch": batch}
        first = self.call("prepare_answers", key=self.key, work=work, out=out, **given)
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
        """Note how much memory it took."""
        self._note(self._try(lambda: self.facts.update(memory=max(self.call("peak"), *self.peaks.values()))))

    def prepare_training(self, batch: int) -> None:
        """Build it once more, to be trained on `batch` images; where that cannot be, its other figures stay."""

        def prepare() -> None:
            self.call("forget_peak")
            self.call("discard", key=self.key)
            self.key, work = self.build(training=True), f"training {batch}"
            given = {"images": self.workload.images.to_document(), "batch": batch}
            self.call("prepare_training", key=self.key, work=work, **given)
            self.warm_up(work)

        if self.pid and (reason := self.workload.too_large(batch)):
            self._say(f"not trained at {batch} images: {reason}")
            self.close()
        self._note_training(self._try(prepare))

    def train(self, seconds: float) -> None:
        """One turn of training."""
        self._note_training(self._try(lambda: self._turn("training", seconds)))

    def finish_training(self) -> None:
        """Note how much memory it took, and end the process."""
        if any(work.startswith("training") for work in self.turns):
            self._note_training(self._try(lambda: self.facts.update(training_memory=self.call("peak"))))
        self.close()

    def _note_training(self, failure: tuple[str, str] | None) -> None:
        if failure:
            self._say(f"not trained: {failure[1]}")
            self.close()

    def row(self) -> ModeResult:
        """What is known of it by now."""
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
    """A mode of a backend, which came to `options` there."""

    def __init__(self, backend: str, start: Start, workload: Workload, mode: Mode, options: Options) -> None:
        super().__init__(backend, start, workload, mode.tf32)
        self.mode = mode.name
        self.options = options
        self._asked, self._precision = mode.options, mode.precision(options)
        self.facts |= {"options": asdict(options), "lines": explain(backend, mode, options)}

    @property
    def precision(self) -> str:
        """That of its autocast, TF32, or float32."""
        return self._precision

    def build(self, training: bool) -> int:
        """By the backend."""
        network = self.process.build(
            self.workload.architecture.undrawn(), self.options.device, training=training, **self._asked
        )
        network.load(self.workload.shared)
        return network.key


class ZooRunner(Runner):
    """The network of a framework's own zoo; where there is none to call, a plain module built from the specification.

    PyTorch has no zoo of its own, but torchvision, whose modules are plain ones in NCHW.
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
        """Where it is the very network, with its weights."""
        return self.baseline is None or self.baseline.same

    def build(self, training: bool) -> int:
        """By the framework's zoo, or plainly."""
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
        given = {"name": baseline.own_name, "classes": design.head.num_classes, "size": size, "device": self.device}
        self.call("build_zoo", key=ZOO_KEY, **given)
        if baseline.same:
            with_names = self._under_own_names(baseline)
            self.call("load_zoo", key=ZOO_KEY, tensors=with_names.to_document())
        return ZOO_KEY

    def _under_own_names(self, baseline: Baseline) -> SharedArrays:
        own, _, _ = baseline.design.name.partition("/")
        renamed = zoo(own).naming.tensors(baseline.design)
        tensors: Mapping[str, Any] = self.workload.tensors
        wide = ((renamed[name], value.astype(np.float32)) for name, value in tensors.items())
        return self.process.share({named.name: named.from_canonical(value) for named, value in wide})
