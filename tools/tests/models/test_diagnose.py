"""`diagnose` and `check --against` on a model that somebody wrote in PyTorch: what they say, to people and in JSON."""

import json
import re
from typing import Any

import pytest

from isomorph.spec import architecture
from isomorph.tools import check, diagnose
from isomorph.tools.checkpoints import write_safetensors
from isomorph.tools.weights.told import ToldByStructure

from ..command import isomorph
from ..tensors import plain
from .ports import LENET, PORT, needs_pytorch, run_python, write

pytestmark = [needs_pytorch, pytest.mark.usefixtures("empty_folder")]

R20, MINE = "cifar/resnet20", "port.py:make_model"
LE, LENET_MODEL = "paddle/LeNet", "lenet.py:make"
FIRST = "block1/unit_1/basic_v1/conv1"

SHORT = f"""\
{R20} against {MINE}

FAIL  Another function: N apart at {FIRST}, the first
that differs.

epsilon: {FIRST} has epsilon 0.001, expected 1e-05, in 18
places (theirs: units.0.norms.0, ...)

With this change the two agree (N apart).
"""

LOUD = (
    PORT
    + """

class Loud(Net):
    def forward(self, x):
        print("words of a layer")
        return super().forward(x)


def loud(words="words of the factory"):
    print(words)
    return Loud().eval()
"""
)


@pytest.fixture(autouse=True)
def _files(empty_folder: None) -> None:
    write({"port.py": PORT, "lenet.py": LENET, "loud.py": LOUD})


def without_noise(text: str) -> str:
    """The same, with N for what depends on weights that were drawn."""
    return re.sub(r"[\d.e-]+ apart", "N apart", text)


def test_a_check_says_the_verdict_the_first_divergence_and_the_causes() -> None:
    done = isomorph("check", R20, "--against", MINE)
    assert (done.returncode, done.stderr) == (1, "")
    assert without_noise(done.stdout) == SHORT


def test_a_diagnosis_also_says_what_ran_and_where_each_cause_is() -> None:
    done = isomorph("diagnose", R20, MINE)
    assert (done.returncode, done.stderr) == (1, "")
    lines = without_noise(done.stdout).splitlines()
    assert all(line in lines for line in SHORT.splitlines())
    assert [line for line in lines if len(line) > 80] == []
    facts = dict(line.split(maxsplit=1) for line in lines[5:10])
    assert re.fullmatch(r"in  pytorch \S+, float64", facts.pop("runs"))
    layers = "20 of 20 matched"
    assert facts == {"input": "2x67x68x3", "images": "drawn, seed 0", "weights": "theirs", "layers": layers}
    table = lines[lines.index("cause    place                         theirs           proof") + 1 :]
    assert [line.split()[:3] for line in table[:2]] == [
        ["epsilon", FIRST, "units.0.norms.0"],
        ["epsilon", FIRST.replace("conv1", "conv2"), "units.0.norms.1"],
    ]
    assert table[4:] == ["         ... and 14 more"]


@pytest.mark.thorough  # a table without the last lines is tested above
def test_all_places_are_listed_on_demand() -> None:
    done = isomorph("diagnose", R20, MINE, "--places")
    assert len([line for line in done.stdout.splitlines() if line.startswith("epsilon  block")]) == 18


def test_what_the_model_prints_stays_out_of_the_report() -> None:
    done = isomorph("check", R20, "--against", "loud.py:loud", "--call", "words=print me", "--json", "-")
    assert (done.returncode, done.stderr) == (1, "")
    report = json.loads(done.stdout)["against"]
    assert (report["model"], report["agree"]) == ("loud.py:loud", False)


def test_json_is_the_diagnosis_and_a_check_has_it_under_its_own_key() -> None:
    first, second = (
        json.loads(isomorph(*command, "--json", "-").stdout)
        for command in (("diagnose", R20, MINE), ("check", R20, "--against", MINE))
    )
    (key, against), *others = second.items()
    assert (key, others) == ("against", [])
    assert against.keys() == first.keys()
    assert first["seconds"] > 0
    assert (first["subject"], first["model"], first["agree"]) == (R20, MINE, False)
    assert first["layers"] == {"matched": 20, "of": 20, "left_over": 0}
    assert (first["first_divergence"], first["agrees_with_causes"]) == (FIRST, True)
    (cause,) = first["causes"]
    assert cause.pop("proof") < 1e-12
    assert len(set(cause.pop("all_places"))) == 18
    assert cause == {
        "cause": "epsilon",
        "field": "batch_norm_epsilon",
        "value": 1e-3,
        "place": FIRST,
        "theirs": "units.0.norms.0",
        "places": 18,
        "says": "has epsilon 0.001, expected 1e-05",
    }


def test_each_step_is_said_once_with_its_seconds() -> None:
    done = isomorph("diagnose", LE, LENET_MODEL, "-v", "-q")
    assert done.returncode == 2
    done = isomorph("diagnose", LE, LENET_MODEL, "-v")
    steps = [line.split(" s  ")[1].split(maxsplit=1) for line in done.stderr.splitlines()]
    assert steps == [
        ["pytorch", "importing"],
        ["pytorch", f"opening {LENET_MODEL}"],
        ["pytorch", "tracing on 2x67x68x1"],
        ["oracle", "comparing"],
    ]


@pytest.mark.thorough  # all commands share -q
def test_a_quiet_one_says_nothing_but_its_status() -> None:
    done = isomorph("diagnose", R20, MINE, "-q")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def passes(report: Any) -> bool:
    return bool(report.agree and report.exit_status == 0 and not report.causes and report.matched == report.layers)


@pytest.mark.parametrize(
    "settings",
    [
        {"weights": "theirs"},
        {"weights": "drawn"},
        {"weights": "lenet.safetensors"},
        pytest.param({"weights": "lenet.safetensors", "size": (28, 28), "batch": 1}, marks=pytest.mark.thorough),
    ],
    ids=["its own weights", "weights drawn", "weights of a file", "weights of a file on one image"],
)
def test_a_model_that_is_right_passes_with(settings: dict[str, Any]) -> None:
    write_safetensors("lenet.safetensors", plain(architecture(LE)), {})
    report = diagnose(LE, LENET_MODEL, call={"last": True}, **settings)
    assert passes(report)
    assert (report.weights, report.input[1:]) == (settings["weights"], (28, 28, 1))
    assert report.before is not None
    assert report.before < 1e-12


def test_a_file_is_held_against_the_tensors_of_the_model() -> None:
    """Those of a model that was drawn otherwise are other values; with the file's put into it they are the same."""
    tensors = plain(architecture(LE))
    write_safetensors("lenet.safetensors", tensors, {})
    report = check("lenet.safetensors", against=LENET_MODEL)
    assert {cause.first.cause for cause in report.causes} == {"other values"}
    assert report.proved
    assert passes(check("lenet.safetensors", against=LENET_MODEL, weights="lenet.safetensors"))


@pytest.mark.thorough  # causes are tested without a framework
def test_a_kernel_that_is_flipped_in_a_file_is_named() -> None:
    tensors = plain(architecture(LE))
    write_safetensors("lenet.safetensors", tensors, {})
    write_safetensors("flipped.safetensors", tensors | {"block2/weights": tensors["block2/weights"][::-1]}, {})
    report = check("lenet.safetensors", against=LENET_MODEL, weights="flipped.safetensors")
    assert [finding.place for cause in report.causes for finding in cause.findings] == ["block2"]
    assert report.first_divergence
    assert report.first_divergence[0] == "block2"
    assert report.proved


@pytest.mark.thorough  # files' keys are tested with inspect, and weights of a file above
@pytest.mark.parametrize("settings", [{"subject": LE, "weights": "two.pth"}, {"subject": "two.pth", "arch": LE}])
def test_key_and_prefix_are_those_of_the_file_whether_it_is_the_subject_or_goes_into_the_model(
    settings: dict[str, Any],
) -> None:
    run_python(
        "import lenet, torch; tensors = lenet.make().state_dict();"
        "torch.save({'model': tensors, 'ema': {f'net.{name}': 2 * x for name, x in tensors.items()}}, 'two.pth')"
    )
    with pytest.warns(ToldByStructure, match="it holds paddle/LeNet"):
        report = check(against=LENET_MODEL, key="ema", prefix="net.", **settings)
    assert passes(report) == ("weights" in settings)
    assert report.proved is not False


def test_either_of_the_two_may_be_the_model() -> None:
    report = check(LENET_MODEL, against=LE)
    assert passes(report)
    assert (report.subject, report.model) == (LE, LENET_MODEL)


def test_two_models_are_compared_as_they_are() -> None:
    assert passes(check(LENET_MODEL, against=LENET_MODEL, call={"last": True}))


@pytest.mark.thorough  # a dropout is named without a framework, too; modes alone are refused elsewhere
def test_a_model_in_training_mode_is_compared_as_it_is_on_demand() -> None:
    code = "drops = lambda: torch.nn.Sequential(make(), torch.nn.Dropout(0.5))"
    write({"drops.py": f"import torch\nfrom lenet import make\n{code}\n"})
    done = isomorph("check", LE, "--against", "drops.py:drops")
    assert done.returncode == 2
    assert "drops.py:drops is in training mode, in its module '1'; have it ready for inference" in done.stderr
    report = check(LE, against="drops.py:drops", training=True)
    assert [(cause.first.cause, cause.first.place) for cause in report.causes] == [("extra dropout", "logits")]
    assert report.proved
