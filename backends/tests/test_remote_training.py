"""Training in a process of its own: the same numbers as in this one, and the same refusals."""

from collections.abc import Iterator

import numpy as np
import pytest

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.process import BackendProcess, RemoteNetwork
from isomorph.backends.protocol import Options
from isomorph.backends.training import SGD
from isomorph.spec import Architecture, BadInput
from isomorph.spec.tensors import BIASES, GAMMA, WEIGHTS

IMAGES = np.random.default_rng(0).normal(size=(3, 8, 9, 3))
LABELS = np.array([3, 0, 2])


@pytest.fixture(scope="module")
def oracle() -> Iterator[BackendProcess]:
    with BackendProcess("oracle", timeout=60) as process:
        yield process


@pytest.fixture
def here(tiny: Architecture) -> OracleNetwork:
    network = OracleNetwork(tiny, Options(dtype="float64", training=True))
    rng = np.random.default_rng(1)
    network.load({name: rng.uniform(0.5, 1.5, value.shape) for name, value in network.tensors().items()})
    return network


@pytest.fixture
def there(oracle: BackendProcess, tiny: Architecture, here: OracleNetwork) -> RemoteNetwork:
    network = oracle.build(tiny, dtype="float64", training=True)
    network.load(here.tensors())
    return network


def differing(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> list[str]:
    assert list(found) == list(expected)
    return [name for name, value in expected.items() if not np.array_equal(found[name], value)]


def test_gradients_are_those_of_this_process(here: OracleNetwork, there: RemoteNetwork) -> None:
    found, expected = there.gradients(IMAGES, LABELS, 0.5), here.gradients(IMAGES, LABELS, 0.5)
    assert found.loss == expected.loss
    assert np.array_equal(found.images, expected.images)
    assert differing(dict(found.tensors), dict(expected.tensors)) == []
    assert differing(there.tensors(), here.tensors()) == []


@pytest.mark.parametrize("decayed", [(WEIGHTS,), (WEIGHTS, GAMMA, BIASES)])
def test_steps_are_those_of_this_process(here: OracleNetwork, there: RemoteNetwork, decayed: tuple[str, ...]) -> None:
    sgd = SGD(0.25, 0.5, 0.125, decayed)
    loss, velocity = here.step(IMAGES, LABELS, sgd)
    their_loss, their_velocity = there.step(IMAGES, LABELS, sgd)
    for _ in range(2):
        assert their_loss == loss
        assert differing(their_velocity, velocity) == []
        assert differing(there.tensors(), here.tensors()) == []
        loss, velocity = here.step(IMAGES, LABELS, sgd, velocity)
        their_loss, their_velocity = there.step(IMAGES, LABELS, sgd, their_velocity)


def test_kernels_alone_have_an_l2_term_unless_told_otherwise() -> None:
    names = ("conv1/weights", "logits/biases", "conv1/BatchNorm/gamma", "conv1/BatchNorm/beta")
    assert [SGD(l2=0.5).l2_of(name) for name in names] == [0.5, 0, 0, 0]
    assert [SGD(l2=0.5, decayed=(BIASES, GAMMA)).l2_of(name) for name in names] == [0, 0.5, 0.5, 0]


def test_running_statistics_follow_as_in_this_process(here: OracleNetwork, there: RemoteNetwork) -> None:
    before = here.tensors()
    for network in (here, there):
        network.observe(IMAGES)
    assert differing(there.tensors(), here.tensors()) == []
    assert {name.rpartition("/")[2] for name in differing(here.tensors(), before)} == {"moving_mean", "moving_variance"}


def test_frozen_batch_norms_learn_nothing(oracle: BackendProcess, tiny: Architecture, here: OracleNetwork) -> None:
    """One value in each channel is enough for them."""
    network = oracle.build(tiny, dtype="float64", training=True, freeze_batch_norm=True)
    before = here.tensors()
    network.load(before)
    kernels = [name for name in before if "BatchNorm" not in name]
    assert list(network.gradients(IMAGES[:1, :1, :1], LABELS[:1]).tensors) == kernels
    network.observe(IMAGES)
    _, velocity = network.step(IMAGES, LABELS, SGD())
    assert list(velocity) == kernels
    assert differing(network.tensors(), before) == kernels


def test_a_label_that_is_no_class(there: RemoteNetwork) -> None:
    with pytest.raises(BadInput, match=r"^There is a label 4; slim/tiny has classes 0 to 3\.$"):
        there.gradients(IMAGES, np.array([0, 4, 1]))


def test_a_network_built_for_inference(oracle: BackendProcess, tiny: Architecture) -> None:
    with pytest.raises(BadInput, match=r"^slim/tiny was built for inference; build it with training=True"):
        oracle.build(tiny).observe(IMAGES)


def test_no_file_is_left_behind(oracle: BackendProcess, there: RemoteNetwork) -> None:
    there.step(IMAGES, LABELS, SGD())
    there.gradients(IMAGES, LABELS)
    assert {path.name for path in oracle.folder.path.iterdir()} == {"stderr", "lifeline"}
