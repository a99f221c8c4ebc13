"""`inspect`: describe a checkpoint: its format, its network, its tensors, and what is odd about them."""

import json
import os
import re
import shlex
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from isomorph.spec import Architecture, BadInput, count_parameters, plan
from isomorph.spec.units import Unit
from isomorph.tools.checkpoints import Checkpoint, Tensors, read_checkpoint, sha256
from isomorph.tools.designs.lookup import to_edit
from isomorph.tools.tables import PlainTable, Report, by, count, plain_table, some_names
from isomorph.tools.weights.interpretations import Interpretation
from isomorph.tools.weights.recovery.recovered import Recovered
from isomorph.tools.weights.sanity_checks import SuspectTensor, find_suspect_tensors
from isomorph.tools.weights.told import FitsNone, SeveralFunctions, ToldByStructure, in_words
from isomorph.tools.weights.values.agreement import Agreement, find_agreement
from isomorph.tools.weights.values.functions import agreements_of_zoo, spoken_for
from isomorph.tools.weights.weights import identified

_NOT_AS_IT_IS = ("architecture", "interpretation", "oddities", "recovered", "agreements")
"""The fields of a report that its JSON does not have, or has in another form."""

MOST_LISTED = 10
"""How many suspect tensors, and how many other dictionaries, the table lists; the JSON has all."""


MOST_OF_NAME = 64
"""The characters of the longest name of a network."""


@dataclass(frozen=True)
class InspectReport(Report):
    """The contents of a checkpoint.

    size: bytes, of all its files. unwrapped: the keys and prefixes that were removed to reach the tensors.
    key: of several dictionaries of tensors in the file the one whose tensors these are; empty where there is one.
    dictionaries: of several, key -> how many tensors each has, and whether its key says that they are averages.
    beside: entries of the file that are no tensors.
    names: whose names the tensors have: a zoo's, "canonical", isomorph's own in a framework, or "its own", where their
        shapes told the network; None if unknown.
    alternatives: other networks that the same tensors are of, whose functions are not alike.
    prefix: what the names of all the network's tensors start with, where it stands among others.
    mapping: canonical name -> the file's name, and how sure that is: "sure" by its shape, "by name" by the numbers in
        names, "by order" of the file alone; empty where a zoo's names told the network.
    interpretation: what the tensors are taken for; None where the network cannot be told. It is not in the JSON.
    problem: why the network cannot be told; None if it can.
    recovered: a network that no zoo lists, from the shapes of the tensors; None if one is told, or none fits.
    not_recovered: the layer of which no unit here is made, or another reason; None if a network is told or recovered,
        and where names or the file's own word are what is wrong.
    unused: tensors that no network computes with.
    tensors: name in the file -> dtype and shape.
    oddities: the tensors that fail a sanity check; None where the values were not looked at.
    agreements: title of a network -> whether the values agree with one another as its own: of `title`, of the
        `alternatives`, and, where they do not agree, of others of the same tensors in its zoo; empty where the values
        were not looked at.
    sha256: None where it was not wanted.
    """

    path: str
    format: str
    size: int
    unwrapped: tuple[str, ...]
    key: str
    dictionaries: dict[str, tuple[int, bool]]
    beside: tuple[str, ...]
    architecture: Architecture | None
    title: str | None
    names: str | None
    alternatives: tuple[str, ...]
    prefix: str
    mapping: dict[str, tuple[str, str]]
    interpretation: Interpretation | None
    problem: str | None
    recovered: Recovered | None
    not_recovered: str | None
    unused: tuple[str, ...]
    tensors: dict[str, tuple[str, tuple[int, ...]]]
    oddities: tuple[SuspectTensor, ...] | None
    agreements: Mapping[str, Agreement]
    sha256: str | None

    @property
    def agreement(self) -> Agreement | None:
        """Whether the values agree as those of the network that is told; None where nothing was looked at."""
        return self.agreements.get(self.title or "")

    @property
    def spoken_for(self) -> str | None:
        """The title of the network that values speak for, where the same tensors are of several functions."""
        return spoken_for(self.agreements)

    def table(self) -> RenderableType:
        """Return one fact per row, then the suspect tensors."""
        facts = PlainTable.grid(padding=(0, 1))  # so that 80 columns hold a SHA-256 in one piece
        facts.add_column(style="bold")
        facts.add_column(overflow="fold")
        for name, value in self._facts():
            facts.add_row(name, value)
        return Group(facts, *self._suspect_rows())

    def tensor_table(self) -> RenderableType:
        """List every tensor of the file: name, dtype and shape; where shapes told the network, what it is of it."""
        told = {name: (canonical, mark) for canonical, (name, mark) in self.mapping.items()}
        table = plain_table("tensor", "dtype", "shape", *(("is", "told") if told else ()), right=("shape",))
        for name, (dtype, shape) in self.tensors.items():
            table.add_row(name, dtype, by(*shape) or "scalar", *(told.get(name, ("-", "-")) if told else ()))
        return table

    def to_toml(self) -> str:
        """Return the network as the text of a `.toml` file; of a recovered one with a comment where it is assumed.

        Raises BadInput where no network is told or recovered.
        """
        if self.architecture:
            return to_edit(self.architecture)
        if self.recovered:
            from isomorph.tools.weights.recovery.document import to_annotated_toml  # noqa: PLC0415 - as `recover`

            return to_annotated_toml(self.recovered, self.path)
        raise BadInput(f"No network of {self.path} can be written: {self.not_recovered or self.problem}")

    def to_json(self) -> str:
        """Return the report, as the command line's `--json` writes it."""
        document: dict[str, Any] = {name: value for name, value in vars(self).items() if name not in _NOT_AS_IT_IS}
        document["dictionaries"] = {
            name: {"tensors": number, "averaged": is_averaged}
            for name, (number, is_averaged) in self.dictionaries.items()
        }
        document["mapping"] = {name: {"tensor": found, "told": mark} for name, (found, mark) in self.mapping.items()}
        network = self.architecture
        facts = {"architecture": network.name, **network_facts(network)} if network else None
        document["recovered"] = self.recovered and {
            "architecture": self.recovered.architecture.name,
            "nearest": self.recovered.nearest.name,
            "or": list(self.recovered.others),
            **network_facts(self.recovered.architecture),
        }
        tensors = {name: {"dtype": dtype, "shape": shape} for name, (dtype, shape) in self.tensors.items()}
        oddities = None if self.oddities is None else [asdict(each) for each in self.oddities]
        values = {
            "agreements": {name: each.to_document() for name, each in self.agreements.items()},
            "spoken_for": self.spoken_for,
        }
        document |= {"network": facts, "tensors": tensors, "oddities": oddities, "values": values}
        return json.dumps(document, indent=2) + "\n"

    def to_map(self, path: str | Path, *, arch: str | None = None, prefix: str | None = None) -> str:
        """Return the text of a map, to be written at `path`: which tensor of the file is which of the network.

        arch, prefix: what `inspect` was given; a `.toml` file is what the map then refers to.

        >>> from isomorph.tools import inspect
        >>> print(*inspect("resnet8.safetensors").to_map("map.toml").splitlines()[3:7], sep="\\n")
        arch = "mlperf_tiny/resnet8"
        <BLANKLINE>
        [tensors]  # of the network = in the file
        "conv1/weights" = "conv1/weights"

        Raises BadInput where the network cannot be told, or several functions fit.
        """
        if self.interpretation is None:
            raise BadInput(str(self.problem))
        if self.alternatives:
            fitting = " and ".join(map(str, (self.title, *self.alternatives)))
            raise BadInput(f"{self.path} fits {fitting}, and a map is of one network; choose it with --arch.")
        toml = os.path.relpath(arch, Path(path).parent) if arch and Path(arch).suffix == ".toml" else None
        from isomorph.tools.weights.maps.tensor_map import map_of  # noqa: PLC0415 - it needs a parser of TOML

        return map_of(self.interpretation, key=self.key, prefix=prefix or "", toml=toml).to_toml(Path(self.path).name)

    def _facts(self) -> list[tuple[str, str]]:
        within = f", within {', '.join(self.unwrapped)}" if self.unwrapped else ""
        values = sum(prod(shape) for _, shape in self.tensors.values())
        dtypes = sorted({dtype for dtype, _ in self.tensors.values()})
        facts = [
            ("file", f"{self.path}, {count(self.size)} bytes"),
            ("format", f"{self.format}{within}"),
            ("tensors", f"{count(len(self.tensors))}, {count(values)} values, {' and '.join(dtypes)}"),
        ]
        if self.architecture:
            facts += [("network", str(self.title)), *(("or", other) for other in self.alternatives)]
            facts += [("names", str(self.names))]
            facts += [("under", self.prefix)] if self.prefix else []
            facts += [("told", in_words(mark for _, mark in self.mapping.values()))] if self.mapping else []
            known = network_facts(self.architecture)
            facts += [(name.replace("_", " "), _words(value)) for name, value in known.items()]
            facts += self._what_values_say()
        else:
            facts += self._recovery_facts()
        others = [(name, *each) for name, each in self.dictionaries.items() if name != self.key]
        for name, number, is_averaged in others[:MOST_LISTED]:
            averaged = ", averaged over steps" if is_averaged else ""
            facts.append(("also", f"{count(number)} tensors under --key {name}{averaged}"))
        if len(others) > MOST_LISTED:
            facts.append(("also", f"{count(len(others) - MOST_LISTED)} more dictionaries; --json has all"))
        facts += [("unused", some_names(self.unused))] if self.unused else []
        facts += [("beside", some_names(self.beside))] if self.beside else []
        return facts + ([("sha256", self.sha256)] if self.sha256 else [])

    def _recovery_facts(self) -> list[tuple[str, str]]:
        """Return what is said of a network that no zoo lists."""
        if self.recovered is None:
            facts = [("network", f"not told: {self.problem}")]
            return facts + ([("recovered", f"no: {self.not_recovered}")] if self.not_recovered else [])
        nearest, network = self.recovered.nearest.name, self.recovered.architecture
        known = network_facts(network)
        facts = [
            ("network", "none that a zoo lists, and not in names of one"),
            ("recovered", f"{network.name}, whose layers are exactly the file's"),
        ]
        facts += [("or", f"the same layers as {other}") for other in self.recovered.others]
        facts += [(name.replace("_", " "), _words(known[name])) for name in ("blocks", "groups", "num_classes")]
        facts += [
            ("assumed", f"as in {nearest}: where it strides, its pools and pads, activation and epsilon"),
            ("next", f"isomorph inspect {shlex.quote(self.path)} --toml mine.toml; then --arch mine.toml"),
        ]
        return facts

    def _what_values_say(self) -> Iterator[tuple[str, str]]:
        if self.agreement is None:
            return
        if self.spoken_for is None:
            yield "values", str(self.agreement)
        else:
            yield from (("values", f"as {name} {agreement}") for name, agreement in self.agreements.items())
            yield "likely", f"{self.spoken_for}, for which the values speak"
        if self.agreement.image_mean:
            yield "images", f"of a mean of about {', '.join(map(_rounded, self.agreement.image_mean))}"

    def _suspect_rows(self) -> list[RenderableType]:
        if self.oddities is None:
            return []
        if not self.oddities:
            known = ", no variance is negative, no channel is dead" if self.architecture else ""
            return [Text(f"Nothing is odd: all values are finite{known}.")]
        table = plain_table("odd", "what")
        for suspect in self.oddities[:MOST_LISTED]:
            table.add_row(suspect.tensor, suspect.what)
        more = len(self.oddities) - MOST_LISTED
        return [table, *([Text(f"and {count(more)} more; --json has all")] if more > 0 else [])]


def inspect(
    path: str | Path,
    *,
    arch: str | None = None,
    key: str | None = None,
    prefix: str | None = None,
    values: bool = True,
    digest: bool = False,
    progress: Callable[[str, str], None] = lambda who, what: None,
) -> InspectReport:
    """Describe a checkpoint: its format, the network that its names and shapes fit, its tensors, and what is odd.

    >>> from isomorph.tools import inspect
    >>> report = inspect("resnet8.safetensors")
    >>> report.format, report.title, report.names, len(report.tensors)
    ('safetensors', 'mlperf_tiny/resnet8', 'canonical', 48)
    >>> report.tensors["conv1/weights"]
    ('float32', (3, 3, 3, 16))
    >>> report.oddities
    ()

    arch: the architecture to read it as. key, prefix: which dictionary of the file, and which of its tensors, as
    `read_checkpoint` takes them. values: look at the values, which reads the whole file. digest: compute its
    SHA-256. A file whose network cannot be told is reported all the same, with the reason.

    Raises BadInput for a file that cannot be read, and for one that `arch` does not fit.
    """
    progress("inspect", f"reading {path}")
    checkpoint = read_checkpoint(path, key, prefix)
    likely, problem = _identified(Path(path), checkpoint, arch)
    interpretation, tensors = next(iter(likely), None), checkpoint.tensors
    # Not where names or the file's own word contradict one another: to recover a network would hide that.
    recovered, not_recovered = _recovered(Path(path), tensors) if isinstance(problem, FitsNone) else (None, None)
    progress("inspect", "looking at the values")
    expected = interpretation.expected if interpretation else {}
    oddities = tuple(find_suspect_tensors(tensors, expected)) if values else None
    agreements = _agreements(likely, tensors) if values else {}
    return InspectReport(
        path=str(path),
        format=checkpoint.format,
        size=sum(file.stat().st_size for file in {checkpoint.path, *checkpoint.shards}),
        unwrapped=checkpoint.unwrapped,
        key=checkpoint.key,
        dictionaries={name: (each.tensors, each.is_averaged) for name, each in checkpoint.dictionaries.items()},
        beside=checkpoint.left_out,
        architecture=interpretation.architecture if interpretation else None,
        title=interpretation.title if interpretation else None,
        names=interpretation.form if interpretation else None,
        alternatives=tuple(each.title for each in likely[1:]),
        prefix=interpretation.prefix if interpretation else "",
        mapping=_mapping(interpretation) if interpretation else {},
        interpretation=interpretation,
        problem=None if problem is None else str(problem),
        recovered=recovered,
        not_recovered=not_recovered,
        unused=tuple(name for name in tensors if name not in interpretation.carried) if interpretation else (),
        tensors={name: (value.dtype.name, tuple(value.shape)) for name, value in tensors.items()},
        oddities=oddities,
        agreements=agreements,
        sha256=sha256(checkpoint.path, *checkpoint.shards) if digest else None,
    )


def network_facts(network: Architecture) -> dict[str, Any]:
    """Return what names and shapes tell of a network: blocks, groups, classes, channels, numbers of values."""
    planned = plan(network)
    trainable, total = count_parameters(network)
    return {
        "blocks": [_block(block.units) for block in planned.blocks],
        "groups": sorted({layer.groups for layer in planned.convolutions}),
        "num_classes": network.head.num_classes,
        "in_channels": network.in_channels,
        "auxiliary_heads": len(network.auxiliary),
        "trainable": trainable,
        "statistics": total - trainable,
    }


def _identified(path: Path, checkpoint: Checkpoint, arch: str | None) -> tuple[list[Interpretation], BadInput | None]:
    """Return the networks that a file may hold, the likeliest first, and why there are none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ToldByStructure)  # the report says so
        try:
            return [identified(path, checkpoint, arch).interpretation], None
        except SeveralFunctions as several:
            return several.likely, None
        except BadInput as problem:
            if arch is not None:
                raise
            return [], problem


def _recovered(path: Path, tensors: Tensors) -> tuple[Recovered | None, str | None]:
    """Return the network that no zoo lists, and why there is none."""
    if not tensors:
        return None, None
    # A file of a known network needs none of it.
    from isomorph.tools.weights.recovery.recover import recover  # noqa: PLC0415

    own_name = re.sub(r"[^A-Za-z0-9_-]", "_", path.stem).lstrip("_-")[:MOST_OF_NAME] or "network"
    try:
        return recover({name: tuple(value.shape) for name, value in tensors.items()}, f"mine/{own_name}"), None
    except BadInput as problem:
        return None, str(problem)


def _agreements(likely: Sequence[Interpretation], tensors: Tensors) -> dict[str, Agreement]:
    """Return title -> agreement of the likely networks and, where a single one does not agree, of its namesakes."""
    found = {each.title: find_agreement(each.architecture, each.canonical(tensors)) for each in likely}
    match likely, [*found.values()]:
        case [interpretation], [agreement] if agreement.status == "do not agree":
            found |= agreements_of_zoo(interpretation.architecture, interpretation.canonical(tensors))
    return found


def _mapping(interpretation: Interpretation) -> dict[str, tuple[str, str]]:
    return {name: (interpretation.expected[name].name, mark) for name, mark in interpretation.marks.items()}


def _block(units: Sequence[Unit]) -> str:
    """Describe a block by the number, kind and depth of its units: `3 bottleneck to 256`."""
    kinds = " and ".join(dict.fromkeys(unit.kind.replace("_", " ") for unit in units))
    return f"{len(units)} {kinds} to {units[-1].depth}"


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "none" if value is None else f"{value:,}"


def _rounded(mean: float) -> str:
    """Return a mean of images on the scale 0..255 as a whole number, on others with two decimals."""
    return f"{mean:.0f}" if abs(mean) >= 10 else f"{mean:.2f}"
