"""Every network of every zoo against what its own sources say, typed a second time in `witness/`."""

from collections.abc import Iterator
from dataclasses import astuple
from typing import Any, get_args, get_type_hints

import pytest

from isomorph.spec import BadInput, Initializer, architecture, architectures, plan, zoo, zoos
from isomorph.spec.architecture import InputTransform
from isomorph.spec.convention import Convention
from isomorph.spec.function import training_function
from isomorph.spec.layers import Convolution, MaxPool, name_of
from isomorph.spec.naming import ZooTensor
from isomorph.spec.tensors import split

from .witness.family import Fact, Family
from .witness.keras_zoos import KERAS, KERAS2, MLPERF_TINY
from .witness.paddle import PADDLE
from .witness.preprocessing import PREPROCESSING
from .witness.pytorch_zoos import CIFAR, D2L, TIMM, TRANSFORMERS, TUTORIAL, WSL
from .witness.slim import SLIM
from .witness.torchvision import FAMILIES as TORCHVISION
from .witness.zoos import AXES, FLATTENED, ZOOS, ZooFacts

FAMILIES: dict[str, tuple[Family, ...]] = {
    "torchvision": TORCHVISION,
    "timm": TIMM,
    "transformers": TRANSFORMERS,
    "wsl": WSL,
    "tutorial": TUTORIAL,
    "cifar": CIFAR,
    "d2l": D2L,
    "keras": KERAS,
    "keras2": KERAS2,
    "mlperf_tiny": MLPERF_TINY,
    "paddle": PADDLE,
    "slim": SLIM,
}

NETWORKS = {
    f"{zoo_name}/{name}": family
    for zoo_name, families in FAMILIES.items()
    for family in families
    for name in family.networks
}

FACTS = [(name, field, fact) for name, family in NETWORKS.items() for field, fact in family.facts.items()]

# What is true where a family is silent.
USUAL = {"auxiliary": (), "input_transform": None, "in_channels": 3, "global_pool": True}

CONVENTION = [field for field in Convention.__dataclass_fields__ if field != "preprocessing"]

# Another value of each field that is no choice of a few words.
OTHERWISE: dict[str, Any] = {
    "batch_norm_epsilon": 0.25,
    "batch_norm_decay": 0.25,
    "last_gamma": 0.25,
    **{field: Initializer("normal", 0.25, "one") for field in CONVENTION if field.endswith("_initializer")},
}


def test_every_network_has_a_witness() -> None:
    listed = [f"{zoo}/{name}" for zoo, families in FAMILIES.items() for family in families for name in family.networks]
    assert sorted(listed) == sorted(architectures())


def test_every_zoo_has_a_witness() -> None:
    assert ZOOS.keys() == FAMILIES.keys() == zoos().keys()


def plain(value: Any) -> Any:
    """A value of the specification as witnesses write it."""
    match value:
        case Initializer("zeros"):
            return ("zeros", 1.0, "fan_in")
        case Initializer():
            return value.distribution, value.scale, value.fan
        case InputTransform():
            return tuple(pytest.approx(numbers, rel=1e-12, abs=1e-15) for numbers in (value.scale, value.shift))
        case tuple():
            return tuple(astuple(head) for head in value)
        case _:
            return value


@pytest.mark.parametrize(("name", "field", "fact"), FACTS, ids=[f"{name} {field}" for name, field, _ in FACTS])
def test_a_field_is_what_the_source_says(name: str, field: str, fact: Fact) -> None:
    network = architecture(name)
    holders = [one for one in (network, network.head, network.convention) if hasattr(one, field)]
    assert [plain(getattr(holder, field)) for holder in holders] == [fact.value], fact.source


SILENT = [(name, field) for name, family in NETWORKS.items() for field in CONVENTION if field not in family.facts]


@pytest.mark.parametrize(("name", "field"), SILENT, ids=[f"{name} {field}" for name, field in SILENT])
def test_a_field_without_a_fact_has_no_effect(name: str, field: str) -> None:
    network = architecture(name)
    functions = {value: training_function(network.with_options(**{field: value})) for value in others(name, field)}
    assert functions == dict.fromkeys(functions, training_function(network))


def others(name: str, field: str) -> Iterator[Any]:
    """Values that a field might have instead."""
    if field in OTHERWISE:
        yield OTHERWISE[field]
        return
    choices = get_args(get_type_hints(Convention)[field]) or (False, True)
    for choice in choices:
        try:
            plan(architecture(name, **{field: choice}))
        except BadInput:
            continue
        yield choice


@pytest.mark.parametrize("name", NETWORKS)
def test_what_a_family_is_silent_on_is_as_usual(name: str) -> None:
    network, facts = architecture(name), NETWORKS[name].facts
    usual = {field: value for field, value in USUAL.items() if field not in facts}
    assert {field: getattr(network, field, getattr(network.head, field, None)) for field in usual} == usual
    assert (network.output_stride, network.include_root_block) == (None, True)


@pytest.mark.parametrize("name", NETWORKS)
def test_photographs_are_prepared_as_the_source_says(name: str) -> None:
    fact = PREPROCESSING.get(name) or PREPROCESSING[name.partition("/")[0]]
    preprocessing = architecture(name).convention.preprocessing
    expected = {
        field: pytest.approx(value, rel=1e-12) if field in ("mean", "std") else value
        for field, value in fact.value.items()
    }
    assert {field: getattr(preprocessing, field) for field in expected} == expected, fact.source


@pytest.mark.parametrize("name", NETWORKS)
def test_max_pools_are_those_of_the_source(name: str) -> None:
    planned = plan(architecture(name))
    layers = (*planned.stem, *(layer for unit in planned.units for layer in unit.layers))
    pools = tuple((layer.kernel, layer.stride) for layer in layers if isinstance(layer, MaxPool) and layer.stride > 1)
    assert pools == NETWORKS[name].pools


@pytest.mark.parametrize("name", ZOOS)
def test_a_zoo_is_what_its_sources_say(name: str) -> None:
    found, facts = zoo(name), ZOOS[name]
    assert (found.name, found.framework, found.constructor) == (name, facts.framework, facts.constructor)
    assert (found.design_of, found.unpublished) == (facts.design_of, facts.unpublished)
    assert {network: widths.published for network, widths in found.widths.items()} == facts.widths


OPTIONS = [(name, *key, changed) for name, facts in ZOOS.items() for key, changed in facts.options.items()]


@pytest.mark.parametrize(
    ("zoo_name", "network", "option", "value", "changed"),
    OPTIONS,
    ids=[f"{name}/{network} {option}={value}" for name, network, option, value, _ in OPTIONS],
)
def test_an_option_of_a_zoos_own_is_ours(
    zoo_name: str, network: str, option: str, value: Any, changed: dict[str, Any]
) -> None:
    name = f"{zoo_name}/{network}"
    before, after = architecture(name), architecture(name, **{option: value})
    fields = ("output_stride", "auxiliary", "input_transform")
    heads = ("num_classes", "global_pool")
    expected = {field: plain(getattr(before, field)) for field in fields} | {
        field: getattr(before.head, field) for field in heads
    }
    assert {field: plain(getattr(after, field)) for field in fields} | {
        field: getattr(after.head, field) for field in heads
    } == expected | changed


@pytest.mark.parametrize("name", [name for name, facts in ZOOS.items() if facts.widths])
def test_a_width_is_asked_for_by_the_zoos_own_name(name: str) -> None:
    option = {"torchvision": "width_mult", "keras": "alpha", "paddle": "scale", "slim": "depth_multiplier"}[name]
    network = next(iter(ZOOS[name].widths))
    asked = architecture(f"{name}/{network}", **{option: 0.5})
    assert asked == architecture(f"{name}/{network}", width_multiplier=0.5) != architecture(f"{name}/{network}")


BOOKKEEPING = [(name, tensor) for name, facts in ZOOS.items() for tensor in facts.bookkeeping]


@pytest.mark.parametrize(("name", "tensor"), BOOKKEEPING)
def test_bookkeeping_is_left_out_and_no_more(name: str, tensor: str) -> None:
    naming = zoo(name).naming
    assert not naming.carries(tensor)
    assert naming.carries(f"{tensor}x")


def renamed(name: str) -> dict[str, ZooTensor]:
    return zoo(name.partition("/")[0]).naming.tensors(architecture(name))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_tensor_ends_in_its_zoos_leaf(name: str) -> None:
    facts: ZooFacts = ZOOS[name.partition("/")[0]]
    separator = "/" if facts.framework in ("keras", "tensorflow") else "."
    leaves = {key: split(key)[1] for key in renamed(name)}
    expected = {key: facts.leaves[leaf] for key, leaf in leaves.items()}
    expected |= {
        key: "depthwise_weights"  # tf_slim/layers/layers.py, separable_convolution2d
        for key, leaf in leaves.items()
        if facts.framework == "tensorflow" and key.endswith("depthwise/weights")
    }
    assert {key: tensor.name.rpartition(separator)[2] for key, tensor in renamed(name).items()} == expected


@pytest.mark.parametrize("name", NETWORKS)
def test_a_kernels_axes_are_its_frameworks(name: str) -> None:
    zoo_name = name.partition("/")[0]
    axes, flattened = AXES[ZOOS[zoo_name].framework], {key for zoo, _, key in FLATTENED if zoo == zoo_name}
    layers = {f"{layer.scope}/weights": layer for layer in plan(architecture(name)).convolutions}
    expected = {key: axes[kind_of(layer, name)] for key, layer in layers.items() if key not in flattened}
    letters = {key: tensor.axes.letters for key, tensor in renamed(name).items() if tensor.axes}
    assert {key: letters[key] for key in expected} == expected


def kind_of(layer: Convolution, name: str) -> str:
    """Which row of AXES a kernel belongs to: of a depthwise convolution, of a dense layer or of any other."""
    if layer.is_depthwise:
        return "depthwise"
    # mobilenet.py:222: the classifier of Keras's MobileNet is a convolution.
    dense = layer.padding == "valid" and layer.kernel == 1 and name != "keras/MobileNet"
    return "logits" if dense or (name_of(layer) == "logits" and name != "keras/MobileNet") else "kernel"


@pytest.mark.parametrize(
    ("zoo_name", "network", "key"), FLATTENED, ids=[f"{zoo}/{network} {key}" for zoo, network, key in FLATTENED]
)
def test_a_dense_kernel_behind_a_flattened_map_is_laid_out_as_that_was(zoo_name: str, network: str, key: str) -> None:
    axes = renamed(f"{zoo_name}/{network}")[key].axes
    assert axes is not None
    assert axes.letters == FLATTENED[zoo_name, network, key]
