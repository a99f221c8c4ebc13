"""Read a map, and interpret a file by it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isomorph.spec import Architecture, BadInput, architectures, tensor_shapes
from isomorph.spec.errors import did_you_mean
from isomorph.spec.naming import KernelAxes, ZooTensor
from isomorph.spec.tensors import WEIGHTS, Shape
from isomorph.spec.text_files import read_text
from isomorph.spec.toml.tables import NONE, TomlText, in_short
from isomorph.tools.checkpoints import Tensors
from isomorph.tools.designs.lookup import find_architecture
from isomorph.tools.weights.interpretations import NO_ZOO, Interpretation
from isomorph.tools.weights.maps.tensor_map import AXES, MappedTensor, TensorMap, fitting_axes

MOST_BYTES = 1 << 22
"""The most bytes of a map; that of the deepest network of any zoo takes half a million."""

_FIELDS = ("arch", "key", "prefix", "options", "tensors")


@dataclass(frozen=True)
class ReadMap:
    """A map that was read from a file, and the network that it refers to.

    text: what messages about a line of it need.
    """

    path: str
    text: str
    content: TensorMap
    architecture: Architecture

    def interpret(self, tensors: Tensors, source: str) -> Interpretation:
        """Return what a file's tensors are by this map.

        source: the file, for messages. Raises BadInput, with the line, where the file lacks a tensor or has another
        shape, and where a tensor of the network has no line.
        """
        written = _MapText(self.text, self.path)
        canonical_shapes = tensor_shapes(self.architecture)
        expected: dict[str, ZooTensor] = {}
        lines: dict[str, str] = {}
        for canonical, mapped in self.content.tensors.items():
            place = ("tensors", canonical)
            if canonical not in canonical_shapes:
                hint = did_you_mean(canonical, canonical_shapes, "`isomorph show` lists its layers.")
                written.refuse(place, f"{self.architecture.name} has no tensor {in_short(canonical)}; {hint}")
            if mapped.tensor not in tensors:
                hint = did_you_mean(mapped.tensor, tensors, f"`isomorph inspect {source} --tensors` lists its tensors.")
                written.refuse(place, f"{source} has no tensor {in_short(mapped.tensor)}; {hint}")
            if mapped.tensor in lines:
                written.refuse(place, f"{mapped.tensor} is {lines[mapped.tensor]} already; a tensor is one of them.")
            lines[mapped.tensor] = canonical
            found = tuple(tensors[mapped.tensor].shape)
            expected[canonical] = _placed(written, canonical, mapped, canonical_shapes[canonical], found)
        if missing := [name for name in canonical_shapes if name not in expected]:
            others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            written.refuse(("tensors",), f"no line says which tensor is {missing[0]}{others} of {self.content.arch}.")
        ordered = {name: expected[name] for name in canonical_shapes}
        carried = {tensor.name: tensor.shape for tensor in ordered.values()}
        return Interpretation(self.architecture, NO_ZOO, ordered, carried, marks=dict.fromkeys(ordered, "by map"))


def read_map(path: str | Path) -> ReadMap:
    """Read a map from a TOML file, and find its network. Raises BadInput for a file that holds none."""
    text = read_text(path, MOST_BYTES, "a map of tensors as TOML")
    written = _MapText(text, str(path))
    content = written.read()
    arch = content.arch
    if arch not in architectures() and not Path(arch).is_absolute():
        arch = str(Path(path).parent / arch)
    try:
        network = find_architecture(arch, **content.options)
    except BadInput as error:
        written.refuse(("arch",), str(error))
    return ReadMap(str(path), text, content, network)


class _MapText(TomlText):
    """A text that says which tensor of a file is which."""

    def read(self) -> TensorMap:
        """Return the map. Raises BadInput for a text that is none."""
        document = self.parse()
        self.check_keys(document, _FIELDS, ())
        for name in ("arch", "tensors"):
            if name not in document:
                self.refuse(
                    (), f"this is no map: it has no {name}; `isomorph inspect FILE --map {self.name}` writes one."
                )
        texts = {name: self.value(document.get(name, ""), str, (name,)) for name in ("arch", "key", "prefix")}
        tensors = self._table(document, "tensors")
        return TensorMap(
            options={name: _option(value) for name, value in self._table(document, "options").items()},
            tensors={canonical: self._mapped(value, ("tensors", canonical)) for canonical, value in tensors.items()},
            **texts,
        )

    def _table(self, document: dict[str, Any], name: str) -> dict[str, Any]:
        table = document.get(name, {})
        if not isinstance(table, dict):
            self.refuse((name,), f"{name} is {in_short(table)}, expected a table, under [{name}].")
        return table

    def _mapped(self, value: Any, place: tuple[str, str]) -> MappedTensor:
        if isinstance(value, str):
            return MappedTensor(value)
        if not isinstance(value, dict) or not {"tensor"} <= value.keys() <= {"tensor", "axes"}:
            self.refuse(
                place,
                f'{place[1]} is {in_short(value)}, expected a name in the file, or {{ tensor = "...", axes = "OI" }}.',
            )
        texts = {name: self.value(each, str, (*place, name)) for name, each in value.items()}
        if texts.get("axes", AXES[0]) not in AXES:
            self.refuse(place, f"there are no axes {in_short(texts['axes'])}; there are {', '.join(AXES)}.")
        return MappedTensor(**texts)


def _option(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return None if value == NONE else value


def _placed(written: _MapText, canonical: str, mapped: MappedTensor, wanted: Shape, found: Shape) -> ZooTensor:
    """Return the file's tensor for a canonical one. Raises BadInput where its shape does not allow it."""
    place = ("tensors", canonical)
    if not canonical.endswith(f"/{WEIGHTS}"):
        if found != wanted:
            written.refuse(place, f"{mapped.tensor} has the shape {found}, and {canonical} has {wanted}.")
        return ZooTensor(mapped.tensor, found, wanted, None)
    possible = fitting_axes(wanted, found)
    if mapped.axes:
        possible = [mapped.axes] if KernelAxes(mapped.axes).shape(wanted) == found else []
    if not possible:
        with_axes = f" with the axes {mapped.axes}" if mapped.axes else ""
        written.refuse(
            place, f"{mapped.tensor} has the shape {found}, which is none of {canonical}, HWIO {wanted}{with_axes}."
        )
    if len(possible) > 1:
        written.refuse(
            place,
            f"the axes of {mapped.tensor} may be {' or '.join(possible)} by its shape {found}; say which:"
            f' {{ tensor = "{mapped.tensor}", axes = "{possible[0]}" }}.',
        )
    return ZooTensor(mapped.tensor, found, wanted, KernelAxes(possible[0]))
