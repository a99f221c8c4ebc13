"""`map`: which of the tensors of a model that somebody else wrote is which canonical one, told by structure alone."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from isomorph.backends.graphs.layout import Layout
from isomorph.backends.timeouts import TIMEOUT
from isomorph.conformance.likeness.diagnosis import compare_with
from isomorph.conformance.likeness.mapping import Mapped
from isomorph.conformance.likeness.mapping import map_tensors as mapped_tensors
from isomorph.spec import Architecture, BadInput, tensor_shapes
from isomorph.spec.naming import KernelAxes
from isomorph.spec.tensors import Shape
from isomorph.tools.models.naming import is_model
from isomorph.tools.models.opening import Progress, opened_model
from isomorph.tools.subjects.subject import check_drawn, check_limits, find_subject
from isomorph.tools.tables import Report, paragraph, plain_table
from isomorph.tools.weights.maps.named import named
from isomorph.tools.weights.maps.tensor_map import MappedTensor, TensorMap, fitting_axes


@dataclass(frozen=True)
class MapReport(Report):
    """Which of a model's tensors is which canonical one.

    subject, model: as they were given. rows: in network order. axes: canonical name -> the axes of the model's own
        kernel, as letters; empty of all other tensors.
    """

    architecture: Architecture
    subject: str
    model: str
    rows: tuple[Mapped, ...]
    axes: Mapping[str, str]

    @property
    def sure(self) -> int:
        """How many of them nothing else could be."""
        return sum(row.how == "sure" for row in self.rows)

    def to_toml(self, path: str) -> str:
        """Return the map as a file that people can edit, and that `--map` reads.

        path: where it will lie, as a network in a `.toml` file is named from there.

        Raises BadInput where no name and options make the network.
        """
        known: tuple[str, Mapping[str, Any]] | None = named(self.architecture)
        if self.subject.endswith(".toml"):
            known = os.path.relpath(self.subject, Path(path).parent), {}
        if known is None:
            raise BadInput(f"No name and options alone make {self.architecture.name}, which a map would refer to.")
        arch, options = known
        shapes = tensor_shapes(self.architecture)
        tensors = {
            row.canonical: MappedTensor(str(row.theirs), _needed(self.axes[row.canonical], shapes[row.canonical], row))
            for row in self.rows
        }
        return TensorMap(arch, options, tensors, marks={row.canonical: row.how for row in self.rows}).to_toml(
            self.model
        )

    def to_json(self) -> str:
        """Return the report, as the command line's `--json` writes it."""
        rows = [
            {
                "canonical": row.canonical,
                "theirs": row.theirs,
                "shape": list(row.shape),
                "axes": self.axes[row.canonical],
                "how": row.how,
            }
            for row in self.rows
        ]
        return json.dumps({"subject": self.subject, "model": self.model, "tensors": rows}, indent=2) + "\n"

    def table(self) -> RenderableType:
        """Return the report for people: a line for each tensor, and how sure they are."""
        table = plain_table(self.architecture.name, self.model, "axes", "how")
        for row in self.rows:
            table.add_row(row.canonical, str(row.theirs), self.axes[row.canonical], row.how)
        total = len(self.rows)
        return Group(table, Text(), paragraph(f"{total} tensors, {self.sure} of them sure by structure alone."))


def map_tensors(
    subject: str | Path | Architecture,
    model: Any,
    *,
    call: Mapping[str, Any] | None = None,
    runs_in: str | None = None,
    images: np.ndarray[Any, Any] | None = None,
    size: tuple[int, int] | None = None,
    batch: int = 2,
    seed: int = 0,
    python: Mapping[str, str] | None = None,
    memory: float | None = None,
    timeout: float = TIMEOUT,
    progress: Progress = lambda who, what: None,
    **options: Any,
) -> MapReport:
    """Return which of a model's own tensors is which of an architecture's, without looking at any name.

    >>> from isomorph.tools import map_tensors
    >>> report = map_tensors("cifar/resnet20", "port.py:make_model")
    >>> [(row.theirs, report.axes[row.canonical], row.how) for row in report.rows][:2]
    [('stem.weight', 'OIHW', 'sure'), ('norm.weight', '', 'sure')]

    subject: an architecture or its name; options are of it.
    model, call, runs_in, images, size, batch, seed, python, memory, timeout, progress: as `diagnose` takes them.

    Raises BadInput where the model is another network, where a tensor of the architecture has no counterpart, and where
    one is computed from others or packed with others, so that no file of the model's holds it alone.
    """
    check_limits(timeout, memory)
    check_drawn(batch, seed)
    if isinstance(subject, str | Path) and is_model(str(subject)):
        raise BadInput(f"{subject} is a model; a map is of an architecture's tensors, so name one first.")
    network = find_subject(subject, **options).architecture
    with opened_model(
        model,
        call=call,
        runs_in=runs_in,
        python=python,
        memory=memory,
        timeout=timeout,
        progress=progress,
    ) as theirs:
        traced = theirs.run(images, size, batch, seed, network)
    diagnosis = compare_with(network, traced.graph)
    name = str(subject.name if isinstance(subject, Architecture) else subject)
    if diagnosis.is_another:
        raise BadInput(
            f"{traced.name} is another network than {name}: {diagnosis.matched} of {diagnosis.layers} layers have a"
            " counterpart."
        )
    rows = {row.canonical: row for row in mapped_tensors(diagnosis.comparison)}
    shapes = tensor_shapes(network)
    missing = [canonical for canonical in shapes if canonical not in rows]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise BadInput(f"{traced.name} has no tensor for {missing[0]}{more} of {name}; `isomorph diagnose` says why.")
    _refuse_shared(rows, traced.name)
    axes = {canonical: _axes(rows[canonical], shape, traced.name) for canonical, shape in shapes.items()}
    return MapReport(network, name, traced.name, tuple(rows[canonical] for canonical in shapes), axes)


def _refuse_shared(rows: Mapping[str, Mapped], model: str) -> None:
    """Raise BadInput where one tensor of the model's is several: tied, or several packed in one."""
    seen: dict[str, Mapped] = {}
    for row in rows.values():
        if row.theirs is None:
            continue
        other = seen.setdefault(row.theirs, row)
        if other is not row:
            is_packed = prod(other.layout.shape) < prod(row.shape)
            both = f"{other.canonical} and {row.canonical}"
            raise BadInput(
                f"{model} has {both} {'packed' if is_packed else 'tied'} in one tensor, {row.theirs}; a map needs one"
                " for each."
            )


def _axes(row: Mapped, shape: Shape, model: str) -> str:
    """Return the axes of a kernel as letters, or "". Raises BadInput for a tensor that no letters describe."""
    if row.theirs is None:
        raise BadInput(f"{row.canonical} is computed by {model} from others, so that no file of it holds it.")
    if _is_read_so(row, Layout.whole(shape)) and row.shape == shape and len(shape) != 4:
        return ""
    for letters in fitting_axes(shape, row.shape) if len(shape) == 4 else []:
        axes = KernelAxes(letters)
        if _is_read_so(row, Layout.whole(row.shape).moved(lambda x, axes=axes: axes.to_canonical(x, shape))):  # type: ignore[misc]
            return letters
    raise BadInput(f"{row.canonical} is a part of {row.theirs} in {model}, or in an order that no axes describe.")


def _is_read_so(row: Mapped, layout: Layout) -> bool:
    """Return whether a tensor is read as a layout reads it; axes of one element do not count."""
    if row.layout.size != layout.size or row.layout.shape != layout.shape:
        return False
    return np.array_equal(row.layout.numbers(), layout.numbers())


def _needed(letters: str, shape: Shape, row: Mapped) -> str:
    """Return the axes where the shape leaves them open."""
    return letters if letters and len(fitting_axes(shape, row.shape)) > 1 else ""
