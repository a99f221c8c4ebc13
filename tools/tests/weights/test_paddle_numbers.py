"""Parameters under the names that Paddle gives them itself, as those of its inference programs, sorted by letters."""

import numpy as np
import pytest

from isomorph.spec import architecture, function, zoo
from isomorph.tools.weights.by_structure import interpret_by_structure

from ..written import run_framework

NETWORKS = ("resnet18", "resnet50", "resnext50_32x4d", "mobilenet_v1", "mobilenet_v2", "vgg16", "googlenet", "LeNet")

WRITE = """
import json, sys
import paddle

names = {}
for network in sys.argv[2:]:
    with paddle.utils.unique_name.guard():
        tensors = getattr(paddle.vision.models, network)().state_dict()
    names[network] = {name: [tensor.name, list(tensor.shape)] for name, tensor in tensors.items()}
print(json.dumps(names))
"""

Numbered = dict[str, dict[str, tuple[str, list[int]]]]
"""Network -> name of a tensor in its state_dict -> Paddle's own name of it, and its shape."""


@pytest.fixture(scope="module")
def numbered(tmp_path_factory: pytest.TempPathFactory) -> Numbered:
    written: Numbered = run_framework("paddle", WRITE, tmp_path_factory.mktemp("paddle"), *NETWORKS)
    return written


@pytest.mark.parametrize("network", NETWORKS)
def test_every_tensor_is_told(network: str, numbered: Numbered) -> None:
    """Batch norms stand before convolutions then, beta before gamma, and a unit's shortcut before its other layers."""
    expected = architecture(f"paddle/{network}")
    shapes = {own: tuple(shape) for own, shape in numbered[network].values()}
    file = {own: np.broadcast_to(np.float32(0), shapes[own]) for own in sorted(shapes)}
    likely = interpret_by_structure(file)
    (told,) = [each for each in likely if function(each.architecture) == function(expected)]
    names = {
        canonical: numbered[network][tensor.name][0]
        for canonical, tensor in zoo("paddle").naming.tensors(expected).items()
    }
    assert {canonical: tensor.name for canonical, tensor in told.expected.items()} == names
