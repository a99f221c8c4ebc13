"""torchvision's weights.

Of VGG-16's, `IMAGENET1K_FEATURES` are left out, whose classifier holds no numbers. A network's first weights are those
that the preprocessing of `isomorph.spec.zoos.torchvision` belongs to; for all second ones (V2), and for those of
resnext101_64x4d, torchvision resizes photographs to 232 pixels instead of 256.
"""

from isomorph.tools.published.row import Published, digest_in_name

SOURCE = "torchvision/models, 0.26.0"
FOLDER = "https://download.pytorch.org/models"

# The end of the tag, the file, and its size in MiB (`_file_size`).
FILES = (
    # resnet.py
    ("V1", "resnet18-f37072fd.pth", 44.661),
    ("V1", "resnet34-b627a593.pth", 83.275),
    ("V1", "resnet50-0676ba61.pth", 97.781),
    ("V2", "resnet50-11ad3fa6.pth", 97.79),
    ("V1", "resnet101-63fe2227.pth", 170.511),
    ("V2", "resnet101-cd907fc2.pth", 170.53),
    ("V1", "resnet152-394f9c45.pth", 230.434),
    ("V2", "resnet152-f82ba261.pth", 230.474),
    ("V1", "resnext50_32x4d-7cdf4587.pth", 95.789),
    ("V2", "resnext50_32x4d-1a0047aa.pth", 95.833),
    ("V1", "resnext101_32x8d-8ba56ff5.pth", 339.586),
    ("V2", "resnext101_32x8d-110c445d.pth", 339.673),
    ("V1", "resnext101_64x4d-173b62eb.pth", 319.318),
    ("V1", "wide_resnet50_2-95faca4d.pth", 131.82),
    ("V2", "wide_resnet50_2-9ba9bcbe.pth", 263.124),
    ("V1", "wide_resnet101_2-32ee1156.pth", 242.896),
    ("V2", "wide_resnet101_2-d733dc28.pth", 484.747),
    # mobilenetv2.py
    ("V1", "mobilenet_v2-b0353104.pth", 13.555),
    ("V2", "mobilenet_v2-7ebf99e0.pth", 13.598),
    # vgg.py
    ("V1", "vgg11-8a719046.pth", 506.84),
    ("V1", "vgg11_bn-6002323d.pth", 506.881),
    ("V1", "vgg13-19584684.pth", 507.545),
    ("V1", "vgg13_bn-abd245e5.pth", 507.59),
    ("V1", "vgg16-397923af.pth", 527.796),
    ("V1", "vgg16_bn-6c64b313.pth", 527.866),
    ("V1", "vgg19-dcbb9e9d.pth", 548.051),
    ("V1", "vgg19_bn-c79401a0.pth", 548.143),
    # googlenet.py
    ("V1", "googlenet-1378be20.pth", 49.731),
)

ROWS = tuple(
    Published(
        f"torchvision/{file.partition('-')[0]}",
        f"IMAGENET1K_{version}",
        f"{FOLDER}/{file}",
        digest_in_name(file),
        SOURCE,
        mebibytes,
    )
    for version, file, mebibytes in FILES
)
