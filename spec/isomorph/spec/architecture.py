"""The networks' vocabulary: Block, Stem, Head and Architecture, plain frozen data in the style of slim's resnet_v1.

Block("block1", "bottleneck", ((256, 64, 1),) * 2 + ((256, 64, 2),))   # (depth, depth_bottleneck, stride) per unit
"""

from dataclasses import dataclass, field, replace
from typing import Any, Self

from isomorph.spec.convention import ZEROS, Convention
from isomorph.spec.errors import BadInput
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
    dropout: the share of what the classifier reads that is dropped in training.
    """

    num_classes: int | None = 1000
    global_pool: bool = True
    dropout: float = 0.0


@dataclass(frozen=True)
class Architecture:
    """A network, whole: what every backend builds and the oracle computes.

    name: `zoo/name`, the name being the zoo's own.
    output_stride: by how much the last block's map is smaller than the image; None keeps the nominal one. Strides
        beyond it become rates (atrous convolution), see `isomorph.spec.atrous`.
    include_root_block: False leaves the stem out and feeds the images to the first block.
    in_channels: the images' channels.
    """

    name: str
    stem: Stem
    blocks: tuple[Block, ...]
    head: Head = field(default_factory=Head)
    convention: Convention = field(default_factory=Convention)
    output_stride: int | None = None
    include_root_block: bool = True
    in_channels: int = 3

    def with_options(self, **options: Any) -> Self:
        """This network with some options changed.

        Takes `num_classes`, `global_pool`, `output_stride`, `include_root_block`, `in_channels` and any field of the
        convention. Raises BadInput for a name that is none of these, or a number that cannot be.
        """
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

    def folded(self) -> Self:
        """The same function at inference, once `isomorph.backends.folding` has folded the tensors to match.

        Every convolution has a bias and no batch norm.
        """
        return self.with_options(batch_norm=False, convolution_bias=True)

    def function(self) -> Self:
        """What this network computes at inference and nothing else: two of the same function compare equal.

        Leaves out its name, how fresh weights are drawn, how training moves the statistics, and the preprocessing.
        """
        forgotten = {name: getattr(Convention(), name) for name in _NOT_AT_INFERENCE}
        return replace(self.with_options(dropout=0.0, **forgotten), name="")


_HEAD_OPTIONS = frozenset(Head.__dataclass_fields__)
_CONVENTION_OPTIONS = frozenset(Convention.__dataclass_fields__)
_INITIALIZERS = frozenset(name for name in _CONVENTION_OPTIONS if name.endswith("_initializer"))
_NOT_AT_INFERENCE = _INITIALIZERS | {"batch_norm_decay", "running_variance", "last_gamma", "preprocessing"}
_OPTIONS = frozenset({"output_stride", "include_root_block", "in_channels"})
