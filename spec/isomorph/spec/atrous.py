"""Stride and rate of every unit for an output_stride: the one place where strides become rates.

Slim's rule (google-research/tf-slim, resnet_utils.py, `stack_blocks_dense`): once the features are as coarse as asked
for, a strided unit keeps the rate it was given, drops its stride, and the units after it multiply their rate by that
stride. The kernels then see the same pixels as in the nominal network, so that the dense result, subsampled, equals the
nominal one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from isomorph.spec.errors import BadInput


@dataclass(frozen=True)
class Sampling:
    """How one unit samples its input.

    stride: the stride it really takes, 1 where a rate replaces it.
    rate: the rate of its convolutions up to and including the one that would have strided.
    rate_after: the rate of its later convolutions, which is also the next unit's rate.
    """

    stride: int
    rate: int
    rate_after: int


def sample(strides: Iterable[int], output_stride: int | None) -> list[Sampling]:
    """Return the sampling of units whose nominal strides are `strides`, in order.

    output_stride: product of the strides that are really taken; None takes all of them.
    Raises BadInput, in slim's words, where no prefix of `strides` has that product.

    >>> for sampling in sample([2, 2, 2], output_stride=2):
    ...     print(sampling)
    Sampling(stride=2, rate=1, rate_after=1)
    Sampling(stride=1, rate=1, rate_after=2)
    Sampling(stride=1, rate=2, rate_after=4)
    """
    sampling, reached, rate = [], 1, 1
    for stride in strides:
        if reached == output_stride:
            sampling.append(Sampling(1, rate, rate * stride))
            rate *= stride
        else:
            sampling.append(Sampling(stride, rate, rate))
            reached *= stride
    if output_stride not in (None, reached):
        raise BadInput("The target output_stride cannot be reached.")
    return sampling
