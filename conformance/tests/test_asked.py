"""What the suite asks of a backend, and the mistakes that it has to tell, against a copy that was written down."""

from isomorph.conformance.suite.network_cases import WITH_OPTIONS
from isomorph.conformance.suite.test_peers import WIDE, is_exhaustive

from .asked import WRITTEN_DOWN, asked


def test_the_suite_asks_what_is_written_down() -> None:
    """Who changes what is asked writes it down anew: `python -m conformance.tests.asked`, from the root."""
    assert list(asked()) == WRITTEN_DOWN.read_text().splitlines()


def test_of_networks_with_options_the_named_ones_are_left_to_the_whole_suite_in_float32() -> None:
    """Small ones have no other to stand for them."""
    assert {"paddle/LeNet on odd images", "torchvision/googlenet with its transform"} < WITH_OPTIONS
    assert [name for name in WITH_OPTIONS if name.startswith("small: ")] == []


def test_of_peers_the_wide_ones_alone_are_left_out_in_float64() -> None:
    in_float64, in_float32, names = (
        "test_in_float64_its_logits_and_taps_are_ours",
        "test_in_float32_its_logits_are_ours_but_for_noise",
        "test_its_tensors_are_ours_by_name_and_shape",
    )
    peers = ("timm_resnet50", "cifar_resnet20", WIDE[0])
    assert [is_exhaustive(in_float64, peer) for peer in peers] == [False, False, True]
    assert [is_exhaustive(in_float32, peer) for peer in peers] == [False, True, True]
    assert [is_exhaustive(names, peer) for peer in peers] == [False, False, False]
