"""The table of published weights: of networks that there are, and as the installed zoos' own sources list them."""

import ast
import hashlib
import importlib.util
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from isomorph.spec import BadInput, architecture, architectures, tensor_shapes
from isomorph.tools.published import Published, lookup, published
from isomorph.tools.published.lookup import find_published, has_published_name
from isomorph.tools.published.row import digest_in_name

ROWS = [row for rows in published().values() for row in rows]


def test_weights_are_of_networks_that_there_are() -> None:
    assert published().keys() <= set(architectures())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.architecture} {row.tag}")
def test_a_row_says_what_a_download_needs(row: Published) -> None:
    assert row.url.startswith("https://")
    assert re.fullmatch(r"sha256:[0-9a-f]{8}|md5:[0-9a-f]{32}", row.digest)
    assert re.fullmatch(r"[\w.-]+\.(h5|pdparams|pth|th)", row.file_name)
    assert row.source


def test_no_two_files_of_a_zoo_share_a_place() -> None:
    assert max(Counter((row.zoo, row.file_name) for row in ROWS).values()) == 1


def test_no_two_files_of_a_network_share_a_tag() -> None:
    assert max(Counter((row.architecture, row.tag) for row in ROWS).values()) == 1


@pytest.mark.parametrize("name", [row.architecture for row in ROWS if row.tag.endswith("notop")])
def test_a_file_without_top_is_of_a_network_that_is_all_but_its_classifier_convolutions(name: str) -> None:
    assert not any(scope.startswith("fc") for scope in tensor_shapes(architecture(name, num_classes=None)))


def test_a_name_without_digits_is_no_digest() -> None:
    with pytest.raises(ValueError, match=r"net\.pth carries no digits of its SHA-256"):
        digest_in_name("https://x/net.pth")


# What zoos do to photographs for these weights, from their sources once more: the interpolation, the shorter side, and
# that of the crop. torchvision/models/{resnet,mobilenetv2,vgg,googlenet}.py 0.28, `transforms=`: a `resize_size` of 232
# stands at every IMAGENET1K_V2 and at ResNeXt-101 64x4d's only weights. timm/models/resnet.py 1.0.31: `_ttcfg` crops
# 0.875 of 224, `_rcfg` 0.95 of 224, `_r3cfg` 0.95 of 160, and resnet50.a1h_in1k 0.9 of 176.
TORCHVISION, TTCFG, RCFG, R3CFG = (
    ("bilinear", 256, 224),
    ("bicubic", 256, 224),
    ("bicubic", 235, 224),
    ("bicubic", 168, 160),
)
GEOMETRY: dict[str, tuple[str, int, int]] = {
    "torchvision/resnext101_64x4d IMAGENET1K_V1": ("bilinear", 232, 224),
    "timm/resnet50 a1h_in1k": ("bicubic", 195, 176),
    "timm/resnet50 d_in1k": RCFG,
    "timm/resnet50 b1k_in1k": RCFG,
    "timm/resnet50 b2k_in1k": RCFG,
    "timm/resnet50 c1_in1k": RCFG,
    "timm/resnet50 c2_in1k": RCFG,
}
BY_TAG = {
    "IMAGENET1K_V1": TORCHVISION,
    "IMAGENET1K_V2": ("bilinear", 232, 224),
    "a1_in1k": RCFG,
    "a1h_in1k": RCFG,
    "a2_in1k": RCFG,
    "a3_in1k": R3CFG,
    "bt_in1k": TTCFG,
    "ram_in1k": TTCFG,
    "am_in1k": TTCFG,
    "ra_in1k": TTCFG,
}


@pytest.mark.parametrize("row", [row for row in ROWS if row.zoo in ("torchvision", "timm")], ids=lambda row: row.title)
def test_photographs_are_prepared_as_these_weights_were_tried(row: Published) -> None:
    rule = row.preprocessing
    interpolation, resize, side = GEOMETRY.get(row.title) or BY_TAG[row.tag]
    assert (rule.interpolation, rule.resize, rule.size) == (interpolation, resize, (side, side))
    own = architecture(row.architecture).convention.preprocessing
    assert replace(rule, resize=own.resize, size=own.size) == own


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.zoo not in ("torchvision", "timm")], ids=lambda row: row.title
)
def test_photographs_are_prepared_as_the_architecture_says(row: Published) -> None:
    assert row.preprocessing == architecture(row.architecture).convention.preprocessing


# Which of them a file is.


def row_of(content: bytes, algorithm: str, name: str, digits: int | None = None) -> Published:
    digest = hashlib.new(algorithm, content).hexdigest()[:digits]
    return Published("cifar/resnet20", name, f"https://x/{name}", f"{algorithm}:{digest}", "a test")


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files in place of all that is published."""
    rows = (row_of(b"first", "sha256", "a.pth", 8), row_of(b"second", "md5", "b.h5"))
    monkeypatch.setattr(lookup, "published", lambda: {"cifar/resnet20": rows})


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        pytest.param(b"first", "a.pth", "a.pth", id="by the first digits of its SHA-256"),
        pytest.param(b"first", "mine.bin", "a.pth", id="under another name"),
        pytest.param(b"second", "b.h5", "b.h5", id="by its MD5"),
        pytest.param(b"second", "mine.h5", "b.h5", id="by its MD5 under another name"),
        pytest.param(b"third", "a.pth", None, id="not by its name"),
        pytest.param(b"third", "b.h5", None, id="not by its suffix"),
    ],
)
def test_published_weights_are_told(tmp_path: Path, content: bytes, name: str, expected: str | None) -> None:
    (tmp_path / name).write_bytes(content)
    row = find_published(tmp_path / name, hashlib.sha256(content).hexdigest())
    assert (row.tag if row else None) == expected


@pytest.mark.usefixtures("two")
def test_published_names_are_known(tmp_path: Path) -> None:
    assert has_published_name(tmp_path / "a.pth")
    assert not has_published_name(tmp_path / "mine.pth")


@pytest.mark.usefixtures("two")
def test_a_file_that_is_gone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"x\.h5 cannot be read: No such file or directory\.$"):
        find_published(tmp_path / "x.h5", "0" * 64)


def package(name: str) -> Path:
    """The folder of an installed package, which is not imported."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        pytest.skip(f"needs the sources of {name}")
    return Path(found.origin).parent


def literals(path: Path) -> Iterator[tuple[str, Any]]:
    """What a Python file assigns to names at its top, where that is a literal."""
    for statement in ast.parse(path.read_text()).body:
        match statement:
            case ast.Assign(targets=[ast.Name(name)]) | ast.AnnAssign(target=ast.Name(name)):
                if isinstance(statement.value, ast.Dict):
                    yield name, ast.literal_eval(statement.value)


def test_hashes_of_keras_are_those_in_its_source() -> None:
    own = dict(literals(package("keras") / "src" / "applications" / "resnet.py"))["WEIGHTS_HASHES"]
    listed = {name: tuple(row.digest for row in rows) for name, rows in published().items() if "keras/ResNet" in name}
    assert listed == {name: tuple(f"md5:{md5}" for md5 in own[name.removeprefix("keras/").lower()]) for name in listed}


def test_urls_and_hashes_of_paddle_are_those_in_its_sources() -> None:
    models = package("paddle") / "vision" / "models"
    own = {
        (url, f"md5:{md5}")
        for path in sorted(models.glob("*.py"))
        for name, urls in literals(path)
        if name == "model_urls"
        for url, md5 in urls.values()
    }
    assert {(row.url, row.digest) for row in ROWS if row.zoo == "paddle"} <= own
