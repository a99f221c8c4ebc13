"""`predict`: classify images with a checkpoint, and compare the probabilities of every backend."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

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
from isomorph.tools.designs.titles import title
from isomorph.tools.images.batches import find_images
from isomorph.tools.images.images import AnyImages
from isomorph.tools.images.preprocessing import describe, find_preprocessing
from isomorph.tools.predicting.labels import read_binary_labels, read_labels
from isomorph.tools.predicting.report import PredictingBackend, PredictReport, Probabilities, Scores, Status
from isomorph.tools.subjects.backends import choose_backends, run_side_by_side
from isomorph.tools.subjects.subject import check_limits, check_request, find_subject

Progress = Callable[[str, str], None]
"""Called with the name of a backend and what it does."""


def predict(
    file: str | Path,
    images: Sequence[str | Path] | AnyImages,
    *,
    backends: Sequence[str] | None = None,
    device: str = "auto",
    dtype: str = "float32",
    arch: str | None = None,
    key: str | None = None,
    prefix: str | None = None,
    tensor_map: str | Path | None = None,
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

    Several logits give a softmax. A single logit is the score of a binary classifier: its sigmoid is the probability of
    class 1, and class 0 has the remainder; the report has the logit, too.

    file: a checkpoint. An architecture's name is refused: weights that never learnt predict nothing.
    images: an array [N, H, W, C] that is the network's input already, or paths of photographs, of folders of them, or
        of one `.npy`. They are read and run a few at a time.
    backends: names; None takes the installed ones of COMPARED, or else the oracle.
    preprocess: another preprocessing than the zoo's for photographs, as `find_preprocessing` takes it.
    labels: a file of the classes' names, as `read_labels` takes it; for one logit, as `read_binary_labels` does.
    top: how many classes of each image to report; all where there are fewer.
    device, dtype, arch, size, timeout, progress: as in `check`.

    Raises BadInput, before anything is computed where possible. A backend that crashes, hangs, lacks the device or runs
    out of memory has the status "error" or "unavailable" in its column.
    """
    if is_architecture(file):
        raise BadInput(f"{file} is an architecture, whose fresh weights predict nothing; give a checkpoint file.")
    if top < 1:
        raise BadInput(f"The top {top} classes were asked for; expected at least one.")
    names, absent = choose_backends(backends)
    names = names or ["oracle"]
    check_limits(timeout)
    resolved = find_subject(file, arch, key=key, prefix=prefix, tensor_map=tensor_map)
    assert resolved.tensors is not None
    assert resolved.origin is not None
    network = resolved.architecture
    logits = _count_logits(network, file)
    source = resolved.preprocessing_source or f"{network.name}, as the file does not say"
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

        def run_all(step: Callable[[_Column], None]) -> None:
            run_side_by_side(lambda process: step(columns[process]), processes)

        progress("images", "reading")
        remaining = iter(batches)
        first = next(remaining)
        tensors = SharedArrays.write(folder / "tensors", resolved.tensors)
        run_all(lambda column: column.build(network, device, dtype, tensors))
        for indices, pixels in chain([first], remaining):
            progress("images", f"{indices.stop:,} of {len(batches.names):,} read")
            shared = SharedArrays.write(folder / f"images-{indices.start}", {"images": pixels})
            run_all(partial(_Column.run, indices=indices, images=shared))
            Path(shared.path).unlink()
    rows = [column.row() for column in columns.values()]
    rule = network.convention.preprocessing
    return PredictReport(
        architecture=network.name,
        title=title(network),
        weights=resolved.origin,
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
    """Count the logits of a network that gives one row of them per image. Raises BadInput for any other network."""
    if network.head.num_classes is None:
        raise BadInput(f"{file} has no classifier, without which it predicts nothing; `isomorph run` gives end points.")
    if not network.head.global_pool:
        raise BadInput(
            f"{file} answers with a map of classes and not with one for the image; `isomorph run` gives end points."
        )
    return network.head.num_classes


class _Column:
    """One backend's logits for all images; a failure of its process stays in its column.

    shape: (images, logits).
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
        """Import the framework, build the network and load its tensors."""
        with self._keeping_failures():
            self.progress(self.process.name, "importing")
            self.version = self.process.describe()["version"]
            self.progress(self.process.name, f"building in {dtype}")
            self.network = self.process.build(architecture, device, dtype)
            self.network.load(tensors)

    def run(self, indices: range, images: SharedArrays) -> None:
        """Compute the logits of the images with these indices, unless it has failed before."""
        if self.status != "done" or self.network is None:
            return
        with self._keeping_failures():
            count, width = self.logits.shape
            self.progress(self.process.name, f"running {indices.start + 1:,} to {indices.stop:,} of {count:,}")
            logits = np.asarray(self.network.answer(images), np.float64)
            if logits.shape != (len(indices), width):
                shape = "x".join(map(str, logits.shape))
                raise BackendFailed(f"its answer is {shape}, expected {len(indices)}x{width}")
            if not np.isfinite(logits).all():
                raise BackendFailed("its logits hold NaN or infinite values")
            self.logits[indices.start : indices.stop] = logits

    def row(self) -> PredictingBackend:
        """Return its results, once all images have run."""
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
            lacks = isinstance(error, Unavailable) and self.version is not None  # the device or dtype, not the backend
            self.status, self.message = "unavailable" if lacks else "error", str(error)
            self.progress(self.process.name, self.status)


def sigmoid(scores: Scores) -> Probabilities:
    """Return the probabilities of class 0 and class 1, [N, 2], of [N] logits; neither is rounded to zero first.

    >>> import numpy as np
    >>> from isomorph.tools.predicting.predict import sigmoid
    >>> sigmoid(np.array([0.0])).tolist()
    [[0.5, 0.5]]
    """
    return softmax(np.stack([np.zeros_like(scores), scores], axis=-1))


def softmax(logits: npt.NDArray[np.float64]) -> Probabilities:
    """Return the softmax over the last axis, in float64."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True), dtype=np.float64)
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
