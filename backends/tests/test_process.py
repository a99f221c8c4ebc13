"""A backend in a process of its own: whatever it does costs its own result, and says why."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from isomorph.backends import Unavailable, load_backend
from isomorph.backends.process import BackendEnded, BackendFailed, BackendProcess, RemoteNetwork
from isomorph.spec import Architecture, BadInput

Install = Callable[[str], str]

IMAGES = np.zeros((1, 5, 5, 3))


@pytest.fixture(scope="module")
def oracle() -> Iterator[BackendProcess]:
    with BackendProcess("oracle", timeout=60) as process:
        yield process


@pytest.fixture(scope="module")
def network(oracle: BackendProcess, tiny: Architecture) -> RemoteNetwork:
    return oracle.build(tiny, dtype="float64")


def reach(process: BackendProcess, tiny: Architecture, when: str, timeout: float = 60) -> None:
    """Do what makes a backend misbehave, and give that alone `timeout` seconds."""
    if when == "import":
        process.timeout = timeout
    process.describe()
    if when == "build":
        process.timeout = timeout
    network = process.build(tiny)
    process.timeout = timeout
    network.end_points(IMAGES)


# how, what is raised, a regular expression of the whole message
FAILURES = {
    "is aborted": (
        "abort",
        BackendEnded,
        r"{}, the process was ended by SIGABRT: .*the last words of a C\+\+ library.*",
    ),
    "exits": ("leave", BackendEnded, r"{}, the process exited with status 1: cannot go on"),
    "exits without a word": ("leave at once", BackendEnded, r"{}, the process exited with status 7"),
    "raises what does not unpickle": (
        "raise Unpicklable",
        BackendFailed,
        r"{} failed: Unpicklable: a kernel of 3 lines in café",
    ),
    "raises BadInput": ("raise BadInput", BadInput, r"The images are upside down\."),
    "raises Unavailable": ("raise Unavailable", Unavailable, r"It has no float8\."),
    "runs out of memory": ("allocate", BackendFailed, r"{} failed: ran out of memory \(.*6\.00 GiB.*\)"),
    "raises MemoryError": ("raise MemoryError", BackendFailed, r"{} failed: ran out of memory"),
    "says too much": ("say much", BackendFailed, r"(?=.{{400,700}}$){} failed: RuntimeError: begins x+ \.\.\. x+ ends"),
}


@pytest.mark.parametrize("when", ["import", "build", "end_points"])
@pytest.mark.parametrize(("way", "error", "message"), FAILURES.values(), ids=FAILURES)
def test_a_backend_that(
    way: str, error: type[Exception], message: str, when: str, tiny: Architecture, install: Install
) -> None:
    doing = "starting" if when == "import" else when
    with BackendProcess(install(f"misbehaving:{way}@{when}"), memory=4 * 2**30, timeout=60) as process:
        with pytest.raises(error, match=f"^{message.format(doing)}$") as caught:
            reach(process, tiny, when)
        assert type(caught.value) is error
        assert process.is_spent == (error is BackendEnded and when != "import")


LIMITED = """
import resource
from isomorph.backends.process import BackendProcess

resource.setrlimit(resource.RLIMIT_DATA, (2**32, 2**32))
with BackendProcess("oracle", memory={memory}, timeout=60) as process:
    process.describe()
    print(*resource.prlimit(process.pid, resource.RLIMIT_DATA))
"""


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of other processes are told by Linux alone")
@pytest.mark.parametrize(
    ("memory", "limit"), [(2**31, 2**31), (2**40, 2**32)], ids=["is set below it", "leaves it where it is"]
)
def test_under_a_limit_of_its_owner_a_process_limit(memory: int, limit: int) -> None:
    """`ulimit -d 4194304`; nobody but root could go beyond."""
    found = subprocess.run(
        [sys.executable, "-c", LIMITED.format(memory=memory)], check=True, capture_output=True, text=True
    )
    assert found.stdout.split() == [str(limit)] * 2


@pytest.mark.parametrize("when", ["import", "build", "end_points"])
def test_a_backend_that_hangs_is_stopped(when: str, tiny: Architecture, install: Install) -> None:
    doing = "starting" if when == "import" else when
    with BackendProcess(install(f"misbehaving:hang@{when}"), timeout=60) as process:
        with pytest.raises(BackendEnded, match=rf"^{doing} took longer than 0\.25 s and was stopped"):
            reach(process, tiny, when, timeout=0.25)
        assert process.is_spent == (when != "import")
        assert process._process.wait(timeout=10) == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(process._process.pid, 0)


def test_a_start_that_failed_keeps_its_reason(tiny: Architecture, install: Install) -> None:
    with BackendProcess(install("misbehaving:raise Unavailable@import"), timeout=10) as process:
        for call in (process.describe, process.describe, lambda: process.build(tiny)):
            with pytest.raises(Unavailable, match=r"^It has no float8\.$"):
                call()


def test_a_call_after_a_crash_says_how_it_ended(tiny: Architecture, install: Install) -> None:
    with BackendProcess(install("misbehaving:leave@end_points"), timeout=60) as process:
        network = process.build(tiny)
        for doing, call in (
            ("end_points", lambda: network.end_points(IMAGES)),
            ("tensors", network.tensors),
            ("build", lambda: process.build(tiny)),
        ):
            with pytest.raises(BackendFailed, match=rf"^{doing}, the process exited with status 1: cannot go on$"):
                call()


def test_an_error_leaves_the_process_and_its_networks_alive(tiny: Architecture, install: Install) -> None:
    with BackendProcess(install("misbehaving:raise Unpicklable@end_points"), timeout=60) as process:
        network = process.build(tiny)
        with pytest.raises(BackendFailed):
            network.end_points(IMAGES)
        assert network.tensors().keys() == process.build(tiny).tensors().keys()


def test_what_a_backend_prints_disturbs_nothing(
    tiny: Architecture, install: Install, capfd: pytest.CaptureFixture[str]
) -> None:
    with BackendProcess(install("misbehaving:chatter@end_points"), timeout=60) as process:
        assert "logits" in process.build(tiny).end_points(IMAGES)
    assert capfd.readouterr() == ("", "")


def test_a_discarded_network_is_gone(oracle: BackendProcess, tiny: Architecture) -> None:
    network = oracle.build(tiny)
    network.discard()
    with pytest.raises(BackendFailed, match=r"^tensors failed: KeyError"):
        network.tensors()


def test_a_backend_nobody_offers() -> None:
    with BackendProcess("pytorhc") as process, pytest.raises(BadInput, match="did you mean pytorch"):
        process.describe()


def test_an_interpreter_that_does_not_exist(tmp_path: Path) -> None:
    absent = str(tmp_path / "python")
    with pytest.raises(BadInput) as caught:
        BackendProcess("oracle", python=absent)
    assert str(caught.value) == (f"The interpreter {absent} for oracle cannot be started: No such file or directory.")


def test_an_interpreter_without_isomorph(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    python.chmod(0o755)
    message = r"^starting, the process exited with status 1: .*No module named"
    with BackendProcess("oracle", python=str(python)) as process, pytest.raises(BackendFailed, match=message):
        process.describe()


def test_the_childs_path_is_its_own(offer: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that only this process can see is not the child's; nor is what lies in the current folder."""
    monkeypatch.syspath_prepend(offer("misbehaving"))
    with BackendProcess("misbehaving") as process, pytest.raises(BadInput, match="no backend 'misbehaving'"):
        process.describe()


def test_a_torch_in_the_current_folder_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("raise SystemExit('this is not PyTorch')")
    monkeypatch.chdir(tmp_path)
    with BackendProcess("pytorch", timeout=120) as process:
        assert process.describe()["version"] != ""


INTERRUPT = """
import os, signal
from isomorph.backends.process import BackendProcess

signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background inherits none
with BackendProcess("oracle", timeout=60) as process:
    first = process.describe()
    try:
        os.killpg(0, signal.SIGINT)
        signal.pause()
    except KeyboardInterrupt:
        pass
    assert process.call("describe") == first
"""


def test_an_interrupt_from_the_keyboard_is_the_parents() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPT],
        start_new_session=True,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_it_ends_when_the_parents_end_is_closed() -> None:
    with BackendProcess("oracle", timeout=60) as process, BackendProcess("oracle", timeout=60) as later:
        process.describe()
        later.describe()
        process._connection.close()  # `later` must not hold a copy of it
        assert process._process.wait(timeout=10) == 0
        assert later.call("describe") == later.describe()


def test_close_removes_the_process_and_its_files(tiny: Architecture) -> None:
    process = BackendProcess("oracle", timeout=60)
    folder = process.folder.path
    process.build(tiny).end_points(IMAGES)
    assert folder.is_dir()
    process.close()
    process.close()
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(process._process.pid, 0)


def test_results_outlive_the_process_and_its_files(tiny: Architecture) -> None:
    with BackendProcess("oracle", timeout=60) as process:
        network = process.build(tiny)
        before = set(process.folder.path.iterdir())
        tensors = network.tensors()
        assert set(process.folder.path.iterdir()) == before, "the file of a fetched result is left behind"
    assert all(np.isfinite(tensor).all() for tensor in tensors.values())


def test_a_network_in_a_process_is_the_same_as_one_here(network: RemoteNetwork, tiny: Architecture) -> None:
    random = np.random.default_rng(0)
    here = load_backend("oracle").build(tiny, dtype="float64")
    tensors = {name: random.uniform(0.5, 1, value.shape) for name, value in here.tensors().items()}
    images = random.normal(size=(2, 6, 5, 3)).transpose(0, 2, 1, 3)  # not contiguous
    assert network.load(tensors) == ([], [])
    here.load(tensors)
    for found, expected in (
        (network.tensors(), here.tensors()),
        (network.end_points(images), here.end_points(images)),
        (network.part("stem", images), here.part("stem", images)),
    ):
        assert list(found) == list(expected)
        assert [name for name in expected if not np.array_equal(found[name], expected[name])] == []


def test_a_network_is_compared_with_tensors_in_its_own_dtype(oracle: BackendProcess, tiny: Architecture) -> None:
    network = oracle.build(tiny, dtype="float32")
    shapes = {name: value.shape for name, value in network.tensors().items()}
    tensors = {name: np.full(shape, 1 / 3) for name, shape in shapes.items()}
    network.load(tensors)
    assert network.compare(tensors) == (shapes, [])
    other = tensors | {"conv1/weights": np.full(shapes["conv1/weights"], 0.25)}
    other.pop("logits/biases")
    assert network.compare(other) == (shapes, ["conv1/weights"])


def test_what_is_shared_once_serves_several_networks(oracle: BackendProcess, tiny: Architecture) -> None:
    first, second = oracle.build(tiny, dtype="float32"), oracle.build(tiny, dtype="float64")
    tensors = {name: np.ones_like(value) for name, value in first.tensors().items()}
    shared, images = oracle.share(tensors), oracle.share({"images": np.ones((1, 5, 5, 3))})
    assert (first.load(shared), second.load(shared)) == (([], []), ([], []))
    assert np.allclose(first.end_points(images)["logits"], second.end_points(images)["logits"], rtol=1e-6)


def test_a_function_is_applied_to_a_network_in_its_process(tiny: Architecture, install: Install) -> None:
    with BackendProcess(install("misbehaving"), timeout=60) as process:
        network, other = process.build(tiny), process.build(tiny)
        network.load(tensors := {name: np.ones_like(value) for name, value in network.tensors().items()})
        network.apply("misbehaving:fill", name="logits/biases", value=2.5)
        assert network.tensors()["logits/biases"].tolist() == [2.5] * 4
        assert (network.tensors()["logits/weights"] == tensors["logits/weights"]).all()
        assert other.tensors()["logits/biases"].tolist() == [0] * 4
        with pytest.raises(BackendFailed, match=r"^apply failed: ModuleNotFoundError: No module named 'absent'"):
            network.apply("absent:fill")


def test_bad_input_crosses_as_itself(network: RemoteNetwork) -> None:
    with pytest.raises(BadInput, match=r"^The images are 0x5x5x3; slim/tiny expects \[batch, height, width, 3\]"):
        network.end_points(np.zeros((0, 5, 5, 3)))
    with pytest.raises(BadInput, match="; 27 tensors missing: - block1"):
        network.load({})


def test_a_partial_load_says_what_is_missing(network: RemoteNetwork) -> None:
    missing, unexpected = network.load({"logits/biases": np.ones(4), "other": np.ones(1)}, partial=True)
    assert "conv1/weights" in missing
    assert "logits/biases" not in missing
    assert unexpected == ["other"]
