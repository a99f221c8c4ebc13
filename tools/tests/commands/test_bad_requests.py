"""Bad requests, through the real command: one sentence on stderr, status 2, no traceback, and no file left behind."""

from pathlib import Path

import pytest

from ..command import isomorph, refused

R20 = "cifar/resnet20"
MOBILE = "keras/MobileNet"
GOOGLENET = "tutorial/googlenet"
ORACLE = ("--backends", "oracle", "--batch", "1")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


REQUESTS = {
    "an unknown architecture": (
        ("check", "slim/resnet_v1_5"),
        "There is no architecture 'slim/resnet_v1_5', nor such a file; did you mean slim/resnet_v",
    ),
    "an unknown architecture to show": (("show", "resnet"), "There is no architecture 'resnet', nor such a file; "),
    "a name far from all": (
        ("check", "zzz"),
        "There is no architecture 'zzz', nor such a file; `isomorph list` shows all.",
    ),
    "an unknown backend": (
        ("check", R20, "--backends", "pytroch"),
        "There is no backend 'pytroch'; did you mean pytorch",
    ),
    "a comma too many": (("check", R20, "--backends", "oracle,"), "There is no backend ''; there are oracle, pytorch,"),
    "no interpreter": (
        ("check", R20, *ORACLE, "--python", "oracle=/absent"),
        "The interpreter /absent for oracle cannot be started: No",
    ),
    "an interpreter for another": (
        ("check", R20, *ORACLE, "--python", "paddle=/bin/true"),
        "An interpreter was given for paddle, which is not among",
    ),
    "an interpreter of no form": (("check", R20, "--python", "x"), "--python x is not of the form NAME=VALUE."),
    "an unreachable output stride": (
        ("check", R20, *ORACLE, "--output-stride", "3"),
        "The target output_stride cannot be reached: cifar/resnet20 can have 1, 2, 4, not 3.",
    ),
    "an output stride that the stem passes over": (
        ("show", "slim/resnet_v1_50", "--output-stride", "3"),
        "The output_stride needs to be a multiple of 4: slim/resnet_v1_50 can have 4, 8, 16, 32, not 3.",
    ),
    "no output stride": (
        ("show", R20, "--output-stride", "0"),
        "output_stride of cifar/resnet20 is 0, expected a positive",
    ),
    "an option of no form": (("show", R20, "-o", "x"), "--option x is not of the form NAME=VALUE."),
    "an option without a value": (("check", R20, "-o", "x="), "--option x= is not of the form NAME=VALUE."),
    "an unknown option": (
        ("show", R20, "-o", "width=1"),
        "No network has an option 'width'; did you mean ",
    ),
    "an option that is another one's": (
        ("check", R20, "-o", "batch=3"),
        "No network has an option 'batch'; did you mean batch_norm",
    ),
    "an option that is a word of the code": (
        ("show", R20, "-o", "progress=3"),
        "No network has an option 'progress'; did you mean preprocessing?",
    ),
    "an option twice": (
        ("show", MOBILE, "-o", "width_multiplier=1", "-o", "width_multiplier=0.5"),
        "--option names width_multiplier twice.",
    ),
    "an option in two ways": (
        ("show", R20, "--num-classes", "3", "-o", "num_classes=4"),
        "num_classes is given twice, with --option and with an option of its own.",
    ),
    "no width": (
        ("show", MOBILE, "-o", "width_multiplier=0"),
        "The width multiplier of keras/MobileNet is 0; expected a number above 0 and up to 64.",
    ),
    "a width below zero": (
        ("check", MOBILE, "-o", "width_multiplier=-1"),
        "The width multiplier of keras/MobileNet is -1; expected a number above 0 and up to 64.",
    ),
    "a width that is no number": (
        ("show", MOBILE, "-o", "width_multiplier=x"),
        "The width multiplier of keras/MobileNet is 'x'; expected a number above 0 and up to 64.",
    ),
    "a width of no channels": (
        ("show", MOBILE, "-o", "width_multiplier=0.001"),
        "A width multiplier of 0.001 is impossible for keras/MobileNet: Unit 1 of block1 is (0, 1); a separable unit",
    ),
    "a width beyond all memory": (
        ("run", MOBILE, "-o", "alpha=65", "--out", "y.npz"),
        "The width multiplier of keras/MobileNet is 65; expected a number above 0 and up to 64.",
    ),
    "a width of a network that has one alone": (
        ("compare", R20, MOBILE, "-o", "width_multiplier=0.5"),
        "cifar/resnet20 has no width multiplier; MobileNets have one.",
    ),
    "auxiliary heads that may be": (
        ("show", GOOGLENET, "-o", "aux_logits=maybe"),
        "aux_logits is 'maybe', expected true or false.",
    ),
    "an image too small for an auxiliary head": (
        ("show", GOOGLENET, "--input", "64x64"),
        "Images of 64x64 are too small for tutorial/googlenet: aux1 reads block4/unit_1/inception, and a map of size 4"
        " is too small for a 5x5 window of the layer aux1/pool; it can be left out: aux_logits=false; both sides need"
        " at least 223 pixels.",
    ),
    "an output stride of units without an atrous form": (
        ("show", GOOGLENET, "--output-stride", "16"),
        "The output_stride of tutorial/googlenet cannot be 16: max_pool units have no atrous form.",
    ),
    "an image too small": (
        ("check", R20, *ORACLE, "--input", "0x32"),
        "Images of 0x32 are too small for cifar/resnet20: A map of size 0 is",
    ),
    "a size that is none": (
        ("show", R20, "--input", "32x"),
        "--input 32x is not a size; expected height x width in pixels",
    ),
    "a side beyond all images": (
        ("check", R20, *ORACLE, "--input", "1000001x32"),
        "--input 1000001x32 has a side of 1,000,001 pixels; expected at most 1,000,000.",
    ),
    "images beyond all memory": (
        ("check", R20, *ORACLE, "--input", "20000x20000"),
        "cifar/resnet20 on 1 image of 20000x20000 takes 3,242.5 GiB of memory in the oracle, and there are ",
    ),
    "images beyond all memory to train on": (
        ("check", R20, "--training", "--backends", "oracle", "--input", "20000x20000"),
        "cifar/resnet20 on 2 images of 20000x20000 takes ",
    ),
    "images beyond all memory to run": (
        ("run", R20, "--backend", "oracle", "--input", "1000000x1000000", "--out", "y.npz"),
        "cifar/resnet20 on 2 images of 1000000x1000000 takes ",
    ),
    "images beyond all memory to measure": (
        ("bench", R20, "--backends", "oracle", "--input", "20000x20000", "--batch", "1"),
        "cifar/resnet20 on 2 images of 20000x20000 takes ",
    ),
    "a number of classes that is none": (
        ("show", R20, "--num-classes", "ten"),
        "--num-classes ten is neither a number",
    ),
    "more classes than are taken": (
        ("show", R20, "--num-classes", "1000000000"),
        "num_classes of cifar/resnet20 is 1000000000, expected a positive integer of at most 1,048,576 or none.",
    ),
    "classes of more digits than Python reads": (
        ("show", R20, "--num-classes", "9" * 5000),
        "--num-classes has a number of 5,000 digits; expected at most 18 of them.",
    ),
    "a size of more digits than Python reads": (
        ("show", R20, "--input", f"{'9' * 5000}x32"),
        "--input has a number of 5,000 digits; expected at most 18 of them.",
    ),
    "a batch of more digits than Python reads": (
        ("bench", R20, "--batch", f"1,{'9' * 5000}"),
        "--batch has a number of 5,000 digits; expected at most 18 of them.",
    ),
    "no classes": (
        ("show", R20, "--num-classes", "0"),
        "num_classes of cifar/resnet20 is 0, expected a positive integer or none.",
    ),
    "no images": (
        ("check", R20, "--backends", "oracle", "--batch", "0"),
        "A batch of 0 images was asked for; expected",
    ),
    "a negative seed": (
        ("check", R20, *ORACLE, "--seed", "-1"),
        "The seed -1 is out of range; expected 0 to 2^64 - 1.",
    ),
    "an unknown dtype": (("check", R20, *ORACLE, "--dtype", "int8"), "There is no dtype 'int8'; there are float32, fl"),
    "an unknown dtype to run": (
        ("run", R20, "--backend", "oracle", "--dtype", "int8", "--out", "y.npz"),
        "There is no dtype 'int8'; there are",
    ),
    "an unknown device": (("check", R20, *ORACLE, "--device", "tpu"), "There is no device 'tpu'; there are auto, cpu,"),
    "a GPU that is not there": (
        ("run", R20, "--backend", "oracle", "--device", "gpu", "--out", "y.npz"),
        "oracle sees no GPU here.",
    ),
    "no time": (("check", R20, *ORACLE, "--timeout", "0"), "The time limit is 0 s; expected more than 0 and at most"),
    "endless time": (("check", R20, *ORACLE, "--timeout", "inf"), "The time limit is inf s; expected more than 0 and"),
    "no memory": (("check", R20, *ORACLE, "--memory", "0"), "The memory limit is 0 bytes; expected at least one and"),
    "memory that is no number": (("check", R20, *ORACLE, "--memory", "nan"), "The memory limit is nan bytes; expected"),
    "a plant of no form": (("check", R20, *ORACLE, "--plant", "x"), "--plant x is not of the form NAME=VALUE."),
    "a plant of no field": (
        ("check", R20, *ORACLE, "--plant", "x=1"),
        "--plant x=1: the convention has no such field; it has bottleneck_st",
    ),
    "a plant of a misspelt field": (
        ("check", R20, *ORACLE, "--plant", "pool_fil=zero"),
        "--plant pool_fil=zero: the convention has no such field; did you mean pool_fill",
    ),
    "a plant of no number": (
        ("check", R20, *ORACLE, "--plant", "batch_norm_epsilon=x"),
        "--plant batch_norm_epsilon=x: expected a number that",
    ),
    "a plant that JSON cannot say": (
        ("check", R20, *ORACLE, "--plant", "batch_norm_epsilon=nan"),
        "--plant batch_norm_epsilon=nan: expected a number",
    ),
    "a plant beyond float32": (
        ("check", R20, *ORACLE, "--plant", "batch_norm_epsilon=1e99"),
        "--plant batch_norm_epsilon=1e99: expected a numb",
    ),
    "a plant that the field cannot be": (
        ("check", R20, *ORACLE, "--plant", "shortcut=detour"),
        "--plant shortcut=detour: expected projection or zero_channel",
    ),
    "an architecture twice": (
        ("check", R20, *ORACLE, "--arch", R20),
        "--arch goes with a checkpoint; cifar/resnet20 is an architecture already.",
    ),
    "a report in no folder": (
        ("check", R20, *ORACLE, "--json", "absent/x.json"),
        "absent/x.json cannot be written: there is no folder absent; make it, or name another.",
    ),
    "a table's report in no folder": (
        ("show", R20, "--json", "absent/x.json"),
        "absent/x.json cannot be written: there is no folder absent; make it, or name another.",
    ),
    "a report where the system takes none": (
        ("check", R20, *ORACLE, "--json", "/proc/a.json"),
        "/proc/a.json cannot be written: the folder /proc takes no new files (No such file",
    ),
    "a table's report where the system takes none": (
        ("show", R20, "--json", "/proc/a.json"),
        "/proc/a.json cannot be written: the folder /proc takes no new files (No such file",
    ),
    "end points where the system takes none": (
        ("run", R20, "--backend", "oracle", "--out", "/proc/y.npz"),
        "/proc/y.npz cannot be written: the folder /proc takes no new files (No such file",
    ),
    "plots where the system takes none": (
        ("bench", R20, "--backends", "oracle", "--plots", "/proc/plots"),
        "/proc/plots cannot be written: the folder /proc takes no new files (No such file",
    ),
    "JUnit where the system takes none": (
        ("conformance", "run", "--backends", "oracle", "--junit", "/proc/a.xml"),
        "/proc/a.xml cannot be written: the folder /proc takes no new files (No such file",
    ),
    "plots in a folder that takes none": (
        ("bench", R20, "--backends", "oracle", "--plots", "/proc"),
        "/proc cannot be written: the folder /proc takes no new files (No such file",
    ),
    "a conversion where the system takes none": (
        ("convert", "absent.pth", "/proc/a.pth"),
        "/proc/a.pth cannot be written: the folder /proc takes no new files (No such file",
    ),
    "a report without a name": (
        ("show", R20, "--json", ""),
        "The name of what is to be written is empty; give it one.",
    ),
    "end points without a name": (
        ("run", R20, "--backend", "oracle", "--out", ""),
        "The name of what is to be written is empty; give it one.",
    ),
    "plots without a name": (
        ("bench", R20, "--backends", "oracle", "--plots", ""),
        "The name of what is to be written is empty; give it one.",
    ),
    "JUnit without a name": (
        ("conformance", "run", "--backends", "oracle", "--junit", ""),
        "The name of what is to be written is empty; give it one.",
    ),
    "a conversion without a name": (
        ("convert", "absent.pth", "", "--format", "pytorch"),
        "The name of what is to be written is empty; give it one.",
    ),
    "a folder as reference": (
        ("check", R20, "--reference", "."),
        ".: is a folder, a file was expected: name the recorded .npz file in it.",
    ),
    "a report in a device's place": (
        ("show", R20, "--json", "/dev/null"),
        "/dev/null cannot be written: it is no ordinary file, which a new one could replace.",
    ),
    "end points in a folder's place": (
        ("run", R20, "--backend", "oracle", "--out", ".."),
        ".. cannot be written: it is a folder; name a file in it.",
    ),
}


@pytest.mark.parametrize(("arguments", "sentence"), REQUESTS.values(), ids=REQUESTS)
def test_a_request_is_refused_for(tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    assert refused(*arguments).startswith(sentence)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("check", R20, "--backends", "oracle,keras:jax"), id="to check"),
        pytest.param(("run", R20, "--backend", "keras:jax", "--out", "y.npz"), id="to run"),
    ],
)
def test_a_backend_is_refused_that_is_not_installed(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, arguments: tuple[str, ...]
) -> None:
    """JAX may be here: the command's own process is told that it is not."""
    site = tmp_path_factory.mktemp("site")
    (site / "sitecustomize.py").write_text('import sys\n\nsys.modules["jax"] = None\n')
    sentence = refused(*arguments, PYTHONPATH=str(site))
    assert sentence.startswith("The backend keras:jax is not available: jax is not installed; `pip install ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("zzz",), "No such command 'zzz'; there are list, show, ", id="command"),
        pytest.param(("shw",), "No such command 'shw'; did you mean show?", id="a misspelt command"),
        pytest.param(("check", R20, "--nonsense"), "No such option '--nonsense'; ", id="option"),
        pytest.param(
            ("show", R20, "--inpt", "3"), "No such option '--inpt'; did you mean --input", id="a misspelt option"
        ),
        pytest.param(("check",), "Missing argument 'ARCH|FILE'", id="argument that is missing"),
        pytest.param(("run", R20), "Missing option '--out'", id="option that is missing"),
        pytest.param(("check", R20, "--batch", "x"), "Invalid value for '--batch'", id="number that is none"),
    ],
)
def test_usage_is_shown_for_an_unknown(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = isomorph(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: isomorph ")
    assert done.stderr.splitlines()[-1].startswith(f"Error: {said}")
    assert list(tmp_path.iterdir()) == []
