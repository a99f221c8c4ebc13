"""The networks' vocabulary: Block, Stem, Head and Architecture, plain frozen data in the style of slim's resnet_v1.

Block("block1", "bottleneck", ((256, 64, 1),) * 2 + ((256, 64, 2),))   # (depth, depth_bottleneck, stride) per unit
"""

from dataclasses import dataclass, field, fields, replace
from itertools import groupby
from typing import Any, Self

from isomorph.spec.convention import ZEROS, Convention
from isomorph.spec.errors import BadInput
from isomorph.spec.notebook import html_table
from isomorph.spec.validation import check_fields


@dataclass(frozen=True)
class Block:
    """Units of one kind in a row.

    scope: the block's name, which its units, tensors and end points carry.
    unit: a unit kind of `isomorph.spec.units.KINDS`.
    args: one tuple per unit, for the residual kinds `(depth, depth_bottleneck, stride)`.
    """

    scope: str
    unit: str
    args: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class StemConvolution:
    """A convolution of the stem: `kernel` x `kernel`, `depth` channels out.

    linear: a bias follows it instead of batch norm and activation, which the units of a pre-activation network bring.
    """

    scope: str
    depth: int
    kernel: int
    stride: int = 1
    linear: bool = False


@dataclass(frozen=True)
class StemPool:
    """A max pool of the stem over `kernel` x `kernel` windows."""

    scope: str
    kernel: int
    stride: int


@dataclass(frozen=True)
class Stem:
    """What stands before the first block, in order; slim calls it the root block."""

    layers: tuple[StemConvolution | StemPool, ...]

    @property
    def stride(self) -> int:
        """By how much the stem divides height and width."""
        product = 1
        for layer in self.layers:
            product *= layer.stride
        return product


@dataclass(frozen=True)
class Head:
    """What stands after the last block: the mean over space, then a 1x1 convolution to `num_classes`, then softmax.

    num_classes: None leaves the classifier out, the network then ends in `global_pool` or in its last block.
    global_pool: False leaves the mean out, so that logits are a dense map.
    dropout: the share that is dropped in training of what the classifier reads, and of what a dense layer before it
        reads from another one.
    """

    num_classes: int | None = 1000
    global_pool: bool = True
    dropout: float = 0.0


@dataclass(frozen=True)
class AuxiliaryHead:
    """A second classifier, on an inner unit, for training (Szegedy et al., 2015, section 5).

    Average pool, 1x1 convolution, dense layer, classifier.

    scope: its name, `aux1`.
    block, unit: what it reads: the result of that unit, counted from 1, of that block.
    pool: kernel and stride of the average pool; None for an adaptive one.
    cells: the dense layer sees `cells` x `cells` cells.
    depth, hidden: channels of the convolution, units of the dense layer.
    rectified: whether an activation follows the dense layer.
    dropout: shares that are dropped in training of what the dense layer and the classifier read.
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
    """What a network does to its images before its first layer: each channel times `scale`, plus `shift`."""

    scale: tuple[float, ...]
    shift: tuple[float, ...]


@dataclass(frozen=True)
class Architecture:
    """A network, whole: what every backend builds and the oracle computes.

    name: `zoo/name`, the name being the zoo's own.
    output_stride: by how much the last block's map is smaller than the image; None keeps the nominal one. Strides
        beyond it become rates (atrous convolution), see `isomorph.spec.atrous`.
    include_root_block: False leaves the stem out and feeds the images to the first block.
    in_channels: the images' channels.
    auxiliary: classifiers on inner units, in network order. A network without `num_classes` has none.
    input_transform: None takes the images as they are.
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
        """The network as a notebook shows it: its stem, blocks, head, and every field of its convention."""
        rows = [(layer.scope, repr(layer)) for layer in self.stem.layers]
        rows += [(block.scope, f"{block.unit} {_runs(block.args)}") for block in self.blocks]
        rows += [(field.name, str(getattr(self.head, field.name))) for field in fields(self.head)]
        rows += [(field.name, str(getattr(self.convention, field.name))) for field in fields(self.convention)]
        return html_table(self.name, rows)

    def with_options(self, **options: Any) -> Self:
        """This network with some options changed.

        Takes any field of the head and of the convention, and `output_stride`, `include_root_block`, `in_channels`,
        `auxiliary` and `input_transform`. Raises BadInput for a name that is none of these, or a number that cannot be.
        """
        if not options:
            return self
        head = {key: options.pop(key) for key in _HEAD_OPTIONS & options.keys()}
        convention = {key: options.pop(key) for key in _CONVENTION_OPTIONS & options.keys()}
        if unknown := sorted(options.keys() - _OPTIONS):
            known = sorted(_OPTIONS | _HEAD_OPTIONS | _CONVENTION_OPTIONS)
            raise BadInput(f"{self.name} has no option {unknown[0]!r}; it has {', '.join(known)}.")
        changed = replace(
            self, head=replace(self.head, **head), convention=replace(self.convention, **convention), **options
        )
        check_fields(changed, self.name)
        return changed

    def undrawn(self) -> Self:
        """The same function, its fresh weights all zero: for a network that is loaded as soon as it is built."""
        return self.with_options(**dict.fromkeys(_INITIALIZERS, ZEROS))

    def without_dropout(self) -> Self:
        """The same tensors, and nothing dropped: for training that is compared, as every framework draws its own masks.

        Where dropout scales inference ("downscale_in_infer"), that scale goes, too.
        """
        auxiliary = tuple(replace(head, dropout=(0.0, 0.0)) for head in self.auxiliary)
        return self.with_options(dropout=0.0, auxiliary=auxiliary)

    def folded(self) -> Self:
        """The same function at inference, once `isomorph.backends.folding` has folded the tensors to match.

        Every convolution has a bias and no batch norm.
        """
        return self.with_options(batch_norm=False, convolution_bias=True)


_HEAD_OPTIONS = frozenset(Head.__dataclass_fields__)
_CONVENTION_OPTIONS = frozenset(Convention.__dataclass_fields__)
_INITIALIZERS = frozenset(name for name in _CONVENTION_OPTIONS if name.endswith("_initializer"))
_OPTIONS = frozenset({"output_stride", "include_root_block", "in_channels", "auxiliary", "input_transform"})


def _runs(args: tuple[tuple[int, ...], ...]) -> str:
    """Units in a row, equal ones counted: "3 x (16, 16, 1)"."""
    return ", ".join(f"{len(list(run))} x {unit}" for unit, run in groupby(args))
