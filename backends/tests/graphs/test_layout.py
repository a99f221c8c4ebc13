"""Layouts against NumPy, which moves the elements themselves: any chain of moves, of any source."""

from collections.abc import Callable

import numpy as np
import pytest

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.layout import Layout, Move

SEEDS = range(60)


def reshape(x: Array, random: np.random.Generator) -> Move:
    """To axes of the same number of elements, which may have to be copied."""
    factors = [factor for length in x.shape for factor in prime_factors(length)]
    random.shuffle(factors)
    cuts = sorted(random.integers(0, len(factors) + 1, size=int(random.integers(0, 4))))
    shape = [int(np.prod(part)) for part in np.split(np.array(factors, int), cuts)]
    return lambda each: each.reshape(shape)


def prime_factors(number: int) -> list[int]:
    for factor in range(2, number + 1):
        if number % factor == 0:
            return [factor, *prime_factors(number // factor)]
    return []


def transpose(x: Array, random: np.random.Generator) -> Move:
    axes = random.permutation(x.ndim)
    return lambda each: each.transpose(axes)


def piece(x: Array, random: np.random.Generator) -> Move:
    """A slice of every axis: some of its elements, forward or backward, at least one."""
    slices = []
    for length in x.shape:
        step = int(random.choice([1, 1, 2, 3, -1, -2]))
        start = int(random.integers(0, length))
        slices.append(slice(start, None, step) if random.random() < 0.5 else slice(None, None, step))
    return lambda each: each[tuple(slices)]


def flip(x: Array, random: np.random.Generator) -> Move:
    axes = tuple(int(axis) for axis in range(x.ndim) if random.random() < 0.5)
    return lambda each: np.flip(each, axes)


def expand(x: Array, random: np.random.Generator) -> Move:
    times = int(random.integers(1, 4))
    return lambda each: np.broadcast_to(each, (times, *x.shape))


def gather(x: Array, random: np.random.Generator) -> Move:
    numbers = random.integers(0, x.size, size=(3, 4))
    return lambda each: each.reshape(-1)[numbers]


def repeat(x: Array, random: np.random.Generator) -> Move:
    return lambda each: each.repeat(2, axis=0) if each.ndim else each.reshape(1)


MoveOf = Callable[[Array, np.random.Generator], Move]
"""Draws a move of an array."""

MOVES: list[MoveOf] = [reshape, transpose, piece, flip, expand, gather, repeat]
ONE_TO_ONE: list[MoveOf] = [reshape, transpose, flip]


def chain(seed: int, of: list[MoveOf]) -> tuple[Array, Array, Layout]:
    """A source, what a chain of random moves makes of it, and the layout that the same moves make."""
    random = np.random.default_rng(seed)
    source = random.normal(size=tuple(random.integers(1, 5, size=int(random.integers(1, 5)))))
    x, layout = source, Layout.whole(source.shape)
    for _ in range(int(random.integers(1, 6))):
        move = of[int(random.integers(0, len(of)))](x, random)
        x = np.asarray(move(x))
        layout = layout.moved(move)
    return source, x, layout


@pytest.mark.parametrize("seed", SEEDS)
def test_a_layout_takes_what_was_moved(seed: int) -> None:
    source, moved, layout = chain(seed, MOVES)
    assert layout.shape == moved.shape
    assert layout.size == source.size
    np.testing.assert_array_equal(layout.take(source), moved)
    np.testing.assert_array_equal(layout.numbers(), layout.take(np.arange(source.size)))
    np.testing.assert_array_equal(source.reshape(-1)[layout.numbers()], moved)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_layout_says_whether_it_reads_all_once_and_as_they_lie(seed: int) -> None:
    _, _, layout = chain(seed, MOVES)
    numbers = layout.numbers().reshape(-1)
    assert layout.reads_all_once == np.array_equal(np.sort(numbers), np.arange(layout.size))
    assert layout.is_whole == np.array_equal(numbers, np.arange(layout.size))


@pytest.mark.parametrize("seed", SEEDS)
def test_scattering_is_the_inverse_of_taking(seed: int) -> None:
    source, moved, layout = chain(seed, ONE_TO_ONE)
    assert layout.reads_all_once
    np.testing.assert_array_equal(layout.scatter(moved), source.reshape(-1))
    gathered = Layout.of(layout.numbers().copy(), layout.size)
    np.testing.assert_array_equal(gathered.scatter(moved), source.reshape(-1))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_layout_behind_another_takes_what_both_move(seed: int) -> None:
    source, moved, first = chain(seed, MOVES)
    random = np.random.default_rng(seed + 1000)
    second, x = Layout.whole(moved.shape), moved
    for _ in range(2):
        move = MOVES[int(random.integers(0, len(MOVES)))](x, random)
        x, second = np.asarray(move(x)), second.moved(move)
    np.testing.assert_array_equal(first.then(second).take(source), x)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_layout_of_numbers_reads_those_elements(seed: int) -> None:
    source, moved, layout = chain(seed, MOVES)
    again = Layout.of(np.array(layout.numbers()), layout.size)
    np.testing.assert_array_equal(again.take(source), moved)
    assert again.reads_all_once == layout.reads_all_once
    assert again.is_whole == layout.is_whole


def test_equal_distances_are_told_by_strides_and_others_by_numbers() -> None:
    numbers = np.arange(24).reshape(2, 3, 4)
    assert Layout.of(numbers[:, ::-1, 1::2], 24).strides == (12, -4, 2)
    assert Layout.of(numbers[:, [0, 1, 0]], 24).index is not None


def test_what_costs_no_copy_is_a_view() -> None:
    source = np.arange(24.0).reshape(2, 3, 4)
    layout = Layout.whole((2, 3, 4)).moved(lambda x: x[:, ::-1].transpose(2, 0, 1))
    assert np.shares_memory(layout.take(source), source)


def test_several_results_have_a_layout_each() -> None:
    source = np.arange(12).reshape(3, 4)
    first, second = Layout.whole((3, 4)).moved_to(lambda x: np.split(x, [1], axis=1))
    assert first.take(source).tolist() == [[0], [4], [8]]
    assert second.take(source).tolist() == [[1, 2, 3], [5, 6, 7], [9, 10, 11]]


@pytest.mark.parametrize("shape", [(0,), (2, 0, 3), ()], ids=["none", "none along one axis", "no axes"])
def test_layouts_of_few_elements(shape: tuple[int, ...]) -> None:
    layout = Layout.whole(shape).moved(lambda x: x.reshape(*shape, 1).T)
    source = np.ones(shape)
    assert layout.take(source).shape == (*shape, 1)[::-1]
    assert layout.is_whole
    assert layout.reads_all_once
    assert layout.moved(lambda x: x.reshape(-1)).shape == (source.size,)


@pytest.mark.parametrize("size", [11, 13])
@pytest.mark.parametrize(
    "move", [np.transpose, lambda x: x[::2, ::-1], lambda x: x[[2, 0, 0]]], ids=["turned", "in steps", "chosen"]
)
def test_source_of_another_size_is_not_read(move: Move, size: int) -> None:
    layout = Layout.whole((3, 4)).moved(move)
    with pytest.raises(ValueError, match=f"^A layout of 12 elements cannot be read of {size}"):
        layout.take(np.zeros(size))
