"""The Python lines with which a user runs a network in a mode, with and without isomorph."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from isomorph.backends.options import Options
from isomorph.spec import Architecture
from isomorph.tools.benching.modes import Mode
from isomorph.tools.designs.lookup import is_architecture

Lines = list[str]
"""Lines of Python."""


def setup_lines(subject: str | Path | Architecture, image: tuple[int, int, int], arguments: Mapping[str, Any]) -> str:
    """Return the lines that come before those of any mode: the architecture of `bench`, and an image of this shape.

    arguments: what `find_subject` was given beside the subject.
    """
    lines = ["import numpy", "from isomorph.backends import load_backend"]
    if isinstance(subject, Architecture):
        lines.append(f"# architecture: {subject.name}, as bench was given it")
    else:
        lines += ["from isomorph.tools.subjects.subject import find_subject"]
        lines += [
            f"subject = find_subject({json.dumps(str(subject))}{_arguments(arguments)})",
            "architecture = subject.architecture",
        ]
        if not is_architecture(subject):
            lines.append("# behind each build: network.load(subject.tensors)")
    return "\n".join([*lines, f'images = numpy.ones({(1, *image)}, "float32")'])


def explain(backend: str, mode: Mode, options: Options) -> str:
    """Return the lines for `mode` in `backend`: isomorph's, then as comments the framework's own for your own model.

    >>> from isomorph.backends.options import Options
    >>> from isomorph.tools.benching.explain import explain
    >>> from isomorph.tools.benching.modes import MODES
    >>> print(explain("pytorch", MODES["graph"], Options(compiled="graph", layout="NCHW")))
    network = load_backend("pytorch").build(architecture, compiled="graph")
    network.answer(images)
    # model.eval()
    # model.compile(fullgraph=True)
    # with torch.inference_mode(): y = model(x)

    options: the mode's options as the backend resolved them.
    """
    arguments = _arguments(mode.options)
    where = f', device="{options.device}"' if options.device != "cpu" else ""
    lines = [f'load_backend("{backend}").use_tf32()'] if mode.tf32 else []
    lines += [f'network = load_backend("{backend}").build(architecture{where}{arguments})']
    lines.append("network.answer(images)")
    if mode.tf32 and backend in _TF32:
        lines.append(f"# {_TF32[backend]}")
    native = _NATIVE.get(backend.partition(":")[0])
    return "\n".join([*lines, *(f"# {line}" for line in (native(options) if native else ()))])


def _arguments(options: Mapping[str, Any]) -> str:
    texts = {name: json.dumps(value) if isinstance(value, str) else repr(value) for name, value in options.items()}
    return "".join(f", {name}={text}" for name, text in texts.items())


def _pytorch(options: Options) -> Lines:
    lines = ["model.eval()"]
    if options.fold_batch_norm:
        lines.append("convolution = torch.nn.utils.fuse_conv_bn_eval(convolution, batch_norm)  # every pair")
    x = "x"
    if options.layout == "NHWC":
        lines.append("model = model.to(memory_format=torch.channels_last)")
        x = "x.contiguous(memory_format=torch.channels_last)"
    if options.compiled:
        lines.append("model.compile(fullgraph=True)")
    autocast = f', torch.autocast("{_cuda(options)}", torch.{options.autocast})' if options.autocast else ""
    return [*lines, f"with torch.inference_mode(){autocast}: y = model({x})"]


def _keras(options: Options) -> Lines:
    lines = []
    if options.autocast:
        lines.append(f'keras.config.set_dtype_policy("mixed_{options.autocast}")  # before the model is built')
    if options.layout == "NCHW":
        lines.append('keras.config.set_image_data_format("channels_first")  # before the model is built')
    if options.fold_batch_norm:
        lines.append("kernel *= gamma / (variance + epsilon) ** 0.5  # by hand: Keras has no call for it")
    if options.compiled is None:
        return [*lines, "y = model(x, training=False)"]
    return [*lines, f"model.compile(jit_compile={options.compiled == 'xla'})", "y = model.predict_on_batch(x)"]


def _paddle(options: Options) -> Lines:
    lines = ["layer.eval()"]
    if options.layout == "NHWC":
        lines.append('layer = make(data_format="NHWC")  # every convolution, batch norm and pool is told')
    if options.fold_batch_norm:
        lines.append("weight *= gamma / (variance + epsilon) ** 0.5  # by hand: Paddle has no call for it")
    if options.compiled == "engine":
        onednn = options.layout == "NCHW" and options.dtype == "float32" and options.device == "cpu"
        return [
            *lines,
            'paddle.jit.save(layer, "network", input_spec=[InputSpec([None, *shape], "float32", "images")])',
            'config = paddle.inference.Config("network.json", "network.pdiparams")',
            *(["config.enable_mkldnn()"] if onednn else []),
            "config.set_cpu_math_library_num_threads(threads)",
            "predictor = paddle.inference.create_predictor(config)",
            "predictor.run()  # between copy_from_cpu and copy_to_cpu",
        ]
    if options.compiled == "graph":
        lines.append("layer = paddle.jit.to_static(layer, full_graph=True)")
    autocast = f', paddle.amp.auto_cast(dtype="{options.autocast}")' if options.autocast else ""
    return [*lines, f"with paddle.no_grad(){autocast}: y = layer(x)"]


def _cuda(options: Options) -> str:
    return "cuda" if options.device == "gpu" else "cpu"


_TORCH_TF32 = "torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True"
_TF32 = {
    "pytorch": _TORCH_TF32,
    "keras": "tf.config.experimental.enable_tensor_float_32_execution(True)",
    "keras:jax": 'jax.config.update("jax_default_matmul_precision", "tensorfloat32")',
    "keras:torch": _TORCH_TF32,
    "paddle": "paddle.base.core.set_cublas_switch(True); paddle.base.core.set_cudnn_switch(True)",
}
"""Backend -> how its framework is told to use TF32 on a GPU."""

_NATIVE: dict[str, Callable[[Options], Lines]] = {"pytorch": _pytorch, "keras": _keras, "paddle": _paddle}
