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
from isomorph.spec.architecture import OPTIONS, Architecture
from isomorph.spec.errors import BadInput, did_you_mean
from isomorph.spec.naming import Naming
from isomorph.spec.plan import plan

Framework = Literal["pytorch", "tensorflow", "keras", "paddle"]


@dataclass(frozen=True)
class Widths:
    """The widths in which a network comes.

    build: returns the network of a width multiplier.
    published: the width multipliers for which the zoo has weights.
    """

    build: Callable[[float], Architecture]
    published: tuple[float, ...]


@dataclass(frozen=True)
class Zoo:
    """A family of networks: their names, architectures, tensor names and options.

    name: the first half of its architectures' names.
    origin: where the design comes from, for people.
    framework: the framework whose file format its weights have.
    networks: its architectures by their own names.
    naming: how it names and lays out tensors.
    constructor: the Python call that makes one of its networks, with `{name}` and `{classes}`; empty where there is no
        package to install.
    options: its own name of an option -> the function that translates the value into our options.
    widths: its networks that come in several widths.
    design_of: the zoo whose design this one took over; a file that fits both is attributed to that one.
    unpublished: its networks of which nobody has published weights; a file that fits another is attributed to that one.

    >>> cifar = zoo("cifar")
    >>> cifar.framework, list(cifar.networks)[:2]
    ('pytorch', ['resnet20', 'resnet32'])
    >>> cifar.naming.tensors(cifar.networks["resnet20"])["logits/weights"].name
    'linear.weight'
    >>> zoo("torchvision").constructor.format(name="resnet50", classes=10)
    'torchvision.models.resnet50(num_classes=10)'
    >>> zoo("torchvision").options["replace_stride_with_dilation"]([False, True, True])
    {'output_stride': 8}
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
        """Return width multiplier -> network, for each width with published weights; empty if there is one width.

        >>> list(zoo("keras").of_published_width("MobileNet"))
        [0.25, 0.5, 0.75, 1.0]
        """
        if own_name not in self.widths:
            return {}
        return {width: self.widths[own_name].build(width) for width in self.widths[own_name].published}


def switch(name: str, on: Mapping[str, Any], off: Mapping[str, Any]) -> Callable[[Any], dict[str, Any]]:
    """Return the translation of a zoo's option that is true or false into our options.

    >>> switch("aux_logits", {}, {"auxiliary": ()})(False)
    {'auxiliary': ()}
    """

    def translate(value: Any) -> dict[str, Any]:
        if not isinstance(value, bool):
            raise BadInput(f"{name} is {value!r}, expected true or false.")
        return dict(on if value else off)

    return translate


WIDEST = 64
"""Width multipliers are at most 1.4 in any zoo; this many times the channels would fill any memory."""


@cache
def zoos() -> dict[str, Zoo]:
    """Return all zoos by name.

    >>> ", ".join(zoos())
    'cifar, d2l, keras, keras2, mlperf_tiny, paddle, slim, timm, torchvision, transformers, tutorial, wsl'
    """
    modules = (
        importlib.import_module(f"{_zoos.__name__}.{module.name}") for module in pkgutil.iter_modules(_zoos.__path__)
    )
    return {module.ZOO.name: module.ZOO for module in modules}


def zoo(name: str) -> Zoo:
    """Return the zoo called `name`. Raises BadInput if there is none.

    >>> zoo("slim").origin
    'TF-slim (TensorFlow 1)'
    """
    if name not in zoos():
        raise BadInput(f"There is no zoo {name!r}; there are {', '.join(zoos())}.")
    return zoos()[name]


def architectures() -> tuple[str, ...]:
    """Return the names of all architectures, by zoo, in each zoo's order.

    >>> architectures()[:3]
    ('cifar/resnet20', 'cifar/resnet32', 'cifar/resnet44')
    """
    return tuple(network.name for each in zoos().values() for network in each.networks.values())


def architecture(name: str, **options: Any) -> Architecture:
    """Return the architecture called `zoo/name`, with some options changed.

    Options are those of `Architecture.with_options`, the zoo's own, such as torchvision's
    `replace_stride_with_dilation`, and `width_multiplier` where a network has one. Raises BadInput for an unknown name,
    with the nearest ones, and for impossible options.

    >>> architecture("cifar/resnet20").head
    Head(num_classes=10, global_pool=True, dropout=0.0)
    >>> architecture("cifar/resnet20", num_classes=100).head.num_classes
    100
    >>> architecture("torchvision/resnet50", replace_stride_with_dilation=[False, True, True]).output_stride
    8
    >>> architecture("keras/MobileNet", alpha=0.5) == architecture("keras/MobileNet", width_multiplier=0.5)
    True
    """
    zoo_name, _, own_name = name.partition("/")
    its_zoo = zoos().get(zoo_name)
    if its_zoo is None or own_name not in its_zoo.networks:
        raise unknown_architecture(name)
    options = translated(name, options)
    network = its_zoo.networks[own_name]
    if (width := options.pop("width_multiplier", None)) is not None:
        network = _of_width(its_zoo, own_name, width)
    return network.with_options(**options)


def unknown_architecture(name: str, or_file: str = "") -> BadInput:
    """Return the refusal of a name that no architecture has, with the nearest ones.

    or_file: words for what else it might have been and is not either.

    >>> print(unknown_architecture("cifar/resnt110"))
    There is no architecture 'cifar/resnt110'; did you mean cifar/resnet110 or cifar/resnet101 or cifar/resnet1202?
    """
    hint = did_you_mean(name, architectures(), "`isomorph list` shows all.")
    return BadInput(f"There is no architecture {name!r}{or_file}; {hint}")


def translated(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options of the architecture called `name` with its zoo's own ones translated into ours.

    The options of a network of no zoo are returned as they are.

    >>> translated("torchvision/resnet50", {"replace_stride_with_dilation": [False, True, True], "num_classes": 10})
    {'num_classes': 10, 'output_stride': 8}
    """
    its_zoo = zoos().get(name.partition("/")[0])
    translations = its_zoo.options if its_zoo else {}
    zoo_options = {option: translate for option, translate in translations.items() if option in options}
    our_options = {option: value for option, value in options.items() if option not in zoo_options}
    for option, translate in zoo_options.items():
        our_options |= translate(options[option])
    return our_options


def all_options() -> frozenset[str]:
    """Return the names of all options that some architecture has.

    >>> {"num_classes", "width_multiplier", "alpha", "batch_norm_epsilon"} <= all_options()
    True
    """
    return OPTIONS | {"width_multiplier"} | {option for each in zoos().values() for option in each.options}


def _of_width(its_zoo: Zoo, own_name: str, width: Any) -> Architecture:
    name = f"{its_zoo.name}/{own_name}"
    if own_name not in its_zoo.widths:
        raise BadInput(f"{name} has no width multiplier; MobileNets have one.")
    if type(width) not in (int, float) or not 0 < width <= WIDEST:
        raise BadInput(f"The width multiplier of {name} is {width!r}; expected a number above 0 and up to {WIDEST}.")
    network = its_zoo.widths[own_name].build(width)
    try:
        plan(network)
    except BadInput as error:
        raise BadInput(f"A width multiplier of {width} is impossible for {network.name}: {error}") from None
    return network
