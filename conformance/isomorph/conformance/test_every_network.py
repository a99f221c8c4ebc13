"""Every network at an even size and at an odd one that is not square, as far as test_architectures.py does not.

Those for which others stand there at both, the rest at the one that is left. It takes half an hour: --every-network.
"""

import pytest

from isomorph.conformance.conftest import Build
from isomorph.conformance.drawn_case import Case, DrawnCase
from isomorph.conformance.network_cases import ALIKE, DEEP, NOT_RUN, RUN_AS, size_of
from isomorph.conformance.network_cases import CASES as RUN_EVERY_TIME
from isomorph.conformance.same import assert_same
from isomorph.spec import architecture

# Which leave the last block more than one cell; dense layers of Keras's that see 7x7 cells and nothing else.
EVEN_AND_ODD = {"keras/VGG16": ((224, 224), (225, 241))}
SIZES = ((64, 64), (49, 65))

AT_ONE_SIZE = [
    name
    for name, run in RUN_AS.items()
    if name == run and name not in NOT_RUN and f"{name} on odd images" not in RUN_EVERY_TIME
]

CASES = {
    f"{name} at {height}x{width}": Case(architecture(name), height, width)
    for name in ALIKE
    for height, width in EVEN_AND_ODD.get(name, SIZES)
} | {
    f"{name} at another size": Case(architecture(name), *(SIZES[0] if name in DEEP else size_of(name, odd=True)))
    for name in AT_ONE_SIZE
}


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_its_end_points_are_the_oracles_but_for_noise(case: DrawnCase, build: Build) -> None:
    """In float64, then in float32: a case of so many weights is drawn once for both."""
    for dtype in ("float64", "float32"):
        network = build(case.network, dtype)
        assert_same(case, network, dtype)
        network.discard()
