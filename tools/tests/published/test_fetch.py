"""`isomorph fetch`: published weights, from a server on this machine into a folder of it."""

import hashlib
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest

from isomorph.spec import BadInput
from isomorph.tools import cli, fetch, list_published
from isomorph.tools.published import Published, published
from isomorph.tools.published.fetch import CACHE, most_bytes

from ..command import answered, refused
from ..web import Site, serve

FETCH = sys.modules["isomorph.tools.published.fetch"]
NAME = "torchvision/resnet18"
CONTENT = b"weights" * 1000
OTHER = b"others" * 1000


def row(site: Site, tag: str, content: bytes) -> Published:
    digits = hashlib.sha256(content).hexdigest()[:8]
    return Published(NAME, tag, f"{site.url}/net-{digits}.pth", f"sha256:{digits}", "a test")


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Site]:
    """A server of two files of one network, in place of all that is published, and a cache of one's own."""
    with serve(Site(CONTENT)) as served:
        rows = (row(served, "V1", CONTENT), row(served, "V2", OTHER))
        monkeypatch.setattr(FETCH, "published", lambda: {NAME: rows})
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
        yield served


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """The command line in this process, which knows of the server: its status, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["isomorph", *arguments])
        with pytest.raises(SystemExit) as done:
            cli.main()
        return int(done.value.code or 0), *capsys.readouterr()

    return run


def test_the_first_weights_are_fetched(site: Site, tmp_path: Path) -> None:
    said: list[tuple[str, str]] = []
    report = fetch(NAME, progress=lambda who, what: said.append((who, what)))
    assert report.path.parent == tmp_path / "cache" / "torchvision"
    assert report.path.read_bytes() == CONTENT
    assert (report.weights.tag, report.size, report.received, report.others) == ("V1", 7000, 7000, ("V2",))
    assert (NAME, "checking its hash") in said
    assert report.next_command == f"isomorph check {report.path}"


def test_other_weights_are_fetched_by_their_tag(site: Site, tmp_path: Path) -> None:
    site.content = OTHER
    report = fetch(NAME, weights="V2", cache=tmp_path / "elsewhere")
    assert report.path.parent == tmp_path / "elsewhere" / "torchvision"
    assert report.path.read_bytes() == OTHER


def test_what_is_there_is_not_fetched_again(site: Site) -> None:
    assert fetch(NAME).path == fetch(NAME).path
    assert fetch(NAME).received == 0
    assert len(site.asked) == 1


def test_what_is_there_and_damaged_is_fetched_again(site: Site) -> None:
    fetch(NAME).path.write_bytes(b"damaged")
    assert fetch(NAME).path.read_bytes() == CONTENT


def test_a_wrong_hash_leaves_what_was_there(site: Site) -> None:
    path = fetch(NAME).path
    path.write_bytes(b"damaged")
    site.content = OTHER
    with pytest.raises(BadInput, match="it was removed"):
        fetch(NAME)
    assert [(left.name, left.read_bytes()) for left in path.parent.iterdir()] == [(path.name, b"damaged")]


def test_the_command_says_where_the_file_is_and_what_to_type_next(
    site: Site, command: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    status, said, complained = command("fetch", NAME, "--json", str(tmp_path / "report.json"))
    path = fetch(NAME).path
    assert (status, complained) == (0, "")
    assert said.splitlines()[0] == NAME
    assert "7,000, 7,000 fetched" in said
    assert "shorter side to 256, bilinear, 224x224 from the middle" in said
    assert said.splitlines()[-1] == f"next: isomorph check {path}"
    document = json.loads((tmp_path / "report.json").read_text())
    assert (document["path"], document["received"], document["weights"]["tag"]) == (str(path), 7000, "V1")
    assert document["weights"]["preprocessing"]["resize"] == 256
    assert "7,000, there already" in command("fetch", NAME)[1]


@pytest.mark.parametrize(
    ("misbehave", "sentence"),
    [
        pytest.param({"status": 404}, "is answered with status 404 (Not Found) in place of a file", id="no such file"),
        pytest.param({"content": b"x" * 7000}, "hash of what http://", id="other bytes"),
        pytest.param({"cut": 10}, "was cut after 10 of 7,000 bytes", id="a cut connection"),
    ],
)
def test_the_command_refuses_in_a_sentence(
    misbehave: dict[str, object], sentence: str, site: Site, command: Callable[..., tuple[int, str, str]]
) -> None:
    for name, value in misbehave.items():
        setattr(site, name, value)
    status, said, complained = command("fetch", NAME)
    assert (status, said) == (2, "")
    assert complained.count("\n") == 1
    assert sentence in complained


def test_a_file_that_is_larger_than_was_published_is_refused(site: Site) -> None:
    site.content = bytes((3 << 20) + 1)
    sized = replace(row(site, "V1", CONTENT), mebibytes=2.0)
    with patch.object(FETCH, "published", lambda: {NAME: (sized,)}), pytest.raises(BadInput) as caught:
        fetch(NAME)
    assert "has 3,145,729 bytes; at most 3,145,728 are expected of these weights" in str(caught.value)


@pytest.mark.parametrize(
    "weights",
    [
        pytest.param(row, id=f"{row.architecture} {row.tag}")
        for rows in published().values()
        for row in rows
        if row.mebibytes
    ],
)
def test_where_no_size_is_published_the_networks_own_leaves_room(weights: Published) -> None:
    assert weights.mebibytes is not None
    assert 1.5 < most_bytes(replace(weights, mebibytes=None)) / (weights.mebibytes * 2**20) < 5  # some are in float16


def test_the_list_says_what_is_here(site: Site, command: Callable[..., tuple[int, str, str]]) -> None:
    assert list_published(NAME).there == (False, False)
    fetch(NAME)
    assert list_published().there == (True, False)
    _, said, _ = command("fetch", NAME, "--list")
    assert [line.split()[-1] for line in said.splitlines()[1:3]] == ["here", list_published().weights[1].digest]
    assert len(site.asked) == 1


def test_all_that_is_published_is_listed_in_80_columns() -> None:
    said = answered("fetch")
    assert "torchvision/wide_resnet101_2" in said
    assert re.search(r"md5:2cb95161c43\.\.\.$", said, re.MULTILINE)
    assert "\n... stands for the other digits of a hash, which --json has.\n" in said
    assert "\n- is a size that the zoo does not list.\n" in said
    assert max(map(len, said.splitlines())) <= 80
    assert json.loads(answered("fetch", "--list", "--json", "-"))[0]["architecture"] == "cifar/resnet20"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(["resnet50"], "There is no architecture 'resnet50'; did you mean", id="a name without its zoo"),
        pytest.param(["slim/resnet_v1_50"], "Of slim/resnet_v1_50 no weights are known", id="a network without any"),
        pytest.param([NAME, "--weights", "V9"], "There are no weights 'V9' of torchvision", id="weights there are not"),
        pytest.param(["--weights", "V1"], "--weights V1 chooses what to fetch of one", id="weights of no network"),
        pytest.param([NAME, "--list", "--weights", "V1"], "nothing is to be fetched", id="weights to be listed"),
    ],
)
def test_refused_before_anything_is_asked_for(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    assert sentence in refused("fetch", *arguments, **{CACHE: str(tmp_path)})
    assert list(tmp_path.iterdir()) == []


def test_offline_is_said_in_a_sentence(tmp_path: Path) -> None:
    # The port of discard, where nothing listens, in place of the network.
    nowhere = {"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "", "no_proxy": ""}
    assert "cannot be reached (ProxyError)" in refused("fetch", NAME, **nowhere, **{CACHE: str(tmp_path)})
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_real_weights_that_are_here_can_be_checked_at_once(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "cifar").mkdir()
    shutil.copy(shared / "weights" / "cifar_pytorch" / "resnet20-12fca82f.th", tmp_path / "cifar")
    said = answered("fetch", "cifar/resnet20", **{CACHE: str(tmp_path)})
    assert "there already" in said
    _, *next_command = said.splitlines()[-1].removeprefix("next: ").split()
    assert "cifar/resnet20" in answered(*next_command, "--backends", "oracle", "--batch", "1")
