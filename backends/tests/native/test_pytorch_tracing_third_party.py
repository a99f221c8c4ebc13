"""Networks that others wrote, of transformers: every operation of theirs is known, and every tensor in its place."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import nn

from isomorph.backends.pytorch.tracing.tracer import trace

from .pytorch_models import assert_sound, drawn, stored_names

T: Any = transformers
VIT = {
    **{"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 40},
    **{"image_size": 32, "patch_size": 8},
}
SWIN = {"image_size": 32, "patch_size": 2, "embed_dim": 12, "depths": [2, 2], "num_heads": [2, 3], "window_size": 4}

# What is read by a computed index, or comes out of a computation on constants alone, has no name in a graph; nor has
# what the network does not use at inference.
NETWORKS: dict[str, tuple[Callable[[], nn.Module], set[str]]] = {
    "ResNet": (
        lambda: T.ResNetForImageClassification(T.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 2])),
        set(),
    ),
    "MobileNetV2": (lambda: T.MobileNetV2ForImageClassification(T.MobileNetV2Config(depth_multiplier=0.25)), set()),
    "ViT": (lambda: T.ViTForImageClassification(T.ViTConfig(**VIT)), set()),
    "Swin": (lambda: T.SwinForImageClassification(T.SwinConfig(**SWIN)), {"relative_position_bias_table"}),
    "ConvNeXt V2": (
        lambda: T.ConvNextV2ForImageClassification(
            T.ConvNextV2Config(hidden_sizes=[8, 16], depths=[1, 1], num_stages=2)
        ),
        set(),
    ),
    "SegFormer": (
        lambda: T.SegformerForImageClassification(
            T.SegformerConfig(
                **{"num_encoder_blocks": 2, "depths": [1, 1], "sr_ratios": [2, 1], "hidden_sizes": [8, 16]},
                **{"num_attention_heads": [1, 2], "patch_sizes": [7, 3], "strides": [4, 2], "mlp_ratios": [2, 2]},
            )
        ),
        set(),
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_of_transformers_is_known_whole(name: str) -> None:
    make, nameless = NETWORKS[name]
    network = drawn(make())
    x = np.random.default_rng(0).normal(size=(2, 32, 32, 3))
    graph = trace(network, x)
    assert_sound(graph)
    left = {each.rpartition(".")[2] for each, _ in network.named_parameters() if each not in stored_names(graph)}
    assert left == nameless
    with torch.no_grad():
        logits = network(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).logits
    np.testing.assert_allclose(graph.take(graph.outputs["logits"]), logits, rtol=1e-12, atol=1e-12)
