"""The weights of WSL-Images' ResNeXts, whose file names leave out the `d` of their networks'."""

from isomorph.tools.published.row import Published, digest_in_name

SOURCE = "facebookresearch/WSL-Images, hubconf.py, commit a0aec02"
FOLDER = "https://download.pytorch.org/models"

FILES = {
    "resnext101_32x8d": "ig_resnext101_32x8-c38310e5.pth",
    "resnext101_32x16d": "ig_resnext101_32x16-c6f796b0.pth",
    "resnext101_32x32d": "ig_resnext101_32x32-e4b90b00.pth",
    "resnext101_32x48d": "ig_resnext101_32x48-3e41cc8a.pth",
}

ROWS = tuple(
    Published(f"wsl/{name}", "pretrained", f"{FOLDER}/{file}", digest_in_name(file), SOURCE)
    for name, file in FILES.items()
)
