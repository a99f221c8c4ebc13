"""Every backend takes any array that NumPy calls valid: views, other byte orders, read-only, zero strides, integers."""

import pytest

from isomorph.conformance.array_forms import FORMS
from isomorph.conformance.suite.conftest import Build
from isomorph.spec import Architecture, Block, Head, Stem, StemConvolution

MODULE = "isomorph.conformance.array_forms"

TINY = Architecture(
    "isomorph/forms",
    Stem((StemConvolution("conv1", 4, 3, stride=2),)),
    (Block("block1", "basic", ((4, 4, 1),)), Block("block2", "separable", ((6, 1),))),
    Head(3),
)

EVERY_FORM = pytest.mark.parametrize("form", FORMS)


@EVERY_FORM
def test_tensors_may_be_of(form: str, build: Build) -> None:
    build(TINY, "float32").apply(f"{MODULE}:hold_load", form=form)


@EVERY_FORM
def test_tensors_to_be_folded_may_be_of(form: str, build: Build) -> None:
    """They answer as plain ones of the same values."""
    build(TINY, "float32", fold_batch_norm=True).apply(f"{MODULE}:hold_folded", form=form)


@EVERY_FORM
def test_images_may_be_of(form: str, build: Build) -> None:
    build(TINY, "float32").apply(f"{MODULE}:hold_images", form=form)


@EVERY_FORM
def test_what_is_trained_on_may_be_of(form: str, build: Build) -> None:
    build(TINY, "float32", training=True).apply(f"{MODULE}:hold_training", form=form)
