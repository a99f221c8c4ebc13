"""The networks in a framework: `load_backend(name).build(architecture)`. None is imported before it is asked for."""

from isomorph.backends.protocol import Backend, Network, Unavailable
from isomorph.backends.registry import find_backend, load_backend, registered

__all__ = ["Backend", "Network", "Unavailable", "find_backend", "load_backend", "registered"]
