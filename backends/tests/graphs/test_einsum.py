"""Einstein's sums as products of matrices give what NumPy's do; those that are none are told."""

import numpy as np
import pytest

from isomorph.backends.graphs.einsum import Contraction

LENGTHS = {"b": 2, "h": 3, "q": 4, "k": 5, "d": 6}


@pytest.mark.parametrize(
    "equation",
    [
        *("bhqd,bhkd->bhqk", "bhqk,bhkd->bqhd", "qd,kd->kq", "bqd , dk -> bqk", "qd,bdhk->hqbk"),
        *("qd,dk", "b,k->bk", "hq,qh->"),
    ],
)
def test_products_are_einsteins_sums(equation: str) -> None:
    first, second = equation.replace(" ", "").partition("->")[0].split(",")
    random = np.random.default_rng(0)
    x, y = (random.normal(size=[LENGTHS[letter] for letter in letters]) for letters in (first, second))
    expected = np.einsum(equation, x, y)
    for contraction, left, right in [(Contraction.read(equation), x, y), (_turned(equation), y, x)]:
        assert contraction is not None
        product = contraction.left(left) @ contraction.right(right)
        np.testing.assert_allclose(contraction.back(product, expected.shape), expected, rtol=1e-12)
        np.testing.assert_allclose(contraction.forward(expected), product, rtol=1e-12)


def _turned(equation: str) -> Contraction | None:
    contraction = Contraction.read(equation)
    return contraction and contraction.turned


@pytest.mark.parametrize(
    "equation",
    [
        pytest.param("bq->qb", id="one operand"),
        pytest.param("bq,qk,kd->bd", id="three operands"),
        pytest.param("...q,qk->...k", id="an ellipsis"),
        pytest.param("qq,qk->k", id="a diagonal"),
        pytest.param("bq,qk->k", id="a sum of one operand alone"),
        pytest.param("bq,qk->bkd", id="a letter that no operand has"),
    ],
)
def test_what_is_no_product_is_told(equation: str) -> None:
    assert Contraction.read(equation) is None
