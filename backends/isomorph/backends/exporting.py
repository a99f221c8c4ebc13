"""Types of exports: each backend's `exports.py` writes its framework's own formats, to be used without isomorph."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from isomorph.backends.array_forms import Answers, Images

Run = Callable[[Images], Answers]
"""Runs an export, read again by the framework alone: images [N, H, W, C] -> logits [N, classes]."""

Export = Callable[[Any, Images, Path], Run]
"""Writes a Network, loaded and built for inference, into a folder; the images have the size that it is exported for.

Raises Unavailable where it needs something that is missing, or whatever the framework raises.
"""
