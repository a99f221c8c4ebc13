"""Programs that `paddle.jit.save` wrote, as layers that run their operations one after the other."""

from pathlib import Path
from typing import Any

import paddle
from paddle import Tensor, nn

from isomorph.backends.paddle.tracing.call import base_name
from isomorph.spec import BadInput

_PROGRAMS = (".json", ".pdmodel")
_SUFFIXES = (*_PROGRAMS, ".pdiparams")

_ORDERED = {
    "slice": ("input", "axes", "starts", "ends", "infer_flags", "decrease_axis"),
    "strided_slice": ("x", "axes", "starts", "ends", "strides"),
}
"""The arguments of operations whose tensors, which a program holds apart, do not all come before their numbers."""

_REACHING_OUT = frozenset(("_run_custom_op", "print", "read_file", "recv_v2", "run_program", "send_v2"))
"""Operations that do more than to compute, which nothing that a file says may have done."""


class Program(nn.Layer):
    """The program `forward` of a file, each operation of which is called in `paddle._C_ops`.

    So its inner values are there as those of any other layer: a program that Paddle runs gives its end alone.

    input_shape: the axes of what it takes, with -1 for any length.
    channels_last: whether the first of its operations that says where the channels lie says that they are last.

    Raises BadInput, of which the file's name is the subject, for a program of something else than images.
    """

    def __init__(self, loaded: nn.Layer) -> None:
        super().__init__()
        self.loaded = loaded
        self._holder = loaded._program_holder_dict["forward"]
        self._operations = list(self._holder.infer_program.global_block().ops)
        self._run_in = "float32"
        shapes = [each.attrs()["shape"] for each in self._operations if each.name() == "pd_op.data"]
        if [len(shape) for shape in shapes] != [4]:
            words = " and ".join("x".join(map(str, shape)) for shape in shapes) or "nothing"
            raise BadInput(f"takes {words}, expected the 4 axes of images alone.")
        self.input_shape: list[int] = shapes[0]
        formats = (each.attrs().get("data_format") for each in self._operations if each.name().startswith("pd_op"))
        self.channels_last = next((each for each in formats if each), "NCHW") == "NHWC"
        self.eval()

    def state_dict(self, *arguments: Any, **options: Any) -> dict[str, Tensor]:
        """Return its tensors under the names that the program has for them."""
        return {name: getattr(self.loaded, key) for name, key in self.loaded._persistable_var_name_dict.items()}

    def to(self, device: Any = None, dtype: Any = None, blocking: Any = None) -> "Program":
        """Cast its tensors; from then on its operations give that dtype where the program says float32."""
        super().to(device, dtype, blocking)
        self._run_in = dtype or self._run_in
        return self

    def forward(self, x: Tensor) -> Any:
        """Run all operations on images, and return what the program does."""
        values: dict[int, Any] = {}
        outputs: list[Tensor] = []
        own = self.state_dict()
        for operation in self._operations:
            results: list[Any]
            inputs: list[Any] = [
                values.get(each.id) if each.initialized() else None for each in operation.operands_source()
            ]
            match operation.name().split("."):
                case ["builtin", "parameter"]:
                    results = [own[self._holder._suffix_varname_dict[operation.attrs()["parameter_name"]]]]
                case ["builtin", "shadow_output"]:
                    outputs += inputs
                    continue
                case ["builtin", "combine"]:
                    results = [inputs]
                case ["builtin", "split"]:
                    results = list(inputs[0])
                case ["pd_op", "data"]:
                    results = [x]
                case ["pd_op", "full_int_array"]:  # sizes, which some operations take as numbers alone
                    results = [operation.attrs()["value"]]
                case ["pd_op", name]:
                    results = self._called(operation, name, inputs)
                case _:
                    raise BadInput(f"The program has the operation {operation.name()}, which cannot be run by itself.")
            values |= {value.id: each for value, each in zip(operation.results(), results, strict=False)}
        return outputs[0] if len(outputs) == 1 else outputs

    def _called(self, operation: Any, name: str, inputs: list[Any]) -> list[Any]:
        attributes = operation.attrs()
        named = dict(zip(operation.get_input_names(), inputs, strict=True))
        named |= {key: self._cast(attributes[key]) for key in operation.get_attr_names()}
        # each value has a name of its own in a program, so that none has to change
        function = None if name in _REACHING_OUT else getattr(paddle._C_ops, base_name(name), None)
        if function is None:
            raise BadInput(f"The program has the operation {name}, which cannot be run by itself.")
        result = function(*(named[key] for key in _ORDERED.get(name, tuple(named))))
        if len(operation.results()) == 1:  # of which one may be a list
            return [result]
        return list(result) if isinstance(result, list | tuple) else [result]

    def _cast(self, value: Any) -> Any:
        return getattr(paddle, self._run_in) if value == paddle.base.core.DataType.FLOAT32 else value


def open_program(path: Path) -> Program | None:
    """Return the program of a prefix, of one of its files or of its folder; None where there is none.

    Raises BadInput where it is damaged, or written by a Paddle before 3.0.
    """
    prefix = _prefix(path)
    if prefix is None:
        return None
    if not prefix.with_name(f"{prefix.name}.json").is_file():
        raise BadInput(
            f"{prefix}.pdmodel is a program of Paddle 2, of which only the end result can be had; give the factory of "
            "its layer, file.py:factory, or save the layer again by paddle.jit.save of Paddle 3."
        )
    try:
        return Program(paddle.jit.load(str(prefix)))
    except BadInput as error:
        raise BadInput(f"{prefix}.json {error}") from None
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise BadInput(f"{prefix}.json is no program that this Paddle can load: {lines[-1]}") from error


def _prefix(path: Path) -> Path | None:
    """Return what a program's files are called without their suffixes."""
    if path.is_dir():
        found = sorted({each.with_suffix("") for each in path.iterdir() if each.suffix in _SUFFIXES})
        if len(found) != 1:
            raise BadInput(f"{path} holds {len(found)} programs of Paddle, expected one; name it by its prefix.")
        return found[0]
    if path.suffix in _SUFFIXES:
        path = path.with_suffix("")
    return path if any(path.with_name(path.name + suffix).is_file() for suffix in _PROGRAMS) else None
