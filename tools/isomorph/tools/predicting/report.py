"""The report of `predict`: the classes of every image with each backend's probabilities, printable and as JSON."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from rich.console import Group, RenderableType
from rich.text import Text

from isomorph.tools.subjects.subject import Origin
from isomorph.tools.tables import Report, facts_table, plain_table, printable, remark

Probabilities = npt.NDArray[np.float64]
"""[N, classes]."""

Scores = npt.NDArray[np.float64]
"""[N], the logits of a network that has a single one."""

Status = Literal["done", "error", "unavailable"]

STYLES = {"done": "green", "error": "bold yellow", "unavailable": "dim"}


@dataclass(frozen=True)
class PredictingBackend:
    """One backend's column.

    message: why it failed or is unavailable.
    probabilities: None unless it is done.
    scores: the logits whose sigmoid is the probability of class 1; None for networks of several logits.
    """

    name: str
    version: str | None
    device: str | None
    status: Status
    message: str = ""
    probabilities: Probabilities | None = None
    scores: Scores | None = None


@dataclass(frozen=True)
class PredictReport(Report):
    """The same network on the same images in every backend.

    title: the architecture's name with what is not its own, such as a width.
    preprocessing: how photographs were prepared, in words.
    preprocessing_source: where that preprocessing comes from, in words; None for an array.
    input: [N, H, W, C]. images: their names, N of them.
    labels: the classes' names by index; None if there are none. top: how many classes of each image are reported.
    """

    architecture: str
    title: str
    weights: Origin
    preprocessing: str
    dtype: str
    input: tuple[int, int, int, int]
    images: tuple[str, ...]
    labels: tuple[str, ...] | None
    top: int
    backends: tuple[PredictingBackend, ...]
    preprocessing_source: str | None = None

    @cached_property
    def probabilities(self) -> dict[str, Probabilities]:
        """Backend -> its probabilities, of all that are done."""
        return {each.name: each.probabilities for each in self.backends if each.probabilities is not None}

    @cached_property
    def scores(self) -> dict[str, Scores]:
        """Backend -> its scores; empty for networks of several logits."""
        return {each.name: each.scores for each in self.backends if each.scores is not None}

    @property
    def agree(self) -> bool | None:
        """True if all backends have the same top class for every image, False if not, None if one failed."""
        if any(self.disagrees(image) for image in range(len(self.images))):
            return False
        undecided = not self.probabilities or any(each.status == "error" for each in self.backends)
        return None if undecided else True

    @property
    def exit_status(self) -> int:
        """0 all agree, 1 two differ, 3 undecided."""
        return {True: 0, False: 1, None: 3}[self.agree]

    def top_classes(self, image: int) -> list[int]:
        """Return the classes of the highest mean probability of all backends, highest first; none if none is done."""
        if not self.probabilities:
            return []
        mean = np.mean([each[image] for each in self.probabilities.values()], axis=0)
        return [int(index) for index in np.argsort(-mean, kind="stable")[: self.top]]

    def winners(self, image: int) -> dict[str, int]:
        """Return backend -> its top class."""
        return {name: int(each[image].argmax()) for name, each in self.probabilities.items()}

    def disagrees(self, image: int) -> bool:
        """Tell whether two backends have different top classes."""
        return len(set(self.winners(image).values())) > 1

    def class_name(self, index: int) -> str:
        """Return the label of a class, or "class 3" without labels."""
        return f"class {index}" if self.labels is None else self.labels[index]

    def to_json(self) -> str:
        """Return the report, as the command line's `--json` writes it."""
        backends = [
            {"name": each.name, "version": each.version, "device": each.device}
            | {"status": each.status, "message": each.message}
            for each in self.backends
        ]
        document = {
            "architecture": self.architecture,
            "title": self.title,
            "weights": asdict(self.weights),
            "preprocessing": self.preprocessing,
            "preprocessing_source": self.preprocessing_source,
            "dtype": self.dtype,
            "input": self.input,
            "agree": self.agree,
            "backends": backends,
            "images": [self._image_document(image) for image in range(len(self.images))],
        }
        return json.dumps(document, indent=2, allow_nan=False) + "\n"

    def _image_document(self, image: int) -> dict[str, Any]:
        classes = [
            {
                "index": index,
                "label": None if self.labels is None else self.labels[index],
                "probabilities": {name: float(each[image, index]) for name, each in self.probabilities.items()},
            }
            for index in self.top_classes(image)
        ]
        document = {"image": self.images[image], "top": self.winners(image), "classes": classes}
        if self.scores:
            document["logit"] = {name: float(scores[image]) for name, scores in self.scores.items()}
        return document

    def table(self) -> RenderableType:
        """Return the report for people: a table per image, classes down, backends across; then which backends ran."""
        facts = (
            ("weights", self.weights.source),
            ("preprocessing", self.preprocessing),
            ("which is of", self.preprocessing_source),
            ("input", "x".join(map(str, self.input))),
            ("computed in", self.dtype),
        )
        ran = plain_table("runs in", "version", "on", "")
        for each in self.backends:
            status = Text(each.status.upper(), STYLES[each.status])
            ran.add_row(each.name, each.version or "-", each.device or "-", status)
        shown = range(len(self.images) if self.probabilities else 0)
        images = [part for image in shown for part in self._image_table(image)]
        return Group(Text(self.title, "bold"), facts_table(facts), Text(), *images, ran, *self._remarks())

    def _image_table(self, image: int) -> Iterator[RenderableType]:
        yield Text(printable(self.images[image]), "bold")
        numbered = () if self.labels is None else ("",)
        table = plain_table(*numbered, "class", *self.probabilities, right=(*numbered, *self.probabilities))
        top_classes = set(self.winners(image).values())
        for index in self.top_classes(image):
            number = () if self.labels is None else (str(index),)
            style = "bold" if index in top_classes else ""
            cells = (percent(each[image, index]) for each in self.probabilities.values())
            table.add_row(*number, self.class_name(index), *cells, style=style)
        if self.scores:
            cells = (f"{scores[image]:.4g}" for scores in self.scores.values())
            table.add_row(*("" for _ in numbered), "logit", *cells, style="dim")
        yield table
        if self.disagrees(image):
            winners = ", ".join(f"{name} says {self.class_name(index)}" for name, index in self.winners(image).items())
            yield Text(printable(f"The top classes differ: {winners}."), "bold red")
        yield Text()

    def _remarks(self) -> Iterator[Text]:
        for each in self.backends:
            if each.message:
                yield remark(each.name, STYLES[each.status], f": {each.message}")
        if self.labels is None and self.probabilities:
            yield Text()
            yield Text("--labels FILE names the classes: JSON, or one name on each line.", "dim")
        if self.scores:
            yield Text()
            scored = printable(self.class_name(1))
            yield Text(
                f"The network has one logit, the score of {scored}: its sigmoid is the probability, if it was trained"
                " as one.",
                "dim",
            )
        if len(self.probabilities) < 2:
            return
        yield Text()
        differing = sum(self.disagrees(image) for image in range(len(self.images)))
        every = np.stack(list(self.probabilities.values()))
        spread = f"by at most {float(np.ptp(every, axis=0).max()):.1g}."
        if differing:
            yield Text(f"Top classes differ in {differing} of {len(self.images)} images; probabilities {spread}", "red")
        else:
            who = "All" if len(self.probabilities) == len(self.backends) else "All that are done"
            yield Text(f"{who} agree on every image's top class; probabilities differ {spread}", "dim")


def percent(probability: float) -> str:
    """Return a probability in hundredths of a percent, never rounded to 0 or 100 %.

    >>> from isomorph.tools.predicting.report import percent
    >>> [percent(probability) for probability in (0.1234, 0.00001, 1.0)]
    ['12.34%', '<0.01%', '100.00%']
    """
    if 0 < probability < 0.00005:
        return "<0.01%"
    return ">99.99%" if 0.99995 <= probability < 1 else f"{probability:.2%}"
