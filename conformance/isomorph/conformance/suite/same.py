"""What a network has to be, to be the specification's and to compute what the oracle does."""

from isomorph.backends.process import RemoteNetwork
from isomorph.conformance.drawn_case import DrawnCase
from isomorph.conformance.small_networks import Array
from isomorph.conformance.verdict import FLOORS
from isomorph.spec import Architecture, count_parameters, infer, tensor_shapes


def assert_same(case: DrawnCase, network: RemoteNetwork, dtype: str) -> None:
    """End points' names and shapes are the specification's, their values the oracle's, of every part run alone, too."""
    found, run = case.run(network, dtype)
    batch, height, width, _ = case.images.shape
    expected = infer(case.network, height, width).shapes(batch)
    assert [(name, y.shape) for name, y in found.items()] == list(expected.items())
    assert run.verdict == "pass", run.message
    local = {end_point.name: end_point.local_noise_ratio for end_point in run.end_points}
    assert None not in local.values(), "parts that were not run alone"
    worst = max(local, key=lambda name: local[name] or 0)
    assert (local[worst] or 0) <= FLOORS, f"{worst}, run alone, is {local[worst]} noise floors off"


def assert_unchanged(returned: dict[str, Array], case: DrawnCase, dtype: str) -> None:
    """Bit for bit."""
    assert_structure(returned, case.network, dtype)
    changed = [name for name, value in case.tensors.items() if returned[name].tobytes() != value.tobytes()]
    assert not changed, "tensors that came back changed"


def assert_structure(found: dict[str, Array], network: Architecture, dtype: str) -> None:
    """The specification's names, in its order, shapes and count."""
    assert [(name, value.shape) for name, value in found.items()] == list(tensor_shapes(network).items())
    assert {value.dtype.name for value in found.values()} == {dtype}
    assert sum(value.size for value in found.values()) == count_parameters(network)[1]
