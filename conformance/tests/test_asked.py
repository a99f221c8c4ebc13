"""What the suite asks of a backend, and the mistakes that it has to tell, against a copy that was written down."""

from isomorph.conformance.suite.network_cases import WITH_OPTIONS

from .asked import WRITTEN_DOWN, asked


def test_the_suite_asks_what_is_written_down() -> None:
    """Who changes what is asked writes it down anew: `python -m conformance.tests.asked`, from the root."""
    assert list(asked()) == WRITTEN_DOWN.read_text().splitlines()


def test_of_networks_with_options_the_named_ones_are_left_to_the_whole_suite_in_float32() -> None:
    """Small ones have no other to stand for them."""
    assert {"paddle/LeNet on odd images", "torchvision/googlenet with its transform"} < WITH_OPTIONS
    assert [name for name in WITH_OPTIONS if name.startswith("small: ")] == []
