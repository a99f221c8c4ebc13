"""Show plain data in a notebook: as an HTML table, with every text escaped."""

from collections.abc import Iterable
from html import escape


def html_table(caption: str, rows: Iterable[tuple[str, str]]) -> str:
    """Return a table of two columns under a caption, as HTML.

    >>> html_table("mine/<b>", [("conv1", "3x3")])
    '<table><caption>mine/&lt;b&gt;</caption><tr><th>conv1</th><td>3x3</td></tr></table>'
    """
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table><caption>{escape(caption)}</caption>{cells}</table>"
