"""A backend's process ends with the test that built a very large network in it, and with no other."""

from typing import Any, cast

import pytest

from isomorph.backends.process import BackendProcess
from isomorph.conformance.suite.conftest import building
from isomorph.spec import Architecture, BadInput, architecture


class Pretended:
    """A process whose networks hold nothing, and refuse what is to be refused; each thing that is done is noted."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def build(self, network: Architecture, *options: Any) -> "Pretended":
        if network.output_stride == 3:
            raise BadInput("no such stride")
        self.done.append(network.name)
        return self

    def discard(self) -> None:
        self.done.append("discarded")

    def close(self) -> None:
        self.done.append("closed")


@pytest.mark.parametrize(
    ("names", "done"),
    [
        (["torchvision/resnet152"], ["discarded"]),
        (["torchvision/vgg16"], ["discarded", "closed"]),
        (["keras/VGG16", "cifar/resnet20"], ["discarded", "discarded", "closed"]),
        ([], []),
    ],
    ids=["60 million values", "138 million", "a small one behind it", "none"],
)
def test_a_process_ends_with_a_very_large_network(names: list[str], done: list[str]) -> None:
    process = Pretended()
    with building(cast(BackendProcess, process), "cpu") as build:
        for name in names:
            build(architecture(name))
        assert process.done == names
    assert process.done == names + done


def test_it_is_the_backend_that_refuses() -> None:
    process = Pretended()
    with building(cast(BackendProcess, process), "cpu") as build, pytest.raises(BadInput, match=r"^no such stride$"):
        build(architecture("slim/resnet_v1_50").with_options(output_stride=3))
    assert process.done == []
