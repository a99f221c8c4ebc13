"""torchvision's ResNets (torchvision/models/resnet.py, 0.28): the stride sits in the 3x3 of a block's first unit."""

from collections.abc import Sequence

from isomorph.spec.convention import Convention, Initializer
from isomorph.spec.errors import BadInput
from isomorph.spec.naming import Naming
from isomorph.spec.preprocessing import Preprocessing
from isomorph.spec.residual import PYTORCH_LEAVES, PYTORCH_LEFT_OUT, PYTORCH_SCOPES, imagenet_resnets
from isomorph.spec.zoo import Zoo

CONVENTION = Convention(
    bottleneck_stride="conv2",
    pool_padding="explicit",
    batch_norm_epsilon=1e-5,
    batch_norm_decay=0.9,
    running_variance="unbiased",
    convolution_initializer=Initializer("normal", 2.0, "fan_out"),  # kaiming_normal_(mode="fan_out")
    logits_initializer=Initializer("uniform", 1 / 3),  # nn.Linear's own: limit 1 / sqrt(fan_in)
    logits_bias_initializer=Initializer("uniform", 1 / 3),
    preprocessing=Preprocessing().normalised("torch"),  # torchvision/transforms/_presets.py
)


def output_stride(replace_stride_with_dilation: Sequence[bool]) -> int:
    """torchvision's three switches, one for each block after the first, as an output_stride.

    Raises BadInput unless there are three and no block strides behind one that does not: such a network's map is not
    the nominal one made denser, and no output_stride names it.
    """
    switches = tuple(bool(switch) for switch in replace_stride_with_dilation)
    if len(switches) != 3 or switches != tuple(sorted(switches)):
        raise BadInput(
            f"replace_stride_with_dilation is {list(replace_stride_with_dilation)}; expected three switches of which"
            " all behind the first true one are true, such as [False, True, True]."
        )
    return 32 >> sum(switches)


NAMING = Naming(
    scopes=(*PYTORCH_SCOPES, (r"logits", "fc", "")),
    leaves=PYTORCH_LEAVES,
    left_out=PYTORCH_LEFT_OUT,
)

ZOO = Zoo(
    "torchvision",
    "torchvision (PyTorch)",
    imagenet_resnets("torchvision", CONVENTION),
    NAMING,
    options={"replace_stride_with_dilation": ("output_stride", output_stride)},
)
