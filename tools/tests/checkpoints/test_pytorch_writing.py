"""What is written as PyTorch's files, PyTorch reads without a warning; a record says which architecture it is of."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from isomorph.spec import architecture
from isomorph.spec.document import to_document
from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints import METADATA, read_checkpoint
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.pytorch.zip_writing import write_pytorch_zip
from isomorph.tools.checkpoints.zip_directory import read_directory
from isomorph.tools.subjects.subject import find_subject

from ..tensors import plain
from ..written import Tensors, awkward, described, run_framework

# PyTorch runs in a process of its own.
PROGRAM = """
import json, sys, warnings
from collections import OrderedDict
from pathlib import Path
import torch

warnings.simplefilter("error")
folder = Path(sys.argv[1])


def described(values):
    assert type(values) is OrderedDict
    assert all(value.is_contiguous() and not value.requires_grad for value in values.values())
    return {
        name: [str(value.dtype).removeprefix("torch."), list(value.shape),
               value.reshape(-1).view(torch.uint8).numpy().tobytes().hex()]
        for name, value in values.items()
    }


read = {}
for path in sorted(folder.glob("*.pth")):
    for way in ({}, {"mmap": True}, {"weights_only": False}):
        read[f"{path.stem} {way}"] = described(torch.load(path, **{"weights_only": True, **way}))
network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Linear(5, 6))
network.load_state_dict(torch.load(folder / "network.pth"), strict=True)
assert described(network.state_dict()) == read["network {}"]
print(json.dumps(read))
"""
R20 = architecture("cifar/resnet20")


def every_dtype() -> Tensors:
    return awkward() | {name: np.arange(6).astype(name) for name in ("uint16", "uint32", "uint64")} | {"": np.zeros(1)}


def of_network() -> Tensors:
    random = np.random.default_rng(0)
    shapes = {"0.weight": (4, 3, 3, 3), "0.bias": (4,), "2.weight": (6, 5), "2.bias": (6,)}
    norm = dict.fromkeys(("1.weight", "1.bias", "1.running_mean", "1.running_var"), (4,))
    tensors = {name: random.random(shape, np.float32) for name, shape in (shapes | norm).items()}
    return tensors | {"1.num_batches_tracked": np.array(7)}


def test_pytorch_reads_what_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"dtypes": every_dtype(), "records": awkward(), "network": of_network()}
    for name, tensors in files.items():
        records = {METADATA: b"{}", "notes/of.txt": bytes(100)} if name == "records" else {}
        write_pytorch_zip(tmp_path / f"{name}.pth", tensors, records=records)
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)  # as if it were of more than 2 GiB
    write_pytorch_zip(tmp_path / "wide.pth", awkward())
    read = run_framework("torch", PROGRAM, tmp_path)
    assert len(read) == 12
    for name, found in read.items():
        expected = described((files | {"wide": awkward()})[name.partition(" ")[0]])
        assert list(found) == list(expected)
        assert found == expected


@pytest.mark.parametrize("limit", [zipfile.ZIP64_LIMIT, 100], ids=["32 bits", "64 bits"])
def test_records_are_whole_plain_and_aligned(tmp_path: Path, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", limit)
    write_pytorch_zip(tmp_path / "x.pth", every_dtype(), {METADATA: b"{}"})
    assert described(read_checkpoint(tmp_path / "x.pth").tensors) == described(every_dtype())
    members = read_directory(MappedFile(tmp_path / "x.pth"))
    assert all(member.stored and not member.start % 64 for member in members.values())
    with zipfile.ZipFile(tmp_path / "x.pth") as archive:
        assert archive.testzip() is None
        assert [archive.read(f"archive/{name}") for name in ("version", "byteorder")] == [b"3\n", b"little"]
        assert any(info.extract_version == zipfile.ZIP64_VERSION for info in archive.filelist) == (limit == 100)


@pytest.mark.parametrize(
    "name",
    [
        "data.pkl", "DATA.pkl", "data/0", "Data/x", "data", "version", "byteorder", "constants.pkl", "code/a.py", "",
        ".format_version", ".data/serialization_id", "../x", "a/../x", "/x", "a//x", "a\\x", "\u00e9", "a\0",
    ],
)  # fmt: skip
def test_a_records_name_is_refused_that_pytorch_keeps(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="a record is called "):
        write_pytorch_zip(tmp_path / "x.pth", {"w": np.zeros(1)}, {name: b""})
    assert not [*tmp_path.iterdir()]


def test_records_that_differ_in_capitals_alone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="two records have names that differ in capitals alone"):
        write_pytorch_zip(tmp_path / "x.pth", {"w": np.zeros(1)}, {"a": b"", "A": b""})
    assert not [*tmp_path.iterdir()]


def test_a_record_says_of_which_architecture_the_tensors_are(tmp_path: Path) -> None:
    document = json.dumps(to_document(R20))
    write_pytorch_zip(tmp_path / "x.pth", plain(R20), {METADATA: document.encode(), "other": b"\xff"})
    assert read_checkpoint(tmp_path / "x.pth").metadata == {METADATA: document}
    assert find_subject(tmp_path / "x.pth").architecture == R20


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(b"\xff", "its record isomorph.architecture is no text in UTF-8", id="no text"),
        pytest.param(b" " * ((1 << 20) + 1), "has 1,048,577 bytes, at most 1,048,576 were expected", id="a bomb"),
        pytest.param(b"", "The isomorph.architecture of .* is no architecture", id="nothing"),
        pytest.param(b"[" * 100_000, "The isomorph.architecture of .* is no architecture", id="deep nesting"),
    ],
)
def test_a_record_of_an_architecture_is_refused_that_is(tmp_path: Path, text: bytes, sentence: str) -> None:
    write_pytorch_zip(tmp_path / "x.pth", plain(R20), {METADATA: text})
    with pytest.raises(BadInput, match=sentence) as caught:
        find_subject(tmp_path / "x.pth")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600
