"""Warn of options and planted faults that change nothing, as no layer of the network depends on them."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

from isomorph.spec import Architecture, BadInput, Convention, Head, Initializer, function
from isomorph.spec.function import training_function
from isomorph.tools.remark import Remark


class OptionWithoutEffect(Remark):
    """An option or a planted fault has no effect."""


def warn_of_options(network: Architecture, options: Iterable[str]) -> None:
    """Warn of each field of head or convention among `options` that changes nothing in `network`, whatever its value.

    Other options, such as `width_multiplier`, always change something, or are refused.

    >>> import warnings
    >>> from isomorph.spec import architecture
    >>> from isomorph.tools.designs.without_effect import warn_of_options
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn_of_options(architecture("cifar/resnet20", bottleneck_stride="conv1"), ["bottleneck_stride"])
    >>> print(caught[0].message)
    bottleneck_stride=conv1 does nothing in cifar/resnet20: no layer of it depends on that.
    """
    for name in options:
        if _has_no_effect(network, name):
            value = _fields(network)[name]
            _warn(f"{name}={value} does nothing in {network.name}: no layer of it depends on that")


def warn_of_plants(network: Architecture, planted: Mapping[str, Any], training: bool = False) -> None:
    """Warn of each planted field that does not change what is compared: inference, or training as well."""
    compared = training_function if training else function
    for name, value in planted.items():
        wrong = network.with_options(**{name: value})
        if compared(wrong) == compared(network):
            reason = "no layer of it depends on that"
            if _fields(network)[name] == value:
                reason = "it is so"
            elif training_function(wrong) != training_function(network):
                reason = "inference does not depend on that, --training does"
            _warn(f"{name}={value}, planted in {network.name}, changes nothing: {reason}")


def _has_no_effect(network: Architecture, name: str) -> bool:
    if name not in _fields(network) or name == "preprocessing":
        return False
    try:
        return all(training_function(other) == training_function(network) for other in _others(network, name))
    except BadInput:
        return False  # another value cannot be: the layers depend on it


def _others(network: Architecture, name: str) -> Iterator[Architecture]:
    """Yield the network with every other value of a field; with one other value, if it is a number."""
    value = _fields(network)[name]
    hint = (get_type_hints(Head) | get_type_hints(Convention))[name]
    other_values: list[Any]
    if get_origin(hint) is Literal:
        other_values = [choice for choice in get_args(hint) if choice != value]
    elif isinstance(value, bool):
        other_values = [not value]
    elif isinstance(value, Initializer):
        other_values = [replace(value, distribution="normal", scale=value.scale + 1)]
    else:
        other_values = [value / 2 if value else 0.5] if isinstance(value, float) else [(value or 0) + 1]
    return (network.with_options(**{name: other}) for other in other_values)


def _fields(network: Architecture) -> dict[str, Any]:
    return vars(network.head) | vars(network.convention)


def _warn(sentence: str) -> None:
    warnings.warn(f"{sentence}.", OptionWithoutEffect, stacklevel=4)
