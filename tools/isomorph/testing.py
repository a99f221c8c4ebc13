"""Assert, in a test of your own, that a model is the function that it should be: ten lines in anybody's pytest.

from isomorph.testing import assert_same_function

def test_my_port():
    assert_same_function(MyResNet().eval(), "torchvision/resnet50")
"""

from collections.abc import Sequence
from typing import Any

from isomorph.tools import diagnose
from isomorph.tools.images.images import AnyImages


def assert_same_function(
    mine: Any, reference: Any, *, images: Sequence[str] | AnyImages | None = None, **settings: Any
) -> None:
    """Raise AssertionError, whose message names every cause, unless a model is the function of its reference.

    mine: an object of a framework that is imported, which stays as it is, or a model as `isomorph.tools.diagnose` takes
        it.
    reference: an architecture, its name, a checkpoint, or another model.
    images: an array [N, H, W, C]; None draws two.
    settings: others of `isomorph.tools.diagnose`.

    >>> from isomorph.testing import assert_same_function
    >>> assert_same_function("port.py:make_model", "cifar/resnet20")
    Traceback (most recent call last):
        ...
    AssertionError: cifar/resnet20 against port.py:make_model
    ...
    epsilon: block1/unit_1/basic_v1/conv1 has epsilon 0.001, expected 1e-05, in 18
    places (theirs: units.0.norms.0, ...)
    ...
    """
    __tracebackhide__ = True
    report = diagnose(reference, mine, images=images, **settings)
    if not report.agree:
        raise AssertionError(str(report))
