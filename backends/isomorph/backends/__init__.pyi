from .failures import Unavailable
from .network import Network
from .protocol import Backend
from .registry import find_backend, load_backend, registered

__all__ = ["Backend", "Network", "Unavailable", "find_backend", "load_backend", "registered"]
