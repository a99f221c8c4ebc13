"""What people run and call: every command of `isomorph` is a thin skin over a function here.

>>> from isomorph.tools import check
>>> check("slim/resnet_v1_50", backends=["pytorch", "paddle"]).agree
True

Everything is imported when it is first asked for, from the modules that `__init__.pyi` lists.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
