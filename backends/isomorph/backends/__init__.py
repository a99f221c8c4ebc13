"""The networks in a framework: `load_backend(name).build(architecture)`.

All is imported when it is first asked for: frameworks, and the modules behind the names that `__init__.pyi` lists.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
