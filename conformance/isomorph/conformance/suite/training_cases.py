"""Cases of training: every unit kind, auxiliary heads, atrous units, both rules of running statistics."""

from isomorph.backends.training import SGD
from isomorph.conformance.small_networks import RIGID, STEM, blocks, grouped, mobile
from isomorph.conformance.training.drawn import Training
from isomorph.spec import Architecture, Block, Convention, Head, Stem, StemConvolution, architecture

# (base depth, units, stride) of each block: what a kernel of one tap would learn, a batch norm takes away. The maps of
# the last block have several cells, so that batch norms have several values.
WIDE = ((4, 2, 2), (6, 2, 2), (8, 1, 1))
UNBIASED = Convention(running_variance="unbiased")
BIASED = Convention(convolution_bias=True)
RELU6 = Convention(activation="relu6")
FINE = SGD(learning_rate=2.0**-10)
"""For fine-tuning: nothing limits the maps' size behind frozen batch norms, and larger steps would blow them up."""

CASES = (
    {
        "bottlenecks": Training(Architecture("kin/bottleneck", STEM, blocks("bottleneck", WIDE), Head(10)), 33, 48),
        "bottlenecks at output stride 8": Training(
            Architecture("kin/atrous", STEM, blocks("bottleneck", WIDE), Head(10), UNBIASED, output_stride=8), 49, 64
        ),
        "biased bottlenecks": Training(
            Architecture("kin/biased", STEM, blocks("bottleneck", WIDE), Head(10), BIASED), 33, 48
        ),
        "basic units": Training(
            Architecture("kin/basic", STEM, blocks("basic", WIDE, last=False), Head(10), UNBIASED), 49, 64
        ),
        "zero channels": Training(
            Architecture(
                "kin/zeros",
                STEM,
                blocks("basic", ((16, 1, 1), (20, 2, 2)), last=False),
                Head(10),
                Convention(shortcut="zero_channels"),
            ),
            33,
            40,
        ),
        "grouped bottlenecks": Training(
            Architecture("kin/grouped", STEM, grouped(blocks("bottleneck", WIDE), 2), Head(10)), 49, 64
        ),
        "pre-activated bottlenecks": Training(
            Architecture(
                "kin/v2",
                STEM,
                (*blocks("bottleneck_v2", WIDE), Block("postnorm", "batch_norm", ((),))),
                Head(10),
            ),
            33,
            48,
        ),
        "pre-activated basic units, without biases": Training(
            Architecture(
                "kin/basic_v2",
                Stem((StemConvolution("conv1", 16, 7, stride=2, linear=True),)),
                (*blocks("basic_v2", WIDE), Block("postnorm", "batch_norm", ((),))),
                Head(10),
                Convention(linear_bias=False),
            ),
            33,
            48,
        ),
        "separable units": Training(Architecture("kin/separable", STEM, mobile("separable"), Head(10), RELU6), 49, 64),
        "inverted residuals": Training(
            Architecture("kin/inverted", STEM, mobile("inverted_residual", 3), Head(10), RELU6), 49, 64
        ),
    }
    | {name: Training(network, 49, 64) for name, network in RIGID.items()}
    | {
        "frozen batch norms": Training(
            Architecture("kin/frozen", STEM, blocks("bottleneck", WIDE), Head(10), BIASED),
            33,
            48,
            freeze_batch_norm=True,
            sgd=FINE,
        ),
        "one image and frozen batch norms without gammas": Training(
            RIGID["inceptions"], 49, 64, batch=1, freeze_batch_norm=True, sgd=FINE
        ),
        "cifar/resnet20": Training(architecture("cifar/resnet20"), 16, 20),
    }
)
"""Cases by their description."""

DEEP = {
    "torchvision/resnet50": Training(architecture("torchvision/resnet50"), 96, 96),
    "keras/ResNet50V2": Training(architecture("keras/ResNet50V2"), 96, 96),
    "torchvision/mobilenet_v2": Training(architecture("torchvision/mobilenet_v2"), 96, 96),
    "torchvision/googlenet": Training(architecture("torchvision/googlenet"), 96, 96),
}
"""Too deep to run every time."""
