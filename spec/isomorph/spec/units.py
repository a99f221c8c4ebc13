"""The unit kinds: what `(depth, depth_bottleneck, stride)` means, layer by layer, under a convention.

A kind stands here once and as one class of the same name in each backend's `units.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from isomorph.spec.atrous import Sampling
from isomorph.spec.convention import Convention
from isomorph.spec.errors import BadInput
from isomorph.spec.layers import INPUT, Convolution, Layer, Shortcut, Subsample, ZeroChannels, name_of


@dataclass(frozen=True)
class Unit:
    """One unit, resolved.

    scope: `block1/unit_1/bottleneck_v1`, which is also its end point.
    kind: its name in KINDS.
    nominal_stride: the stride in its Block; `sampling` says what became of it.
    layers: in the order of slim's end points, each naming the layer that it reads.
    joined: the layers (or INPUT) whose sum, rectified, is the unit's result.
    """

    scope: str
    kind: str
    depth_in: int
    nominal_stride: int
    sampling: Sampling
    layers: tuple[Layer, ...]
    joined: tuple[str, ...]

    @property
    def depth(self) -> int:
        """Channels of its result."""
        return self.layers[-1].depth

    def convolution(self, name: str) -> Convolution:
        """The convolution called `name`."""
        return next(layer for layer in self.convolutions if name_of(layer) == name)

    @property
    def convolutions(self) -> tuple[Convolution, ...]:
        """Its convolutions, the shortcut's first."""
        return tuple(layer for layer in self.layers if isinstance(layer, Convolution))

    @property
    def shortcut(self) -> Shortcut | None:
        """What its input passes on the way to the sum; None if nothing."""
        return next((x for x in self.layers if name_of(x) == "shortcut" and isinstance(x, Shortcut)), None)


@dataclass(frozen=True)
class Site:
    """Where a unit is built: its scope, what it is given, and by whose rules."""

    scope: str
    depth_in: int
    sampling: Sampling
    convention: Convention

    def convolution(self, name: str, depth_in: int, depth: int, **rest: Any) -> Convolution:
        """A convolution of the unit, under the convention."""
        return convolution(self.convention, f"{self.scope}/{name}", depth_in, depth, **rest)


def convolution(convention: Convention, scope: str, depth_in: int, depth: int, **rest: Any) -> Convolution:
    """Any convolution but the classifier, under `convention`."""
    return Convolution(
        scope,
        depth_in,
        depth,
        padding=convention.convolution_padding,
        bias=convention.convolution_bias,
        batch_norm=convention.batch_norm,
        initializer=convention.convolution_initializer,
        **rest,
    )


@dataclass(frozen=True)
class UnitKind:
    """A row of KINDS.

    scope: the last part of its units' scopes.
    fields: the names of the numbers in a Block's args.
    build: those numbers at a site, as layers and the names of the joined ones.
    """

    scope: str
    fields: tuple[str, ...]
    build: Callable[..., tuple[tuple[Layer, ...], tuple[str, ...]]]

    def stride(self, args: tuple[int, ...]) -> int:
        """The nominal stride of a unit with these args."""
        return args[self.fields.index("stride")] if "stride" in self.fields else 1


def _shortcut(site: Site, depth: int) -> tuple[Layer, ...]:
    """The shortcut's layer, if it needs one: slim decides by depth alone (resnet_v1.py, `bottleneck`)."""
    scope, stride = f"{site.scope}/shortcut", site.sampling.stride
    if site.depth_in == depth:
        return (Subsample(scope, depth, stride),) if stride > 1 else ()
    if site.convention.shortcut == "zero_channels":
        if depth < site.depth_in:
            raise BadInput(f"{scope} has {site.depth_in} channels to make {depth} of; zero_channels only adds some.")
        return (ZeroChannels(scope, site.depth_in, depth, stride),)
    return (site.convolution("shortcut", site.depth_in, depth, stride=stride, relu=False),)


def _residual(site: Site, shape: tuple[tuple[str, int, int], ...], strided: str) -> tuple[Layer, ...]:
    """Convolutions in a row, `(name, depth, kernel)` each; the one called `strided` takes the stride.

    Those up to it have the unit's rate, those behind it the next one, as if they stood in the next unit.
    """
    layers: list[Layer] = []
    depth_in, source, rate = site.depth_in, INPUT, site.sampling.rate
    for name, depth, kernel in shape:
        last = name == shape[-1][0]
        layers.append(
            site.convolution(
                name,
                depth_in,
                depth,
                kernel=kernel,
                stride=site.sampling.stride if name == strided else 1,
                rate=rate if kernel > 1 else 1,
                relu=not last,
                source=source,
                gamma=site.convention.last_gamma if last else 1.0,
            )
        )
        if name == strided:
            rate = site.sampling.rate_after
        depth_in, source = depth, name
    return tuple(layers)


def _sum(shortcut: tuple[Layer, ...], residual: tuple[Layer, ...]) -> tuple[tuple[Layer, ...], tuple[str, ...]]:
    return shortcut + residual, ("shortcut" if shortcut else INPUT, name_of(residual[-1]))


def _basic(site: Site, depth: int, depth_bottleneck: int, stride: int) -> tuple[tuple[Layer, ...], tuple[str, ...]]:
    """He et al. (2015), figure 5, left: 3x3, 3x3. The first is as deep as `depth_bottleneck` and takes the stride."""
    shape = (("conv1", depth_bottleneck, 3), ("conv2", depth, 3))
    return _sum(_shortcut(site, depth), _residual(site, shape, "conv1"))


def _bottleneck(
    site: Site, depth: int, depth_bottleneck: int, stride: int
) -> tuple[tuple[Layer, ...], tuple[str, ...]]:
    """He et al. (2015), figure 5, right: 1x1, 3x3, 1x1. The convention says which of the first two takes the stride."""
    shape = (("conv1", depth_bottleneck, 1), ("conv2", depth_bottleneck, 3), ("conv3", depth, 1))
    return _sum(_shortcut(site, depth), _residual(site, shape, site.convention.bottleneck_stride))


KINDS = {
    "basic": UnitKind("basic_v1", ("depth", "depth_bottleneck", "stride"), _basic),
    "bottleneck": UnitKind("bottleneck_v1", ("depth", "depth_bottleneck", "stride"), _bottleneck),
}


def kind_of(name: str) -> UnitKind:
    """The kind called `name`. Raises BadInput if there is none."""
    if name not in KINDS:
        raise BadInput(f"There is no unit kind {name!r}; there are {', '.join(sorted(KINDS))}.")
    return KINDS[name]
