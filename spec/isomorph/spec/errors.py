"""The one error that means: what was asked for, or given, cannot be right."""

import difflib
import re


class BadInput(ValueError):  # noqa: N818 - it names whose mistake it is
    """A request or an input that cannot be carried out.

    Its message is one sentence for the person who asked: what was found, what was expected, where, and what to do.
    The command line prints it, with its notes, and exits with status 2.
    """


def nearest(word: str, known: list[str], count: int = 3) -> list[str]:
    """The names in `known` that `word` was most likely meant to be, best first; possibly none.

    Behind the one that looks most alike come those of the same zoo, and then all that are right behind their slash, but
    for case, hyphens and underscores, with another zoo's name before it or none; then others, up to `count` in all.

    >>> nearest("resnet50", ["keras/ResNet50", "slim/resnet_v1_50", "torchvision/resnet50"])
    ['torchvision/resnet50', 'keras/ResNet50', 'slim/resnet_v1_50']
    """
    by_fold = {name.lower(): name for name in known}
    own = _letters(word.rpartition("/")[2])
    same = [name for name in by_fold if "/" in name and _letters(name.rpartition("/")[2]) == own]
    alike = difflib.get_close_matches(word.lower(), list(by_fold), n=count, cutoff=0.5)
    of_zoo = [name for name in alike if "/" in word and name.startswith(word.lower().partition("/")[0] + "/")]
    names = list(dict.fromkeys((*alike[:1], *of_zoo, *same, *alike)))
    return [by_fold[name] for name in names[: max(count, 1 + len(same))]]


def _letters(name: str) -> str:
    """A name's letters and digits, in lower case."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
