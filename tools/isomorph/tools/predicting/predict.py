"""`predict`: what a checkpoint says is in the picture, with probabilities from every backend."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isomorph.backends import Unavailable
from isomorph.backends.arrays import SharedArrays
from isomorph.backends.memory import available_memory
from isomorph.backends.process import BackendFailed, BackendProcess, RemoteNetwork
from isomorph.backends.scratch import ScratchFolder
from isomorph.backends.timeouts import TIMEOUT
from isomorph.conformance.memory import check_memory, evaluating
from isomorph.spec import Architecture, BadInput
from isomorph.tools.designs.lookup import is_architecture
from isomorph.tools.images.batches import find_images
from isomorph.tools.images.preprocessing import describe, find_preprocessing
from isomorph.tools.predicting.labels import read_binary_labels, read_labels
from isomorph.tools.predicting.report import PredictingBackend, PredictReport, Status
from isomorph.tools.subjects.backends import choose_backends, run_side_by_side
from isomorph.tools.subjects.subject import check_limits, check_request, find_subject

Array = npt.NDArray[Any]
Progress = Callable[[str, str], None]


def predict(
    file: str | Path,
    images: Sequence[str | Path] | Array,
    *,
    backends: Sequence[str] | None = None,
    device: str = "auto",
    dtype: str = "float32",
    arch: str | None = None,
    size: tuple[int, int] | None = None,
    preprocess: str | None = None,
    labels: str | Path | None = None,
    top: int = 5,
    timeout: float = TIMEOUT,
    progress: Progress = lambda who, what: None,
) -> PredictReport:
    """Predict the classes of images with a checkpoint's network, in every backend.

    >>> from isomorph.tools import predict
    >>> report = predict("resnet8.safetensors", ["photograph.png"], backends=["oracle"], labels="labels.txt")
    >>> report.input, report.probabilities["oracle"].shape
    ((1, 32, 32, 3), (1, 10))
    >>> report.class_name(report.top_classes(0)[0])  # of weights that never learnt
    'dog'

    Of several logits the softmax is told. One logit is a score, as binary classifiers give it: its sigmoid is the
    probability of class 1, and class 0 has the rest; the report has the logit beside it.

    file: a checkpoint. An architecture's name is refused: fresh weights predict nothing.
    images: an array [N, H, W, C] that is the network's input already, or paths of photographs, of folders of them, or
        of one `.npy`. They are read and run a few at a time.
    backends: names; None takes the installed ones of COMPARED, the oracle if there is none.
    preprocess: another than the zoo's for photographs, as `find_preprocessing` takes it.
    labels: a file of the classes' names, as `read_labels` takes it; of one logit, as `read_binary_labels` does.
    top: how many classes of each image to tell; all where there are fewer.
    device, dtype, arch, size, timeout, progress: as in `check`.

    Raises BadInput, before anything is computed where that can be told. A backend that crashes, hangs, lacks the device
    or runs out of memory becomes its column's "error" or "unavailable".
    """
    if is_architecture(file):
        raise BadInput(f"{file} is an architecture, whose fresh weights predict nothing; give a checkpoint file.")
    if top < 1:
        raise BadInput(f"The top {top} classes were asked for; expected at least one.")
    names, absent = choose_backends(backends)
    names = names or ["oracle"]
    check_limits(timeout)
    found = find_subject(file, arch)
    assert found.tensors is not None
    assert found.origin is not None
    network = found.architecture
    logits = _count_logits(network, file)
    source = found.preprocessing_source or f"{network.name}, as the file does not say"
    if preprocess is not None:
        source = f"--preprocess {preprocess}"
        rule = find_preprocessing(preprocess, network.convention.preprocessing)
        network = network.with_options(preprocessing=rule)
    batches = find_images(images, network, size)
    check_request(network, batches.size, 1, 0, device, dtype)
    if preprocess is not None and batches.array is not None:
        raise BadInput(f"{batches.source} is the network's input already; leave --preprocess out or give photographs.")
    label_names = None
    if labels is not None:
        label_names = read_binary_labels(labels) if logits == 1 else read_labels(labels, logits)
    if "oracle" in names:
        itemsize = 8 if dtype == "float64" else 4
        check_memory(network, batches.most, *batches.size, partial(evaluating, itemsize=itemsize))
    memory = available_memory()
    with ExitStack() as stack:
        # They import their frameworks while the first images are read.
        processes = [stack.enter_context(BackendProcess(name, sys.executable, memory, timeout)) for name in names]
        folder = stack.enter_context(ScratchFolder())
        columns = {process: _Column(process, (len(batches.names), logits), progress) for process in processes}

        def each(step: Callable[[_Column], None]) -> None:
            run_side_by_side(lambda process: step(columns[process]), processes)

        progress("images", "reading")
        parts = iter(batches)
        first = next(parts)
        tensors = SharedArrays.write(folder / "tensors", found.tensors)
        each(lambda column: column.build(network, device, dtype, tensors))
        for some, pixels in chain([first], parts):
            progress("images", f"{some.stop:,} of {len(batches.names):,} read")
            shared = SharedArrays.write(folder / f"images-{some.start}", {"images": pixels})
            each(partial(_Column.run, some=some, images=shared))
            Path(shared.path).unlink()
    rows = [column.row() for column in columns.values()]
    rule = network.convention.preprocessing
    return PredictReport(
        architecture=network.name,
        weights=found.origin,
        preprocessing=describe(rule, batches.size) if batches.array is None else "none: an array is the input as it is",
        preprocessing_source=source if batches.array is None else None,
        dtype=dtype,
        input=batches.shape,
        images=batches.names,
        labels=label_names,
        top=min(top, max(logits, 2)),
        backends=(*rows, *(PredictingBackend(name, None, None, "unavailable", why) for name, why in absent.items())),
    )


def _count_logits(network: Architecture, file: str | Path) -> int:
    """Of a network that answers with one row of logits for each image. Raises BadInput for any other."""
    if network.head.num_classes is None:
        raise BadInput(f"{file} has no classifier, without which it predicts nothing; `isomorph run` gives end points.")
    if not network.head.global_pool:
        raise BadInput(
            f"{file} answers with a map of classes and not with one for the image; `isomorph run` gives end points."
        )
    return network.head.num_classes


class _Column:
    """One backend's way through the images; what goes wrong in its process stays with it.

    shape: how many images and logits there are.
    """

    def __init__(self, process: BackendProcess, shape: tuple[int, int], progress: Progress) -> None:
        self.process = process
        self.progress = progress
        self.logits = np.zeros(shape)
        self.version: str | None = None
        self.network: RemoteNetwork | None = None
        self.status: Status = "done"
        self.message = ""

    def build(self, architecture: Architecture, device: str, dtype: str, tensors: SharedArrays) -> None:
        """Import, build and load."""
        with self._keeping_failures():
            self.progress(self.process.name, "importing")
            self.version = self.process.describe()["version"]
            self.progress(self.process.name, f"building in {dtype}")
            self.network = self.process.build(architecture, device, dtype)
            self.network.load(tensors)

    def run(self, some: range, images: SharedArrays) -> None:
        """Fill in the logits of `some` of the images, unless it has failed before."""
        if self.status != "done" or self.network is None:
            return
        with self._keeping_failures():
            count, width = self.logits.shape
            self.progress(self.process.name, f"running {some.start + 1:,} to {some.stop:,} of {count:,}")
            logits = np.asarray(self.network.answer(images), np.float64)
            if logits.shape != (len(some), width):
                found = "x".join(map(str, logits.shape))
                raise BackendFailed(f"its answer is {found}, expected {len(some)}x{width}")
            if not np.isfinite(logits).all():
                raise BackendFailed("its logits hold NaN or infinite values")
            self.logits[some.start : some.stop] = logits

    def row(self) -> PredictingBackend:
        """What became of it, once all images have run."""
        device = self.network.device if self.network else None
        row = PredictingBackend(self.process.name, self.version, device, self.status, self.message)
        if self.status != "done":
            return row
        if self.logits.shape[1] > 1:
            return replace(row, probabilities=softmax(self.logits))
        return replace(row, probabilities=sigmoid(self.logits[:, 0]), scores=self.logits[:, 0])

    @contextmanager
    def _keeping_failures(self) -> Iterator[None]:
        try:
            yield
        except (BadInput, BackendFailed, Unavailable) as error:
            lacks = isinstance(error, Unavailable) and self.version is not None  # what was asked for, not itself
            self.status, self.message = "unavailable" if lacks else "error", str(error)
            self.progress(self.process.name, self.status)


def sigmoid(scores: Array) -> Array:
    """[N, 2] of [N] logits: the probabilities of class 0 and of class 1, in float64; neither rounds to zero first."""
    return softmax(np.stack([np.zeros_like(scores), scores], axis=-1))


def softmax(logits: Array) -> Array:
    """Over the last axis, in float64."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True), dtype=np.float64)
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
