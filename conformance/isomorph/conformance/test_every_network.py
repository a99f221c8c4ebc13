"""The networks for which others stand in test_architectures.py, themselves; with --every-network alone.

Each at an even size and at one that is odd and not square.
"""

import pytest

from isomorph.conformance.conftest import Build
from isomorph.conformance.drawn_case import Case, DrawnCase
from isomorph.conformance.network_cases import ALIKE
from isomorph.conformance.same import assert_same
from isomorph.spec import architecture

EVEN, ODD = (64, 64), (49, 65)  # which leave the last block more than one cell

# Dense layers that see 7x7 cells and nothing else.
SIZES = {"keras/VGG16": ((224, 224), (225, 241))}

CASES = {
    f"{name} at {height}x{width}": Case(architecture(name), height, width)
    for name in ALIKE
    for height, width in SIZES.get(name, (EVEN, ODD))
}


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_its_end_points_are_the_oracles_but_for_noise(case: DrawnCase, build: Build) -> None:
    """In float64, then in float32: a case of so many weights is drawn once for both."""
    for dtype in ("float64", "float32"):
        network = build(case.network, dtype)
        assert_same(case, network, dtype)
        network.discard()
