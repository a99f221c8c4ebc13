"""keras.applications' weights: with the classifier (`imagenet`), and files that end before it (`imagenet_notop`).

VGG-16's without its top end before its dense layers, which no network here does. No hash of the MobileNets' is known.
"""

from isomorph.tools.published.row import Published

SOURCE = "keras/src/applications, 3.15.1"
FOLDER = "https://storage.googleapis.com/tensorflow/keras-applications"
FILE = "{name}_weights_tf_dim_ordering_tf_kernels{top}.h5"

# resnet.py, `WEIGHTS_HASHES`: the MD5 of the file with the top, and without it
RESNETS = {
    "ResNet50": ("2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"),
    "ResNet50V2": ("3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917"),
    "ResNet101": ("f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21"),
    "ResNet101V2": ("6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5"),
    "ResNet152": ("100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c"),
    "ResNet152V2": ("a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33"),
}

# vgg16.py
VGG16 = "64373286793e3c8b2b4e3219cbf3544b"


def _row(folder: str, network: str, md5: str, top: bool = True) -> Published:
    file = FILE.format(name=network.lower(), top="" if top else "_notop")
    tag = "imagenet" if top else "imagenet_notop"
    return Published(f"keras/{network}", tag, f"{FOLDER}/{folder}/{file}", f"md5:{md5}", SOURCE)


ROWS = (
    *(
        _row("resnet", network, md5, top)
        for network, hashes in RESNETS.items()
        for md5, top in zip(hashes, (True, False), strict=True)
    ),
    _row("vgg16", "VGG16", VGG16),
)
