"""Tensors and images of small networks, against values typed by hand."""

import numpy as np

from isomorph.conformance.small_networks import create_input, one_unit, plain_tensors

EPSILON = 0.125


def test_plain_batch_norms_change_nothing_and_kernels_are_zero_but_those_that_are_given() -> None:
    network = one_unit("basic", 2, 2, batch_norm_epsilon=EPSILON)
    kernel = np.arange(18.0).reshape(3, 3, 1, 2)
    tensors = plain_tensors(network, {"block1/unit_1/basic_v1/conv2": kernel})
    unit = "block1/unit_1/basic_v1"
    norms = {
        f"{unit}/{layer}/BatchNorm/{leaf}": [value] * depth
        for layer, depth in (("shortcut", 2), ("conv1", 1), ("conv2", 2))
        for leaf, value in (("gamma", 1), ("beta", 0), ("moving_mean", 0), ("moving_variance", 1 - EPSILON))
    }
    assert {name: value.tolist() for name, value in tensors.items()} == norms | {
        f"{unit}/shortcut/weights": [[[[0, 0]]]],
        f"{unit}/conv1/weights": np.zeros((3, 3, 1, 1)).tolist(),
        f"{unit}/conv2/weights": kernel.tolist(),
    }


def test_slims_images_are_the_sum_of_row_and_column() -> None:
    images = create_input(2, 2, 3, 1)
    assert images.shape == (2, 2, 3, 1)
    assert images[..., 0].tolist() == [[[0, 1, 2], [1, 2, 3]]] * 2
    assert images.dtype == np.float32
