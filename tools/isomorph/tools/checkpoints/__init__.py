"""Checkpoints: from a file that someone gives to named NumPy arrays, with no framework and without executing anything.

    >>> from isomorph.tools.checkpoints import read_checkpoint, write_pytorch_zip
    >>> tensors = read_checkpoint("resnet8.safetensors").tensors
    >>> tensors["conv1/weights"].shape
    (3, 3, 3, 16)
    >>> write_pytorch_zip("resnet8.pth", {f"module.{name}": tensor for name, tensor in tensors.items()})
    >>> checkpoint = read_checkpoint("resnet8.pth")
    >>> checkpoint.format, checkpoint.unwrapped
    ('PyTorch zip', ('module.',))

Every file is hostile until read. Whatever is wrong with one is `isomorph.spec.errors.BadInput`, one sentence that names
the file and says what was found, and no file makes this package use more than 64 MiB of memory beyond the file's own
size. What cannot be noticed: but for TensorFlow's checkpoints and the archives `.keras` and `.npz`, whose checksums are
verified, these formats carry none that their own readers look at, so a file whose values or names were changed reads as
well as before; `sha256` tells such files apart, and values show where layers changed places (`inspect`). What is read
is what the format's own reader gives, name by name and bit by bit, which `tools/mutations` tries on thousands of
damaged files.

A format is one file, in the folder of its framework, and one row of the table in `reading`, which imports it for its
first file; `recognition` has what its files start with. What writes it is another file in the same folder. A folder of
transformers' is told before them. A file that is written appears whole or not at all, and is the framework's own in its
form.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
