"""Judge whether the values of a network's tensors agree with one another, as those of one training do."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from isomorph.spec import Architecture, plan
from isomorph.spec.tensors import MOVING_MEAN, MOVING_VARIANCE
from isomorph.tools.checkpoints import Tensors
from isomorph.tools.tables import count, short_scope
from isomorph.tools.weights.values.correlations import LEAST
from isomorph.tools.weights.values.exchanges import find_exchange
from isomorph.tools.weights.values.images import find_image_mean
from isomorph.tools.weights.values.predictions import Predictor

Status = Literal["agree", "do not agree", "not trained", "not comparable"]

MOST_NAMED = 3
"""How many layers a sentence names."""

INITIAL = {MOVING_MEAN: 0.0, MOVING_VARIANCE: 1.0}
"""The running statistics of a new network."""


@dataclass(frozen=True)
class Agreement:
    """Whether the running means of a network are those that its other tensors predict.

    status: "not trained" where all running statistics are a new network's; "not comparable" where no layer is.
    correlations: scope of each layer with a batch norm -> the correlation, over its channels, of the running mean with
        the predicted one; None where that cannot be told.
    exchanged: the scopes of two layers that agree better with each other's tensors; empty without any.
    image_mean: of each channel of the images that it was trained on; empty where that is not well told.
    """

    status: Status
    correlations: Mapping[str, float | None]
    exchanged: tuple[str, ...] = ()
    image_mean: tuple[float, ...] = ()

    @property
    def compared(self) -> dict[str, float]:
        """The correlations that can be told, the lowest first."""
        told = [(scope, value) for scope, value in self.correlations.items() if value is not None]
        return dict(sorted(told, key=lambda pair: pair[1]))

    @property
    def median(self) -> float | None:
        """The median of all correlations that can be told."""
        return float(np.median([*self.compared.values()])) if self.compared else None

    @property
    def worst(self) -> tuple[str, float] | None:
        """The scope and the correlation of the layer that agrees least."""
        return next(iter(self.compared.items()), None)

    @property
    def reason(self) -> str:
        """Why it has its status, in words."""
        number, left_out = len(self.compared), len(self.correlations) - len(self.compared)
        if self.status == "not trained":
            return "all running means are 0 and all variances 1"
        if self.worst is None:
            return "no running mean follows from the tensors before it"
        if self.status == "agree":
            scope, value = self.worst
            others = f", {count(left_out)} not comparable" if left_out else ""
            return (
                f"median {self.median:.2f}, worst {short_scope(scope)} {value:.2f}, of {count(number)} layers{others}"
            )
        if self.exchanged:
            return f"{' and '.join(map(short_scope, self.exchanged))} seem to have each other's tensors"
        below = [f"{short_scope(scope)} {value:.2f}" for scope, value in self.compared.items() if value < LEAST]
        more = f" and {count(len(below) - MOST_NAMED)} more" if len(below) > MOST_NAMED else ""
        return f"{', '.join(below[:MOST_NAMED])}{more}, of {count(number)} layers"

    def to_document(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        worst = {"layer": self.worst[0], "correlation": self.worst[1]} if self.worst else None
        return {"median": self.median, "worst": worst, "reason": self.reason} | asdict(self)

    def __str__(self) -> str:
        return f"{self.status}: {self.reason}"


def find_agreement(architecture: Architecture, tensors: Tensors) -> Agreement:
    """Compare the running means of a network with those that its other tensors predict.

    >>> from isomorph.tools.weights.weights import read_weights
    >>> weights = read_weights("resnet8.safetensors")
    >>> find_agreement(weights.architecture, weights.tensors).status
    'agree'

    tensors: canonical name -> array.
    """
    if any(value.dtype.kind not in "fV" for value in tensors.values()):  # V: bfloat16
        return Agreement("not comparable", {})
    predictor = Predictor(plan(architecture), tensors)
    if _is_new(tensors):
        return Agreement("not trained", {layer.scope: None for layer, _ in predictor.inputs()})
    with np.errstate(all="ignore"):  # tensors may hold anything, and what is not finite is not compared
        correlations = {scope: each.correlation for scope, each in predictor.predict().items()}
        exchanged, image_mean = find_exchange(predictor, correlations), find_image_mean(predictor)
    values = {scope: each.value if each else None for scope, each in correlations.items()}
    compared = [value for value in values.values() if value is not None]
    status: Status = "agree" if min(compared, default=0.0) >= LEAST and not exchanged else "do not agree"
    return Agreement(status if compared else "not comparable", values, exchanged, image_mean)


def _is_new(tensors: Tensors) -> bool:
    """Whether there are running statistics, and no training has moved any of them."""
    statistics = {leaf: [value for name, value in tensors.items() if name.endswith(f"/{leaf}")] for leaf in INITIAL}
    return bool(statistics[MOVING_MEAN]) and all(
        bool((np.asarray(value) == initial).all()) for leaf, initial in INITIAL.items() for value in statistics[leaf]
    )
