"""The forms in which networks are given arrays: each is what it is called, and holds the same whole numbers."""

import sys
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.protocol import Array, Options
from isomorph.conformance.array_forms import FORMS, hold_load
from isomorph.spec import Architecture, Head, Stem, StemConvolution

X = np.random.default_rng(0).integers(1, 5, (2, 3, 4, 5)).astype(np.float32)
OTHER_ORDER = ">" if sys.byteorder == "little" else "<"

IS: dict[str, Callable[[Array], bool]] = {
    "negative strides": lambda x: x.strides == (-240, -80, -20, -4),
    "negative strides of the channels seen": lambda x: x.strides == (240, 80, -20, 4),
    "Fortran order": lambda x: x.strides == (4, 8, 24, 96),
    "strides of two": lambda x: x.strides == (2 * 8 * 240, 2 * 4 * 80, 2 * 2 * 20, 2 * 4),
    "zero strides": lambda x: x.strides == (0, 0, 0, 0),
    "the other byte order": lambda x: x.dtype.str == f"{OTHER_ORDER}f4",
    "no alignment": lambda x: not x.flags.aligned,
    "no right to write": lambda x: not x.flags.writeable,
    "a mask": lambda x: isinstance(x, np.ma.MaskedArray),
    "float16 in the other byte order": lambda x: x.dtype.str == f"{OTHER_ORDER}f2",
    "long doubles": lambda x: x.dtype == np.longdouble,
    "bytes": lambda x: x.dtype == np.uint8,
    "booleans": lambda x: x.dtype == np.bool_,
}


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_what_it_is_called(form: str) -> None:
    x = FORMS[form](X)
    assert x.shape == X.shape
    assert IS[form](x) if form in IS else x.dtype.name == form


@pytest.mark.parametrize("form", [form for form in FORMS if form not in ("zero strides", "booleans")])
def test_a_form_holds_the_same_numbers(form: str) -> None:
    """All of them; along an axis that is turned round, in the other sequence."""
    assert sorted(FORMS[form](X).reshape(-1).tolist()) == sorted(X.reshape(-1).tolist())


TINY = Architecture("isomorph/tiny", Stem((StemConvolution("conv1", 4, 3),)), (), Head(3))


class Careless(OracleNetwork):
    """One that writes into the tensors that it is given, once it has read them."""

    def load(self, tensors: Mapping[str, Array], partial: bool = False) -> tuple[list[str], list[str]]:
        left_out = super().load(tensors, partial)
        for value in tensors.values():
            value[...] = 0
        return left_out


def test_a_load_that_changes_what_it_is_given_is_told() -> None:
    hold_load(OracleNetwork(TINY, Options(dtype="float32")), "Fortran order")
    with pytest.raises(AssertionError, match=r"^With arrays of Fortran order, conv1/weights differs\.$"):
        hold_load(Careless(TINY, Options(dtype="float32")), "Fortran order")
