"""A third party's backend that computes wrong numbers is refused, each of its mistakes by the test that looks for it.

All tests are run at once, as `isomorph conformance run` would start them. The same backend without a mistake has to
pass all of them. The mistakes are in wrong_numbers/, which is installed as somebody else's package would be.
"""

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from .packages import install, run_pytest
from .wrong_numbers.backend import MISTAKES

SUITE = "isomorph.conformance.suite"
NONE = "wrong:none"


REFUSED: dict[str, dict[str, dict[str, str]]] = {
    "test_architectures": {
        "test_in_float64_its_end_points_are_the_oracles_but_for_noise[small: slim's bottlenecks]": {
            "epsilon": "is the first to differ, by .* noise floors",
            "another dtype": "is the first to differ",
        },
        "test_in_float32_its_end_points_are_the_oracles_but_for_noise[small: slim's bottlenecks]": {
            "exchanged": "is the first to differ, by .* noise floors",
            "no softmax": "predictions is the first to differ",
            "missing": "predictions",
            "another order": "block1",
            "transposed": "assert|conv1 is ",
            "a part alone": "run alone, is .* noise floors off",
            "changed tensor": "tensors that came back changed",
            "relu6": "is the first to differ",
            "bfloat16": "conv1 is the first to differ",
        },
    },
    "test_precision": {
        "test_the_backend_computes_in_what_it_is_asked_for[float64]": {"float32": "'float32' == 'f"},
        "test_the_backend_computes_in_what_it_is_asked_for[float32]": {"bfloat16": "'bfloat16' =="},
    },
    "test_slim": {
        "test_a_3x3_convolution_of[an even image, conv2d_same at stride 2-in the stem-float32]": {
            "padding": "Not equal|mismatch"
        },
        "test_a_max_pool_of[an odd image, padded on both sides-float32]": {"pool padding": "Array|shape"},
        "test_a_max_pool_of[an even image, padded on both sides-float64]": {"pool fill": "Array"},
        "test_a_strided_identity_subsamples[even-basic-float32]": {"subsampling": "Array"},
        "test_zero_channels_stand_on_both_sides_of_what_is_subsampled[even-float32]": {"subsampling": "Array"},
        "test_the_end_points_of_two_blocks": {"another order": "At index 0 diff"},
        "test_classification_ends_in_logits_and_predictions": {"no softmax": "Not equal to tolerance"},
        "test_an_output_stride_that_cannot_be[no multiple of 4]": {"any output stride": "DID NOT RAISE"},
    },
    "test_atrous": {
        "test_subsampled_dense_features_are_the_nominal_ones[slim's bottlenecks-8]": {"rate": "Not equal to tol"},
        "test_a_stack_without_a_root_keeps_its_values[2]": {"rate": "Not equal to tolerance"},
        "test_one_network_serves_any_batch_height_and_width[nominal]": {"first size": "assert"},
        "test_a_classifier_serves_any_height_and_width": {"first count": r"\(2, 1, 1, 10\)"},
    },
    "test_lattice": {
        "test_in_bfloat16_too[slim's bottlenecks without a head]": {"one cell": "is the first to differ, in"},
        "test_in_float32_it_is_the_same_numbers[slim's bottlenecks]": {"one cell": "is the first to differ, in"},
    },
    "test_build_options": {
        "test_in_every_layout_folded_or_not_it_is_the_oracle[two units-NHWC-float32]": {
            "answer": "the answer is .* noise floors off"
        },
        "test_in_every_layout_folded_or_not_it_is_the_oracle[two units-NHWC, folded-float64]": {
            "epsilon": "is the first to differ"
        },
        "test_compiled_it_follows_other_tensors_and_sizes[two units]": {
            "compiled once": "the answer is",
            "compiled for one size": "the answer is",
        },
        "test_folded_it_holds_kernels_and_biases_alone[slim's small network, shortened-float32]": {
            "changed tensor": "conv1/weights"
        },
        "test_folded_it_refuses_to_be_loaded_in_part[two units]": {"folded in part": "DID NOT RAISE"},
        "test_folded_it_is_not_for_training": {"trains folded": "DID NOT RAISE"},
    },
    "test_compilers": {
        "test_by_every_compiler_it_answers_as_the_oracle[two units-graph-with batch norms]": {
            "answer": "the answer is"
        },
        "test_under_autocast_it_answers_as_the_oracle_in_that_precision[two units-bfloat16-with batch norms]": {
            "coarser autocast": "the answer is"
        },
        "test_under_autocast_its_tensors_stay_float32[two units]": {"autocast tensors": "conv1/weights"},
        "test_autocast_is_really_lower_precision[two units]": {"no autocast": "assert"},
        "test_autocast_and_a_compiler_go_together[two units]": {"coarser autocast": "the answer is"},
    },
    "test_training": {
        "test_gradients_are_the_oracles[float32-bottlenecks at output stride 8]": {
            "halved gradient": "gradients: conv1/weights is the f"
        },
        "test_gradients_are_the_oracles[float64-bottlenecks at output stride 8]": {
            "summed loss": "gradients: loss is the first",
            "gradient of images": "gradients: images is the first",
        },
        "test_running_statistics_follow_by_the_zoos_rule[float64-bottlenecks at output stride 8]": {
            "untouched": "statistics after 1 batch: conv1/BatchNorm/moving_mean is the first"
        },
        "test_running_statistics_follow_by_the_zoos_rule[float32-bottlenecks at output stride 8]": {
            "first batch": "statistics after 10 batches: conv1/BatchNorm/moving_mean is",
            "decay": "statistics after 1 batch",
        },
        "test_running_statistics_follow_one_batch[separable units]": {"untouched": "statistics after 1 batch"},
        "test_each_of_three_steps_ends_where_the_oracles_does[separable units]": {
            "still in steps": "step 1: .*moving_mean is"
        },
        "test_each_of_twenty_steps_ends_where_the_oracles_does[bottlenecks at output stride 8]": {
            "no momentum": "step 2: "
        },
        "test_twenty_steps_on_their_own_end_where_the_oracles_do[cifar/resnet20]": {
            "schedule": "20 free-running steps: "
        },
    },
    "test_bends": {
        "test_a_gradient_is_zero_where_its_activation_bends[float32-a ReLU6 behind a batch norm]": {
            "bend": "gradients: "
        },
    },
    "test_training_refusals": {
        "test_a_bad_batch[a label behind the last class-gradients]": {"unchecked": "DID NOT RAISE"},
        "test_a_bad_batch[labels as rows-a step]": {"moved by refusal": "conv1/weights"},
        "test_a_loss_that_is_no_number[conv1/weights-a step-float32]": {"unchecked": "DID NOT RAISE"},
        "test_a_loss_that_is_no_number[logits/weights-gradients-float64]": {"moved by refusal": "conv1/weights"},
        "test_statistics_of_what_is_no_image": {"unchecked": "DID NOT RAISE", "moved by refusal": "conv1/weights"},
        "test_a_velocity_of_something_else[no such tensor]": {"unchecked": "DID NOT RAISE"},
        "test_a_velocity_of_something_else[its shape]": {"moved by refusal": "conv1/weights"},
    },
}
"""Module and test of the suite -> the mistakes that it has to refuse, and a pattern of what it says of each."""

REFUSALS = [
    (module, test, mistake)
    for module, tests in REFUSED.items()
    for test, mistakes in tests.items()
    for mistake in mistakes
]
TESTS = [(module, test) for module, tests in REFUSED.items() for test in tests]

Line = Mapping[str, Any]


def marks(test: str) -> tuple[pytest.MarkDecorator, ...]:
    """Twenty steps of a whole network take as long as all others; steps of small ones stand for them."""
    return (pytest.mark.thorough,) if test.startswith("test_twenty_steps_on_their_own") else ()


def asking(module: str, test: str, backend: str) -> str:
    """The id of a test that asks a backend, as pytest takes it."""
    name, bracket, parameters = test.partition("[")
    return f"{SUITE}.{module}::{name}[{backend}-{parameters}" if bracket else f"{SUITE}.{module}::{name}[{backend}]"


@pytest.fixture(scope="module")
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Line]:
    """What became of every test of REFUSED that is asked for here, by backend and test."""
    folder = tmp_path_factory.mktemp("wrong")
    here = [item for item in request.session.items if isinstance(item, pytest.Function) and item.path == request.path]
    asked = [item.callspec.params for item in here if "results" in item.fixturenames]
    names = {NONE} | {f"wrong:{mistake}" for _, _, mistake in REFUSALS}
    points = "".join(f"{name} = wrong_numbers.backend\n" for name in sorted(names))
    site = install(folder / "site", "wrong_numbers", f"[isomorph.backends]\n{points}")
    source = Path(__file__).with_name("wrong_numbers")
    shutil.copytree(source, site / "wrong_numbers", ignore=shutil.ignore_patterns("__pycache__"))
    tests = [asking(str(each["module"]), str(each["test"]), f"wrong:{each.get('mistake', 'none')}") for each in asked]
    stream = folder / "stream"
    descriptor = os.open(stream, os.O_CREAT | os.O_WRONLY)
    try:
        plugins = ("-p", f"{SUITE}.plugin", "-p", "wrong_numbers.asked", "--asking-only", "--stream", str(descriptor))
        done = run_pytest(folder, *plugins, "--pyargs", *tests, site=site, keep=descriptor)
    finally:
        os.close(descriptor)
    lines = [json.loads(line) for line in stream.read_text().splitlines()]
    outcomes = {(line["backend"], line["test"]): line for line in lines if "outcome" in line}
    assert len(outcomes) == len(tests), done.stdout + done.stderr
    return outcomes


@pytest.mark.parametrize(
    ("module", "test", "mistake"), [pytest.param(*each, marks=marks(each[1])) for each in REFUSALS]
)
def test_a_mistake_is_refused(module: str, test: str, mistake: str, results: Mapping[tuple[str, str], Line]) -> None:
    line = results[f"wrong:{mistake}", f"{module}.py::{test}"]
    assert (line["outcome"], line["crashed"]) == ("failed", False), line["message"]
    assert re.search(REFUSED[module][test][mistake], line["details"]), line["details"][-2000:]


@pytest.mark.parametrize(("module", "test"), [pytest.param(*each, marks=marks(each[1])) for each in TESTS])
def test_without_a_mistake_it_passes(module: str, test: str, results: Mapping[tuple[str, str], Line]) -> None:
    line = results[NONE, f"{module}.py::{test}"]
    assert line["outcome"] == "passed", line["details"][-2000:]


def test_every_mistake_is_refused_by_some_test() -> None:
    assert {mistake for _, _, mistake in REFUSALS} == set(MISTAKES) - {"none"}
