"""Networks that compute with integers: what is drawn, what it covers, and that every backend gives the same numbers."""

import numpy as np
import pytest

from isomorph.backends import Unavailable
from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.process import BackendProcess
from isomorph.backends.protocol import Options
from isomorph.conformance.lattice.case import LatticeCase
from isomorph.conformance.lattice.drawn import DrawnLattice, Lattice
from isomorph.conformance.lattice.verdict import judge_lattice
from isomorph.conformance.small_networks import KIN, RIGID, SMALL, blocks, slim_small
from isomorph.conformance.suite.conftest import Build
from isomorph.conformance.suite.network_cases import DENSE, LACKING
from isomorph.conformance.suite.selection import but_in_pytorch
from isomorph.spec import Architecture, Convention, Head, Stem, StemConvolution, StemPool, architecture, tensor_shapes

LINEAR = Stem((StemConvolution("conv1", 16, 7, stride=2, linear=True), StemPool("pool1", 3, stride=2)))

LATTICES = {name: Lattice(network, 49, 64) for name, network in (KIN | RIGID).items()} | {
    "without batch norm's gamma, at output stride 8": Lattice(
        slim_small(batch_norm_gamma=False, batch_norm_epsilon=1e-3, output_stride=8), 49, 64
    ),
    "biased, ReLU6, padded as TensorFlow does": Lattice(
        slim_small(convolution_bias=True, activation="relu6", convolution_padding="same"), 49, 64
    ),
    "folded": Lattice(slim_small().folded(), 49, 64),
    "a pool of negative values, padded with zeros": Lattice(
        Architecture("isomorph/zeros", LINEAR, blocks("bottleneck_v2", SMALL), Head(10), Convention(pool_fill="zero")),
        49,
        64,
    ),
    "mlperf_tiny/resnet8": Lattice(architecture("mlperf_tiny/resnet8"), 32, 32),
    "paddle/LeNet": Lattice(architecture("paddle/LeNet"), 28, 28),
}
HALVES = {
    f"{name} without a head": Lattice(LATTICES[name].network.with_options(**DENSE), 49, 64)
    for name in ("slim's bottlenecks", "pre-activated bottlenecks", "inverted residuals", "inceptions")
}
LATTICES |= HALVES


def oracle(case: LatticeCase, dtype: str) -> OracleNetwork:
    """The case's network in the oracle."""
    made = OracleNetwork(case.architecture, Options(dtype=dtype))
    made.load(case.tensors)
    return made


@pytest.mark.parametrize("lattice", LATTICES, indirect=True)
def test_every_value_is_a_small_integer_and_hardly_a_channel_constant(lattice: DrawnLattice) -> None:
    case = lattice.case
    assert {count.dtype.name for count in case.exact.values()} == {"int64"}
    assert all(np.ptp(count) for count in case.exact.values()), "an end point that says nothing"
    assert {value.dtype.name for value in (case.images, *case.tensors.values())} == {"float32"}
    assert {name: value.shape for name, value in case.tensors.items()} == tensor_shapes(case.architecture)
    assert sum(case.alive.values()) / len(case.alive) > 0.99
    assert case.above_six is None or case.above_six > 0.01
    assert case.exact_in("float32")


@pytest.mark.parametrize("lattice", LATTICES, indirect=True)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_oracle_computes_it_in_each_precision(lattice: DrawnLattice, dtype: str) -> None:
    case = lattice.case
    verdict = judge_lattice(oracle(case, dtype).end_points(case.images), case.exact, case.steps)
    assert verdict.passed, verdict.message
    assert verdict.farthest < 0.01


@pytest.mark.thorough_where(
    where=but_in_pytorch("lattice", "slim's bottlenecks", "mlperf_tiny/resnet8", "paddle/LeNet")
)
@pytest.mark.parametrize("lattice", LATTICES, indirect=True)
@pytest.mark.against_the_oracle
def test_in_float32_it_is_the_same_numbers(lattice: DrawnLattice, build: Build) -> None:
    verdict = lattice.run(build(lattice.case.architecture, "float32"))
    assert verdict.passed, verdict.message


@pytest.mark.parametrize("lattice", HALVES, indirect=True)
@pytest.mark.against_the_oracle
def test_in_bfloat16_too(lattice: DrawnLattice, build: Build, process: BackendProcess, device: str) -> None:
    assert lattice.case.exact_in("bfloat16")
    network = lattice.case.architecture
    if (process.name, "bfloat16", device) in LACKING:
        with pytest.raises(Unavailable, match="has no bfloat16 convolution"):
            build(network, "bfloat16")
        return
    verdict = lattice.run(build(network, "bfloat16"))
    assert verdict.passed, verdict.message
