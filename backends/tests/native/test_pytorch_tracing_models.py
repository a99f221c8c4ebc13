"""Whole models of PyTorch that somebody else wrote: their tensors' names, their dtypes, and what is asked of them."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, library, nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from isomorph.backends import load_backend
from isomorph.backends.pytorch.tracing.model import PyTorchModel
from isomorph.backends.pytorch.tracing.tracer import trace
from isomorph.spec import Architecture, BadInput
from isomorph.spec.operations import BatchNorm, Convolution, Dense, Pointwise

from .graph_checks import assert_computes_its_values, unknown
from .pytorch_models import IMAGES, KINDS, Array, Net, Of, assert_sound, kinds, net, stored_names

# ----------------------------------------------------------------------------------------------- this backend's own


def test_networks_of_every_kind_of_unit_compute_their_own_values(
    design: Architecture, weights: Callable[[Architecture], dict[str, Array]], images: Array
) -> None:
    network = load_backend("pytorch").build(design, dtype="float64")
    network.load(weights(design))
    graph = trace(network.native, images[:2])
    assert_sound(graph)
    logits = network.end_points(images[:2])["logits"]
    found = graph.take(next(iter(graph.outputs.values())))
    np.testing.assert_allclose(found, logits.reshape(found.shape), rtol=1e-9, atol=1e-9)
    trained = {name for name, _ in network.native.named_parameters() if not name.startswith("aux")}
    assert trained <= stored_names(graph)


# ------------------------------------------------------------------------------------------ names, places, layouts


def test_tensors_keep_their_names_and_are_moved_from_the_stored_ones() -> None:
    model = net()
    graph = trace(model, IMAGES)
    stored = {name: each.numpy() for name, each in model.state_dict().items()}
    assert stored_names(graph) == {name for name in stored if not name.endswith("num_batches_tracked")}
    for node in graph.nodes.values():
        for tensor in node.tensors.values():
            assert tensor.name is not None
            np.testing.assert_array_equal(tensor.stored, stored[tensor.name])
            np.testing.assert_array_equal(tensor.value, tensor.layout.take(stored[tensor.name]))
    kernels = [node for node in graph.nodes.values() if isinstance(node.operation, Convolution | Dense)]
    moved = [(2, 3, 1, 0), (2, 3, 1, 0), (1, 0)]
    for node, axes in zip(kernels, moved, strict=True):
        tensor = node.tensors["weights"]
        np.testing.assert_array_equal(tensor.value, stored[str(tensor.name)].transpose(axes))


def test_a_value_can_be_put_back_through_its_layout() -> None:
    model = PyTorchModel(net(), "net")
    (node,) = (node for node in model.trace(IMAGES).nodes.values() if isinstance(node.operation, Dense))
    tensor = node.tensors["weights"]
    new = np.random.default_rng(1).normal(size=tensor.value.shape)
    model.load({str(tensor.name): tensor.layout.scatter(new).reshape(tensor.stored.shape)})
    (again,) = (node for node in model.trace(IMAGES).nodes.values() if isinstance(node.operation, Dense))
    np.testing.assert_array_equal(again.tensors["weights"].value, new)


def test_operations_go_by_the_module_that_runs_them() -> None:
    graph = trace(net(), IMAGES)
    names = [node.name for node in graph.nodes.values()]
    assert names == ["input", "stem.0", "stem.1", "stem.2", "conv", "norm", "", "", "", "fc"]


def test_a_module_that_fails_leaves_its_name_behind() -> None:
    class Tries(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(7, 2, 1)

        def forward(self, x: Tensor) -> Tensor:
            try:
                self.conv(x)
            except RuntimeError:
                return x * 2
            return x

    graph = trace(Tries().double(), IMAGES)
    assert [node.name for node in graph.nodes.values()] == ["input", ""]


def test_tied_weights_go_by_the_first_name() -> None:
    model = net()
    model.again = model.fc
    assert "again.weight" in model.state_dict()
    assert {"fc.weight", "fc.bias"} <= stored_names(trace(model, IMAGES))


@pytest.mark.parametrize("parametrise", [weight_norm, spectral_norm], ids=["weight_norm", "spectral_norm"])
def test_weights_that_are_computed_have_no_name(parametrise: Callable[[nn.Module], nn.Module]) -> None:
    model = net()
    parametrise(model.fc)
    graph = trace(model, IMAGES)
    assert_sound(graph)
    (node,) = (node for node in graph.nodes.values() if isinstance(node.operation, Dense))
    assert node.tensors["weights"].name is None
    assert node.tensors["biases"].name == "fc.bias"


def test_a_buffer_that_is_not_saved_has_no_name() -> None:
    class Shifted(Net):
        mean: Tensor

        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x - self.mean)

    model = Shifted().double().eval()
    model.register_buffer("mean", torch.ones(3, 1, 1).double() * 0.3, persistent=False)
    graph = trace(model, IMAGES)
    assert_sound(graph)
    (node,) = (node for node in graph.nodes.values() if node.kind.__name__ == "Affine")
    assert node.tensors["shift"].name is None
    assert node.tensors["shift"].value.tolist() == [-0.3] * 3


def test_a_weight_that_changes_while_the_model_runs_loses_its_name() -> None:
    class Standardised(Net):
        def forward(self, x: Tensor) -> Tensor:
            self.conv.weight.data = self.conv.weight.data - self.conv.weight.data.mean()
            self.fc.weight.data.mul_(0.5)
            return super().forward(x)

    model = Standardised().double().eval()
    graph = trace(model, IMAGES)
    assert_sound(graph)
    assert not {"conv.weight", "fc.weight"} & stored_names(graph)


# ------------------------------------------------------------------------------------------------ forms of one model


@pytest.mark.parametrize("wrap", [torch.compile, nn.DataParallel], ids=["torch.compile", "nn.DataParallel"])
def test_wrapped_modules_are_what_they_wrap(wrap: Callable[[nn.Module], Any]) -> None:
    model = PyTorchModel(wrap(net()), "net")
    graph = model.trace(IMAGES)
    assert_sound(graph)
    assert kinds(graph)[: len(KINDS)] == KINDS
    assert stored_names(graph) <= set(model.tensors())


def test_a_part_under_torch_compile_runs_as_it_was_written() -> None:
    model = net()
    model.stem = torch.compile(model.stem)  # type: ignore[assignment]
    graph = trace(model, IMAGES)
    assert_sound(graph)
    assert kinds(graph)[: len(KINDS)] == KINDS


@pytest.mark.parametrize(("dtype", "limit"), [("float16", 2e-3), ("bfloat16", 2e-2), ("float32", 1e-5)])
def test_models_in_other_dtypes(dtype: str, limit: float) -> None:
    model = PyTorchModel(net(), "net")
    assert model.cast(dtype)
    assert model.dtype == dtype
    images = IMAGES.astype(np.float32)
    if dtype != "float32":
        import ml_dtypes  # noqa: PLC0415 - which NumPy's names do not hold

        images = images.astype(getattr(ml_dtypes, dtype, dtype))
    graph = model.trace(images)
    assert_sound(graph, limit)
    assert kinds(graph)[: len(KINDS)] == KINDS
    assert graph.images.dtype == np.float32


def test_autocast_inside_of_a_model_is_a_cast() -> None:
    class Autocast(Net):
        def forward(self, x: Tensor) -> Tensor:
            with torch.autocast("cpu", torch.bfloat16):
                return super().forward(x)

    graph = trace(Autocast().eval(), IMAGES.astype(np.float32))
    assert_sound(graph, 2e-2)
    cast = [node.operation for node in graph.nodes.values() if node.kind.__name__ == "Cast"]
    assert {each.dtype for each in cast} == {"bfloat16"}  # type: ignore[union-attr]


def test_a_quantised_model_is_unknown_in_part_and_stays_as_it_is() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's, of quantisation that moves to torchao
        quantise: Any = torch.ao.quantization.quantize_dynamic
        quantised = quantise(net(torch.float32), {nn.Linear}, dtype=torch.qint8)
    model = PyTorchModel(quantised, "net")
    assert not model.cast("float64")
    graph = model.trace(IMAGES.astype(np.float32))
    assert unknown(graph) == ["quantized::linear_dynamic"]
    assert_computes_its_values(graph, 1e-5)


def test_the_branch_that_a_condition_chooses_is_followed() -> None:
    def branches(x: Tensor) -> Any:
        return torch.cond(x.sum() > 1e9, torch.relu, torch.sigmoid, (x,))

    graph = trace(Of(branches), IMAGES)
    assert [node.operation for node in graph.nodes.values()][-1] == Pointwise("sigmoid")


def test_a_loop_that_is_an_operation_is_refused() -> None:
    def loops(x: Tensor) -> Any:
        loop: Any = torch.while_loop
        return loop(lambda x: x.sum() < 0, torch.relu, (x,))

    with pytest.raises(BadInput, match=r"uses torch\.ops\.higher_order\.while_loop, which cannot be followed"):
        PyTorchModel(Of(loops), "loops").trace(IMAGES)


def test_a_model_that_is_quantised_whole_is_unknown_between_its_ends() -> None:
    class Quantised(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.begin, self.end = torch.ao.quantization.QuantStub(), torch.ao.quantization.DeQuantStub()
            self.conv = nn.Conv2d(3, 8, 3)

        def forward(self, x: Tensor) -> Any:
            return self.end(self.conv(self.begin(x)).relu().mean((2, 3)))

    quantisation: Any = torch.ao.quantization
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's, of quantisation that moves to torchao
        model = Quantised().eval()
        model.qconfig = quantisation.get_default_qconfig("x86")
        quantisation.prepare(model, inplace=True)(torch.ones(1, 3, 8, 6))
        quantisation.convert(model, inplace=True)
        graph = PyTorchModel(model, "net").trace(IMAGES.astype(np.float32))
    assert unknown(graph) == ["quantize_per_tensor", "quantized::conv2d", "relu", "mean", "dequantize"]


def test_another_package_operation_of_a_known_name_is_unknown() -> None:
    @library.custom_op("isomorph_test::relu", mutates_args=())
    def relu(x: Tensor) -> Tensor:
        return x * 3

    class Calls(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return relu(x)  # type: ignore[no-any-return]

    assert unknown(trace(Calls(), IMAGES)) == ["isomorph_test::relu"]


# ---------------------------------------------------------------------------------------------------- what is asked


def test_models_in_training_are_named() -> None:
    model = net()
    assert PyTorchModel(model, "net").in_training() == []
    model.training = True
    model.norm.train()
    model.attention = nn.MultiheadAttention(4, 2).train()
    assert PyTorchModel(model, "net").in_training() == ["", "norm", "attention"]


def test_a_trace_leaves_a_model_as_it_was() -> None:
    model = PyTorchModel(net().train(), "net")
    before = {name: value.copy() for name, value in model.tensors().items()}
    graph = model.trace(IMAGES)
    assert_computes_its_values(graph)
    norms = [node.operation for node in graph.nodes.values() if isinstance(node.operation, BatchNorm)]
    assert norms == [BatchNorm(1e-5, batch_statistics=True)] * 2
    for name, value in model.tensors().items():
        np.testing.assert_array_equal(value, before[name])
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.native.modules())


def test_the_dtype_is_that_of_most_tensors() -> None:
    model = net(torch.float32)
    model.fc.double()
    assert PyTorchModel(model, "net").dtype == "float32"
    assert PyTorchModel(nn.ReLU(), "relu").dtype == "float32"


# ---------------------------------------------------------------------------------------------------- what is refused


def test_lazy_modules_are_refused() -> None:
    with pytest.raises(BadInput, match=r"^net is not made yet: the size of 0\.weight is that of its first images;"):
        PyTorchModel(nn.Sequential(nn.LazyConv2d(4, 3)), "net")


def test_images_that_a_model_does_not_take_are_refused_in_its_words() -> None:
    with pytest.raises(BadInput, match=r"^net raised RuntimeError: .*channels.*, on images of 2x8x6x2, float64\.$"):
        PyTorchModel(net(), "net").trace(IMAGES[..., :2])


# --------------------------------------------------------------------------------------- what PyTorch keeps to itself


def test_the_parts_of_pytorch_that_tracing_stands_on() -> None:
    """None of them is documented to stay: if this fails, a release of PyTorch changed what a trace needs."""
    from torch.utils._python_dispatch import TorchDispatchMode  # noqa: PLC0415 - here its absence is the failure
    from torch.utils.weak import WeakTensorKeyDictionary  # noqa: PLC0415

    seen: list[Any] = []

    class Mode(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = func(*args, **kwargs or {})
            seen.append((func, args, result))
            return result

    x = torch.ones(2, 3)
    with torch.no_grad(), Mode():  # type: ignore[no-untyped-call]
        y = x.t()
        y.mul_(2)
    (first, _, moved), (second, (written, _), result) = seen
    assert (first.overloadpacket.__name__, first.namespace) == ("t", "aten"), "a mode no longer gets OpOverloads"
    assert moved is y is written is result, "one tensor is no longer one Python object for a mode"
    assert first._schema.returns[0].alias_info.is_write is False, "schemas no longer tell views"
    assert second._schema.arguments[0].alias_info.is_write is True, "schemas no longer tell what is written to"
    assert first.decompose(x) is NotImplemented, "operations no longer tell that they are not made of others"
    made = torch.ops.aten.linear.default.decompose(x, torch.ones(2, 3))
    assert made.shape == (2, 2), "`linear` no longer tells what it is made of"

    tensors: Any = WeakTensorKeyDictionary()
    tensors[x] = 1
    tensors[torch.ones(2)] = 2
    assert list(tensors.values()) == [1], "a WeakTensorKeyDictionary no longer forgets"


def test_hooks_that_tracing_stands_on() -> None:
    """A hook behind a module that raises is called, too; one before it can be the first."""
    called: list[str] = []
    linear = nn.Linear(4, 5)
    linear.register_forward_pre_hook(lambda *_: called.append("theirs"))
    linear.register_forward_pre_hook(lambda *_: called.append("before"), prepend=True)
    linear.register_forward_hook(lambda *_: called.append("behind"), always_call=True)
    with pytest.raises(RuntimeError):
        linear(torch.ones(2, 3))
    assert called == ["before", "theirs", "behind"], "hooks of modules are no longer called as a trace needs it"
