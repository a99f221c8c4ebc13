"""`make demo`: one network that agrees in every framework, and the same weights in a port that is wrong."""

import sys
from contextlib import ExitStack
from importlib.resources import as_file, files

from isomorph.tools.checking.check import check
from isomorph.tools.commands.console import out
from isomorph.tools.commands.progress import show_progress

NETWORK = "slim/resnet_v1_50"
PHOTOGRAPHS = ("china.jpg", "flower.jpg")


def main() -> int:
    """Return 0 if the right network passes everywhere and the wrong one fails everywhere."""
    with ExitStack() as stack:
        folder = files("sklearn.datasets.images")
        images = [str(stack.enter_context(as_file(folder / name))) for name in PHOTOGRAPHS]
        with show_progress() as progress:
            right = check(NETWORK, images=images, progress=progress)
        out.rule("the same network in three frameworks and the oracle")
        out.print(right)
        with show_progress() as progress:
            wrong = check(NETWORK, images=images, plant={"bottleneck_stride": "conv1"}, progress=progress)
        out.rule("the same weights, the stride moved to the first 1x1: a port gone wrong")
        out.print(wrong)
    return 0 if right.agree is True and wrong.agree is False else 1


if __name__ == "__main__":
    sys.exit(main())
