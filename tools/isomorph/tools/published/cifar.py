"""The weights beside akamaster's ResNets for CIFAR-10, as the table in that repository's README links them."""

from isomorph.tools.published.row import Published, digest_in_name

SOURCE = "akamaster/pytorch_resnet_cifar10, README.md, commit 820f98c"
FOLDER = "https://github.com/akamaster/pytorch_resnet_cifar10/raw/master/pretrained_models"

FILES = (
    "resnet20-12fca82f.th",
    "resnet32-d509ac18.th",
    "resnet44-014dd654.th",
    "resnet56-4bfd9763.th",
    "resnet110-1d1ed7c2.th",
    "resnet1202-f3b1deed.th",
)

ROWS = tuple(
    Published(f"cifar/{file.partition('-')[0]}", "pretrained", f"{FOLDER}/{file}", digest_in_name(file), SOURCE)
    for file in FILES
)
