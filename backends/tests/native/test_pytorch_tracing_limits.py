"""Where PyTorch's operations have no words here, and how those that have are written in a graph."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isomorph.backends.pytorch.tracing.tracer import trace

from .graph_checks import assert_computes_its_values, unknown
from .pytorch_models import Of, drawn, kinds, some_images, traced

# -------------------------------------------------------------------------------------------- what is not known


def compared(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, x * 0.1)


def written_in_two_halves(x: Tensor) -> Tensor:
    y = torch.empty(x.shape[0], 8, *x.shape[2:], dtype=x.dtype)
    y[:, :4] = x
    y[:, 4:] = x.relu()
    return y * 3


def noisy(x: Tensor) -> Tensor:
    return x * 2 + torch.randn_like(x)


UNKNOWN: dict[str, tuple[Callable[[], nn.Module], set[str]]] = {
    # name -> the module, and the operations for which there are no words
    "nn.Conv1d": (lambda: Of(lambda self, x: self.c(x.flatten(2)), c=nn.Conv1d(4, 3, 3)), {"convolution"}),
    "nn.Conv3d": (lambda: Of(lambda self, x: self.c(x[:, None]), c=nn.Conv3d(1, 2, 3)), {"convolution"}),
    "torch.where of a mask of values": (lambda: Of(compared), {"gt", "where"}),
    "noise": (lambda: Of(noisy), {"add"}),
    "a cubic resize": (lambda: nn.Upsample(scale_factor=2, mode="bicubic"), {"upsample_bicubic2d"}),
    "a resize by another scale than its sizes": (
        lambda: nn.Upsample(scale_factor=1.3, mode="bilinear"),
        {"upsample_bilinear2d"},
    ),
    "an adaptive max pool of uneven windows": (lambda: nn.AdaptiveMaxPool2d((3, 4)), {"adaptive_max_pool2d"}),
    "unpooling": (
        lambda: Of(lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), (2, 2))),
        {"max_unpool2d", "max_pool2d_with_indices"},
    ),
    "a batch norm by values": (
        lambda: Of(lambda x: F.batch_norm(x, x.mean((0, 2, 3)), torch.ones(4).double())),
        {"_native_batch_norm_legit_no_training"},
    ),
    "a convolution by values": (lambda: Of(lambda x: F.conv2d(x, x[:, :, :3, :3])), {"convolution"}),
    "choosing by values": (lambda: Of(lambda x: x[x[:, :, 0, 0].argsort(0)[:, 0]]), {"sort", "index"}),
    "complex numbers": (lambda: Of(lambda x: torch.fft.fft2(x).abs()), {"_fft_c2c", "abs"}),
    "rows of a table by values": (
        lambda: Of(
            lambda self, x: self.table[x[:, 0].long().clamp(0, 2)] + self.table.view(torch.int64).sum(),
            table=torch.rand(3, 2),
        ),
        {"index"},
    ),
    "sorting": (lambda: Of(lambda x: x.sort(1)[0] + x.cumsum(1)), {"sort", "cumsum"}),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_the_rest_is_known_around(name: str) -> None:
    make, expected = UNKNOWN[name]
    x = some_images()
    graph = trace(drawn(make()), x)
    assert_computes_its_values(graph)
    graph.remove_unread()
    assert set(unknown(graph)) == expected
    np.testing.assert_array_equal(graph.images, x)


# ------------------------------------------------------------------------------------------- how it is written


def test_a_concatenation_is_of_what_was_written() -> None:
    """The memory that both halves were written into, and what it held, are no part of the network."""
    graph = traced(Of(written_in_two_halves), some_images())
    assert kinds(graph) == ["Input", "Pointwise", "Concatenation", "Pointwise"]


def test_circular_padding_is_a_layout() -> None:
    graph = traced(Of(lambda x: F.pad(x, (1, 2, 0, 3), mode="circular") * 2), some_images())
    assert kinds(graph) == ["Input", "Pointwise"]


def test_an_instance_norm_in_training_is_one_of_groups() -> None:
    norm = nn.InstanceNorm2d(4, affine=True, track_running_stats=True).double().train()
    graph = trace(norm, some_images())
    assert_computes_its_values(graph)
    assert kinds(graph) == ["Input", "GroupNorm"]


def test_one_image_tells_an_instance_norm_from_a_batch_norm() -> None:
    """PyTorch runs both as the same operation then; one that keeps statistics is of batches."""
    x = some_images(batch=1)
    graphs = [trace(norm.double().train(), x) for norm in (nn.InstanceNorm2d(4, affine=True), nn.BatchNorm2d(4))]
    assert [kinds(graph) for graph in graphs] == [["Input", "GroupNorm"], ["Input", "BatchNorm"]]
    for graph in graphs:
        assert_computes_its_values(graph)


def test_the_image_given_is_not_written_to() -> None:
    x = some_images(batch=1, channels=1)
    before = x.copy()
    trace(nn.ReLU(inplace=True), x)
    np.testing.assert_array_equal(x, before)


def test_dropout_in_training_is_known_by_its_share() -> None:
    graph = trace(nn.Dropout(0.25).train(), some_images(height=64, width=64))
    (node,) = (node for node in graph.nodes.values() if node.kind.__name__ == "Dropout")
    assert node.operation.share == pytest.approx(0.25, abs=0.02)  # type: ignore[union-attr]


def test_outputs_go_by_their_names() -> None:
    graph = trace(
        Of(lambda x: {"logits": x * 2, "features": [x + 1, (x + 2,)], "constant": torch.ones(1)}), some_images()
    )
    assert list(graph.outputs) == ["logits", "features.0", "features.1.0"]


def test_channels_last_models_give_the_same_graph() -> None:
    model: Any = drawn(nn.Sequential(nn.Conv2d(4, 8, 3), nn.ReLU(inplace=True), nn.Conv2d(8, 3, 1)))
    first = traced(model, some_images())
    second = traced(model.to(memory_format=torch.channels_last), some_images())
    assert kinds(first) == kinds(second)
    for one, other in zip(first.nodes.values(), second.nodes.values(), strict=True):
        assert one.value is not None and other.value is not None
        np.testing.assert_allclose(one.value, other.value, rtol=1e-12, atol=1e-12)
