"""PyTorch's files read as PyTorch reads them, and the published ones of CIFAR."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from isomorph.tools.checkpoints import read_checkpoint, sha256
from isomorph.tools.checkpoints.pickles.state_dicts import PREFIXES

DTYPES = "float64 float32 float16 bfloat16 complex128 complex64 int64 int32 int16 int8 uint64 uint32 uint16 uint8 bool"

# What PyTorch itself reads from the same files. It runs in a process of its own: pytest's never imports a framework.

SAVED_BY_TORCH = """
import io, json, pickle, struct, sys, tarfile
from argparse import Namespace
from collections import OrderedDict
from pathlib import Path
import numpy as np
import torch

folder = Path(sys.argv[1])
torch.manual_seed(0)


def some(name):
    dtype = getattr(torch, name)
    if dtype.is_floating_point or dtype.is_complex:
        return torch.randn(2, 3, 4, dtype=torch.complex128 if dtype.is_complex else torch.float64).to(dtype)
    return torch.randint(0, 2 if name == "bool" else 100, (2, 3, 4)).to(dtype)


base = torch.randn(5, 6, 7)
network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
network(torch.randn(2, 3, 5, 5)).sum().backward()
sgd = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
sgd.step()
adam = torch.optim.AdamW(network.parameters())
adam.step()
schedule = torch.optim.lr_scheduler.StepLR(adam, 3)
state = network.state_dict()

training = {
    "epoch": 3, "arch": "resnet", "best": torch.tensor(3.0), "loss": np.float64(0.5), "history": [1.5, None, (True,)],
    "state_dict": state, "optimizer": sgd.state_dict(), "adam": adam.state_dict(), "schedule": schedule.state_dict(),
    "args": Namespace(lr=0.1, out=Path("a/b"), sizes={1, 2}), "rng": torch.get_rng_state(), "array": np.zeros(3),
    "device": torch.device("cpu"), "size": torch.Size([1]), "dtype": torch.float32, "big": 2**80, "model_ema": None,
}
saved = {
    "dtypes": {name: some(name) for name in sys.argv[2].split()},
    "strides": {
        "transposed": base.permute(2, 0, 1), "every other": base[::2, 1:, ::3], "whole": base, "row": base[2, 3],
        "one element": base[1:2, 1:2, 1:2],
        "channels last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
    },
    "sizes": {"scalar": torch.tensor(1.5), "empty": torch.zeros(0, 3), "empty view": base[5:, :, 0]},
    "tied": {"a": base, "b": base, "parameter": torch.nn.Parameter(base)},
    "nested": training,
    "parallel": OrderedDict(("module." + name, tensor) for name, tensor in state.items()),
    "compiled": {"model": {"module._orig_mod." + name: tensor for name, tensor in state.items()}},
    "unicode": {"h\\u00e9 \\U0001f600/x.y": base},
}
ways = {
    "zip": {}, "stream": {"_use_new_zipfile_serialization": False}, "zip4": {"pickle_protocol": 4},
    "stream4": {"_use_new_zipfile_serialization": False, "pickle_protocol": 4},
}


def described(tensor):
    tensor = tensor.detach().contiguous()
    raw = tensor.reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
    return [str(tensor.dtype).removeprefix("torch."), list(tensor.shape), raw.hex()]


def network_of(value):
    return {name: described(tensor) for name, tensor in value.items() if isinstance(tensor, torch.Tensor)}


expected = {}
for name, value in saved.items():
    for way, options in ways.items():
        path = folder / f"{name}-{way}.pth"
        if name == "dtypes" and way.startswith("stream"):  # PyTorch saves these in streams, but cannot read them back
            value = {name: tensor for name, tensor in value.items() if name not in ("uint16", "uint32", "uint64")}
        torch.save(value, path, **options)
        back = torch.load(path, weights_only=False)
        expected[path.name] = network_of(back.get("state_dict", back.get("model", back)))

# The oldest form, as PyTorch 0.1.9 wrote it, which no living PyTorch writes but all of them read.
whole, view = torch.arange(12.0), torch.arange(4)
parts = {
    "sys_info": pickle.dumps({"protocol_version": 1000, "little_endian": True, "type_sizes": {"int": 4}}, 2),
    "pickle": b"\\x80\\x02}(" + b"".join(
        b"X" + struct.pack("<I", len(n)) + n.encode() + b"X\\x01\\0\\0\\0" + key + b"Q"
        for n, key in (("w", b"3"), ("b", b"4"), ("n", b"5"))
    ) + b"u.",
    "storages": pickle.dumps(2, 2)
    + pickle.dumps((1, "cpu", torch.FloatStorage), 2) + struct.pack("<q", 12) + whole.numpy().tobytes()
    + pickle.dumps((2, "cpu", torch.LongStorage), 2) + struct.pack("<q", 4) + view.numpy().tobytes()
    + pickle.dumps([(9, 1, 6, 4)], 2),
    "tensors": pickle.dumps(3, 2) + b"".join(
        b"\\x80\\x02K" + bytes([key]) + b"K" + bytes([storage]) + b"ctorch\\n" + kind + b"\\n\\x87."
        + struct.pack(f"<ii{2 * len(size) + 1}q", len(size), 0, *size, *stride, offset)
        for key, storage, kind, size, stride, offset in (
            (3, 1, b"FloatTensor", (2, 3), (1, 4), 1),
            (4, 9, b"FloatTensor", (2,), (2,), 0),
            (5, 2, b"LongTensor", (2, 2), (2, 1), 0),
        )
    ),
}
with tarfile.open(folder / "oldest.pth", "w:", format=tarfile.PAX_FORMAT) as tar:
    for name, data in parts.items():
        member = tarfile.TarInfo(name)
        member.size, member.mtime = len(data), 1500000000.25  # a fraction, so that an extended header is written
        tar.addfile(member, io.BytesIO(data))
expected["oldest.pth"] = network_of(torch.load(folder / "oldest.pth", weights_only=False))
(folder / "expected.json").write_text(json.dumps(expected))
"""

SAVED = (
    *(
        f"{name}-{way}"
        for name in ("dtypes", "strides", "sizes", "tied", "nested", "parallel", "compiled", "unicode")
        for way in ("zip", "stream", "zip4", "stream4")
    ),
    "oldest",
)


@pytest.fixture(scope="session")
def saved_by_torch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("torch") is None:
        pytest.skip("needs PyTorch, which writes and reads the files that are compared")
    folder = tmp_path_factory.mktemp("saved-by-torch")
    command = [sys.executable, "-W", "ignore", "-c", SAVED_BY_TORCH, str(folder), DTYPES]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("name", SAVED)
def test_a_file_of_pytorchs_reads_as_pytorch_reads_it(saved_by_torch: Path, name: str) -> None:
    expected = json.loads((saved_by_torch / "expected.json").read_text())[f"{name}.pth"]
    checkpoint = read_checkpoint(saved_by_torch / f"{name}.pth")
    prefix = "".join(part for part in checkpoint.unwrapped if part in PREFIXES)
    found = {
        prefix + name: [tensor.dtype.name, list(tensor.shape), tensor.tobytes().hex()]
        for name, tensor in checkpoint.tensors.items()
    }
    assert list(found) == list(expected)
    assert found == expected
    assert not any(tensor.flags.writeable for tensor in checkpoint.tensors.values())


@pytest.mark.parametrize(
    ("name", "form", "unwrapped"),
    [
        ("dtypes-zip", "PyTorch zip", ()),
        ("dtypes-stream", "PyTorch stream", ()),
        ("oldest", "PyTorch tar", ()),
        ("nested-zip", "PyTorch zip", ("state_dict",)),
        ("parallel-stream", "PyTorch stream", ("module.",)),
        ("compiled-zip4", "PyTorch zip", ("model", "module.", "_orig_mod.")),
    ],
)
def test_a_checkpoint_tells_its_form_and_what_was_peeled_off(
    saved_by_torch: Path, name: str, form: str, unwrapped: tuple[str, ...]
) -> None:
    checkpoint = read_checkpoint(saved_by_torch / f"{name}.pth")
    assert (checkpoint.format, checkpoint.unwrapped, dict(checkpoint.metadata)) == (form, unwrapped, {})


def test_what_a_training_script_keeps_beside_the_network_is_listed(saved_by_torch: Path) -> None:
    left_out = read_checkpoint(saved_by_torch / "nested-zip.pth").left_out
    assert {"epoch", "best", "optimizer", "adam", "args", "rng", "array", "model_ema"} <= set(left_out)


@pytest.mark.parametrize("name", ["dtypes-zip", "dtypes-stream"])
def test_tensors_are_views_of_the_file(saved_by_torch: Path, name: str, tmp_path: Path) -> None:
    path = tmp_path / "changing.pth"
    path.write_bytes((saved_by_torch / f"{name}.pth").read_bytes())
    tensor = read_checkpoint(path).tensors["uint8"]
    before = tensor.copy()
    raw = before.tobytes()
    with path.open("r+b") as file:
        file.seek(path.read_bytes().index(raw))
        file.write(bytes(255 - byte for byte in raw))
    np.testing.assert_array_equal(tensor, 255 - before)


def test_reading_needs_no_framework(saved_by_torch: Path) -> None:
    program = (
        "import sys; from isomorph.tools.checkpoints import read_checkpoint; read_checkpoint(sys.argv[1]); "
        "print(*{name.partition('.')[0] for name in sys.modules} & {'torch', 'tensorflow', 'keras', 'paddle', 'jax'})"
    )
    command = [sys.executable, "-c", program, str(saved_by_torch / "nested-zip.pth")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == []


# Published files.


@pytest.mark.parametrize(("name", "tensors"), [("resnet20-12fca82f.th", 97), ("resnet56-4bfd9763.th", 277)])
def test_the_published_cifar_files_are_read(shared: Path, name: str, tensors: int) -> None:
    path = shared / "weights" / "cifar_pytorch" / name
    checkpoint = read_checkpoint(path)
    assert checkpoint.format == "PyTorch stream"
    assert checkpoint.unwrapped == ("state_dict", "module.")
    assert checkpoint.left_out == ("best_prec1",)
    assert len(checkpoint.tensors) == tensors
    assert next(iter(checkpoint.tensors)) == "conv1.weight"
    assert checkpoint.tensors["linear.weight"].shape == (10, 64)
    # The first eight digits of a published file's SHA-256 are in its name.
    assert path.stem.endswith(sha256(path)[:8])
