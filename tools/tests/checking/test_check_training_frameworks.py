"""`check --training` in the frameworks: all of it is compared in each of ours, and nothing left out as unavailable."""

import pytest

from isomorph.spec import architecture
from isomorph.tools import check_training

COMPARED = [
    *(
        (dtype, quantity)
        for dtype, steps in (("float64", ("step 1", "step 2")), ("float32", ()))
        for quantity in ("gradients", "statistics after 1 batch", "statistics after 10 batches", *steps)
    ),
    ("float64", "dropout before logits"),
]


@pytest.mark.thorough
def test_every_framework_is_trained_and_passes_in_all_that_is_compared() -> None:
    """The suite skips what a backend says it cannot do, as other packages' may."""
    network = architecture("mlperf_tiny/resnet8", dropout=0.5)
    report = check_training(network, backends=["pytorch", "keras", "paddle"], size=(16, 20), batch=4)
    for row in report.backends:
        assert [(run.dtype, run.quantity) for run in row.runs] == COMPARED, row.name
        assert {run.verdict for run in row.runs} == {"pass"}, str(report)
