"""Published weights against `published_files.txt`, copied from the zoos' own sources apart from our tables."""

from pathlib import Path

import pytest

from isomorph.tools.published import published

TABLE = Path(__file__).with_name("published_files.txt")

File = tuple[str, ...]

LISTED: dict[tuple[str, str], File] = {
    (words[0], words[1]): words
    for words in (tuple(line.split()) for line in TABLE.read_text().splitlines() if line[:1] not in ("#", " "))
}
OURS: dict[tuple[str, str], File] = {
    (row.architecture, row.tag): (row.architecture, row.tag, row.digest, str(row.mebibytes or "-"), row.url)
    for rows in published().values()
    for row in rows
}


def test_no_file_is_left_out_and_none_made_up() -> None:
    assert OURS.keys() == LISTED.keys()


@pytest.mark.parametrize("weights", LISTED, ids=" ".join)
def test_a_file_has_the_digits_the_size_and_the_url_of_the_source(weights: tuple[str, str]) -> None:
    assert OURS[weights] == LISTED[weights]
