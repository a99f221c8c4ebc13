"""README and docs hold what they say: commands parse, examples run, links lead somewhere, tables list what there is."""

import doctest
import re
import shlex
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import click
import pytest

from isomorph.spec import architecture, architectures, zoos
from isomorph.tools.cli import app
from isomorph.tools.commands.options import read_architecture_options
from isomorph.tools.converting.containers import CONTAINERS

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
README = (ROOT / "README.md").read_text()


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language in a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def commands(page: Path, program: str) -> list[str]:
    """The lines of a page's console blocks that start a program, without their prompt and comments."""
    lines = "".join(blocks(page, "console")).splitlines()
    return [line.removeprefix("$ ").partition("   #")[0] for line in lines if line.startswith(f"$ {program} ")]


def of_pages(found: dict[Path, list[str]]) -> list[object]:
    """A parameter for each of a page's finds."""
    return [
        pytest.param(text, id=f"{page.name}: {' '.join(text.split())[:60]}") for page in found for text in found[page]
    ]


OPTIONS = ("num_classes", "global_pool", "output_stride", "option")
ISOMORPH = {page: commands(page, "isomorph") for page in PAGES}
EXAMPLES = {page: [block for block in blocks(page, "python") if ">>>" in block] for page in PAGES}
CODE = {page: [block for block in blocks(page, "python") if ">>>" not in block] for page in PAGES}


@pytest.mark.parametrize("line", of_pages(ISOMORPH))
def test_a_command_parses(line: str) -> None:
    """All its options are there, and take such values, an architecture's, too; it is not run."""
    arguments = shlex.split(line, comments=True)[1:]
    group: click.Group = app
    context = app.make_context("isomorph", [], resilient_parsing=True)
    while True:
        name, *arguments = arguments
        command = group.get_command(context, name)
        assert command, f"there is no command {name}"
        if not isinstance(command, click.Group):
            break
        group = command
    params = command.make_context(name, arguments, parent=context).params
    if "global_pool" in params:
        options = read_architecture_options(*(params[name] for name in OPTIONS))
        named = {str(params.get(name)) for name in ("arch", "subject", "first", "second")}
        for network in named & {*architectures()}:
            assert architecture(network, **options)


@pytest.mark.parametrize("line", of_pages({page: commands(page, "make") for page in PAGES}))
def test_make_has_the_target(line: str) -> None:
    target = line.split()[1]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("text", of_pages(EXAMPLES))
def test_an_example_runs(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    example = doctest.DocTestParser().get_doctest(text, {}, "example", None, None)
    said: list[str] = []
    failures, tried = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=said.append)
    assert tried
    assert not failures, "".join(said)


@pytest.mark.parametrize("text", of_pages(CODE))
def test_code_is_python(text: str) -> None:
    compile(text, "example", "exec")


def anchors(page: Path) -> set[str]:
    """What GitHub calls a page's headings."""
    headings = re.findall(r"^#+ (.*)", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> list[str]:
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()) if not link.startswith("http")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES[2:], ids=lambda page: page.name)
def test_a_page_is_linked_both_ways(page: Path) -> None:
    assert f"docs/{page.name}" in links(PAGES[0])
    assert any(link.startswith("../README.md") for link in links(page))


def test_the_readme_can_be_read_to_its_end() -> None:
    assert len(README.splitlines()) <= 200


def expanded(name: str) -> Iterator[str]:
    """`resnet{18,34}` as the names that it stands for."""
    parts = re.split(r"\{([^}]*)\}", name)
    choices = [part.split(",") if index % 2 else [part] for index, part in enumerate(parts)]
    return map("".join, product(*choices))


def test_the_table_lists_all_networks() -> None:
    listed = {}
    for zoo_name, networks in re.findall(r"^\| `(\w+)/` \| (.*?) \|", README, re.MULTILINE):
        listed[zoo_name] = {name for text in re.findall(r"`([^`]*)`", networks) for name in expanded(text)}
    assert listed == {name: set(zoo.networks) for name, zoo in zoos().items()}


def test_the_table_lists_all_formats_that_are_written() -> None:
    section = README[README.index("## Formats") :]
    suffixes = {suffix for container in CONTAINERS.values() for suffix in container.suffixes}
    assert {suffix for suffix in suffixes if f"`{suffix}`" not in section} == set()


def test_the_pages_name_only_files_that_are_there() -> None:
    for page in PAGES:
        for name in re.findall(r"`((?:spec|backends|conformance|tools)/[\w./-]+)`", page.read_text()):
            assert (ROOT / name).exists(), f"{page.name}: {name}"
