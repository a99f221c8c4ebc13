"""`download`, from a server that does and does not as it should: whole and right, or not there, and one sentence."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from isomorph.spec import BadInput
from isomorph.tools.published.download import download, matches
from isomorph.tools.published.http import PIECE

from ..full_disk import largest_file
from ..web import Site, serve

CONTENT = os.urandom(1 << 20)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
DIGEST = f"sha256:{SHA256[:8]}"
MOST = len(CONTENT)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serve(Site(CONTENT)) as served:
        yield served


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "zoo" / "net.pth"


@pytest.fixture
def partial(target: Path) -> Path:
    target.parent.mkdir(parents=True)
    return target.with_name(".net.pth.partial")


def refused(site: Site, target: Path, digest: str = DIGEST) -> str:
    with pytest.raises(BadInput) as caught:
        download(f"{site.url}/net.pth", target, digest, MOST)
    return str(caught.value)


def left(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


@pytest.mark.parametrize(
    "digest",
    [
        pytest.param(DIGEST, id="the first digits of its SHA-256"),
        pytest.param(f"sha256:{SHA256}", id="its SHA-256"),
        pytest.param(f"md5:{hashlib.md5(CONTENT).hexdigest()}", id="its MD5"),
    ],
)
def test_a_file_comes_whole_and_is_told_by(digest: str, site: Site, target: Path) -> None:
    said: list[str] = []
    assert download(f"{site.url}/net.pth", target, digest, MOST, said.append) == len(CONTENT)
    assert target.read_bytes() == CONTENT
    assert left(target) == ["net.pth"]
    assert said[0] == "connecting"
    assert said[-2:] == ["1.0 of 1.0 MiB", "checking its hash"]


@pytest.mark.parametrize("length", [True, False], ids=["that says its length", "of unknown length"])
def test_an_answer_may_be_one(length: bool, site: Site, target: Path) -> None:
    site.length = length
    download(f"{site.url}/net.pth", target, DIGEST, MOST)
    assert target.read_bytes() == CONTENT


def test_a_file_that_has_moved_is_followed_in_the_middle_too(site: Site, target: Path, partial: Path) -> None:
    partial.write_bytes(CONTENT[:1000])
    assert download(f"{site.url}/moved/net.pth", target, DIGEST, MOST) == len(CONTENT) - 1000
    assert target.read_bytes() == CONTENT


def test_a_download_that_was_cut_goes_on_where_it_stopped(site: Site, target: Path) -> None:
    site.cut = PIECE + 1000
    assert "was cut after 263,144 of 1,048,576 bytes; fetch it again, which goes on from there." in refused(
        site, target
    )
    assert left(target) == [".net.pth.partial"]
    site.cut = None
    assert download(f"{site.url}/net.pth", target, DIGEST, MOST) == len(CONTENT) - PIECE - 1000
    assert site.asked == [None, f"bytes={PIECE + 1000}-"]
    assert target.read_bytes() == CONTENT
    assert left(target) == ["net.pth"]


def test_a_download_that_was_cut_starts_again_where_the_server_cannot_go_on(
    site: Site, target: Path, partial: Path
) -> None:
    partial.write_bytes(CONTENT[:1000])
    site.ranges = False
    assert download(f"{site.url}/net.pth", target, DIGEST, MOST) == len(CONTENT)
    assert target.read_bytes() == CONTENT


def test_a_download_that_was_cut_behind_its_last_byte_is_finished(site: Site, target: Path, partial: Path) -> None:
    partial.write_bytes(CONTENT)
    assert download(f"{site.url}/net.pth", target, DIGEST, MOST) == 0
    assert target.read_bytes() == CONTENT
    assert left(target) == ["net.pth"]


@pytest.mark.parametrize(
    "start", [pytest.param(b"", id="from the server"), pytest.param(b"other", id="left by an earlier download")]
)
def test_wrong_bytes_are_removed(start: bytes, site: Site, target: Path, partial: Path) -> None:
    site.content = CONTENT if start else CONTENT[:-1] + b"?"
    partial.write_bytes(start)
    assert refused(site, target) == (
        f"The sha256 hash of what {site.url}/net.pth gave is not {SHA256[:8]}, as was published; it was removed, so"
        " fetch it again, and if this stays so the file there is another one."
    )
    assert left(target) == []


@pytest.mark.parametrize("status", [403, 404, 500])
def test_an_answer_that_is_no_file_is_refused(status: int, site: Site, target: Path) -> None:
    site.status = status
    assert f"{site.url}/net.pth is answered with status {status} (" in refused(site, target)
    assert left(target) == []


def test_a_server_that_is_not_there_is_refused(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serve(Site(CONTENT)) as gone:
        pass
    assert "/net.pth cannot be reached (ConnectionError); see whether this machine is online" in refused(gone, target)
    assert left(target) == []


def test_a_folder_that_cannot_be_made_is_refused(site: Site, tmp_path: Path) -> None:
    # Not by chmod, which does not stop root.
    (tmp_path / "cache").write_bytes(b"")
    path = tmp_path / "cache" / "zoo" / "net.pth"
    assert refused(site, path) == f"{path} cannot be written: Not a directory."
    assert site.asked == []


def test_a_disk_that_is_full_is_refused_and_what_came_stays(site: Site, target: Path) -> None:
    with largest_file(500_000):
        assert refused(site, target) == f"{target} cannot be written: File too large."
    assert left(target) == [".net.pth.partial"]
    download(f"{site.url}/net.pth", target, DIGEST, MOST)
    assert target.read_bytes() == CONTENT


def test_a_file_that_another_process_fetches_is_refused(site: Site, target: Path, partial: Path) -> None:
    with partial.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert refused(site, target) == f"{partial} is being fetched by another process; wait until that has ended."
    assert site.asked == []


def test_an_interrupted_download_goes_on_next_time(site: Site, target: Path) -> None:
    def interrupt(what: str) -> None:
        if what.endswith("MiB"):  # the first piece is there
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(f"{site.url}/net.pth", target, DIGEST, MOST, interrupt)
    assert left(target) == [".net.pth.partial"]
    assert 0 < download(f"{site.url}/net.pth", target, DIGEST, MOST) < len(CONTENT)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("place", range(8), ids="digit {}".format)
def test_a_hash_that_differs_in_one_of_the_digits_published_is_another(place: int, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(CONTENT)
    digits = list(SHA256[:8])
    digits[place] = "0" if digits[place] != "0" else "1"
    assert matches(tmp_path / "x", DIGEST)
    assert not matches(tmp_path / "x", f"sha256:{''.join(digits)}")
