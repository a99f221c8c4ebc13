"""What the suite asks of a backend, and the mistakes that it has to tell, against a copy that was written down."""

from .asked import WRITTEN_DOWN, asked


def test_the_suite_asks_what_is_written_down() -> None:
    """Who changes what is asked writes it down anew: `python -m conformance.tests.asked`, from the root."""
    assert list(asked()) == WRITTEN_DOWN.read_text().splitlines()
