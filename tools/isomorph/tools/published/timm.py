"""The weights that timm's own author trained, where they were released on GitHub.

Of the other weights that timm lists, some are other zoos', torchvision's and WSL-Images' among them. timm prefers its
copies on the Hugging Face hub, which are the same weights in files of another hash.
"""

from isomorph.spec import architecture
from isomorph.spec.preprocessing import centre_crop
from isomorph.tools.published.row import Published, digest_in_name

SOURCE = "timm/models/resnet.py, 1.0.31"
RELEASES = "https://github.com/{owner}/pytorch-image-models/releases/download/{release}/{file}"

# The network with its tag, who owns the repository in the URL, the release and the file; the crop's side in pixels
# (`input_size`) and its share of the photograph's shorter side (`crop_pct`), as `create_transform` takes them unless it
# is asked for `test_input_size`.
FILES = (
    ("resnet18.a1_in1k", "huggingface", "v0.1-rsb-weights", "resnet18_a1_0-d63eafa0.pth", 224, 0.95),
    ("resnet18.a2_in1k", "huggingface", "v0.1-rsb-weights", "resnet18_a2_0-b61bd467.pth", 224, 0.95),
    ("resnet18.a3_in1k", "huggingface", "v0.1-rsb-weights", "resnet18_a3_0-40c531c8.pth", 160, 0.95),
    ("resnet26.bt_in1k", "rwightman", "v0.1-weights", "resnet26-9aa10e23.pth", 224, 0.875),
    ("resnet34.a1_in1k", "huggingface", "v0.1-rsb-weights", "resnet34_a1_0-46f8f793.pth", 224, 0.95),
    ("resnet34.a2_in1k", "huggingface", "v0.1-rsb-weights", "resnet34_a2_0-82d47d71.pth", 224, 0.95),
    ("resnet34.a3_in1k", "huggingface", "v0.1-rsb-weights", "resnet34_a3_0-a20cabb6.pth", 160, 0.95),
    ("resnet34.bt_in1k", "rwightman", "v0.1-weights", "resnet34-43635321.pth", 224, 0.875),
    ("resnet50.a1_in1k", "rwightman", "v0.1-rsb-weights", "resnet50_a1_0-14fe96d1.pth", 224, 0.95),
    ("resnet50.a1h_in1k", "huggingface", "v0.1-rsb-weights", "resnet50_a1h2_176-001a1197.pth", 176, 0.9),
    ("resnet50.a2_in1k", "huggingface", "v0.1-rsb-weights", "resnet50_a2_0-a2746f79.pth", 224, 0.95),
    ("resnet50.a3_in1k", "huggingface", "v0.1-rsb-weights", "resnet50_a3_0-59cae1ef.pth", 160, 0.95),
    ("resnet50.b1k_in1k", "huggingface", "v0.1-rsb-weights", "resnet50_b1k-532a802a.pth", 224, 0.95),
    ("resnet50.b2k_in1k", "huggingface", "v0.1-rsb-weights", "resnet50_b2k-1ba180c1.pth", 224, 0.95),
    ("resnet50.c1_in1k", "huggingface", "v0.1-rsb-weights", "resnet50_c1-5ba5e060.pth", 224, 0.95),
    ("resnet50.c2_in1k", "huggingface", "v0.1-rsb-weights", "resnet50_c2-d01e05b2.pth", 224, 0.95),
    ("resnet50.d_in1k", "huggingface", "v0.1-rsb-weights", "resnet50_d-f39db8af.pth", 224, 0.95),
    ("resnet50.ram_in1k", "huggingface", "v0.1-weights", "resnet50_ram-a26f946b.pth", 224, 0.875),
    ("resnet50.am_in1k", "huggingface", "v0.1-weights", "resnet50_am-6c502b37.pth", 224, 0.875),
    ("resnet50.ra_in1k", "huggingface", "v0.1-weights", "resnet50_ra-85ebb6e5.pth", 224, 0.875),
    ("resnet50.bt_in1k", "huggingface", "v0.1-weights", "rw_resnet50-86acaeed.pth", 224, 0.875),
    ("resnet101.a1h_in1k", "rwightman", "v0.1-rsb-weights", "resnet101_a1h-36d3f2aa.pth", 224, 0.95),
    ("resnet101.a1_in1k", "huggingface", "v0.1-rsb-weights", "resnet101_a1_0-cdcb52a9.pth", 224, 0.95),
    ("resnet101.a2_in1k", "huggingface", "v0.1-rsb-weights", "resnet101_a2_0-6edb36c7.pth", 224, 0.95),
    ("resnet101.a3_in1k", "huggingface", "v0.1-rsb-weights", "resnet101_a3_0-1db14157.pth", 160, 0.95),
    ("resnet152.a1h_in1k", "rwightman", "v0.1-rsb-weights", "resnet152_a1h-dc400468.pth", 224, 0.95),
    ("resnet152.a1_in1k", "huggingface", "v0.1-rsb-weights", "resnet152_a1_0-2eee8a7a.pth", 224, 0.95),
    ("resnet152.a2_in1k", "huggingface", "v0.1-rsb-weights", "resnet152_a2_0-b4c6978f.pth", 224, 0.95),
    ("resnet152.a3_in1k", "huggingface", "v0.1-rsb-weights", "resnet152_a3_0-134d4688.pth", 160, 0.95),
    ("resnext50_32x4d.a1h_in1k", "rwightman", "v0.1-rsb-weights", "resnext50_32x4d_a1h-0146ab0a.pth", 224, 0.95),
    ("resnext50_32x4d.a1_in1k", "huggingface", "v0.1-rsb-weights", "resnext50_32x4d_a1_0-b5a91a1d.pth", 224, 0.95),
    ("resnext50_32x4d.a2_in1k", "huggingface", "v0.1-rsb-weights", "resnext50_32x4d_a2_0-efc76add.pth", 224, 0.95),
    ("resnext50_32x4d.a3_in1k", "huggingface", "v0.1-rsb-weights", "resnext50_32x4d_a3_0-3e450271.pth", 160, 0.95),
    ("resnext50_32x4d.ra_in1k", "huggingface", "v0.1-weights", "resnext50_32x4d_ra-d733960d.pth", 224, 0.875),
)


def _row(name: str, owner: str, release: str, file: str, size: int, share: float) -> Published:
    network, _, tag = name.partition(".")
    own_name = f"timm/{network}"
    url = RELEASES.format(owner=owner, release=release, file=file)
    preprocessing = centre_crop(architecture(own_name).convention.preprocessing, size, share)
    return Published(own_name, tag, url, digest_in_name(file), SOURCE, own_preprocessing=preprocessing)


ROWS = tuple(_row(*row) for row in FILES)
