"""Both ends of an architecture, resolved to layers: the stem before its units, and the classifier behind them."""

from isomorph.spec.architecture import Architecture, InputTransform, StemConvolution
from isomorph.spec.errors import BadInput
from isomorph.spec.layers import INPUT, Affine, Convolution, MaxPool, name_of
from isomorph.spec.site import convolution, dense, linear, max_pool

StemLayer = Convolution | MaxPool | Affine


def stem_layers(architecture: Architecture) -> tuple[StemLayer, ...]:
    """Return the layers of the stem, those before its first unit; none without a root block."""
    convention = architecture.convention
    layers: list[StemLayer] = []
    depth, source = architecture.in_channels, INPUT
    if architecture.input_transform and architecture.include_root_block:
        layers.append(_input_transform(architecture.input_transform, architecture))
        source = name_of(layers[-1])
    for layer in architecture.stem.layers if architecture.include_root_block else ():
        if isinstance(layer, StemConvolution):
            fields = {
                "kernel": layer.kernel,
                "stride": layer.stride,
                "source": source,
                **(linear(convention) if layer.linear else {}),
            }
            layers.append(convolution(convention, layer.scope, depth, layer.depth, **fields))
            depth = layer.depth
        else:
            layers.append(max_pool(convention, layer.scope, depth, layer.kernel, layer.stride, source))
        source = name_of(layer)
    return tuple(layers)


def _input_transform(transform: InputTransform, architecture: Architecture) -> Affine:
    channels = architecture.in_channels
    if not len(transform.scale) == len(transform.shift) == channels:
        raise BadInput(
            f"The input_transform of {architecture.name} has {len(transform.scale)} scales and {len(transform.shift)}"
            f" shifts; its images have {channels} channels."
        )
    return Affine("input_transform", channels, transform.scale, transform.shift)


def classifier(architecture: Architecture, depth: int) -> Convolution | None:
    """Return the classifier that reads `depth` channels; None for a network without classes."""
    head = architecture.head
    if head.num_classes is None:
        return None
    return dense(architecture.convention, "logits", depth, head.num_classes, dropout=head.dropout)
