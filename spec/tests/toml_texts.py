"""A network as a person writes it, and what may stand behind it: what the tests of TOML files begin with."""

TINY = """\
[[stem]]
convolution = "conv1"
depth = 16
kernel = 3

[[stem]]
pool = "pool1"
kernel = 3
stride = 2

[[blocks]]
scope = "block1"
unit = "basic"
units = [[32, 32, 2], { times = 2, numbers = [32, 32, 1] }]
"""

HEAD = """
[[auxiliary]]
scope = "aux1"
block = "block1"
unit = 3
pool = "none"
"""
TRANSFORM = """
[input_transform]
scale = [2.0, 2.0, 2.0]
shift = [-1, -1, -1]
"""
