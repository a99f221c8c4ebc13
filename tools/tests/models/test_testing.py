"""`isomorph.testing` and live objects: what a pytest of somebody's own sees, which has imported the framework."""

import pytest

from isomorph.backends import find_backend

from .ports import LENET, PORT, needs_pytorch, run_python, write

NO_KERAS = find_backend("keras").why_not()

pytestmark = [needs_pytorch, pytest.mark.usefixtures("empty_folder")]

CODE = """
import torch
from lenet import make
from port import make_model

from isomorph.spec import BadInput
from isomorph.testing import assert_same_function
from isomorph.tools import check

mine = make()
before = {name: tensor.clone() for name, tensor in mine.state_dict().items()}
assert_same_function(mine, "paddle/LeNet")
assert {tensor.dtype for tensor in mine.parameters()} == {torch.float32}
assert all(torch.equal(tensor, before[name]) for name, tensor in mine.state_dict().items())
assert check(mine, against="paddle/LeNet", weights="drawn").agree
assert check(mine, against=make(last=False)).agree
try:
    assert_same_function(make_model(), "cifar/resnet20", batch=1)
except AssertionError as error:
    print(error)
for what in (mine.train(), torch.zeros(3)):
    try:
        check("paddle/LeNet", against=what)
    except BadInput as error:
        print(error)
"""


def test_a_live_object_is_asserted_to_be_the_function_and_stays_as_it_is() -> None:
    write({"lenet.py": LENET, "port.py": PORT})
    said = run_python(CODE).splitlines()
    assert said[0] == "cifar/resnet20 against Net"
    assert "epsilon: block1/unit_1/basic_v1/conv1 has epsilon 0.001, expected 1e-05, in 18" in said
    assert said[-2:] == [
        "LeNet is in training mode; have it ready for inference, as .eval() does, or --training compares it as it is.",
        "Tensor is no model; expected a module of PyTorch, Keras or Paddle, or the name of one.",
    ]


OF_ITS_OWN = '''
import keras
import numpy as np

from isomorph.spec import BadInput
from isomorph.testing import assert_same_function
from isomorph.tools import check


class Small(keras.Model):
    """Of a class that Keras was not told of, and with a tensor that no configuration has."""

    def __init__(self, epsilon=1e-3):
        super().__init__()
        self.first = keras.layers.Conv2D(8, 3, padding="same")
        self.norm = keras.layers.BatchNormalization(epsilon=epsilon, name="norm")
        self.last = keras.layers.Dense(5)
        self.offset = None

    def call(self, x):
        x = keras.ops.relu(self.norm(self.first(x)))
        return self.last(keras.ops.mean(x, axis=(1, 2)) + self.offset)


def made(epsilon):
    keras.utils.set_random_seed(0)
    model = Small(epsilon)
    model.offset = np.linspace(-1, 1, 8, dtype=np.float32)
    model(np.ones((1, 8, 8, 3), np.float32))
    return model


mine = made(1e-3)
before = mine.get_weights()
assert_same_function(mine, made(1e-3))
report = check(mine, against=made(1e-2))
print(*report.causes)
assert (report.agree, report.proved, report.dtype) == (False, True, "float32")
assert all(np.array_equal(x, y) for x, y in zip(mine.get_weights(), before, strict=True))
'''


@pytest.mark.skipif(NO_KERAS is not None, reason=str(NO_KERAS))
def test_an_object_that_keras_cannot_copy_runs_as_it_is() -> None:
    (said,) = run_python(OF_ITS_OWN).splitlines()
    assert said == "epsilon: norm has epsilon 0.01, expected 0.001 (theirs: norm)"
