"""The protocol's own logic, the same for every backend, held to its word on the oracle in this process."""

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

from isomorph.backends import Network, Unavailable, load_backend
from isomorph.backends.protocol import DTYPES, as_dtype
from isomorph.spec import Architecture, BadInput, architecture, infer, tensor_shapes

Array = npt.NDArray[Any]

UNIT = "block1/unit_1/bottleneck_v1"


def drawn(architecture: Architecture, seed: int = 0) -> dict[str, Array]:
    random = np.random.default_rng(seed)
    return {name: random.uniform(0.5, 1.5, shape) for name, shape in tensor_shapes(architecture).items()}


@pytest.fixture
def network(tiny: Architecture) -> Network:
    return load_backend("oracle").build(tiny, dtype="float64")


@pytest.fixture
def tensors(tiny: Architecture) -> dict[str, Array]:
    return drawn(tiny)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        pytest.param(
            {"dtype": "float8"},
            BadInput,
            "There is no dtype 'float8'; there are float32, float64, bfloat16, float16.",
            id="an unknown dtype",
        ),
        pytest.param(
            {"device": "tpu"}, BadInput, "There is no device 'tpu'; there are auto, cpu, gpu.", id="an unknown device"
        ),
        pytest.param({"device": "gpu"}, Unavailable, "oracle sees no GPU here.", id="a GPU that is not there"),
    ],
)
def test_build_refuses(options: dict[str, Any], error: type[Exception], message: str, tiny: Architecture) -> None:
    with pytest.raises(error) as caught:
        load_backend("oracle").build(tiny, **options)
    assert str(caught.value) == message


def test_auto_is_the_cpu_without_a_gpu(tiny: Architecture) -> None:
    assert load_backend("oracle").build(tiny, device="auto").device == "cpu"


@pytest.mark.parametrize("dtype", DTYPES)
def test_tensors_and_end_points_have_the_networks_dtype(dtype: str, tiny: Architecture) -> None:
    network = load_backend("oracle").build(tiny, dtype=dtype)
    network.load(drawn(tiny))
    made = network.tensors() | network.end_points(np.ones((1, 5, 5, 3)))
    assert {array.dtype for array in made.values()} == {as_dtype(dtype)}


def test_bfloat16_is_ml_dtypes() -> None:
    assert as_dtype("bfloat16") == ml_dtypes.bfloat16


def test_load_takes_over_every_tensor(network: Network, tensors: dict[str, Array]) -> None:
    assert network.load(tensors) == ([], [])
    found = network.tensors()
    assert list(found) == list(tensor_shapes(network.architecture))
    assert [name for name in tensors if not np.array_equal(found[name], tensors[name])] == []


def test_load_takes_tensors_in_any_order(network: Network, tensors: dict[str, Array]) -> None:
    network.load(dict(reversed(tensors.items())))
    assert list(network.tensors()) == list(tensors)


@pytest.mark.parametrize("partial", [False, True])
def test_load_never_changes_its_argument(partial: bool, network: Network, tensors: dict[str, Array]) -> None:
    for tensor in tensors.values():
        tensor.setflags(write=False)
    given = tensors | ({"other": np.zeros(3)} if partial else {})
    before = dict(given)
    network.load(given, partial=partial)
    assert list(given) == list(before)
    assert all(given[name] is before[name] for name in before)


def test_load_and_tensors_copy(network: Network, tensors: dict[str, Array]) -> None:
    network.load(tensors)
    for tensor in (*network.tensors().values(), *tensors.values()):
        tensor[...] = -1
    assert min(tensor.min() for tensor in network.tensors().values()) >= 0.5


def changed(tensors: dict[str, Array], left_out: tuple[str, ...] = (), **more: Array) -> dict[str, Array]:
    return {name: tensor for name, tensor in tensors.items() if name not in left_out} | more


@pytest.mark.parametrize(
    ("left_out", "more", "message"),
    [
        pytest.param(
            ("logits/biases", "conv1/weights"),
            {},
            "The tensors are not those of slim/tiny; 2 tensors missing: - conv1/weights, - logits/biases.",
            id="tensors are missing",
        ),
        pytest.param(
            (),
            {"other": np.zeros(3)},
            "The tensors are not those of slim/tiny; 1 tensor unexpected: + other.",
            id="a tensor is unexpected",
        ),
        pytest.param(
            ("logits/biases",),
            {"logits/bias": np.zeros(4)},
            "The tensors are not those of slim/tiny; 1 tensor missing: - logits/biases;"
            " 1 tensor unexpected: + logits/bias.",
            id="a tensor has another name, with both sides",
        ),
        pytest.param(
            (),
            {"conv1/weights": np.zeros((4, 3, 3, 3)), "logits/biases": np.zeros(())},
            "2 tensors do not fit slim/tiny: conv1/weights is 4x3x3x3, expected 3x3x3x4,"
            " logits/biases is a scalar, expected 4.",
            id="tensors are misshapen",
        ),
    ],
)
def test_load_changes_nothing_when(
    left_out: tuple[str, ...], more: dict[str, Array], message: str, network: Network, tensors: dict[str, Array]
) -> None:
    network.load(tensors)
    with pytest.raises(BadInput) as caught:
        network.load(changed(drawn(network.architecture, seed=1), left_out, **more))
    assert str(caught.value) == message
    found = network.tensors()
    assert [name for name in tensors if not np.array_equal(found[name], tensors[name])] == []


def test_partial_load_says_both_sides_and_loads_the_rest(network: Network, tensors: dict[str, Array]) -> None:
    network.load(tensors)
    others = drawn(network.architecture, seed=1)
    given = changed(others, ("logits/biases",), other=np.zeros(3))
    assert network.load(given, partial=True) == (["logits/biases"], ["other"])
    found, expected = network.tensors(), others | {"logits/biases": tensors["logits/biases"]}
    assert [name for name in expected if not np.array_equal(found[name], expected[name])] == []


def test_partial_load_refuses_what_is_misshapen(network: Network, tensors: dict[str, Array]) -> None:
    network.load(tensors)
    with pytest.raises(BadInput, match=r"fit slim/tiny: logits/biases is 5, expected 4\.$"):
        network.load({"logits/biases": np.zeros(5), "conv1/weights": np.zeros((3, 3, 3, 4))}, partial=True)
    assert np.array_equal(network.tensors()["conv1/weights"], tensors["conv1/weights"])


def test_partial_load_lists_the_tensors_of_auxiliary_heads_that_were_left_out(
    designs: dict[str, Architecture], weights: Callable[[Architecture], dict[str, Array]]
) -> None:
    whole = designs["inceptions"]
    without = whole.with_options(auxiliary=())
    network, given = load_backend("oracle").build(without), weights(whole)
    heads = [name for name in given if name.startswith(("aux1/", "aux2/"))]
    assert len(heads) == 2 * (4 + 2 + 2)
    assert network.load(given, partial=True) == ([], heads)
    with pytest.raises(BadInput, match=r"are not those of isomorph/inceptions; 16 tensors unexpected: \+ aux1/conv/"):
        network.load(given)
    assert load_backend("oracle").build(whole).load(weights(without), partial=True) == (heads, [])


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        pytest.param((5, 5, 3), "5x5x3", id="rank 3"),
        pytest.param((1, 3, 5, 5), "1x3x5x5", id="channels first"),
        pytest.param((1, 5, 5, 1), "1x5x5x1", id="one channel"),
        pytest.param((0, 5, 5, 3), "0x5x5x3", id="no image"),
        pytest.param((1, 0, 5, 3), "1x0x5x3", id="no rows"),
    ],
)
def test_images_are_refused_of(shape: tuple[int, ...], said: str, network: Network) -> None:
    with pytest.raises(BadInput) as caught:
        network.end_points(np.zeros(shape))
    assert str(caught.value) == (
        f"The images are {said}; slim/tiny expects [batch, height, width, 3] with at least one pixel."
    )


@pytest.mark.parametrize("size", [(1, 1), (5, 5), (6, 9)], ids=lambda size: "x".join(map(str, size)))
def test_end_points_are_those_of_the_specification(
    size: tuple[int, int], network: Network, tensors: dict[str, Array]
) -> None:
    network.load(tensors)
    found = network.end_points(np.ones((2, *size, 3)))
    expected = infer(network.architecture, *size).shapes(2)
    assert [(name, array.shape) for name, array in found.items()] == list(expected.items())


def test_images_may_be_integers_in_any_layout(network: Network, tensors: dict[str, Array]) -> None:
    network.load(tensors)
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 6, 3), np.uint8)
    strided = np.asfortranarray(images.astype(np.float64))
    assert np.array_equal(network.end_points(images)["logits"], network.end_points(strided)["logits"])


def test_end_points_change_neither_images_nor_tensors(network: Network, tensors: dict[str, Array]) -> None:
    network.load(tensors)
    images = -np.ones((1, 5, 5, 3))
    network.end_points(images)
    assert np.all(images == -1)
    assert [name for name, tensor in network.tensors().items() if not np.array_equal(tensor, tensors[name])] == []


def test_parts_run_one_after_another_are_the_whole(network: Network, tensors: dict[str, Array]) -> None:
    network.load(tensors)
    images = np.random.default_rng(0).normal(size=(2, 5, 6, 3))
    whole = network.end_points(images)
    parts = (
        network.part("stem", images)
        | network.part(UNIT, whole["conv1"])
        | {"block1": whole[UNIT]}
        | network.part("head", whole[UNIT])
    )
    assert list(parts) == list(whole)
    assert [name for name in whole if not np.array_equal(parts[name], whole[name])] == []


def test_an_unknown_part(network: Network) -> None:
    with pytest.raises(BadInput) as caught:
        network.part("block2", np.zeros((1, 5, 5, 3)))
    assert str(caught.value) == f"slim/tiny has no part 'block2'; it has stem, {UNIT}, head."


def test_state_dict_has_a_zoos_names_and_axes() -> None:
    network = load_backend("oracle").build(architecture("torchvision/resnet18"))
    network.load({name: np.full(shape, 0.5) for name, shape in tensor_shapes(network.architecture).items()})
    theirs = network.state_dict("torchvision")
    assert list(theirs)[:5] == ["conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var"]
    assert theirs["conv1.weight"].shape == (64, 3, 7, 7)
    assert theirs["layer2.0.downsample.1.running_var"].shape == (128,)
    assert theirs["fc.weight"].shape == (1000, 512)
    assert len(theirs) == 102  # of torchvision's own resnet18, without num_batches_tracked


def test_state_dict_transposes(network: Network, tensors: dict[str, Array]) -> None:
    network.load(tensors)
    kernel = network.state_dict("torchvision")["layer1.0.conv2.weight"]
    assert np.array_equal(kernel, tensors[f"{UNIT}/conv2/weights"].transpose(3, 2, 0, 1))


def test_state_dict_of_an_unknown_zoo(network: Network) -> None:
    with pytest.raises(BadInput, match=r"^There is no zoo 'tochvision'; there are"):
        network.state_dict("tochvision")


@pytest.mark.parametrize("shape", [(1, 8, 8, 5), (8, 8, 3), (0, 8, 8, 3)], ids=["depth", "rank", "empty"])
def test_a_part_is_refused_an_input_that_is_not_its_own(shape: tuple[int, ...]) -> None:
    network = load_backend("oracle").build(architecture("cifar/resnet20"))
    with pytest.raises(BadInput, match=r"^The input of stem is .*; cifar/resnet20 expects \[batch, height, width, 3\]"):
        network.part("stem", np.zeros(shape))


@pytest.mark.parametrize("value", [np.array(["a"] * 16), np.array([None] * 16), np.zeros(16, complex)])
def test_tensors_that_are_no_numbers_are_refused_before_anything_is_loaded(value: np.ndarray) -> None:
    network = load_backend("oracle").build(architecture("cifar/resnet20"))
    before = network.tensors()
    tensors = {name: tensor + 1 for name, tensor in before.items()} | {"conv1/BatchNorm/beta": value}
    with pytest.raises(BadInput, match=r"^conv1/BatchNorm/beta for cifar/resnet20 holds .*; expected numbers\.$"):
        network.load(tensors)
    assert all(np.array_equal(before[name], tensor) for name, tensor in network.tensors().items())
