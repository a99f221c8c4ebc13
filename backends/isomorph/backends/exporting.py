"""How networks leave for where there is no isomorph: each backend's `exports.py` writes its framework's own formats."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from isomorph.backends.network import Array

Run = Callable[[Array], Array]
"""What was written, read again and run by the framework alone: images [N, H, W, C] -> logits [N, classes]."""

Export = Callable[[Any, Array, Path], Run]
"""Writes a Network, loaded and built for inference, into a folder, for images of the size of those that are given.

Raises Unavailable where something is missing for it, or whatever the framework raises.
"""
