"""The unit kinds: the layers that the numbers in a Block's args stand for, under a convention.

A kind stands here once and as one class in each backend's `units.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from isomorph.spec.atrous import Sampling
from isomorph.spec.errors import BadInput
from isomorph.spec.layers import (
    INPUT,
    Activation,
    AdaptivePool,
    Layer,
    MaxPool,
    Parametrised,
    Shortcut,
    Subsample,
    ZeroChannels,
    name_of,
)
from isomorph.spec.site import Chain, Site, batch_norm, convolution, dense, linear, max_pool


@dataclass(frozen=True)
class Wiring:
    """The layers of a unit, and how they are joined.

    layers: in the order of slim's end points, each naming the layer that it reads.
    joined: the layers (or INPUT) whose sum is the unit's result; a single one is the result.
    activation: what follows the sum.
    concatenated: the result is not the sum of the joined layers, but all of their channels.
    """

    layers: tuple[Layer, ...]
    joined: tuple[str, ...]
    activation: Activation = None
    concatenated: bool = False


@dataclass(frozen=True)
class Unit:
    """One unit, resolved to layers.

    scope: `block1/unit_1/bottleneck_v1`, which is also its end point.
    kind: its name in KINDS.
    nominal_stride: the stride in its Block; `sampling` has the stride and the rate that it really takes.
    """

    scope: str
    kind: str
    depth_in: int
    nominal_stride: int
    sampling: Sampling
    wiring: Wiring

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The unit's layers, in order."""
        return self.wiring.layers

    @property
    def depth(self) -> int:
        """The number of channels of the unit's result."""
        if self.wiring.concatenated:
            return sum(self.layer(name).depth for name in self.wiring.joined)
        return self.layers[-1].depth

    def layer(self, name: str) -> Any:
        """Return the layer called `name`."""
        return next(layer for layer in self.layers if name_of(layer) == name)

    @property
    def parametrised(self) -> tuple[Parametrised, ...]:
        """The unit's layers that have tensors, in order."""
        return tuple(layer for layer in self.layers if isinstance(layer, Parametrised))

    @property
    def shortcut(self) -> Shortcut | None:
        """The layer on the shortcut to the sum; None for the identity and without a shortcut."""
        return next((x for x in self.layers if name_of(x) == "shortcut" and isinstance(x, Shortcut)), None)


FLAT = "{block}/{block}_{number}"
"""The scope of units that are one layer, as slim names those of its VGG: `conv1/conv1_2`."""


@dataclass(frozen=True)
class UnitKind:
    """One kind of unit, an entry of KINDS.

    scope: the pattern of its units' scopes. A unit of a FLAT kind that is alone in its block has the block's scope.
    fields: the names of the numbers in a Block's args.
    build: returns the layers of a unit, from its site and those numbers.
    dilates: whether these units have an atrous form, in which a rate replaces their stride or one before them.

    >>> KINDS["bottleneck"].stride((256, 64, 2))
    2
    >>> KINDS["bottleneck"].scope_of("block1", 3, alone=False)
    'block1/unit_3/bottleneck_v1'
    """

    scope: str
    fields: tuple[str, ...]
    build: Callable[..., Wiring]
    dilates: bool = True

    def stride(self, args: tuple[int, ...]) -> int:
        """Return the nominal stride of a unit with these args."""
        return args[self.fields.index("stride")] if "stride" in self.fields else 1

    def scope_of(self, block: str, number: int, alone: bool) -> str:
        """Return the scope of unit `number` of `block`.

        alone: whether it is the block's only unit.
        """
        return block if alone and self.scope == FLAT else self.scope.format(block=block, number=number)


def _shortcut(site: Site, depth: int) -> tuple[Layer, ...]:
    """Return the shortcut's layer, if it needs one: slim decides by depth alone (resnet_v1.py, `bottleneck`)."""
    scope, stride, kind = f"{site.scope}/shortcut", site.sampling.stride, site.convention.shortcut
    if kind == "none":
        return ()
    if site.depth_in == depth:
        return (Subsample(scope, depth, stride),) if stride > 1 else ()
    if kind == "zero_channels":
        if depth < site.depth_in:
            raise BadInput(f"{scope} has {site.depth_in} channels to make {depth} of; zero_channels only adds some.")
        return (ZeroChannels(scope, site.depth_in, depth, stride),)
    normalised = site.convention.batch_norm and site.convention.shortcut_batch_norm
    return (site.convolution("shortcut", site.depth_in, depth, stride=stride, batch_norm=normalised, activation=None),)


def _beside_shortcut(site: Site, residual: Chain) -> Wiring:
    """Join the residual with the shortcut, rectified; without shortcuts, return the residual alone."""
    shortcut = _shortcut(site, residual.depth)
    other = ("shortcut",) if shortcut else (INPUT,)
    joined = () if site.convention.shortcut == "none" else other
    return Wiring(shortcut + residual.layers, (*joined, residual.source), site.convention.activation)


def _basic(site: Site, depth: int, depth_bottleneck: int, stride: int) -> Wiring:
    """He et al. (2015), figure 5, left: 3x3, 3x3. The first is as deep as `depth_bottleneck` and takes the stride."""
    chain = Chain(site)
    chain.add("conv1", depth_bottleneck, 3, strided=True)
    chain.add("conv2", depth, 3, activation=None, gamma=site.convention.last_gamma)
    return _beside_shortcut(site, chain)


def _bottleneck(site: Site, depth: int, depth_bottleneck: int, stride: int, groups: int = 1) -> Wiring:
    """He et al. (2015), figure 5, right: 1x1, 3x3, 1x1. The convention says which of the first two takes the stride.

    With groups it is the block of Xie et al. (2017), figure 3 (c).
    """
    chain, first = Chain(site), site.convention.bottleneck_stride == "conv1"
    chain.add("conv1", depth_bottleneck, strided=first)
    chain.add("conv2", depth_bottleneck, 3, strided=not first, groups=groups)
    chain.add("conv3", depth, activation=None, gamma=site.convention.last_gamma)
    return _beside_shortcut(site, chain)


def _bottleneck_v2(site: Site, depth: int, depth_bottleneck: int, stride: int) -> Wiring:
    """He et al. (2016), figure 4 (e), as slim and Keras build it: batch norm and ReLU come first, the 3x3 strides.

    The last convolution and the projection have a bias and nothing behind it (tf_slim/nets/resnet_v2.py, `bottleneck`).
    """
    chain = Chain(site, "preact")
    chain.add("conv1", depth_bottleneck)
    chain.add("conv2", depth_bottleneck, 3, strided=True)
    chain.add("conv3", depth, **linear(site.convention))
    return _preactivated(site, chain)


def _basic_v2(site: Site, depth: int, depth_bottleneck: int, stride: int) -> Wiring:
    """He et al. (2016), figure 4 (e), of two 3x3, the unit of wide ResNets (Zagoruyko and Komodakis, 2016, figure 1).

    The first 3x3 is as deep as `depth_bottleneck` and takes the stride.
    """
    chain = Chain(site, "preact")
    chain.add("conv1", depth_bottleneck, 3, strided=True)
    chain.add("conv2", depth, 3, **linear(site.convention))
    return _preactivated(site, chain)


def _preactivated(site: Site, residual: Chain) -> Wiring:
    """Return a residual that reads `preact`, a batch norm and its activation, beside its shortcut.

    A projection reads what they make of the input, an identity the input itself.
    """
    preact = batch_norm(site.convention, f"{site.scope}/preact", site.depth_in)
    if site.depth_in == residual.depth:
        shortcut = _shortcut(site, residual.depth)
    else:
        projection = {"stride": site.sampling.stride, "source": "preact", **linear(site.convention)}
        shortcut = (site.convolution("shortcut", site.depth_in, residual.depth, **projection),)
    return Wiring((preact, *shortcut, *residual.layers), ("shortcut" if shortcut else INPUT, residual.source))


def _separable(site: Site, depth: int, stride: int) -> Wiring:
    """Howard et al. (2017), figure 3, right: a depthwise 3x3, then a 1x1."""
    chain = Chain(site)
    chain.depthwise("depthwise")
    chain.add("pointwise", depth)
    return Wiring(chain.layers, ("pointwise",))


def _inverted_residual(site: Site, expansion: int, depth: int, stride: int) -> Wiring:
    """Sandler et al. (2018), table 1: a 1x1 that widens, a depthwise 3x3, a 1x1 without activation; then the sum.

    Nothing is widened where the expansion is 1, and nothing added where depths differ or the unit strides.
    """
    chain = Chain(site)
    if expansion > 1:
        chain.add("expand", expansion * site.depth_in)
    chain.depthwise("depthwise")
    chain.add("project", depth, activation=None, gamma=site.convention.last_gamma)
    added = stride == 1 and depth == site.depth_in
    return Wiring(chain.layers, (INPUT, "project") if added else ("project",))


def _inception(
    site: Site, branch1: int, branch2_reduce: int, branch2: int, branch3_reduce: int, branch3: int, branch4: int
) -> Wiring:
    """Szegedy et al. (2015), figure 2 (b): 1x1; 1x1, 3x3; 1x1, 5x5; max pool, 1x1; all of their channels.

    The arguments are the depths of the branches, and of the 1x1 that reduces the map before two of them.
    """
    pool = MaxPool(f"{site.scope}/branch4_pool", site.depth_in, 3, 1, "explicit", float("-inf"))
    first, second, third, fourth = Chain(site), Chain(site), Chain(site), Chain(site, "branch4_pool")
    first.add("branch1", branch1)
    second.add("branch2_reduce", branch2_reduce)
    second.add("branch2", branch2, 3)
    third.add("branch3_reduce", branch3_reduce)
    third.add("branch3", branch3, site.convention.inception_kernel)
    fourth.add("branch4", branch4)
    layers = (*first.layers, *second.layers, *third.layers, pool, *fourth.layers)
    activation = site.convention.activation if site.convention.activation_after == "joins" else None
    return Wiring(layers, ("branch1", "branch2", "branch3", "branch4"), activation, concatenated=True)


def _convolution(site: Site, depth: int, kernel: int, stride: int, **fields: Any) -> Wiring:
    """One convolution that stands alone."""
    geometry = {"kernel": kernel, "stride": site.sampling.stride, "rate": site.sampling.rate if kernel > 1 else 1}
    return _single(convolution(site.convention, site.scope, site.depth_in, depth, **geometry | fields))


def _valid_convolution(site: Site, depth: int, kernel: int, stride: int) -> Wiring:
    """One convolution that stands alone, without padding."""
    return _convolution(site, depth, kernel, stride, padding="valid")


def _dense(site: Site, depth: int, kernel: int, **fields: Any) -> Wiring:
    """A fully connected layer over `kernel` x `kernel` cells; one of kernel 1 reads another dense layer."""
    dropout = site.dropout if kernel == 1 else 0.0
    fields = {"activation": site.convention.activation, "initializer": site.convention.dense_initializer} | fields
    return _single(dense(site.convention, site.scope, site.depth_in, depth, kernel=kernel, dropout=dropout, **fields))


def _linear(site: Site, depth: int, kernel: int) -> Wiring:
    """A fully connected layer with nothing behind it."""
    return _dense(site, depth, kernel, activation=None)


def _max_pool(site: Site, kernel: int, stride: int) -> Wiring:
    """One max pool that stands alone, padded as the convention says."""
    return _single(max_pool(site.convention, site.scope, site.depth_in, kernel, site.sampling.stride))


def _adaptive_pool(site: Site, cells: int) -> Wiring:
    """One adaptive pool that stands alone: the means of `cells` x `cells` windows."""
    return _single(AdaptivePool(site.scope, site.depth_in, cells))


def _batch_norm(site: Site) -> Wiring:
    """One batch norm that stands alone, with its activation: a pre-activation network ends in one."""
    return _single(batch_norm(site.convention, site.scope, site.depth_in))


def _single(layer: Layer) -> Wiring:
    return Wiring((layer,), (name_of(layer),))


RESIDUAL = ("depth", "depth_bottleneck", "stride")
INCEPTION = ("branch1", "branch2_reduce", "branch2", "branch3_reduce", "branch3", "branch4")

KINDS = {
    "basic": UnitKind("{block}/unit_{number}/basic_v1", RESIDUAL, _basic),
    "bottleneck": UnitKind("{block}/unit_{number}/bottleneck_v1", RESIDUAL, _bottleneck),
    "grouped_bottleneck": UnitKind("{block}/unit_{number}/bottleneck_v1", (*RESIDUAL, "groups"), _bottleneck),
    "bottleneck_v2": UnitKind("{block}/unit_{number}/bottleneck_v2", RESIDUAL, _bottleneck_v2),
    "basic_v2": UnitKind("{block}/unit_{number}/basic_v2", RESIDUAL, _basic_v2),
    "separable": UnitKind("{block}/unit_{number}/separable", ("depth", "stride"), _separable),
    "inverted_residual": UnitKind(
        "{block}/unit_{number}/inverted_residual", ("expansion", "depth", "stride"), _inverted_residual
    ),
    "inception": UnitKind("{block}/unit_{number}/inception", INCEPTION, _inception, dilates=False),
    "convolution": UnitKind(FLAT, ("depth", "kernel", "stride"), _convolution),
    "valid_convolution": UnitKind(FLAT, ("depth", "kernel", "stride"), _valid_convolution, dilates=False),
    "dense": UnitKind(FLAT, ("depth", "kernel"), _dense, dilates=False),
    "linear": UnitKind(FLAT, ("depth", "kernel"), _linear, dilates=False),
    "max_pool": UnitKind(FLAT, ("kernel", "stride"), _max_pool, dilates=False),
    "adaptive_pool": UnitKind(FLAT, ("cells",), _adaptive_pool, dilates=False),
    "batch_norm": UnitKind(FLAT, (), _batch_norm),
}


def kind_of(name: str) -> UnitKind:
    """Return the unit kind called `name`. Raises BadInput if there is none.

    >>> kind_of("inception").fields
    ('branch1', 'branch2_reduce', 'branch2', 'branch3_reduce', 'branch3', 'branch4')
    """
    if name not in KINDS:
        raise BadInput(f"There is no unit kind {name!r}; there are {', '.join(sorted(KINDS))}.")
    return KINDS[name]
