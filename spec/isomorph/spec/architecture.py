"""Block, Stem, Head and Architecture: a network as plain frozen data, in the style of slim's resnet_v1."""

from dataclasses import dataclass, field, fields, replace
from itertools import groupby
from typing import Any, Self

from isomorph.spec.convention import ZEROS, Convention
from isomorph.spec.errors import BadInput
from isomorph.spec.notebook import html_table
from isomorph.spec.validation import check_fields


@dataclass(frozen=True)
class Block:
    """Consecutive units of one kind.

    scope: the block's name, the first part of the names of its units, tensors and end points.
    unit: a unit kind of `isomorph.spec.units.KINDS`.
    args: one tuple per unit, for the residual kinds `(depth, depth_bottleneck, stride)`.

    >>> block1 = Block("block1", "bottleneck", ((256, 64, 1),) * 2 + ((256, 64, 2),))
    >>> block1.args
    ((256, 64, 1), (256, 64, 1), (256, 64, 2))

    The names of the numbers are those of the unit kind:

    >>> from isomorph.spec.units import KINDS
    >>> KINDS["bottleneck"].fields
    ('depth', 'depth_bottleneck', 'stride')
    >>> KINDS["inverted_residual"].fields
    ('expansion', 'depth', 'stride')
    """

    scope: str
    unit: str
    args: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class StemConvolution:
    """A convolution of the stem: `kernel` x `kernel`, `depth` channels out.

    linear: neither batch norm nor activation follows it, as the units of a pre-activation network bring them; a bias
        does if the convention has a `linear_bias`.

    >>> StemConvolution("conv1", depth=64, kernel=7, stride=2)
    StemConvolution(scope='conv1', depth=64, kernel=7, stride=2, linear=False)
    """

    scope: str
    depth: int
    kernel: int
    stride: int = 1
    linear: bool = False


@dataclass(frozen=True)
class StemPool:
    """A max pool of the stem over `kernel` x `kernel` windows.

    >>> StemPool("pool1", kernel=3, stride=2)
    StemPool(scope='pool1', kernel=3, stride=2)
    """

    scope: str
    kernel: int
    stride: int


@dataclass(frozen=True)
class Stem:
    """The layers before the first block, in order; slim calls them the root block.

    >>> Stem((StemConvolution("conv1", 64, 7, stride=2), StemPool("pool1", 3, stride=2))).stride
    4
    """

    layers: tuple[StemConvolution | StemPool, ...]

    @property
    def stride(self) -> int:
        """The factor by which the stem reduces height and width."""
        product = 1
        for layer in self.layers:
            product *= layer.stride
        return product


@dataclass(frozen=True)
class Head:
    """The layers after the last block: the mean over space, a 1x1 convolution to `num_classes`, softmax.

    num_classes: None leaves the classifier out; the network then ends in `global_pool` or in its last block.
    global_pool: False leaves the mean out, so that logits are a dense map.
    dropout: the share of the classifier's input that training drops, and of the input of a dense layer that reads
        another dense layer.

    >>> Head(num_classes=10)
    Head(num_classes=10, global_pool=True, dropout=0.0)
    """

    num_classes: int | None = 1000
    global_pool: bool = True
    dropout: float = 0.0


@dataclass(frozen=True)
class AuxiliaryHead:
    """A second classifier, on an inner unit, for training (Szegedy et al., 2015, section 5).

    Average pool, 1x1 convolution, dense layer, classifier.

    scope: its name, `aux1`.
    block, unit: it reads the result of this unit, counted from 1, of this block.
    pool: kernel and stride of the average pool; None for an adaptive one.
    cells: the dense layer sees `cells` x `cells` cells.
    depth, hidden: channels of the convolution, units of the dense layer.
    rectified: whether an activation follows the dense layer.
    dropout: the shares of the inputs of the dense layer and of the classifier that training drops.

    >>> from isomorph.spec import architecture
    >>> for head in architecture("tutorial/googlenet").auxiliary:
    ...     print(head.scope, "reads unit", head.unit, "of", head.block)
    aux1 reads unit 1 of block4
    aux2 reads unit 4 of block4
    """

    scope: str
    block: str
    unit: int
    pool: tuple[int, int] | None = (5, 3)
    cells: int = 4
    depth: int = 128
    hidden: int = 1024
    rectified: bool = True
    dropout: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class InputTransform:
    """Scale and shift of each channel of the images, which a network applies before its first layer."""

    scale: tuple[float, ...]
    shift: tuple[float, ...]


@dataclass(frozen=True)
class Architecture:
    """A whole network, as every backend builds it and the oracle computes it.

    name: `zoo/name`, where `name` is the zoo's own.
    output_stride: the factor by which the last block's map is smaller than the image; None keeps the nominal one.
        Strides beyond it become rates (atrous convolution), see `isomorph.spec.atrous`.
    include_root_block: False leaves the stem out and feeds the images to the first block.
    in_channels: the images' channels.
    auxiliary: classifiers on inner units, in network order. A network without `num_classes` has none.
    input_transform: None takes the images as they are.

    >>> from isomorph.spec import infer
    >>> tiny = Architecture(
    ...     "mine/tiny",
    ...     Stem((StemConvolution("conv1", 16, 3),)),
    ...     (Block("block1", "basic", ((16, 16, 1), (32, 32, 2))),),
    ...     Head(num_classes=10),
    ... )
    >>> infer(tiny, 32, 32).shapes(batch=8)["block1"]
    (8, 16, 16, 32)
    """

    name: str
    stem: Stem
    blocks: tuple[Block, ...]
    head: Head = field(default_factory=Head)
    convention: Convention = field(default_factory=Convention)
    output_stride: int | None = None
    include_root_block: bool = True
    in_channels: int = 3
    auxiliary: tuple[AuxiliaryHead, ...] = ()
    input_transform: InputTransform | None = None

    def _repr_html_(self) -> str:
        """Return the table that a notebook shows: stem, blocks, head, and every field of the convention."""
        rows = [(layer.scope, repr(layer)) for layer in self.stem.layers]
        rows += [(block.scope, f"{block.unit} {_runs(block.args)}") for block in self.blocks]
        rows += [(field.name, str(getattr(self.head, field.name))) for field in fields(self.head)]
        rows += [(field.name, str(getattr(self.convention, field.name))) for field in fields(self.convention)]
        return html_table(self.name, rows)

    def with_options(self, **options: Any) -> Self:
        """Return this network with some options changed.

        Takes any field of the head and of the convention, and `output_stride`, `include_root_block`, `in_channels`,
        `auxiliary` and `input_transform`. Raises BadInput for any other name, and for a value out of range.

        >>> from isomorph.spec import architecture
        >>> architecture("cifar/resnet20").with_options(num_classes=100).head
        Head(num_classes=100, global_pool=True, dropout=0.0)
        >>> architecture("slim/resnet_v1_50").with_options(output_stride=8, global_pool=False).output_stride
        8
        """
        if not options:
            return self
        head = {key: options.pop(key) for key in _HEAD_OPTIONS & options.keys()}
        convention = {key: options.pop(key) for key in _CONVENTION_OPTIONS & options.keys()}
        if unknown := sorted(options.keys() - _OPTIONS):
            raise BadInput(f"{self.name} has no option {unknown[0]!r}; it has {', '.join(sorted(OPTIONS))}.")
        changed = replace(
            self, head=replace(self.head, **head), convention=replace(self.convention, **convention), **options
        )
        check_fields(changed, self.name)
        return changed

    def undrawn(self) -> Self:
        """Return this network with all its fresh weights zero, for one that is loaded as soon as it is built.

        >>> from isomorph.spec import architecture
        >>> architecture("cifar/resnet20").undrawn().convention.convolution_initializer.distribution
        'zeros'
        """
        return self.with_options(**dict.fromkeys(_INITIALIZERS, ZEROS))

    def without_dropout(self) -> Self:
        """Return this network without dropout, for comparing training: every framework draws masks of its own.

        The tensors stay the same. Where dropout scales inference ("downscale_in_infer"), that scale goes, too.

        >>> from isomorph.spec import architecture
        >>> architecture("torchvision/vgg16").head.dropout
        0.5
        >>> architecture("torchvision/vgg16").without_dropout().head.dropout
        0.0
        """
        auxiliary = tuple(replace(head, dropout=(0.0, 0.0)) for head in self.auxiliary)
        return self.with_options(dropout=0.0, auxiliary=auxiliary)

    def folded(self) -> Self:
        """Return this network with a bias instead of a batch norm behind every convolution.

        Its function at inference is the same once `isomorph.backends.folding` has folded the tensors to match.

        >>> from isomorph.spec import architecture, tensor_shapes
        >>> list(tensor_shapes(architecture("cifar/resnet20").folded()))[:2]
        ['conv1/weights', 'conv1/biases']
        """
        return self.with_options(batch_norm=False, convolution_bias=True)


_HEAD_OPTIONS = frozenset(Head.__dataclass_fields__)
_CONVENTION_OPTIONS = frozenset(Convention.__dataclass_fields__)
_INITIALIZERS = frozenset(name for name in _CONVENTION_OPTIONS if name.endswith("_initializer"))
_OPTIONS = frozenset({"output_stride", "include_root_block", "in_channels", "auxiliary", "input_transform"})

OPTIONS = _OPTIONS | _HEAD_OPTIONS | _CONVENTION_OPTIONS
"""What `with_options` takes of every architecture."""


def _runs(args: tuple[tuple[int, ...], ...]) -> str:
    """Return the args of consecutive units, equal ones counted: "3 x (16, 16, 1)"."""
    return ", ".join(f"{len(list(run))} x {unit}" for unit, run in groupby(args))
