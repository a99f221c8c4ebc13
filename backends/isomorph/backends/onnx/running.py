"""Run an ONNX model as it stands: every operator by itself, and every value that it gives kept."""

import warnings
from collections.abc import Iterable, Mapping

import numpy as np
import onnxruntime
from onnx import ModelProto, ValueInfoProto
from onnx.reference import ReferenceEvaluator

from isomorph.backends.array_forms import Array
from isomorph.backends.onnx.files import first_line
from isomorph.spec import BadInput

_ALIKE = 1e-3
"""The share of its largest element by which a value may differ that is computed in float32 and in float64."""


class Runner:
    """A model that ONNX Runtime runs, with none of its optimisations.

    Raises BadInput where it has an operator that ONNX Runtime does not.
    """

    def __init__(self, model: ModelProto, name: str) -> None:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4  # it says on stderr what it raises, too
        self._name = name
        try:
            self._session = onnxruntime.InferenceSession(
                _giving_all(model).SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its classes of errors have no base class of their own
            raise BadInput(f"ONNX Runtime cannot run {name}: {first_line(error)}") from error

    def run(self, images: Mapping[str, Array]) -> dict[str, Array]:
        """Return every value that the model computes of its images; what is no tensor is left out."""
        try:
            values = self._session.run(None, dict(images))
        except Exception as error:
            shapes = " and ".join("x".join(map(str, each.shape)) for each in images.values())
            raise BadInput(f"ONNX Runtime cannot run {self._name} on {shapes}: {first_line(error)}") from error
        return _arrays([output.name for output in self._session.get_outputs()], values)


class Reference:
    """A model that ONNX's reference runs: the definition of its operators in NumPy, which have every dtype of floats.

    Raises BadInput where it has an operator that the reference does not.
    """

    def __init__(self, model: ModelProto, name: str) -> None:
        self._name = name
        try:
            self._evaluator = ReferenceEvaluator(_giving_all(model))
        except Exception as error:
            raise BadInput(f"ONNX's reference cannot run {name}: {first_line(error)}") from error

    def run(self, images: Mapping[str, Array]) -> dict[str, Array]:
        """Return every value that the model computes of its images; what is no tensor is left out."""
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")  # of what an operator does not need and computes all the same
                values = self._evaluator.run(None, dict(images))
        except Exception as error:
            raise BadInput(f"ONNX's reference cannot run {self._name}: {first_line(error)}") from error
        return _arrays(self._evaluator.output_names, values)

    def check(self, expected: Mapping[str, Array], images: Mapping[str, Array]) -> None:
        """Raise BadInput where a value is another one than ONNX Runtime's, or of another dtype than the images."""
        (dtype,) = {each.dtype for each in images.values()}
        values = self.run(images)
        for name, theirs in expected.items():
            value = values.get(name)
            if theirs.dtype.kind != "f":
                continue
            if value is None or value.dtype != dtype or value.shape != theirs.shape:
                raise BadInput(f"ONNX's reference gives {name} of {self._name} in another form than ONNX Runtime.")
            scale = max(1.0, float(np.abs(theirs).max(initial=0)))
            if not np.allclose(value, theirs, rtol=0, atol=_ALIKE * scale, equal_nan=True):
                raise BadInput(f"ONNX's reference gives another {name} of {self._name} than ONNX Runtime.")


def _giving_all(model: ModelProto) -> ModelProto:
    """Return a model that gives the results of all its operators."""
    whole = ModelProto()
    whole.CopyFrom(model)
    returned = {value.name for value in whole.graph.output}
    inner = [output for node in whole.graph.node for output in node.output if output and output not in returned]
    whole.graph.output.extend(ValueInfoProto(name=each) for each in inner)
    return whole


def _arrays(names: Iterable[str], values: Iterable[object]) -> dict[str, Array]:
    pairs = zip(names, values, strict=True)
    return {name: np.asarray(value) for name, value in pairs if isinstance(value, np.ndarray | np.generic)}
