"""Any width multiplier is told from a file's shapes, under its zoo's names or any others."""

import re
from pathlib import Path

import pytest

from isomorph.spec import BadInput, architecture, zoo, zoos
from isomorph.tools.checkpoints import write_safetensors
from isomorph.tools.designs.titles import title, width_of
from isomorph.tools.subjects.subject import find_subject
from isomorph.tools.weights.by_structure import interpret_by_structure
from isomorph.tools.weights.identify import find_interpretation

from ..tensors import of_zoo
from .test_structure import drawn

SEVERAL = [f"{each.name}/{name}" for each in zoos().values() for name in each.widths]

# Below and above 1, published by none; of three decimals where a zoo does not round to multiples of 8.
UNUSUAL = (0.15, 0.6, 1.25, 1.7, 2.0)


def test_all_mobilenets_come_in_widths() -> None:
    mobile = {f"{each.name}/{name}" for each in zoos().values() for name in each.networks if "mobile" in name.lower()}
    assert set(SEVERAL) == mobile


@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.parametrize("width", [*UNUSUAL, 1.0, 1.4])
def test_a_width_is_told_of_a_network(name: str, width: float) -> None:
    network = architecture(name, width_multiplier=width)
    told = width_of(network)
    assert told is not None
    assert architecture(name, width_multiplier=told).blocks == network.blocks
    assert told == pytest.approx(width, abs=0.05)


def test_an_exact_width_is_told_where_none_is_rounded() -> None:
    """keras/src/applications/mobilenet.py: int(filters * alpha)."""
    assert (
        title(architecture("keras/MobileNet", width_multiplier=0.333)) == "keras/MobileNet with width_multiplier 0.333"
    )


@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.parametrize("width", UNUSUAL)
def test_a_file_of_any_width_is_told_under_its_zoos_names(name: str, width: float) -> None:
    network = architecture(name, width_multiplier=width, num_classes=7)
    tensors = zoo(name.partition("/")[0]).naming.tensors(network).values()
    interpretation = find_interpretation(drawn({each.name: each.shape for each in tensors}), "FILE")
    assert (interpretation.architecture, interpretation.form) == (network, name.partition("/")[0])


@pytest.mark.parametrize("name", ["keras/MobileNet", "torchvision/mobilenet_v2"])
@pytest.mark.parametrize("width", UNUSUAL)
def test_a_file_of_any_width_is_told_by_its_shapes(name: str, width: float) -> None:
    network = architecture(name, width_multiplier=width, num_classes=7)
    tensors = zoo(name.partition("/")[0]).naming.tensors(network).values()
    likely = interpret_by_structure(drawn({f"net.t{number}": each.shape for number, each in enumerate(tensors)}))
    assert network in [each.architecture for each in likely]
    assert all("with width_multiplier" in each.title for each in likely)


def test_a_width_between_those_that_exist_is_told_as_none() -> None:
    """One more channel in a single unit."""
    tensors = zoo("torchvision").naming.tensors(architecture("torchvision/mobilenet_v2")).values()
    shapes = {each.name: each.shape for each in tensors}
    changed = {name: tuple(97 if side == 96 else side for side in shape) for name, shape in shapes.items()}
    assert changed != shapes
    with pytest.raises(BadInput):
        find_interpretation(drawn(changed), "FILE")


def test_a_width_that_is_asked_for_is_held_against_the_files(tmp_path: Path) -> None:
    path = tmp_path / "wide.safetensors"
    write_safetensors(path, of_zoo(architecture("torchvision/mobilenet_v2", width_multiplier=0.3)), {})
    name = "torchvision/mobilenet_v2"
    network = architecture(name, width_multiplier=0.3)
    assert find_subject(path, arch=name, width_multiplier=0.3).architecture == network
    assert find_subject(path, arch=name, width_mult=0.3).architecture == network
    assert find_subject(path).architecture == network
    refusal = f"The width_multiplier of {path} is 0.3, not 0.5; leave the option out."
    with pytest.raises(BadInput, match=f"^{re.escape(refusal)}$"):
        find_subject(path, arch=name, width_multiplier=0.5)
