"""Every backend takes any array that NumPy calls valid: views, other byte orders, read-only, zero strides, integers."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress

import pytest

from isomorph.backends.process import BackendFailed, BackendProcess, RemoteNetwork
from isomorph.conformance.array_forms import FORMS
from isomorph.conformance.suite.selection import but_in_pytorch
from isomorph.spec import Architecture, Block, Head, Stem, StemConvolution

MODULE = "isomorph.conformance.array_forms"

TINY = Architecture(
    "isomorph/forms",
    Stem((StemConvolution("conv1", 4, 3, stride=2),)),
    (Block("block1", "basic", ((4, 4, 1),)), Block("block2", "separable", ((6, 1),))),
    Head(3),
)

Construct = Callable[..., RemoteNetwork]
"""Builds TINY in the backend under test, with options of `Backend.build`; once for all forms."""

EVERY_FORM = pytest.mark.parametrize("form", FORMS)


@pytest.fixture(scope="module")
def networks() -> Iterator[dict[Hashable, RemoteNetwork]]:
    """Return the networks that there are, by process and options, as some frameworks compile each of them anew."""
    built: dict[Hashable, RemoteNetwork] = {}
    yield built
    for network in built.values():
        with suppress(BackendFailed):
            network.discard()


@pytest.fixture
def construct(process: BackendProcess, device: str, networks: dict[Hashable, RemoteNetwork]) -> Construct:
    def construct(**options: bool) -> RemoteNetwork:
        key = process, *options
        if key not in networks:
            networks[key] = process.build(TINY.undrawn(), device, "float32", **options)
        return networks[key]

    return construct


@EVERY_FORM
def test_tensors_may_be_of(form: str, construct: Construct) -> None:
    construct().apply(f"{MODULE}:hold_load", form=form)


@EVERY_FORM
def test_tensors_to_be_folded_may_be_of(form: str, construct: Construct) -> None:
    """They answer as plain ones of the same values."""
    construct(fold_batch_norm=True).apply(f"{MODULE}:hold_folded", form=form)


@EVERY_FORM
def test_images_may_be_of(form: str, construct: Construct) -> None:
    construct().apply(f"{MODULE}:hold_images", form=form)


@pytest.mark.thorough_where(where=but_in_pytorch("form"))  # which takes them as it takes images, in all three
@EVERY_FORM
def test_what_is_trained_on_may_be_of(form: str, construct: Construct) -> None:
    construct(training=True).apply(f"{MODULE}:hold_training", form=form)
