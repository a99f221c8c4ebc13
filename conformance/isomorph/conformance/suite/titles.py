"""What the suite's modules are about, in a word or two, as certificates have it."""

TITLES = {
    "test_architectures": "structure and end points",
    "test_array_forms": "any form of arrays",
    "test_atrous": "output strides",
    "test_bends": "slopes at a ReLU's bend",
    "test_gpu": "what a GPU computes",
    "test_peers": "recorded peers",
    "test_planting": "planted faults",
    "test_precision": "the probe",
    "test_rounding": "the probe, by rounding",
    "test_slim": "slim's own tests",
    "test_training_refusals": "bad input to training",
}
"""Those whose file names do not say it."""


def title_of(test: str) -> str:
    """The title of the module that a test, `test_live_peers.py::test_...`, is in: "live peers"."""
    module = test.partition(".py::")[0]
    return TITLES.get(module) or module.removeprefix("test_").replace("_", " ")
