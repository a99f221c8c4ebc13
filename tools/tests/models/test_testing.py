"""`isomorph.testing` and live objects: what a pytest of somebody's own sees, which has imported the framework."""

import pytest

from .ports import LENET, PORT, needs_pytorch, run_python, write

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
