"""A zoo: a family of networks under the names, conventions and tensor names of the place they come from.

One file in `isomorph.spec.zoos` that defines `ZOO` adds one; nothing else has to know.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from isomorph.spec import zoos as _zoos
from isomorph.spec.architecture import Architecture
from isomorph.spec.errors import BadInput, nearest
from isomorph.spec.naming import Naming
from isomorph.spec.plan import plan

Framework = Literal["pytorch", "tensorflow", "keras", "paddle"]


@dataclass(frozen=True)
class Widths:
    """A network's widths.

    build: the network of a width multiplier.
    published: those for which the zoo has weights.
    """

    build: Callable[[float], Architecture]
    published: tuple[float, ...]


@dataclass(frozen=True)
class Zoo:
    """A zoo.

    name: the first half of its architectures' names.
    origin: where the design comes from, for people.
    framework: whose files its weights come in.
    networks: its architectures by their own names.
    naming: how it names and lays out tensors.
    constructor: the Python call that makes one of its networks, with `{name}` and `{classes}`; empty where there is no
        package to install.
    options: its own way of saying an option -> the function that translates the value into our options.
    widths: its networks that come in several widths.
    design_of: the zoo whose design this one took over; a file that fits both is taken for that one's.
    unpublished: its networks of which nobody has published weights; a file that fits another is taken for that one's.
    """

    name: str
    origin: str
    framework: Framework
    networks: Mapping[str, Architecture]
    naming: Naming
    constructor: str = ""
    options: Mapping[str, Callable[[Any], dict[str, Any]]] = field(default_factory=dict)
    widths: Mapping[str, Widths] = field(default_factory=dict)
    design_of: str | None = None
    unpublished: frozenset[str] = frozenset()

    def of_published_width(self, own_name: str) -> dict[float, Architecture]:
        """Width multiplier -> a network at each width for which there are weights; empty where it has only one."""
        if own_name not in self.widths:
            return {}
        return {width: self.widths[own_name].build(width) for width in self.widths[own_name].published}


def switch(name: str, on: Mapping[str, Any], off: Mapping[str, Any]) -> Callable[[Any], dict[str, Any]]:
    """A zoo's option that is true or false: the options of ours that either means."""

    def translate(wanted: Any) -> dict[str, Any]:
        if not isinstance(wanted, bool):
            raise BadInput(f"{name} is {wanted!r}, expected true or false.")
        return dict(on if wanted else off)

    return translate


WIDEST = 64
"""Width multipliers are at most 1.4 in any zoo; this many times the channels would fill any memory."""


@cache
def zoos() -> dict[str, Zoo]:
    """All zoos by name."""
    modules = (
        importlib.import_module(f"{_zoos.__name__}.{found.name}") for found in pkgutil.iter_modules(_zoos.__path__)
    )
    return {module.ZOO.name: module.ZOO for module in modules}


def zoo(name: str) -> Zoo:
    """The zoo called `name`. Raises BadInput if there is none."""
    if name not in zoos():
        raise BadInput(f"There is no zoo {name!r}; there are {', '.join(zoos())}.")
    return zoos()[name]


def architectures() -> tuple[str, ...]:
    """The names of all architectures, by zoo, in each zoo's order."""
    return tuple(network.name for one in zoos().values() for network in one.networks.values())


def architecture(name: str, **options: Any) -> Architecture:
    """The architecture called `zoo/name`, with some options changed.

    Options are those of `Architecture.with_options`, the zoo's own, such as torchvision's
    `replace_stride_with_dilation`, and `width_multiplier` where a network has one. Raises BadInput for an unknown name,
    with the nearest ones, and for options that cannot be.
    """
    zoo_name, _, own_name = name.partition("/")
    found = zoos().get(zoo_name)
    if found is None or own_name not in found.networks:
        close = nearest(name, list(architectures()))
        hint = f"did you mean {' or '.join(close)}?" if close else "`isomorph list` shows all."
        raise BadInput(f"There is no architecture {name!r}; {hint}")
    options = translated(name, options)
    network = found.networks[own_name]
    if (width := options.pop("width_multiplier", None)) is not None:
        network = _of_width(found, own_name, width)
    return network.with_options(**options)


def translated(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of the architecture called `name`, its zoo's own ones said as ours; of any other network as they are."""
    found = zoos().get(name.partition("/")[0])
    own = {option: translate for option, translate in found.options.items() if option in options} if found else {}
    ours = {option: value for option, value in options.items() if option not in own}
    for option, translate in own.items():
        ours |= translate(options[option])
    return ours


def _of_width(found: Zoo, own_name: str, width: Any) -> Architecture:
    if own_name not in found.widths:
        raise BadInput(f"{found.name}/{own_name} has no width multiplier; MobileNets have one.")
    if type(width) not in (int, float) or not 0 < width <= WIDEST:
        name = f"{found.name}/{own_name}"
        raise BadInput(f"The width multiplier of {name} is {width!r}; expected a number above 0 and up to {WIDEST}.")
    network = found.widths[own_name].build(width)
    try:
        plan(network)
    except BadInput as error:
        raise BadInput(f"A width multiplier of {width} is impossible for {network.name}: {error}") from None
    return network
