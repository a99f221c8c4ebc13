"""What a user writes in a framework's own words to get a mode, without the framework."""

from dataclasses import replace
from typing import Any

import pytest

from isomorph.backends.options import Options
from isomorph.tools.benching.explain import explain
from isomorph.tools.benching.machine import Machine
from isomorph.tools.benching.modes import MODES
from isomorph.tools.benching.timed_process import Product

NATIVE = {
    ("pytorch", "graph-nhwc-folded-bfloat16"): """
        model.eval()
        convolution = torch.nn.utils.fuse_conv_bn_eval(convolution, batch_norm)  # every pair
        model = model.to(memory_format=torch.channels_last)
        model.compile(fullgraph=True)
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        y = model(x.contiguous(memory_format=torch.channels_last))
    """,
    ("keras", "xla-nchw-folded"): """
        keras.config.set_image_data_format("channels_first")  # before the model is built
        kernel *= gamma / (variance + epsilon) ** 0.5  # by hand: Keras has no call for it
        model.compile(jit_compile=True)
        y = model.predict_on_batch(x)
    """,
    ("keras", "eager-bfloat16"): """
        keras.config.set_dtype_policy("mixed_bfloat16")  # before the model is built
        y = model(x, training=False)
    """,
    ("paddle", "engine-nchw"): """
        layer.eval()
        paddle.jit.save(layer, "network", input_spec=[InputSpec([None, *shape], "float32", "images")])
        config = paddle.inference.Config("network.json", "network.pdiparams")
        config.enable_mkldnn()
        config.set_cpu_math_library_num_threads(threads)
        predictor = paddle.inference.create_predictor(config)
        predictor.run()  # between copy_from_cpu and copy_to_cpu
    """,
    ("paddle", "graph-nhwc-folded-float16"): """
        layer.eval()
        layer = make(data_format="NHWC")  # every convolution, batch norm and pool is told
        weight *= gamma / (variance + epsilon) ** 0.5  # by hand: Paddle has no call for it
        layer = paddle.jit.to_static(layer, full_graph=True)
        with paddle.no_grad(), paddle.amp.auto_cast(dtype="float16"): y = layer(x)
    """,
}


@pytest.mark.parametrize(("backend", "mode"), NATIVE)
def test_a_mode_in_the_frameworks_own_words_is(backend: str, mode: str) -> None:
    said = explain(backend, MODES[mode], Options("cpu", **MODES[mode].options)).splitlines()
    assert said[1] == "network.answer(images)"
    assert " ".join(line.removeprefix("# ") for line in said[2:]).split() == NATIVE[backend, mode].split()


def test_onednn_is_for_nchw_alone() -> None:
    said = explain("paddle", MODES["engine-nhwc"], Options("cpu", compiled="engine", layout="NHWC"))
    assert "predictor.run()" in said
    assert "enable_mkldnn" not in said


@pytest.mark.parametrize(("precisions", "tf32"), [(("float32", "bfloat16"), False), (("tf32",), True)])
def test_a_matrix_product_in_tf32_has_a_process_that_may_round_to_it(precisions: tuple[str, ...], tf32: bool) -> None:
    asked: list[tuple[str, bool]] = []

    def start(name: str, *, tf32: bool = False) -> Any:
        asked.append((name, tf32))

    Product("paddle", start, 4, precisions, "gpu").start()
    assert asked == [("paddle", tf32)]


def test_a_machine_is_told_in_a_line() -> None:
    one = Machine("A processor", 1, None, "Linux x86_64", "3.11")
    assert str(one) == "A processor, 1 core, Linux x86_64, Python 3.11"
    assert str(replace(one, cores=2, memory=8 * 2**30)) == "A processor, 2 cores, 8 GiB, Linux x86_64, Python 3.11"
