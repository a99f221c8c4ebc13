"""What `predict` found: the classes of every image with each backend's probabilities, for people and as JSON."""

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

Array = npt.NDArray[Any]

Status = Literal["done", "error", "unavailable"]

STYLES = {"done": "green", "error": "bold yellow", "unavailable": "dim"}


@dataclass(frozen=True)
class PredictingBackend:
    """One backend's column.

    message: why it failed or is unavailable.
    probabilities: [N, classes] in float64; None unless it is done.
    scores: [N], the logits of a network that has one alone, of which the probability of class 1 is the sigmoid; None of
        others.
    """

    name: str
    version: str | None
    device: str | None
    status: Status
    message: str = ""
    probabilities: Array | None = None
    scores: Array | None = None


@dataclass(frozen=True)
class PredictReport(Report):
    """The same network on the same images in every backend.

    preprocessing: what became of the photographs on their way in, in words.
    preprocessing_source: who says that this is what the network expects, in words; None where there were none.
    input: [N, H, W, C]. images: their names, N of them.
    labels: the classes' names by index; None if there are none. top: of how many classes each image's row tells.
    """

    architecture: str
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
    def probabilities(self) -> dict[str, Array]:
        """Backend -> [N, classes], of those that are done."""
        return {each.name: each.probabilities for each in self.backends if each.probabilities is not None}

    @cached_property
    def scores(self) -> dict[str, Array]:
        """Backend -> [N], where the network has one logit; empty where it has several."""
        return {each.name: each.scores for each in self.backends if each.scores is not None}

    @property
    def agree(self) -> bool | None:
        """True if every backend that was to run names the same top class for every image, None where one failed."""
        if any(self.disagrees(image) for image in range(len(self.images))):
            return False
        undecided = not self.probabilities or any(each.status == "error" for each in self.backends)
        return None if undecided else True

    @property
    def exit_status(self) -> int:
        """0 all agree, 1 they do not, 3 undecided."""
        return {True: 0, False: 1, None: 3}[self.agree]

    def top_classes(self, image: int) -> list[int]:
        """The classes of the highest probabilities, the mean of all backends', highest first; none if none is done."""
        if not self.probabilities:
            return []
        mean = np.mean([found[image] for found in self.probabilities.values()], axis=0)
        return [int(index) for index in np.argsort(-mean, kind="stable")[: self.top]]

    def winners(self, image: int) -> dict[str, int]:
        """Backend -> its own top class."""
        return {name: int(found[image].argmax()) for name, found in self.probabilities.items()}

    def disagrees(self, image: int) -> bool:
        """Whether two backends have different top classes."""
        return len(set(self.winners(image).values())) > 1

    def class_name(self, index: int) -> str:
        """Its label, or "class 3"."""
        return f"class {index}" if self.labels is None else self.labels[index]

    def to_json(self) -> str:
        """The report, as the command line's `--json` writes it."""
        backends = [
            {"name": each.name, "version": each.version, "device": each.device}
            | {"status": each.status, "message": each.message}
            for each in self.backends
        ]
        document = {
            "architecture": self.architecture,
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
                "probabilities": {name: float(found[image, index]) for name, found in self.probabilities.items()},
            }
            for index in self.top_classes(image)
        ]
        document = {"image": self.images[image], "top": self.winners(image), "classes": classes}
        if self.scores:
            document["logit"] = {name: float(scores[image]) for name, scores in self.scores.items()}
        return document

    def table(self) -> RenderableType:
        """A table for each image, the classes down and the backends across; then who ran, and whether they agree."""
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
        return Group(Text(self.architecture, "bold"), facts_table(facts), Text(), *images, ran, *self._remarks())

    def _image_table(self, image: int) -> Iterator[RenderableType]:
        yield Text(printable(self.images[image]), "bold")
        numbered = () if self.labels is None else ("",)
        table = plain_table(*numbered, "class", *self.probabilities, right=(*numbered, *self.probabilities))
        winners = set(self.winners(image).values())
        for index in self.top_classes(image):
            number = () if self.labels is None else (str(index),)
            style = "bold" if index in winners else ""
            cells = (percent(found[image, index]) for found in self.probabilities.values())
            table.add_row(*number, self.class_name(index), *cells, style=style)
        if self.scores:
            cells = (f"{scores[image]:.4g}" for scores in self.scores.values())
            table.add_row(*("" for _ in numbered), "logit", *cells, style="dim")
        yield table
        if self.disagrees(image):
            said = ", ".join(f"{name} says {self.class_name(index)}" for name, index in self.winners(image).items())
            yield Text(printable(f"The top classes differ: {said}."), "bold red")
        yield Text()

    def _remarks(self) -> Iterator[Text]:
        for each in self.backends:
            if each.message:
                yield remark(each.name, STYLES[each.status], f": {each.message}")
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
    """To a hundredth; what would round to nothing, or to certainty, is said to be less."""
    if 0 < probability < 0.00005:
        return "<0.01%"
    return ">99.99%" if 0.99995 <= probability < 1 else f"{probability:.2%}"
