"""Storages into which a model writes: what all tensors that lie there read, after some of them changed in place."""

from collections.abc import Hashable, Sequence

import numpy as np
import torch
from torch import Tensor

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Read
from isomorph.backends.graphs.graph import Tensor as GraphTensor
from isomorph.backends.graphs.layout import Layout
from isomorph.backends.graphs.recorder import Recorder
from isomorph.backends.pytorch.tracing.call import to_array
from isomorph.backends.pytorch.tracing.handlers import as_reads, can_pad, record_pad
from isomorph.spec.operations import Pair

Content = Read | GraphTensor
"""What was written somewhere: of the graph, or constant."""


def address(tensor: Tensor) -> int | None:
    """Return where a tensor's storage lies, which tells storages apart while they live; None of what has none."""
    if tensor.layout is not torch.strided or tensor.is_quantized or not tensor.numel():
        return None
    return tensor.untyped_storage().data_ptr()


class WrittenStorage:
    """What each element of a storage is, after writes to parts of it.

    contents: whatever was written there. Elements that no tensor read before are constant.

    It keeps the largest of its tensors, so that no other storage gets its address.
    """

    def __init__(self, tensors: list[tuple[Tensor, Content]]) -> None:
        """Take over what all live tensors that lie there are; what is part of a larger one is read from that."""
        tensors = sorted(tensors, key=lambda item: item[0].numel())
        self.largest = tensors[-1][0].detach()
        count = self.largest.untyped_storage().nbytes() // self.largest.element_size()
        self.contents: list[Content] = []
        self._begins: list[int] = []  # of each content's elements, in the numbers of all contents' elements
        self._end = 0
        self._elements = np.empty(count, np.int64)
        whole = to_array(self.largest.as_strided((count,), (1,), 0))
        self._put(np.arange(count), GraphTensor.computed(whole.copy()))
        for tensor, content in tensors:
            self.write(tensor, content)

    def write(self, tensor: Tensor, content: Content) -> None:
        """Note what a tensor that lies here is from now on, and so all others in that part."""
        self._put(self._positions(tensor), content)

    def _put(self, positions: Array, content: Content) -> None:
        self._elements[positions] = np.arange(self._end, self._end + positions.size).reshape(positions.shape)
        self.contents.append(content)
        self._begins.append(self._end)
        self._end += positions.size

    def copy(self, tensor: Tensor, source: Tensor, storage: "WrittenStorage") -> None:
        """Note that a tensor that lies here is from now on what one of another storage is, or of this one."""
        positions = self._positions(tensor)
        elements = np.broadcast_to(storage._elements[storage._positions(source)], positions.shape)
        sources = storage._source_of(elements)
        for number in np.unique(sources):
            of_content = sources == number
            content = storage._content_of(elements[of_content])
            assert content is not None
            self._put(positions[of_content], content)

    def flows(self, tensor: Tensor) -> bool:
        """Return whether anything in a tensor depends on the images."""
        return any(isinstance(self.contents[number], Read) for number in self._sources(tensor))

    def read(self, tensor: Tensor, recorder: Recorder) -> Read:
        """Return where in the graph a tensor is; what several contents are in is recorded as one value of them."""
        positions = self._positions(tensor)
        content = self._content_of(self._elements[positions])
        if content is None:
            inside = np.isin(positions, self._positions(self.largest)).all()
            self._join(self.largest if inside else tensor, recorder)
            content = self._content_of(self._elements[positions])
        assert isinstance(content, Read)
        return content

    def _content_of(self, elements: Array) -> Content | None:
        """Return what elements are that are of one content, or read of one value; None of others."""
        sources = self._source_of(elements)
        contents = {int(source): self.contents[source] for source in np.unique(sources)}
        if len(contents) == 1:
            ((source, content),) = contents.items()
            numbers = elements - self._begins[source]
            return content.moved(lambda x: x.reshape(-1)[numbers])
        reads = {source: content for source, content in contents.items() if isinstance(content, Read)}
        if len(reads) < len(contents) or len({read.source for read in reads.values()}) > 1:
            return None
        numbers = np.empty(elements.shape, np.int64)
        for source, read in reads.items():
            of_source = sources == source
            numbers[of_source] = read.layout.numbers().reshape(-1)[elements[of_source] - self._begins[source]]
        return Read(read.source, Layout.of(numbers, read.layout.size))

    def _join(self, tensor: Tensor, recorder: Recorder) -> None:
        """Record a tensor of several contents as one value."""
        elements = self._elements[self._positions(tensor)]
        sources = self._source_of(elements)
        value = to_array(tensor)
        key = object()
        axis = _axis_of_change(sources)
        if padded := self._padded(elements, value):
            read, pads, fill = padded
            record_pad(recorder, key, read, pads, fill, value)
        elif axis is not None:
            firsts = np.moveaxis(sources, axis, 0).reshape(sources.shape[axis], -1)[:, 0]
            parts = np.split(elements, np.flatnonzero(np.diff(firsts)) + 1, axis)
            self._concatenate(recorder, key, parts, value, axis)
        else:  # one behind the other, and moved to their places
            flat, numbers = np.unique(elements, return_inverse=True)
            numbers = numbers.reshape(elements.shape)
            flat_value = np.empty(flat.shape, value.dtype)
            flat_value[numbers] = value
            parts = np.split(flat, np.flatnonzero(np.diff(self._source_of(flat))) + 1)
            self._concatenate(recorder, key, parts, flat_value, 0)
            recorder.reads[key] = recorder.reads[key].moved(lambda x: x[numbers])
        self.write(tensor, recorder.reads[key])

    def _concatenate(self, recorder: Recorder, key: Hashable, parts: Sequence[Array], value: Array, axis: int) -> None:
        """Record elements of one content each, one behind the other."""
        contents = [content for part in parts if (content := self._content_of(part)) is not None]
        recorder.concatenate(key, as_reads(recorder, contents), value, axis)

    def _padded(self, elements: Array, value: Array) -> tuple[Read, list[Pair], float] | None:
        """Return what is read in the midst of equal constants, how many of them are around it, and what they are."""
        flowing = [number for number, content in enumerate(self.contents) if isinstance(content, Read)]
        inside = np.isin(self._source_of(elements), flowing)
        cells = np.argwhere(inside)
        first, last = cells.min(axis=0), cells.max(axis=0)
        inner = tuple(slice(int(low), int(high) + 1) for low, high in zip(first, last, strict=True))
        pads = [(int(low), length - 1 - int(high)) for low, high, length in zip(first, last, value.shape, strict=True)]
        fills = np.unique(value[~inside])
        if len(fills) != 1 or not inside[inner].all() or not can_pad(pads):
            return None
        read = self._content_of(elements[inner])
        return (read, pads, float(fills[0])) if isinstance(read, Read) else None

    def _source_of(self, elements: Array) -> Array:
        """Return the number of the content that each element is of."""
        return np.asarray(np.searchsorted(self._begins, elements, side="right") - 1)

    def _sources(self, tensor: Tensor) -> list[int]:
        """Return the numbers of the contents that a tensor is of."""
        return [int(number) for number in np.unique(self._source_of(self._elements[self._positions(tensor)]))]

    def _positions(self, tensor: Tensor) -> Array:
        """Return where in the storage each element lies."""
        all_elements = np.arange(len(self._elements))[tensor.storage_offset() :]
        steps = tuple(step * all_elements.itemsize for step in tensor.stride())
        return np.lib.stride_tricks.as_strided(all_elements, tuple(tensor.shape), steps)


def _axis_of_change(sources: Array) -> int | None:
    """Return the one axis along which the source of elements changes; None where it does along several."""
    changing = [axis for axis in range(sources.ndim) if not np.array_equal(*_all_but_ends(sources, axis))]
    return changing[0] if len(changing) == 1 else None


def _all_but_ends(x: Array, axis: int) -> tuple[Array, Array]:
    """Return an array without its last, and without its first index along an axis."""
    length = x.shape[axis]
    return x.take(range(length - 1), axis), x.take(range(1, length), axis)
