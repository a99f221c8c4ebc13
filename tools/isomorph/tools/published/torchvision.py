"""torchvision's weights.

Of VGG-16's, `IMAGENET1K_FEATURES` are left out, whose classifier holds no numbers.
"""

from dataclasses import replace

from isomorph.spec import architecture
from isomorph.tools.published.row import Published, digest_in_name

SOURCE = "torchvision/models, 0.26.0"
FOLDER = "https://download.pytorch.org/models"

# The end of the tag, the file, its size in MiB (`_file_size`), and the shorter side to which photographs are scaled for
# a crop of 224 (`transforms`; torchvision/transforms/_presets.py has 256 where that is left out).
FILES = (
    # resnet.py
    ("V1", "resnet18-f37072fd.pth", 44.661, 256),
    ("V1", "resnet34-b627a593.pth", 83.275, 256),
    ("V1", "resnet50-0676ba61.pth", 97.781, 256),
    ("V2", "resnet50-11ad3fa6.pth", 97.79, 232),
    ("V1", "resnet101-63fe2227.pth", 170.511, 256),
    ("V2", "resnet101-cd907fc2.pth", 170.53, 232),
    ("V1", "resnet152-394f9c45.pth", 230.434, 256),
    ("V2", "resnet152-f82ba261.pth", 230.474, 232),
    ("V1", "resnext50_32x4d-7cdf4587.pth", 95.789, 256),
    ("V2", "resnext50_32x4d-1a0047aa.pth", 95.833, 232),
    ("V1", "resnext101_32x8d-8ba56ff5.pth", 339.586, 256),
    ("V2", "resnext101_32x8d-110c445d.pth", 339.673, 232),
    ("V1", "resnext101_64x4d-173b62eb.pth", 319.318, 232),
    ("V1", "wide_resnet50_2-95faca4d.pth", 131.82, 256),
    ("V2", "wide_resnet50_2-9ba9bcbe.pth", 263.124, 232),
    ("V1", "wide_resnet101_2-32ee1156.pth", 242.896, 256),
    ("V2", "wide_resnet101_2-d733dc28.pth", 484.747, 232),
    # mobilenetv2.py
    ("V1", "mobilenet_v2-b0353104.pth", 13.555, 256),
    ("V2", "mobilenet_v2-7ebf99e0.pth", 13.598, 232),
    # vgg.py
    ("V1", "vgg11-8a719046.pth", 506.84, 256),
    ("V1", "vgg11_bn-6002323d.pth", 506.881, 256),
    ("V1", "vgg13-19584684.pth", 507.545, 256),
    ("V1", "vgg13_bn-abd245e5.pth", 507.59, 256),
    ("V1", "vgg16-397923af.pth", 527.796, 256),
    ("V1", "vgg16_bn-6c64b313.pth", 527.866, 256),
    ("V1", "vgg19-dcbb9e9d.pth", 548.051, 256),
    ("V1", "vgg19_bn-c79401a0.pth", 548.143, 256),
    # googlenet.py
    ("V1", "googlenet-1378be20.pth", 49.731, 256),
)


def _row(version: str, file: str, mebibytes: float, resize: int) -> Published:
    name = f"torchvision/{file.partition('-')[0]}"
    preprocessing = replace(architecture(name).convention.preprocessing, resize=resize)
    url = f"{FOLDER}/{file}"
    return Published(name, f"IMAGENET1K_{version}", url, digest_in_name(file), SOURCE, mebibytes, preprocessing)


ROWS = tuple(_row(*row) for row in FILES)
