"""Options, and planted faults, on which no layer of a network depends: they are taken, and said to do nothing."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

from isomorph.spec import Architecture, BadInput, Convention, Head, Initializer, function
from isomorph.spec.function import training_function


class OptionWithoutEffect(UserWarning):
    """What was asked for does nothing. The command line prints it on stderr; the exit status is as without it."""


def warn_of_options(network: Architecture, options: Iterable[str]) -> None:
    """Warn of each of these fields of head and convention that could have any value, and `network` were the same.

    Options that are no such field, as `width_multiplier`, always change something, or are refused.
    """
    for name in options:
        if _has_no_effect(network, name):
            value = _fields(network)[name]
            _warn(f"{name}={value} does nothing in {network.name}: no layer of it depends on that")


def warn_of_plants(network: Architecture, planted: Mapping[str, Any], training: bool = False) -> None:
    """Warn of each planted field that leaves what is compared as it is: inference, or training as well."""
    compared = training_function if training else function
    for name, value in planted.items():
        wrong = network.with_options(**{name: value})
        if compared(wrong) == compared(network):
            elsewhere = training_function(wrong) != training_function(network)
            why = (
                "inference does not depend on that, --training does" if elsewhere else "no layer of it depends on that"
            )
            already = _fields(network)[name] == value
            _warn(f"{name}={value}, planted in {network.name}, changes nothing: {'it is so' if already else why}")


def _has_no_effect(network: Architecture, name: str) -> bool:
    if name not in _fields(network) or name == "preprocessing":
        return False
    try:
        return all(training_function(other) == training_function(network) for other in _others(network, name))
    except BadInput:
        return False  # another value cannot be: the layers depend on it


def _others(network: Architecture, name: str) -> Iterator[Architecture]:
    """The network with every other value of a field or, of a number, with one other."""
    value = _fields(network)[name]
    hint = (get_type_hints(Head) | get_type_hints(Convention))[name]
    others: list[Any]
    if get_origin(hint) is Literal:
        others = [choice for choice in get_args(hint) if choice != value]
    elif isinstance(value, bool):
        others = [not value]
    elif isinstance(value, Initializer):
        others = [replace(value, distribution="normal", scale=value.scale + 1)]
    else:
        others = [value / 2 if value else 0.5] if isinstance(value, float) else [(value or 0) + 1]
    return (network.with_options(**{name: other}) for other in others)


def _fields(network: Architecture) -> dict[str, Any]:
    return vars(network.head) | vars(network.convention)


def _warn(sentence: str) -> None:
    warnings.warn(f"{sentence}.", OptionWithoutEffect, stacklevel=4)
