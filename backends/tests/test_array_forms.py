"""Arrays as frameworks take them: what is copied and cast, and what is handed on as it is."""

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

from isomorph.backends.array_forms import to_contiguous, to_plain

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
UNALIGNED = np.zeros(X.nbytes + 1, np.uint8)[1:].view(np.float32).reshape(X.shape)
UNALIGNED[...] = X


@pytest.mark.parametrize(
    "x",
    [
        pytest.param(X, id="contiguous"),
        pytest.param(X.transpose(2, 0, 1), id="transposed"),
        pytest.param(X[:, ::2], id="a view of every second row"),
        pytest.param(np.broadcast_to(np.float32(1), (2, 3)), id="of zero strides, and read-only"),
        pytest.param(X.astype(np.float64), id="float64"),
        pytest.param(X.astype(np.float16), id="float16"),
        pytest.param(X.astype(ml_dtypes.bfloat16), id="bfloat16"),
        pytest.param(np.ones((), np.float32), id="a scalar"),
    ],
)
def test_what_frameworks_take_is_handed_on(x: npt.NDArray[np.float32]) -> None:
    assert to_plain(x, "float32") is x


@pytest.mark.parametrize(
    ("x", "dtype"),
    [
        pytest.param(X[::-1], "float32", id="negative strides"),
        pytest.param(X.astype(">f4"), "float32", id="the other byte order"),
        pytest.param(X.astype(">f2"), "float16", id="float16 in the other byte order"),
        pytest.param(UNALIGNED, "float32", id="no alignment"),
        pytest.param(X.astype(np.longdouble), "float32", id="long doubles"),
        pytest.param(X.astype(np.uint16), "float32", id="uint16"),
        pytest.param(X > 3, "float32", id="booleans"),
    ],
)
def test_what_they_do_not_take_is_copied(x: npt.NDArray[np.float32], dtype: str) -> None:
    plain = to_plain(x, "float32")
    assert (plain.dtype, plain.dtype.isnative, plain.flags.aligned) == (np.dtype(dtype), True, True)
    assert min(plain.strides) > 0
    assert np.array_equal(plain, x)


def test_images_are_handed_on_where_they_are_contiguous() -> None:
    assert to_contiguous(X, "float32") is X


@pytest.mark.parametrize(
    "x",
    [
        pytest.param(X[::-1], id="negative strides"),
        pytest.param(np.asfortranarray(X), id="Fortran order"),
        pytest.param(X.astype(">f4"), id="the other byte order"),
        pytest.param(UNALIGNED, id="no alignment"),
        pytest.param(X.astype(np.uint8), id="bytes"),
        pytest.param(np.ma.masked_array(X[:, ::2]), id="a mask"),
    ],
)
def test_images_are_made_contiguous(x: npt.NDArray[np.float32]) -> None:
    made = to_contiguous(x, "float32")
    assert (type(made), made.dtype, made.dtype.isnative) == (np.ndarray, np.dtype(np.float32), True)
    assert made.flags.c_contiguous
    assert made.flags.aligned
    assert np.array_equal(made, np.asarray(x))
