"""What is written as Paddle's files, Paddle reads without a warning, and its networks take."""

from pathlib import Path

from isomorph.tools.checkpoints.paddle.writing import write_pdparams

from ..written import awkward, described, run_framework

# Paddle runs in a process of its own. A network's tensors are written anew, each changed, and given to another.
PROGRAM = """
import json, sys, warnings
from pathlib import Path
import numpy as np
import paddle
from isomorph.tools.checkpoints.paddle.writing import write_pdparams

warnings.simplefilter("error")
folder = Path(sys.argv[1])
networks = {
    "resnet18": lambda: paddle.vision.models.resnet18(num_classes=3),
    "vgg11": lambda: paddle.vision.models.vgg11(num_classes=0, with_pool=False),
    "mobilenet_v1": lambda: paddle.vision.models.mobilenet_v1(scale=0.25, num_classes=3),
}


def described(values):
    arrays = {name: value.view("uint16").numpy() if value.dtype == paddle.bfloat16 else value.numpy()
              for name, value in values.items()}
    return {name: [str(value.dtype).removeprefix("paddle."), list(value.shape), arrays[name].tobytes().hex()]
            for name, value in values.items()}


for name, make in networks.items():
    tensors = {key: value.numpy() + np.float32(key_number) for key_number, (key, value)
               in enumerate(make().state_dict().items())}
    write_pdparams(folder / f"{name}.pdparams", tensors)
    network = make()
    missing, unexpected = network.set_state_dict(paddle.load(str(folder / f"{name}.pdparams")))
    assert not missing and not unexpected
    taken = network.state_dict()
    assert list(taken) == list(tensors)
    assert all(np.array_equal(taken[key].numpy(), tensors[key]) for key in tensors)
print(json.dumps(described(paddle.load(str(folder / "x.pdparams")))))
"""


def test_paddle_reads_what_is_written(tmp_path: Path) -> None:
    write_pdparams(tmp_path / "x.pdparams", awkward())
    read = run_framework("paddle", PROGRAM, tmp_path)
    expected = described(awkward())
    assert list(read) == list(expected)
    assert read == expected
