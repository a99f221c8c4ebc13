"""The networks in a framework: `load_backend(name).build(architecture)`. It imports that framework alone.

>>> from isomorph.backends import load_backend
>>> from isomorph.spec import architecture
>>> network = load_backend("oracle").build(architecture("mlperf_tiny/resnet8"), dtype="float64")
>>> network.device, network.dtype
('cpu', 'float64')


Frameworks, and the modules of the names in `__init__.pyi`, are imported at their first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
