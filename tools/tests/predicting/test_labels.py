"""The names of classes: read in every form in which people write them, and refused with one sentence."""

import json
from pathlib import Path
from typing import Any

import pytest

from isomorph.spec import BadInput
from isomorph.tools.predicting import labels as module
from isomorph.tools.predicting.labels import read_binary_labels, read_labels

NAMES = ("daisy", "rosé", "tulip, yellow")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(content: Any) -> str:
    """A file of this: bytes and text as they are, all else as JSON."""
    text = content if isinstance(content, (bytes, str)) else json.dumps(content)
    Path("x").write_bytes(text if isinstance(text, bytes) else text.encode())
    return "x"


FORMS: dict[str, Any] = {
    "index to name": {"0": "daisy", "1": "rosé", "2": "tulip, yellow"},
    "index to name in another order": {"2": "tulip, yellow", "0": "daisy", "1": "rosé"},
    "name to index": {"tulip, yellow": 2, "rosé": 1, "daisy": 0},
    "index to WordNet id and name": {"0": ["n01", "daisy"], "1": ["n02", "rosé"], "2": ["n03", "tulip, yellow"]},
    "a list": list(NAMES),
    "a list that stands alone in its lines": json.dumps(NAMES, indent=2, ensure_ascii=False),
    "a name on each line": "daisy\nrosé\ntulip, yellow",
    "lines with blank ones at the end": "daisy\nrosé\ntulip, yellow\n\n  \n",
    "lines as Windows ends them": "daisy\r\nrosé\r\ntulip, yellow\r\n",
    "lines behind a byte order mark": "\ufeffdaisy\nrosé\ntulip, yellow\n",
    "JSON behind a byte order mark": "\ufeff" + json.dumps(NAMES),
}


@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS)
def test_names_are_read_from(content: Any) -> None:
    assert read_labels(written(content), 3) == NAMES


def test_names_that_are_digits_are_told_from_indices() -> None:
    assert read_labels(written({"1": 0, "0": 1}), 2) == ("1", "0")


def test_two_classes_may_have_one_name() -> None:
    """As ImageNet's two cranes have."""
    assert read_labels(written(["crane", "crane"]), 2) == ("crane", "crane")


def test_imagenets_published_names_are_read(shared: Path) -> None:
    names = read_labels(shared / "photos" / "imagenet_classes.txt", 1000)
    assert (len(names), names[0], names[999]) == (1000, "tench", "toilet tissue")


FORM = "expected a list of names, or an object of index to name, of index to [wnid, name], or of name to index."
REFUSED: dict[str, tuple[Any, str]] = {
    "too few names": (["a", "b"], "The number of names in x is 2; expected 3, one for each class."),
    "too many names": ("a\nb\nc\nd\n", "The number of names in x is 4; expected 3, one for each class."),
    "nothing": ("", "The number of names in x is 0; expected 3, one for each class."),
    "an object of nothing": ({}, "The number of names in x is 0; expected 3, one for each class."),
    "a gap": ({"0": "a", "1": "b", "3": "c"}, "x has no name for class 2; expected names for 0 to 2."),
    "indices from one": ({"a": 1, "b": 2, "c": 3}, "x has no name for class 0; expected names for 0 to 2."),
    "a negative index": ({"a": -1, "b": 0, "c": 1}, "x has no name for class 2; expected names for 0 to 2."),
    "an index of two names": ({"a": 0, "b": 1, "c": 1}, 'x has two names for class 1, "b" and "c".'),
    "an index in two spellings": ({"0": "a", "1": "b", "01": "c"}, 'x has two names for class 1, "b" and "c".'),
    "a key that comes twice": (
        '{"0": "a", "1": "b", "1": "c"}',
        'x says "1" more than once; expected every index and name once.',
    ),
    "an index that is no number": ({"0": "a", "one": "b", "2": "c"}, f"x is JSON of another form; {FORM}"),
    "switches for indices": ({"a": False, "b": True, "c": 2}, f"x is JSON of another form; {FORM}"),
    "a name that is a number": (["a", 1.5, "c"], f"x has 1.5 for class 1; {FORM}"),
    "a name that is an object": (["a", {"name": "b" * 99}, "c"], 'x has {"name": "bbbbbbbbbb'),
    "a name that is blank": ("a\n\nc\n", 'x has "" for class 1; expected a name that can be printed.'),
    "a name that colours terminals": (
        ["a", "\x1b[31mb", "c"],
        r'x has "\u001b[31mb" for class 1; expected a name that can be printed.',
    ),
    "JSON that is cut": ('{"0": "a", ', "x looks like JSON and cannot be read as such: "),
    "JSON of great depth": ("[" * 200_000, "x looks like JSON and cannot be read as such: "),
    "a number beyond Python's own limit": ('{"a": ' + "9" * 5000 + "}", "x looks like JSON and cannot be read as"),
    "Latin-1": ("rosé".encode("latin-1"), "x is not UTF-8 at byte 3; expected class names as text or JSON in UTF-8."),
}


@pytest.mark.parametrize(("content", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_file_is_refused_for(content: Any, sentence: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_labels(written(content), 3)
    assert str(caught.value).startswith(sentence)
    assert str(caught.value).isprintable()


def test_a_scalar_in_a_file_that_is_called_json_is_refused() -> None:
    Path("x.json").write_text('"daisy"')
    with pytest.raises(BadInput, match=r"^x\.json is JSON of another form; expected a list of names"):
        read_labels("x.json", 1)


def test_a_file_that_is_too_big_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 8)
    assert read_labels(written("a\nb\nc\nd\n"), 4) == ("a", "b", "c", "d")
    with pytest.raises(BadInput, match=r"^x is larger than 8 bytes; expected class names as text or JSON\.$"):
        read_labels(written("a\nb\nc\ndd\n"), 4)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        pytest.param("absent.txt", "There is no file absent.txt.", id="absent"),
        pytest.param(".", ". cannot be read: Is a directory.", id="a folder"),
    ],
)
def test_a_file_is_refused_that_is(path: str, sentence: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_labels(path, 3)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("content", "names"),
    [
        pytest.param("dog\ncat\n", ("dog", "cat"), id="both as text"),
        pytest.param(["dog", "cat"], ("dog", "cat"), id="both as JSON"),
        pytest.param("cat\n", ("not cat", "cat"), id="one as text"),
        pytest.param({"0": "cat"}, ("not cat", "cat"), id="one as JSON"),
    ],
)
def test_one_logit_tells_two_classes_apart(content: Any, names: tuple[str, str]) -> None:
    assert read_binary_labels(written(content)) == names


@pytest.mark.parametrize("content", ["", "a\nb\nc\n"], ids=["none", "three"])
def test_other_numbers_of_names_are_refused_for_one_logit(content: str) -> None:
    path = written(content)
    with pytest.raises(BadInput) as caught:
        read_binary_labels(path)
    assert str(caught.value) == (
        f"The number of names in {path} is {len(content.split())}; expected 2, or the name of the one class of which"
        " the network's logit is the score."
    )
