"""Every network's tensors against the names and shapes that its zoo's own code made, in `tensor_names/`.

A line there is a name, of which `{0..3,5}` and `{weight,bias}` stand for each of these, and a shape.
"""

import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from isomorph.spec import architecture, architectures, zoo, zoos

FOLDER = Path(__file__).parent / "tensor_names"

Shapes = dict[str, tuple[int, ...]]

# Nobody published them: theirs are the tensors of the networks with shortcuts, which have none (He et al., 2015).
PLAIN = {f"cifar/plain{depth}": f"cifar/resnet{depth}" for depth in (20, 56)}


def spelled_out(pattern: str) -> list[str]:
    """The names that a pattern stands for."""
    texts = re.split(r"\{([^{}]*)\}", pattern)
    choices = [[text] if position % 2 == 0 else alternatives(text) for position, text in enumerate(texts)]
    return ["".join(parts) for parts in product(*choices)]


def alternatives(text: str) -> list[str]:
    """`0..3,5` as 0, 1, 2, 3 and 5."""
    found = []
    for item in text.split(","):
        first, dots, last = item.partition("..")
        found += [str(number) for number in range(int(first), int(last) + 1)] if dots else [item]
    return found


def tables() -> dict[str, Shapes]:
    """Architecture, with options where it has some -> name -> shape."""
    networks: dict[str, Shapes] = {}
    shapes: Shapes = {}
    for path in sorted(FOLDER.glob("*.txt")):
        for line in path.read_text().splitlines():
            if line.startswith(" "):
                pattern, *sides = line.split()
                names = dict.fromkeys(spelled_out(pattern), tuple(map(int, sides)))
                assert not names.keys() & shapes.keys(), f"{path.name} lists {pattern} twice"
                shapes |= names
            elif line and not line.startswith("#"):
                assert line not in networks, f"{path.name} lists {line} twice"
                shapes = networks[line] = {}
    return networks


TABLES = tables()
LISTED = TABLES | {plain: TABLES[residual] for plain, residual in PLAIN.items()}


def network_of(heading: str) -> Any:
    name, *options = heading.split()
    pairs = (option.split("=") for option in options)
    return architecture(name, **{key: int(value) if value.isdigit() else float(value) for key, value in pairs})


def test_every_network_is_listed() -> None:
    assert {heading for heading in LISTED if " " not in heading} == set(architectures())


def test_every_published_width_is_listed() -> None:
    """But for slim's in between, and torchvision's one."""
    published = {
        f"{name}/{network}" + (f" width_multiplier={width}" if width != 1 else "")
        for name in ("keras", "paddle")
        for network in zoos()[name].widths
        for width in zoos()[name].of_published_width(network)
    }
    assert published - LISTED.keys() == set()


@pytest.mark.parametrize("heading", LISTED)
def test_its_tensors_have_the_names_and_shapes_that_its_zoo_gives_them(heading: str) -> None:
    network = network_of(heading)
    tensors = zoo(network.name.partition("/")[0]).naming.tensors(network).values()
    assert {tensor.name: tensor.shape for tensor in tensors} == LISTED[heading]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("conv1.weight", ["conv1.weight"]),
        ("a.{0..2}.b", ["a.0.b", "a.1.b", "a.2.b"]),
        ("a{1,3..4}/{x,y}", ["a1/x", "a1/y", "a3/x", "a3/y", "a4/x", "a4/y"]),
    ],
)
def test_a_pattern_stands_for_all_its_names(pattern: str, names: list[str]) -> None:
    assert spelled_out(pattern) == names
