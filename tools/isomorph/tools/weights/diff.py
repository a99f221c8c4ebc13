"""`diff`: compare the weights of two checkpoints, whatever their formats and names."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from isomorph.backends.protocol import DTYPES
from isomorph.spec import BadInput, function
from isomorph.tools.checkpoints import Tensor, Tensors
from isomorph.tools.tables import Report, by, count, plain_table, printable
from isomorph.tools.weights.weights import Weights, identified, read_part, read_weights

Status = Literal["equal", "cast", "different", "shape", "only first", "only second"]

WORDS: dict[Status, str] = {
    "equal": "equal bit for bit",
    "cast": "equal after a cast",
    "different": "different",
    "shape": "of different shapes",
    "only first": "in the first file only",
    "only second": "in the second file only",
}
OTHER_NETWORKS: tuple[Status, ...] = ("shape", "only first", "only second")
"""The statuses that no two files of one network have."""

MOST_ROWS = 10
"""How many unequal tensors the table lists; the JSON has all."""


@dataclass(frozen=True)
class TensorDifference:
    """One tensor of either file.

    first, second: its dtype and shape in each file; None where it is missing.
    max_abs: the largest absolute difference of two values. rel_l2: the norm of all differences, relative to the norm
        of the first file's values. Each is None where it is not finite.
    values: how many values differ, in their bits where both files have the same dtype.
    own_names: what each file calls it; None where it is missing.

    `max_abs`, `rel_l2` and `values` are None unless `status` is "different".
    """

    name: str
    status: Status
    first: tuple[str, tuple[int, ...]] | None
    second: tuple[str, tuple[int, ...]] | None
    max_abs: float | None = None
    rel_l2: float | None = None
    values: int | None = None
    own_names: tuple[str | None, str | None] = (None, None)

    def other_names(self) -> Iterator[str]:
        """Yield what the files call it, with where, if that is not its name here."""
        first, second = (own if own != self.name else None for own in self.own_names)
        if first and first == second:
            yield f"{first} in both"
            return
        for own, where in ((first, "first"), (second, "second")):
            if own:
                yield f"{own} in the {where}"


@dataclass(frozen=True)
class DiffReport(Report):
    """Two files, tensor by tensor.

    architectures: the network of each file; None where it is not known here.
    canonical: whether tensors are compared under canonical names, as both networks are known, or under the files' own.
    same_function: whether both networks are the same function; None where one is unknown.
    """

    first: str
    second: str
    architectures: tuple[str | None, str | None]
    canonical: bool
    same_function: bool | None
    tensors: tuple[TensorDifference, ...]

    @property
    def other_network(self) -> bool:
        """Whether both networks are known, and the tensors of one are not those of the other."""
        return self.canonical and any(tensor.status in OTHER_NETWORKS for tensor in self.tensors)

    @property
    def same(self) -> bool:
        """Whether both files have all tensors, and all are equal, some perhaps after a cast."""
        return all(tensor.status in ("equal", "cast") for tensor in self.tensors)

    @property
    def exit_status(self) -> int:
        """0 the same weights, 1 different ones."""
        return 0 if self.same else 1

    @property
    def verdict(self) -> str:
        """The result in one sentence."""
        if not self.same:
            return "They are not the same weights."
        if self.same_function is False:
            one, other = self.architectures
            return f"The same weights of two functions: {one} and {other} compute different things with them."
        return "The same weights."

    def table(self) -> RenderableType:
        """Return the files, how many tensors have each status, the unequal tensors, and the verdict."""
        return Group(*self._lines(), *self._rows(), Text(self.verdict))

    def to_json(self) -> str:
        """Return the report, as the command line's `--json` writes it."""
        derived = {"same": self.same, "verdict": self.verdict}
        return json.dumps(asdict(self) | derived, indent=2) + "\n"

    def _lines(self) -> Iterator[Text]:
        if self.other_network:
            one, other = self.architectures
            differ = f"They are two different networks, {one} and {other}"
            alike = f"They are both {one}, for other images or classes"
            yield Text(f"{alike if one == other else differ}: the tensors of one are not those of the other.")
        for path, name in zip((self.first, self.second), self.architectures, strict=True):
            yield Text(f"{printable(path)}: {name or 'a network that is not known here'}")
        counts = Counter(tensor.status for tensor in self.tensors)
        names = "canonical names" if self.canonical else "the files' own names"
        parts = (f"{count(counts[status])} {words}" for status, words in WORDS.items() if counts[status])
        yield Text(f"{count(len(self.tensors))} tensors, by {names}: {', '.join(parts)}")

    def _rows(self) -> Iterator[RenderableType]:
        unequal = [tensor for tensor in self.tensors if tensor.status not in ("equal", "cast")]
        if not unequal:
            return
        table = plain_table("tensor", "is", "max abs", "rel L2", "values", right=("max abs", "rel L2", "values"))
        for tensor in unequal[:MOST_ROWS]:
            table.add_row(tensor.name, _how(tensor), *_numbers(tensor))
            for other_name in tensor.other_names():
                table.add_row(f"  {other_name}")
        yield table
        if len(unequal) > MOST_ROWS:
            yield Text(f"and {count(len(unequal) - MOST_ROWS)} more; --json has all")


def diff(
    first: str | Path,
    second: str | Path,
    *,
    arch: str | None = None,
    key: str | None = None,
    prefix: str | None = None,
    tensor_map: str | Path | None = None,
    other_key: str | None = None,
    other_prefix: str | None = None,
    other_map: str | Path | None = None,
    progress: Callable[[str, str], None] = lambda who, what: None,
) -> DiffReport:
    """Compare two checkpoints tensor by tensor, whatever their formats and names.

    >>> from isomorph.tools import convert, diff
    >>> report = convert("resnet8.safetensors", "resnet8.h5", dtype="float64")
    >>> report = diff("resnet8.safetensors", "resnet8.h5")
    >>> report.verdict, {tensor.status for tensor in report.tensors}
    ('The same weights.', {'cast'})

    arch: the architecture of both, where a file cannot tell.
    key, prefix, tensor_map: which tensors of the first file, as `read_weights` takes them. other_key, other_prefix,
        other_map: the same of the second.
    Raises BadInput for a file that cannot be read or that `arch` does not fit, and for files of unknown networks that
    have no tensor name in common.
    """
    progress("diff", "reading")
    one, own_tensors = _read(Path(first), arch, key, prefix, tensor_map)
    other, others_tensors = _read(Path(second), arch, other_key, other_prefix, other_map)
    canonical = one is not None and other is not None
    tensors = (one.tensors, other.tensors) if one and other else (own_tensors, others_tensors)
    if not canonical and not tensors[0].keys() & tensors[1].keys():
        raise BadInput(
            f"No tensor of {first} is called as one of {second}, and they are not both of networks known here; --arch"
            " says what they are of."
        )
    progress("diff", "comparing")
    return DiffReport(
        str(first),
        str(second),
        (one.interpretation.title if one else None, other.interpretation.title if other else None),
        canonical,
        function(one.architecture) == function(other.architecture) if one and other else None,
        tuple(_with_own_names(tensor, one, other) for tensor in _compared(*tensors)),
    )


def _read(
    path: Path, arch: str | None, key: str | None, prefix: str | None, tensor_map: str | Path | None
) -> tuple[Weights | None, Tensors]:
    """Return a file as weights of a known network, None where it is of none, and its tensors under its own names."""
    if tensor_map is not None:
        weights = read_weights(path, None, key, prefix, tensor_map)
        return weights, weights.checkpoint.tensors
    checkpoint = read_part(path, key, prefix)
    try:
        return identified(path, checkpoint, arch), checkpoint.tensors
    except BadInput:
        if arch is not None:
            raise
        return None, checkpoint.tensors


def _with_own_names(tensor: TensorDifference, one: Weights | None, other: Weights | None) -> TensorDifference:
    """Return the same with what each file calls it: of networks that are not both known, the name that it has here."""
    names = [
        (weights.interpretation.expected[tensor.name].name if one and other and weights else tensor.name)
        if present
        else None
        for weights, present in ((one, tensor.first), (other, tensor.second))
    ]
    return replace(tensor, own_names=(names[0], names[1]))


def _compared(first: Tensors, second: Tensors) -> Iterator[TensorDifference]:
    for name in dict.fromkeys((*first, *second)):
        one, other = first.get(name), second.get(name)
        kinds = _kind(one), _kind(other)
        if one is None or other is None:
            yield TensorDifference(name, "only second" if one is None else "only first", *kinds)
        elif one.shape != other.shape:
            yield TensorDifference(name, "shape", *kinds)
        else:
            yield _of_values(name, one, other)


def _of_values(name: str, one: Tensor, other: Tensor) -> TensorDifference:
    kinds = _kind(one), _kind(other)
    alike = one.dtype == other.dtype
    if alike and not _unequal_bits(one, other):
        return TensorDifference(name, "equal", *kinds)
    if not alike and _is_cast(one, other):
        return TensorDifference(name, "cast", *kinds)
    before, after = _widened(one, other)
    with np.errstate(over="ignore", invalid="ignore"):  # infinities have no difference
        gaps = np.abs(after - before)
        norm, distance = float(np.linalg.norm(before)), float(np.linalg.norm(gaps))
    return TensorDifference(
        name,
        "different",
        *kinds,
        max_abs=_finite(float(gaps.max())),
        rel_l2=_finite(distance / norm) if norm else None,
        values=_unequal_bits(one, other) if alike else int(np.count_nonzero(before != after)),
    )


def _unequal_bits(one: Tensor, other: Tensor) -> int:
    """Count the values of two arrays of one dtype that differ in any bit, as zeros may in their sign."""
    parts = [(one.real, other.real), (one.imag, other.imag)] if one.dtype.kind == "c" else [(one, other)]
    unsigned = np.dtype(f"u{parts[0][0].dtype.itemsize}")
    unequal = [first.view(unsigned) != second.view(unsigned) for first, second in parts]
    return int(np.count_nonzero(np.logical_or.reduce(unequal)))


def _is_cast(one: Tensor, other: Tensor) -> bool:
    """Tell whether casting one gives the other: rounded, with no number made infinite, and none made an integer."""
    if not {one.dtype.name, other.dtype.name} <= set(DTYPES):
        return np.array_equal(*_widened(one, other), equal_nan=True)
    if not np.array_equal(np.isfinite(one), np.isfinite(other)):
        return False
    with np.errstate(over="ignore"):
        return any(
            np.array_equal(wide.astype(narrow.dtype), narrow, equal_nan=True)
            for wide, narrow in ((one, other), (other, one))
            if wide.dtype.itemsize >= narrow.dtype.itemsize
        )


def _widened(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Return both in float64, or in complex128 if either is complex."""
    wide = np.complex128 if "c" in (one.dtype.kind, other.dtype.kind) else np.float64
    return one.astype(wide), other.astype(wide)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _kind(value: Tensor | None) -> tuple[str, tuple[int, ...]] | None:
    return None if value is None else (value.dtype.name, tuple(value.shape))


def _how(tensor: TensorDifference) -> str:
    if tensor.status == "shape" and tensor.first and tensor.second:
        return f"{by(*tensor.first[1])} / {by(*tensor.second[1])}"
    return tensor.status


def _numbers(tensor: TensorDifference) -> tuple[str, str, str]:
    if tensor.values is None:
        return "", "", ""
    gap, relative = (f"{value:.3g}" if value is not None else "not finite" for value in (tensor.max_abs, tensor.rel_l2))
    return gap, relative, count(tensor.values)
