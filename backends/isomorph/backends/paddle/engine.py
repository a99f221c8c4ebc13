"""Paddle's inference engine, which serves as its compiler where builds lack CINN, as those for CPUs do."""

import os

import paddle
from paddle import inference, nn

from isomorph.backends.protocol import Array
from isomorph.backends.scratch import ScratchFolder


class Engine:
    """[N, C, H, W] images of one size and dtype, in the layer's own layout -> the layer's answer, as NumPy arrays.

    It runs an exported copy: later changes of the layer's weights do not reach it.

    onednn: whether convolutions on a CPU go to oneDNN, six times as fast as Paddle's own.
    """

    def __init__(self, layer: nn.Layer, images: Array, gpu: bool, onednn: bool) -> None:
        with ScratchFolder() as folder:
            exported = str(folder / "network")
            shape = [None, *images.shape[1:]]
            paddle.jit.save(layer, exported, input_spec=[paddle.static.InputSpec(shape, images.dtype.name, "images")])
            config = inference.Config(f"{exported}.json", f"{exported}.pdiparams")
            config.disable_glog_info()
            if gpu:
                config.enable_use_gpu(256, 0)  # MiB to begin with, and the device's number
            else:
                config.disable_gpu()
                config.set_cpu_math_library_num_threads(_threads())  # it would take one
                if onednn:
                    config.enable_mkldnn()
                else:
                    config.disable_mkldnn()
            self._predictor = inference.create_predictor(config)

    def __call__(self, images: Array) -> Array:
        """Run it on C-contiguous images."""
        predictor = self._predictor
        predictor.get_input_handle("images").copy_from_cpu(images)
        predictor.run()
        paddle.base.core.set_num_threads(_threads())  # a run leaves the process, eager mode too, with one
        answer: Array = predictor.get_output_handle(predictor.get_output_names()[0]).copy_to_cpu()
        return answer


def _threads() -> int:
    """Return the number of threads that Paddle's eager mode uses."""
    return int(os.environ.get("OMP_NUM_THREADS", "1"))
