"""Test in a network's own process that it takes arrays in every form that NumPy calls valid.

Arrays that cross to a backend's process arrive there as plain ones: users' own do not. The functions here are for
`RemoteNetwork.apply`; they raise AssertionError, with the form and the first name that differs.
"""

from collections.abc import Callable, Mapping

import numpy as np

from isomorph.backends.protocol import Array, Network, as_dtype
from isomorph.backends.training import SGD
from isomorph.spec import tensor_shapes


def _strided(x: Array) -> Array:
    """Return a copy as every second value, along every axis, of an array of twice its extents."""
    wide = np.zeros([2 * extent for extent in x.shape], x.dtype)
    view = wide[tuple(slice(None, None, 2) for _ in x.shape)]
    view[...] = x
    return view


def _unaligned(x: Array) -> Array:
    """Return a copy that begins one byte after an aligned address."""
    view = np.zeros(x.nbytes + 1, np.uint8)[1:].view(x.dtype).reshape(x.shape)
    view[...] = x
    return view


def _read_only(x: Array) -> Array:
    copy = x.copy()
    copy.setflags(write=False)
    return copy


def _masked(x: Array) -> Array:
    return np.ma.masked_array(x)


FORMS: Mapping[str, Callable[[Array], Array]] = {
    "negative strides": lambda x: x[(slice(None, None, -1),) * x.ndim],
    "negative strides of the channels seen": lambda x: x[:, :, ::-1] if x.ndim == 4 else x[::-1],
    "Fortran order": np.asfortranarray,
    "strides of two": _strided,
    "zero strides": lambda x: np.broadcast_to(x.reshape(-1)[:1], x.shape),
    "the other byte order": lambda x: x.astype(x.dtype.newbyteorder()),
    "no alignment": _unaligned,
    "no right to write": _read_only,
    "a mask": _masked,
    "float16": lambda x: x.astype(np.float16),
    "float16 in the other byte order": lambda x: x.astype(np.dtype(np.float16).newbyteorder()),
    "float64": lambda x: x.astype(np.float64),
    "long doubles": lambda x: x.astype(np.longdouble),
    "bfloat16": lambda x: x.astype(as_dtype("bfloat16")),
    "bytes": lambda x: x.astype(np.uint8),
    "uint16": lambda x: x.astype(np.uint16),
    "int64": lambda x: x.astype(np.int64),
    "uint64": lambda x: x.astype(np.uint64),
    "booleans": lambda x: x > 2,
}
"""Form -> the conversion of an array to it. Values are integers from 1 to 4, which all dtypes hold exactly."""


def hold_load(network: Network, form: str) -> None:
    """Assert that `load` takes tensors of this form, and does not change them."""
    tensors = {name: FORMS[form](value) for name, value in _tensors(network).items()}
    before = {name: np.array(value) for name, value in tensors.items()}
    network.load(tensors)
    _compare(network.tensors(), {name: value.astype(as_dtype(network.dtype)) for name, value in before.items()}, form)
    _compare({name: np.asarray(value) for name, value in tensors.items()}, before, form)


def hold_folded(network: Network, form: str) -> None:
    """Assert that `load` folds batch norms of tensors of this form as those of plain ones."""
    tensors = {name: FORMS[form](value) for name, value in _tensors(network).items()}
    network.load(tensors)
    folded = network.tensors()
    network.load({name: np.array(value, np.float64, order="C") for name, value in tensors.items()})
    _compare(folded, network.tensors(), form)


def hold_images(network: Network, form: str) -> None:
    """Assert that `end_points`, `answer`, `prepared` and `part` answer images of this form as plain ones."""
    network.load({name: value / 4 for name, value in _tensors(network).items()})
    images = FORMS[form](_images(network))
    plain = np.array(images, as_dtype(network.dtype), order="C")
    _compare(network.end_points(images), network.end_points(plain), form)
    _compare({"answer": network.answer(images)}, {"answer": network.answer(plain)}, form)
    _compare({"answer": network.prepared(images)()}, {"answer": network.prepared(plain)()}, form)
    part = next(iter(network.plan.parts))
    _compare(network.part(part, images), network.part(part, plain), form)


def hold_training(network: Network, form: str) -> None:
    """Assert that `gradients`, `step` and `observe` take arrays of this form as plain ones, and do not change them."""
    tensors = {name: value / 4 for name, value in _tensors(network).items()}
    labels = np.arange(len(_images(network))) % 3
    forms = FORMS[form](_images(network)), _labels(labels, form)
    images, plain = np.array(forms[0], as_dtype(network.dtype), order="C"), np.array(forms[1], np.int64)
    velocity = {name: value for name, value in tensors.items() if name in network.learned}
    moved = {name: FORMS[form](4 * value) for name, value in velocity.items()}
    before = {name: np.array(value, order="C") for name, value in moved.items()}
    as_plain = {name: np.array(value, as_dtype(network.dtype), order="C") for name, value in moved.items()}
    network.load(tensors)
    _compare(network.gradients(*forms).tensors, network.gradients(images, plain).tensors, form)
    after_step = network.step(*forms, SGD(), moved)[1] | network.tensors()
    _compare(moved, before, form)
    network.load(tensors)
    _compare(after_step, network.step(images, plain, SGD(), as_plain)[1] | network.tensors(), form)
    network.load(tensors)
    network.observe(forms[0])
    observed = network.tensors()
    network.load(tensors)
    network.observe(images)
    _compare(observed, network.tensors(), form)


def _tensors(network: Network) -> dict[str, Array]:
    """Return tensors of integers from 1 to 4 that vary along every axis."""
    shapes = tensor_shapes(network.architecture)
    return {name: _whole(number, shape) for number, (name, shape) in enumerate(shapes.items())}


def _images(network: Network) -> Array:
    return _whole(99, (4, 9, 7, network.architecture.in_channels))


def _whole(seed: int, shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(seed).integers(1, 5, shape).astype(np.float32)


def _labels(labels: Array, form: str) -> Array:
    """Return labels in that form, or as they are where it would not leave them integers."""
    formed = FORMS[form](labels)
    return formed if np.issubdtype(formed.dtype, np.integer) else labels


def _compare(found: Mapping[str, Array], expected: Mapping[str, Array], form: str) -> None:
    """Assert that arrays are equal, bit for bit: the same computation on the same numbers has no reason to differ."""
    differing = [name for name in expected if not np.array_equal(found[name], expected[name])]
    if differing:
        raise AssertionError(f"With arrays of {form}, {differing[0]} differs.")
