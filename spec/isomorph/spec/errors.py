"""BadInput, the one error for a request or an input that cannot be right, and suggestions for misspelt names."""

import difflib
import re
from collections.abc import Iterable
from typing import Any


class BadInput(ValueError):  # noqa: N818 - it names whose mistake it is
    """A request or an input that cannot be carried out.

    Its message is one sentence for the person who asked: what was found, what was expected, where, and what to do.
    The command line prints it, with its notes, and exits with status 2.

    >>> from isomorph.spec import architecture
    >>> architecture("cifar/resnet20", width_multiplier=0.5)
    Traceback (most recent call last):
        ...
    isomorph.spec.errors.BadInput: cifar/resnet20 has no width multiplier; MobileNets have one.
    """


def nearest(word: str, known: list[str], count: int = 3) -> list[str]:
    """Return the names in `known` that `word` most likely stands for, best first; possibly none.

    After the most similar name come those of the same zoo, and then all with the same part behind the slash, but for
    case, hyphens and underscores, with another zoo's name before it or none; then others, up to `count` in all.

    >>> nearest("resnet50", ["keras/ResNet50", "slim/resnet_v1_50", "torchvision/resnet50"])
    ['keras/ResNet50', 'torchvision/resnet50', 'slim/resnet_v1_50']
    """
    by_lower_case = {name.lower(): name for name in known}
    last_part = _letters(word.rpartition("/")[2])
    same_last_part = [name for name in by_lower_case if "/" in name and _letters(name.rpartition("/")[2]) == last_part]
    similar = difflib.get_close_matches(word.lower(), list(by_lower_case), n=count, cutoff=0.5)
    of_zoo = [name for name in similar if "/" in word and name.startswith(word.lower().partition("/")[0] + "/")]
    names = list(dict.fromkeys((*similar[:1], *of_zoo, *same_last_part, *similar)))
    return [by_lower_case[name] for name in names[: max(count, 1 + len(same_last_part))]]


def did_you_mean(word: Any, known: Iterable[str], otherwise: str) -> str:
    """Return the end of a sentence about an unknown `word`: the nearest names, or `otherwise` if none is near.

    >>> did_you_mean("kreas", ["keras", "slim"], "there are keras and slim.")
    'did you mean keras?'
    >>> did_you_mean("zzz", ["keras", "slim"], "there are keras and slim.")
    'there are keras and slim.'
    """
    suggestions = nearest(word, list(known)) if isinstance(word, str) else []
    return f"did you mean {' or '.join(suggestions)}?" if suggestions else otherwise


def _letters(name: str) -> str:
    """Return a name's letters and digits, in lower case."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
