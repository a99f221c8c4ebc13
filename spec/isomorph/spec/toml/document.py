"""An architecture as a TOML file that people write: a stem, a list of blocks, a head and a convention.

    name = "mine/tiny"

    [[stem]]
    convolution = "conv1"
    depth = 16
    kernel = 3

    [[blocks]]
    scope = "block1"
    unit = "basic"                       # one of `isomorph.spec.units.KINDS`; its fields are a unit's numbers
    units = [[32, 32, 2], { times = 2, numbers = [32, 32, 1] }]

    [head]
    num_classes = 10

    [convention]
    like = "torchvision"                 # a zoo, meaning its first network, or an architecture
    batch_norm_epsilon = 1e-3

There may be `[[auxiliary]]` heads and an `[input_transform]` too. Everything else is a field of `Architecture`,
`StemConvolution`, `StemPool`, `AuxiliaryHead`, `InputTransform`, `Head` or `Convention` under its own name.
One that is left out has its default, a convention's that of what it is `like`. "none" is None.
"""

import re
from bisect import bisect_left
from dataclasses import replace
from pathlib import PurePath
from typing import Any, get_type_hints

from isomorph.spec.architecture import (
    Architecture,
    AuxiliaryHead,
    Block,
    Head,
    InputTransform,
    Stem,
    StemConvolution,
    StemPool,
)
from isomorph.spec.convention import Convention
from isomorph.spec.errors import BadInput, did_you_mean
from isomorph.spec.plan import plan
from isomorph.spec.tensors import count_parameters
from isomorph.spec.toml.lines import Place
from isomorph.spec.toml.tables import TomlText, in_short
from isomorph.spec.units import KINDS
from isomorph.spec.validation import mismatch
from isomorph.spec.zoo import architecture, architectures, zoos

MOST_UNITS = 10_000
"""The most units of a network; the deepest of any zoo has 600."""

MOST_VALUES = 1 << 36
"""The most values in a network's tensors, a thousand times those of the largest of any zoo."""

SCALARS = ("in_channels", "output_stride", "include_root_block")
"""The fields of an Architecture that stand above all tables."""

_TABLES = ("stem", "blocks", "auxiliary", "input_transform", "head", "convention")
_STEM_LAYERS: dict[str, type[StemConvolution | StemPool]] = {"convolution": StemConvolution, "pool": StemPool}
_BLOCK = ("scope", "unit", "units")

# Names that every network has, here or in a backend.
_RESERVED = (
    "stem",
    "blocks",
    "auxiliary",
    "input_transform",
    "head",
    "global_pool",
    "logits",
    "predictions",
    "images",
    "flatten",
)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}(/[A-Za-z0-9][A-Za-z0-9_-]{0,63})?")
_SCOPE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


def read_toml(text: str, name: str = "the text") -> Architecture:
    """Return the architecture that a TOML text describes.

    name: the file it is from, for messages. Where the text gives no name, the architecture's is `mine/` and the file's
        name without its ending.
    Raises BadInput, with the file, the line and the field, for a text that is not TOML or describes no network.

    >>> tiny = '''
    ... name = "mine/tiny"
    ...
    ... [[stem]]
    ... convolution = "conv1"
    ... depth = 16
    ... kernel = 3
    ...
    ... [[blocks]]
    ... scope = "block1"
    ... unit = "basic"
    ... units = [[32, 32, 2], { times = 2, numbers = [32, 32, 1] }]
    ...
    ... [head]
    ... num_classes = 10
    ...
    ... [convention]
    ... like = "torchvision"
    ... batch_norm_epsilon = 1e-3
    ... '''
    >>> read_toml(tiny, "tiny.toml").blocks
    (Block(scope='block1', unit='basic', args=((32, 32, 2), (32, 32, 1), (32, 32, 1))),)
    >>> read_toml(tiny.replace("depth", "dept"), "tiny.toml")
    Traceback (most recent call last):
        ...
    isomorph.spec.errors.BadInput: tiny.toml, line 6: [[stem]] has no field "dept"; did you mean depth?
    """
    return _NetworkText(text, name).read()


class _NetworkText(TomlText):
    """A text that describes a network.

    scopes: the names of layers and blocks so far, and the reserved ones.
    units: the place of each unit so far.
    """

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text, name)
        self.scopes = set(_RESERVED)
        self.units: list[Place] = []

    def read(self) -> Architecture:
        """Return the network. Raises BadInput for a text that describes none."""
        document = self.parse()
        self.check_keys(document, ("name", *SCALARS, *_TABLES), ())
        hints = get_type_hints(Architecture)
        network = Architecture(
            self._name(document),
            Stem(tuple(self._stem_layer(table, ("stem", index)) for index, table in self._tables(document, "stem"))),
            tuple(self._block(table, ("blocks", index)) for index, table in self._tables(document, "blocks")),
            self.with_changes(Head(), document.get("head", {}), ("head",)),
            self._convention(document.get("convention", {})),
            auxiliary=tuple(
                self._auxiliary(table, ("auxiliary", index)) for index, table in self._tables(document, "auxiliary")
            ),
            input_transform=self._input_transform(document),
            **{key: self.value(document[key], hints[key], (key,)) for key in SCALARS if key in document},
        )
        self._check(network)
        return network

    def _name(self, document: dict[str, Any]) -> str:
        if "name" not in document:
            return "mine/" + (re.sub(r"[^A-Za-z0-9_-]", "_", PurePath(self.name).stem).lstrip("_-")[:64] or "network")
        name = document["name"]
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            self.refuse(("name",), f'name is {in_short(name)}, expected one such as "mine/tiny".')
        return name

    def _tables(self, document: dict[str, Any], key: str) -> list[tuple[int, dict[str, Any]]]:
        """Return the numbered tables of an array of tables."""
        tables = document.get(key, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self.refuse((key,), f"{key} is {in_short(tables)}, expected tables, each under a [[{key}]] of its own.")
        if len(tables) > MOST_UNITS:
            self.refuse((key, MOST_UNITS), f"this is one [[{key}]] more than {MOST_UNITS:,}, the most of a network.")
        return list(enumerate(tables))

    def _stem_layer(self, table: dict[str, Any], place: Place) -> StemConvolution | StemPool:
        kinds = [kind for kind in _STEM_LAYERS if kind in table]
        if len(kinds) != 1:
            self.refuse(place, 'a [[stem]] has either a convolution or a pool, which is its name: pool = "pool1".')
        kind = kinds[0]
        scope = self._scope(table[kind], (*place, kind))
        fields = {key: value for key, value in table.items() if key != kind}
        return self.construct(_STEM_LAYERS[kind], fields, place, f"the {kind} {scope}", scope=scope)

    def _auxiliary(self, table: dict[str, Any], place: Place) -> AuxiliaryHead:
        if "scope" not in table:
            self.refuse(place, "this [[auxiliary]] has no scope, which is its name.")
        scope = self._scope(table["scope"], (*place, "scope"))
        fields = {key: value for key, value in table.items() if key != "scope"}
        return self.construct(AuxiliaryHead, fields, place, f"the auxiliary head {scope}", scope=scope)

    def _input_transform(self, document: dict[str, Any]) -> InputTransform | None:
        table, place = document.get("input_transform"), ("input_transform",)
        return None if table is None else self.construct(InputTransform, table, place, "[input_transform]")

    def _block(self, table: dict[str, Any], place: Place) -> Block:
        self.check_keys(table, _BLOCK, place)
        for key in _BLOCK:
            if key not in table:
                self.refuse(place, f"this [[blocks]] has no {key}; it needs {', '.join(_BLOCK)}.")
        scope = self._scope(table["scope"], (*place, "scope"))
        unit, units = table["unit"], table["units"]
        if not isinstance(unit, str) or unit not in KINDS:
            hint = did_you_mean(unit, KINDS, f"there are {', '.join(KINDS)}.")
            self.refuse((*place, "unit"), f"there is no unit {in_short(unit)}; {hint}")
        if not isinstance(units, list) or not units:
            self.refuse(
                (*place, "units"), f"the units of {scope} are {in_short(units)}, expected a list of at least one."
            )
        args: list[tuple[int, ...]] = []
        for index, entry in enumerate(units):
            unit_place = (*place, "units", index)
            times, numbers = self._unit(entry, unit, unit_place)
            if len(self.units) + times > MOST_UNITS:
                self.refuse(unit_place, f"these are more units than {MOST_UNITS:,}, the most of a network.")
            args += [numbers] * times
            self.units += [unit_place] * times
        return Block(scope, unit, tuple(args))

    def _unit(self, entry: Any, unit: str, place: Place) -> tuple[int, tuple[int, ...]]:
        """Return the number of units that an entry describes, and the numbers of one of them."""
        times, numbers = 1, entry
        if isinstance(entry, dict):
            if entry.keys() != {"times", "numbers"}:
                self.refuse(place, f"units are {in_short(entry)}, expected {{ times = 2, numbers = [...] }}.")
            times = self.value(entry["times"], int, (*place, "times"))
            numbers = entry["numbers"]
        names = KINDS[unit].fields
        if not isinstance(numbers, list) or len(numbers) != len(names) or any(mismatch("", x, int) for x in numbers):
            expected = f"[{', '.join(names)}], positive integers" if names else "[]"
            self.refuse(place, f"a unit is {in_short(numbers)}, expected for {unit}: {expected}.")
        return times, tuple(numbers)

    def _scope(self, scope: Any, place: Place) -> str:
        if not isinstance(scope, str) or not _SCOPE.fullmatch(scope):
            self.refuse(place, f"a name is {in_short(scope)}, expected a letter and then letters, digits or _.")
        if scope in self.scopes:
            owner = "every network has something" if scope in _RESERVED else "there is something else"
            self.refuse(place, f"{owner} of the name {scope}; choose another.")
        self.scopes.add(scope)
        return scope

    def _convention(self, table: Any) -> Convention:
        if not isinstance(table, dict) or "like" not in table:
            return self.with_changes(Convention(), table, ("convention",))
        name = table["like"]
        if isinstance(name, str) and name in zoos():
            like = next(iter(zoos()[name].networks.values()))
        elif isinstance(name, str) and name in architectures():
            like = architecture(name)
        else:
            hint = did_you_mean(name, [*zoos(), *architectures()], f"the zoos are {', '.join(zoos())}.")
            self.refuse(("convention", "like"), f"there is neither a zoo nor an architecture {in_short(name)}; {hint}")
        fields = {key: value for key, value in table.items() if key != "like"}
        return self.with_changes(like.convention, fields, ("convention",))

    def _check(self, network: Architecture) -> None:
        """Raise BadInput unless the parts fit together."""
        if not self.units:
            self.refuse(("blocks",), "there are no units; a network has at least one [[blocks]].")
        try:
            values = count_parameters(network)[1]
        except BadInput as error:
            self.refuse(self._impossible(network), str(error), getattr(error, "__notes__", ()))
        if values > MOST_VALUES:
            self.refuse((), f"the network has {values:,} parameters; {MOST_VALUES:,} are the most.")

    def _impossible(self, network: Architecture) -> Place:
        """Return the place that makes a plan of the network impossible.

        It is its stem, the first such unit, the first such auxiliary head, or its output_stride.
        """
        bare = replace(network, auxiliary=(), output_stride=None)
        count = bisect_left(range(len(self.units) + 1), True, key=lambda count: _fails(_first_units(bare, count)))
        if count == 0:
            return ("stem",) if _fails(replace(_first_units(bare, 0), input_transform=None)) else ("input_transform",)
        if count <= len(self.units):
            return self.units[count - 1]
        heads = range(len(network.auxiliary) + 1)
        head = bisect_left(heads, True, key=lambda head: _fails(replace(bare, auxiliary=network.auxiliary[:head])))
        return ("output_stride",) if head not in heads else ("auxiliary", head - 1)


def _fails(network: Architecture) -> bool:
    try:
        plan(network)
    except BadInput:
        return True
    return False


def _first_units(network: Architecture, count: int) -> Architecture:
    """Return the network up to and with its unit `count`."""
    blocks = []
    for block in network.blocks:
        args = block.args[:count]
        count -= len(args)
        if args:
            blocks.append(replace(block, args=args))
    return replace(network, blocks=tuple(blocks))
