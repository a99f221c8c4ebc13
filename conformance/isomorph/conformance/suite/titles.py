"""Titles of the suite's modules, in a word or two, for certificates."""

TITLES = {
    "test_architectures": "structure and end points",
    "test_array_forms": "any form of arrays",
    "test_atrous": "output strides",
    "test_bends": "slopes at a ReLU's bend",
    "test_diagnosing": "diagnosed faults",
    "test_gpu": "what a GPU computes",
    "test_peers": "recorded peers",
    "test_planting": "planted faults",
    "test_precision": "the probe",
    "test_rounding": "the probe, by rounding",
    "test_slim": "slim's own tests",
    "test_training_refusals": "bad input to training",
}
"""The titles of modules whose file names do not say them."""


def title_of(test: str) -> str:
    """Return the title of a test's module.

    >>> title_of("test_live_peers.py::test_..."), title_of("test_slim.py::test_...")
    ('live peers', "slim's own tests")
    """
    module = test.partition(".py::")[0]
    return TITLES.get(module) or module.removeprefix("test_").replace("_", " ")
