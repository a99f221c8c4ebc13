"""Names that stand for open streams, as `/dev/stdout` does: a new file must not take their place."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from isomorph.spec import BadInput
from isomorph.tools.writing import check_writable, write_text


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[Path]:
    """The number of a descriptor that is open on an ordinary file, as stdout's is behind `>report.txt`."""
    with (tmp_path / "redirected.txt").open("w") as file:
        yield Path(f"/dev/fd/{file.fileno()}")


@pytest.mark.parametrize("links", [1, 2], ids=["a link", "a link to a link"])
def test_a_link_to_an_open_stream_is_refused_and_stays(links: int, stream: Path, tmp_path: Path) -> None:
    name = stream
    for number in range(links):
        link = tmp_path / f"link {number}"
        link.symlink_to(name)
        name = link
    with pytest.raises(BadInput, match="stands for an open stream, not for a file; name a new file"):
        write_text(name, "report")
    assert name.is_symlink()
    assert (tmp_path / "redirected.txt").read_bytes() == b""


def test_a_link_to_a_file_of_the_users_may_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "first.json").write_text("first")
    (tmp_path / "latest.json").symlink_to("first.json")
    write_text(tmp_path / "latest.json", "second")
    assert (tmp_path / "latest.json").read_text() == "second"
    assert (tmp_path / "first.json").read_text() == "first"


def test_links_in_a_circle_are_no_stream(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    check_writable(tmp_path / "circle")
    assert [path.name for path in tmp_path.iterdir()] == ["circle"]
