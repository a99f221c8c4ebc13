"""Layers under a convention, as units, stems and heads are built of them."""

from dataclasses import dataclass
from typing import Any

from isomorph.spec.atrous import Sampling
from isomorph.spec.convention import Convention, Initializer
from isomorph.spec.errors import BadInput
from isomorph.spec.layers import INPUT, Activation, BatchNorm, Convolution, Dropout, Layer, MaxPool

POOL_FILLS = {"lowest": float("-inf"), "zero": 0.0}


def linear(convention: Convention) -> dict[str, Any]:
    """Return the fields of a convolution with nothing behind it but a bias, if `convention` has one there.

    In pre-activation networks batch norm and activation stand before a convolution.
    """
    return {"bias": convention.linear_bias, "batch_norm": False, "activation": None}


def convolution(convention: Convention, scope: str, depth_in: int, depth: int, **fields: Any) -> Convolution:
    """Return a convolution that is not dense, under `convention` but for the `fields` of Convolution that are given.

    Raises BadInput for groups that do not divide its channels.
    """
    by_convention: dict[str, Any] = {
        "padding": convention.convolution_padding,
        "bias": convention.convolution_bias,
        "batch_norm": convention.batch_norm,
        "activation": convention.activation if convention.activation_after == "convolutions" else None,
        "initializer": convention.convolution_initializer,
        "bias_initializer": convention.convolution_bias_initializer,
    }
    without_gamma: dict[str, Any] = {} if convention.batch_norm_gamma else {"gamma": None}
    layer = Convolution(scope, depth_in, depth, **by_convention | fields | without_gamma)
    if depth_in % layer.groups or depth % layer.groups:
        raise BadInput(
            f"{scope} has {depth_in} channels in and {depth} out, which {layer.groups} groups do not divide."
        )
    return layer


def dense(
    convention: Convention,
    scope: str,
    depth_in: int,
    depth: int,
    kernel: int = 1,
    activation: Activation = None,
    dropout: float = 0.0,
    source: str = INPUT,
    initializer: Initializer | None = None,
) -> Convolution:
    """Return a fully connected layer over `kernel` x `kernel` cells, as a convolution without padding.

    On a larger map it gives a map, as slim's VGG does. The classifier is one.
    """
    return Convolution(
        scope,
        depth_in,
        depth,
        kernel,
        padding="valid",
        bias=True,
        batch_norm=False,
        activation=activation,
        source=source,
        initializer=initializer or convention.logits_initializer,
        bias_initializer=convention.logits_bias_initializer,
        dropout=Dropout(dropout, convention.dropout_mode == "downscale_in_infer") if dropout else None,
        dense=True,
    )


def batch_norm(convention: Convention, scope: str, depth: int) -> BatchNorm:
    """Return a batch norm that stands alone, under `convention`."""
    return BatchNorm(scope, depth, convention.activation, gamma=1.0 if convention.batch_norm_gamma else None)


def max_pool(convention: Convention, scope: str, depth: int, kernel: int, stride: int, source: str = INPUT) -> MaxPool:
    """Return a max pool that strides, under `convention`. SAME with zeros is no framework's own: ports mistake it."""
    fill = POOL_FILLS[convention.pool_fill]
    return MaxPool(scope, depth, kernel, stride, convention.pool_padding, fill, source)


@dataclass(frozen=True)
class Site:
    """The place where a unit is built: its scope, its input's depth, its sampling, its convention.

    dropout: the share of its input that training drops where a dense unit reads another dense unit.
    """

    scope: str
    depth_in: int
    sampling: Sampling
    convention: Convention
    dropout: float = 0.0

    def convolution(self, name: str, depth_in: int, depth: int, **fields: Any) -> Convolution:
        """Return a convolution of the unit, under the convention but for the `fields` that are given."""
        return convolution(self.convention, f"{self.scope}/{name}", depth_in, depth, **fields)


class Chain:
    """A chain of convolutions, each of which reads the one before it.

    Those up to the strided one have the unit's rate; later ones have the next unit's rate, as if they stood there.
    """

    def __init__(self, site: Site, source: str = INPUT) -> None:
        self.site = site
        self.source = source
        self.depth = site.depth_in
        self.rate = site.sampling.rate
        self.layers: tuple[Layer, ...] = ()

    def depthwise(self, name: str) -> None:
        """Append a 3x3 convolution with one channel in each group; it takes the stride."""
        convention = self.site.convention
        self.add(name, self.depth, 3, strided=True, groups=self.depth, padding=convention.depthwise_padding)

    def add(self, name: str, depth: int, kernel: int = 1, *, strided: bool = False, **fields: Any) -> None:
        """Append a convolution, under the convention but for the `fields` that are given."""
        layer = self.site.convolution(
            name,
            self.depth,
            depth,
            kernel=kernel,
            stride=self.site.sampling.stride if strided else 1,
            rate=self.rate if kernel > 1 else 1,
            source=self.source,
            **fields,
        )
        self.layers += (layer,)
        self.source, self.depth = name, depth
        if strided:
            self.rate = self.site.sampling.rate_after
