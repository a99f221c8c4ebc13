"""Whether a network takes arrays in every form that NumPy calls valid, asked in its own process.

What crosses to a backend's process arrives there as plain arrays: users' own do not. The functions here are for
`RemoteNetwork.apply`; they raise AssertionError, with the form and the first name that differs.
"""

from collections.abc import Callable, Mapping

import numpy as np

from isomorph.backends.protocol import Network, as_dtype
from isomorph.backends.training import SGD
from isomorph.conformance.small_networks import Array
from isomorph.spec import tensor_shapes


def _strided(x: Array) -> Array:
    """Every second value, along every axis, of an array of twice its extents."""
    wide = np.zeros([2 * extent for extent in x.shape], x.dtype)
    view = wide[tuple(slice(None, None, 2) for _ in x.shape)]
    view[...] = x
    return view


def _unaligned(x: Array) -> Array:
    """One byte behind where its dtype wants to begin."""
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
"""What an array can be of, its values being whole numbers from 1 to 4: all dtypes hold those exactly."""


def hold_load(network: Network, form: str) -> None:
    """`load` takes tensors of this form, and leaves them as they are."""
    given = {name: FORMS[form](value) for name, value in _tensors(network).items()}
    before = {name: np.array(value) for name, value in given.items()}
    network.load(given)
    _compare(network.tensors(), {name: value.astype(as_dtype(network.dtype)) for name, value in before.items()}, form)
    _compare({name: np.asarray(value) for name, value in given.items()}, before, form)


def hold_folded(network: Network, form: str) -> None:
    """`load` folds batch norms of tensors of this form into what it makes of plain ones."""
    given = {name: FORMS[form](value) for name, value in _tensors(network).items()}
    network.load(given)
    found = network.tensors()
    network.load({name: np.array(value, np.float64, order="C") for name, value in given.items()})
    _compare(found, network.tensors(), form)


def hold_images(network: Network, form: str) -> None:
    """`end_points`, `answer`, `prepared` and `part` take images of this form, and answer as to plain ones."""
    network.load({name: value / 4 for name, value in _tensors(network).items()})
    given = FORMS[form](_images(network))
    plain = np.array(given, as_dtype(network.dtype), order="C")
    _compare(network.end_points(given), network.end_points(plain), form)
    _compare({"answer": network.answer(given)}, {"answer": network.answer(plain)}, form)
    _compare({"answer": network.prepared(given)()}, {"answer": network.prepared(plain)()}, form)
    part = next(iter(network.plan.parts))
    _compare(network.part(part, given), network.part(part, plain), form)


def hold_training(network: Network, form: str) -> None:
    """`gradients`, `step` and `observe` take images, labels and velocities of this form; those stay as they are."""
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
    found = network.step(*forms, SGD(), moved)[1] | network.tensors()
    _compare(moved, before, form)
    network.load(tensors)
    _compare(found, network.step(images, plain, SGD(), as_plain)[1] | network.tensors(), form)
    network.load(tensors)
    network.observe(forms[0])
    observed = network.tensors()
    network.load(tensors)
    network.observe(images)
    _compare(observed, network.tensors(), form)


def _tensors(network: Network) -> dict[str, Array]:
    """Whole numbers from 1 to 4, which differ along every axis."""
    shapes = tensor_shapes(network.architecture)
    return {name: _whole(number, shape) for number, (name, shape) in enumerate(shapes.items())}


def _images(network: Network) -> Array:
    return _whole(99, (4, 9, 7, network.architecture.in_channels))


def _whole(seed: int, shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(seed).integers(1, 5, shape).astype(np.float32)


def _labels(labels: Array, form: str) -> Array:
    """Of that form, where it leaves them integers."""
    formed = FORMS[form](labels)
    return formed if np.issubdtype(formed.dtype, np.integer) else labels


def _compare(found: Mapping[str, Array], expected: Mapping[str, Array], form: str) -> None:
    """Equal: what computes the same numbers from the same numbers has no reason to differ."""
    differing = [name for name in expected if not np.array_equal(found[name], expected[name])]
    if differing:
        raise AssertionError(f"With arrays of {form}, {differing[0]} differs.")
