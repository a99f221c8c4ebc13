"""Every network at an even size and at an odd one that is not square, as far as test_architectures.py does not.

Those for which others stand there at both, the rest at the one that is left; and all of them on a lattice. It takes
half an hour: --every-network.
"""

import pytest

from isomorph.conformance.drawn_case import Case, DrawnCase
from isomorph.conformance.lattice.coverage import assert_covered
from isomorph.conformance.lattice.drawn import DrawnLattice, Lattice
from isomorph.conformance.small_networks import KIN, RIGID
from isomorph.conformance.suite.assertions import assert_agrees
from isomorph.conformance.suite.conftest import Build
from isomorph.conformance.suite.network_cases import ALIKE, DEEP, NOT_RUN, RUN_AS, STRUCTURE_ONLY, size_of
from isomorph.conformance.suite.network_cases import CASES as RUN_EVERY_TIME
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


# Maps of powers of two before the mean, as far as the network has a choice.
LATTICES = {
    name: Lattice(
        architecture(name), *EVEN_AND_ODD.get(name, [(64, 64) if name in DEEP else size_of(name, odd=False)])[0]
    )
    for name, run in RUN_AS.items()
    if name == run and name not in STRUCTURE_ONLY
}


@pytest.mark.parametrize("lattice", LATTICES, indirect=True)
@pytest.mark.against_the_oracle
def test_on_a_lattice_it_is_the_same_numbers(lattice: DrawnLattice, build: Build) -> None:
    network = build(lattice.case.architecture, "float32")
    verdict = lattice.run(network)
    network.discard()
    assert verdict.passed, verdict.message


@pytest.mark.parametrize("name", KIN | RIGID)
def test_lattices_cover_every_tensor(name: str) -> None:
    assert_covered(Lattice((KIN | RIGID)[name], 97, 128), of_each=4)


@pytest.mark.parametrize("case", CASES, indirect=True)
@pytest.mark.against_the_oracle
def test_its_end_points_are_the_oracles_but_for_noise(case: DrawnCase, build: Build) -> None:
    """In float64, then in float32: a case of so many weights is drawn once for both."""
    for dtype in ("float64", "float32"):
        network = build(case.network, dtype)
        assert_agrees(case, network, dtype)
        network.discard()
