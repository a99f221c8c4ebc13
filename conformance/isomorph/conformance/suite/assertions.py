"""Assertions that a network has the specification's structure and computes what the oracle does."""

from isomorph.backends.process import RemoteNetwork
from isomorph.backends.protocol import Array
from isomorph.conformance.drawn_case import DrawnCase
from isomorph.conformance.verdict import FLOORS
from isomorph.spec import Architecture, count_parameters, infer, tensor_shapes


def assert_agrees(case: DrawnCase, network: RemoteNetwork, dtype: str) -> None:
    """Assert the specification's names and shapes, and the oracle's values, also of every part run alone."""
    end_points, run = case.run(network, dtype)
    batch, height, width, _ = case.images.shape
    expected = infer(case.network, height, width).shapes(batch)
    assert [(name, y.shape) for name, y in end_points.items()] == list(expected.items())
    assert run.verdict == "pass", run.message
    local = {end_point.name: end_point.local_noise_ratio for end_point in run.end_points}
    assert None not in local.values(), "parts that were not run alone"
    worst = max(local, key=lambda name: local[name] or 0)
    assert (local[worst] or 0) <= FLOORS, f"{worst}, run alone, is {local[worst]} noise floors off"


def assert_unchanged(returned: dict[str, Array], case: DrawnCase, dtype: str) -> None:
    """Assert that a network returns the case's tensors, bit for bit."""
    assert_structure(returned, case.network, dtype)
    changed = [name for name, value in case.tensors.items() if returned[name].tobytes() != value.tobytes()]
    assert not changed, "tensors that came back changed"


def assert_structure(tensors: dict[str, Array], network: Architecture, dtype: str) -> None:
    """Assert that tensors have the specification's names, in its order, shapes and count."""
    assert [(name, value.shape) for name, value in tensors.items()] == list(tensor_shapes(network).items())
    assert {value.dtype.name for value in tensors.values()} == {dtype}
    assert sum(value.size for value in tensors.values()) == count_parameters(network)[1]
