"""The table of published weights: of networks that there are, and as the installed zoos' own sources list them."""

import ast
import importlib.util
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from isomorph.spec import architecture, architectures, tensor_shapes
from isomorph.tools.published import Published, published
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
