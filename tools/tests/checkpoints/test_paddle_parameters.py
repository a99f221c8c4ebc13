"""Paddle's parameters beside a program, as Paddle writes them, and such as are damaged or of another program."""

import json
import pickle
import re
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints import read_checkpoint
from isomorph.tools.checkpoints.protobuf import message

from ..measured import MEGABYTE, measured
from ..written import described, run_framework

WRITE = """
import json, os, sys
import numpy as np
import paddle

folder, old = sys.argv[1] + "/", sys.argv[2] == "old"
layers = [paddle.nn.Conv2D(3, 4, 3), paddle.nn.BatchNorm2D(4), paddle.nn.Flatten(), paddle.nn.Linear(16, 2)]
network = paddle.nn.Sequential(*layers)
network.eval()
paddle.jit.save(network, folder + "net", input_spec=[paddle.static.InputSpec([None, 3, 4, 4])])

def described(array):
    return [array.dtype.name, list(array.shape), array.tobytes().hex()]

state = network.state_dict()
result = {"net": {name if old else value.name: described(value.numpy()) for name, value in state.items()}}
if not old:
    names = ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "complex64", "complex128")
    values = {name: np.arange(-3, 3).reshape(2, 3).astype(name) for name in names}
    values |= {"bool": np.array([True, False]), "scalar": np.float32(3.5), "empty": np.zeros((0, 2), np.float32)}
    values = dict(sorted(values.items()))
    tensors = {name: paddle.to_tensor(value) for name, value in values.items()}
    tensors["zz bfloat16"] = tensors["float32"].astype("bfloat16")
    paddle.base.core.save_combine_func([tensor.get_tensor() for tensor in tensors.values()], [*tensors],
                                       folder + "every.pdiparams", True, False, False)
    operations = [{"#": "p", "A": [0, 1, 1, name], "O": {"TT": {"#": "0.t_dtensor", "D": [{}, tensor.shape]}}}
                  for name, tensor in tensors.items()]
    program = {"base_code": {"magic": "pir"}, "program": {"regions": [{"blocks": [{"ops": operations}]}]}}
    open(folder + "every.json", "w").write(json.dumps(program))
    result["every"] = {name: described(np.asarray(value)) for name, value in values.items()}
    halves = tensors["zz bfloat16"].numpy()
    result["every"]["zz bfloat16"] = ["bfloat16", list(halves.shape), halves.tobytes().hex()]
print(json.dumps(result))
"""

Written = Mapping[str, Mapping[str, list[object]]]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind: tmp_path_factory.mktemp(kind) for kind in ("new", "old")}


@pytest.fixture(scope="module")
def written(folders: dict[str, Path]) -> dict[str, Written]:
    """What Paddle wrote, by its newer and its older programs: file -> name -> description."""
    with pytest.MonkeyPatch.context() as patch:
        new = run_framework("paddle", WRITE, folders["new"], "new")
        patch.setenv("FLAGS_enable_pir_api", "0")
        return {"new": new, "old": run_framework("paddle", WRITE, folders["old"], "old")}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        pytest.param("new", "net", id="under the names in a program that is JSON"),
        pytest.param("old", "net", id="under the layers' names, which older programs have beside them"),
        pytest.param("new", "every", id="of every dtype"),
    ],
)
def test_parameters_come_back_bit_for_bit(
    folders: dict[str, Path], written: dict[str, Written], kind: str, name: str
) -> None:
    checkpoint = read_checkpoint(folders[kind] / f"{name}.pdiparams")
    assert checkpoint.format == "Paddle inference parameters"
    assert described(checkpoint.tensors) == written[kind][name]
    assert not any(tensor.flags.writeable for tensor in checkpoint.tensors.values())


def test_an_older_program_alone_has_paddles_own_names(
    folders: dict[str, Path], written: dict[str, Written], tmp_path: Path
) -> None:
    for suffix in (".pdiparams", ".pdmodel"):
        (tmp_path / f"net{suffix}").write_bytes((folders["old"] / f"net{suffix}").read_bytes())
    assert written
    names = list(read_checkpoint(tmp_path / "net.pdiparams").tensors)
    assert names == sorted(names)
    assert names[0] == "batch_norm2d_0.b_0"


# Built by hand.

DATA = np.arange(4, dtype="<f4").tobytes()
Parameter = tuple[str, Sequence[object]]


def tensor(description: bytes, values: bytes = DATA, versions: tuple[int, int] = (0, 0), levels: int = 0) -> bytes:
    return struct.pack("<IQIi", versions[0], levels, versions[1], len(description)) + description + values


def of(*sizes: int, dtype: int = 5) -> bytes:
    """A `TensorDesc`; a dtype of 0 and sizes of 0 are written, too."""
    return b"\x08" + bytes([dtype]) + b"".join(message((2, size)) or b"\x10\0" for size in sizes)


def operation(name: object, shape: object) -> dict[str, object]:
    return {"#": "p", "A": [0, 1, 1, name], "O": {"TT": {"#": "0.t_dtensor", "D": [{"#": "0.t_f32"}, shape]}}}


def program(*operations: object) -> bytes:
    return json.dumps(
        {"base_code": {"magic": "pir"}, "program": {"regions": [{"blocks": [{"ops": list(operations)}]}]}}
    ).encode()


W = operation("w", [4])
SOUND = tensor(of(4))


def refusal(folder: Path, parameters: bytes, beside: bytes | None, suffix: str = ".json") -> str:
    (folder / "net.pdiparams").write_bytes(parameters)
    if beside is not None:
        (folder / f"net{suffix}").write_bytes(beside)
    with pytest.raises(BadInput) as caught:
        read_checkpoint(folder / "net.pdiparams")
    sentence = str(caught.value)
    assert sentence.startswith(f"{folder / 'net'}.")
    assert sentence.isprintable()
    assert len(sentence) < 600
    return sentence


WRONG = {
    "no program": (SOUND, None, r"whose names are in the net\.json or net\.pdmodel that Paddle saved beside it"),
    "more tensors than names": (SOUND * 2, program(W), "it holds 2 tensors, but the program net.json beside it has 1"),
    "fewer tensors than names": (SOUND, program(W, operation("v", [4])), "it holds 1 tensor, but the program"),
    "another shape": (SOUND, program(operation("w", [2, 2])), r"of shape \(4\) at byte 24 is to be 'w', which has the"),
    "a name twice": (SOUND * 2, program(W, W), "it has two parameters called 'w'"),
    "a name of control characters": (SOUND, program(operation("\x1b[2J", [4])), "a parameter called '.x1b"),
    "a name that is none": (SOUND, program(operation(3, [4])), "a parameter is described in an unknown way"),
    "a shape that is none": (SOUND, program(operation("w", 4)), "its parameter 'w' has 4 for a shape"),
    "a shape of too many axes": (SOUND, program(operation("w", [1] * 17)), "its parameter 'w' has a list for a shape"),
    "JSON of another kind": (SOUND, b"[]", "it has not one block of operations"),
    "JSON without an end": (SOUND, b'{"base', "its program cannot be read"),
    "deep JSON": (SOUND, b"[" * 500_000, "its program cannot be read"),
    "megabytes of JSON": (SOUND, b" " * (2 << 20), "far more than layers do"),
    "a later version": (tensor(of(4)) + tensor(of(4), versions=(1, 0)), program(W), "it is of version 1, 0 was"),
    "levels of detail": (tensor(of(4)) + tensor(of(4), levels=2), program(W), "it has 2 levels of detail, none"),
    "a dtype that is none": (tensor(of(4, dtype=7)), program(W), "its description has the field 1 with 7, unknown"),
    "no dtype": (tensor(of(4)) + tensor(b"\x10\4"), program(W), "its description has no dtype"),
    "two dtypes": (tensor(of(4) + b"\x08\5"), program(W), "the field 1 with 5, unknown here"),
    "a negative size": (tensor(of(-1)), program(W), "the field 2 with 18446744073709551615"),
    "too many axes": (tensor(of(*[1] * 17)), program(W), "the field 2 with 1, unknown here"),
    "a huge shape": (tensor(of(1 << 40, 1 << 40)), program(W), "its last tensor ends at byte an integer of 83 bits"),
    "fewer values than its shape": (tensor(of(5)), program(W), "its last tensor ends at byte 44, but it has 40 bytes"),
    "an end in the middle": (SOUND + bytes(7), program(W), "its tensor at byte 40 cannot be read: it ends in the mid"),
    "a description of a megabyte": (
        SOUND + struct.pack("<IQIi", 0, 0, 0, 1 << 20) + bytes(1 << 20), program(W), "has 1,048,576 bytes"
    ),
    "booleans of two": (tensor(of(1, dtype=0), b"\2"), program(operation("w", [1])), "holds bytes other than 0 and 1"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_parameters_are_refused_for(tmp_path: Path, name: str) -> None:
    parameters, beside, sentence = WRONG[name]
    found = refusal(tmp_path, parameters, beside)
    assert re.search(sentence, found), found


@pytest.mark.parametrize(
    ("beside", "sentence"),
    [
        pytest.param(b"\xff" * 11, "it is no program of Paddle's that can be read: a number has no end", id="noise"),
        pytest.param(b"", "the file is empty, a program of Paddle's was expected", id="an empty file"),
        pytest.param(message((1, b"")), "beside it has 0 parameters", id="no variables"),
    ],
)
def test_an_older_program_is_refused_for(tmp_path: Path, beside: bytes, sentence: str) -> None:
    assert sentence in refusal(tmp_path, SOUND, beside, ".pdmodel")


def test_the_names_beside_an_older_program_run_nothing(tmp_path: Path) -> None:
    variable = message((1, b"w"), (2, message((1, 7), (3, message((1, of(4)))))), (3, 1))
    (tmp_path / "net.pdiparams.info").write_bytes(pickle.dumps(print, 2))
    assert "would run __builtin__.print" in refusal(tmp_path, SOUND, message((1, message((3, variable)))), ".pdmodel")


def test_parameters_that_are_cut_anywhere_are_refused(tmp_path: Path) -> None:
    for length in range(1, len(SOUND)):
        refusal(tmp_path, SOUND[:length], program(W))


BOMBS = {
    "tensors of nothing": (tensor(of(0), b"") * 500_000, program(W)),
    "variables": (SOUND, message((1, b"\x1a\0" * (8 * MEGABYTE)))),
    "blocks": (SOUND, b"\n\0" * (8 * MEGABYTE)),
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc, which tells what the process used")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_does_not_go_off(tmp_path: Path, name: str) -> None:
    parameters, beside = BOMBS[name]
    (tmp_path / "net.pdiparams").write_bytes(parameters)
    (tmp_path / ("net.json" if beside.startswith(b"{") else "net.pdmodel")).write_bytes(beside)
    outcome, memory, seconds = measured(tmp_path / "net.pdiparams")
    assert outcome == "refused"
    assert memory <= len(parameters) + len(beside) + 64 * MEGABYTE
    assert seconds < 20
