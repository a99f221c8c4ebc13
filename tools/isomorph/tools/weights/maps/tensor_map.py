"""A map: which tensor of a file is which of a network, as a TOML file that people can correct.

arch = "cifar/resnet20"             # a name, or a .toml file beside the map
key = "ema"                         # which dictionary of the file, where it has several

[options]
num_classes = 7

[tensors]                           # of the network = in the file
"conv1/weights" = "net.0.weight"
"fc6/weights" = { tensor = "net.9.weight", axes = "O(HWI)" }
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from isomorph.spec import BadInput
from isomorph.spec.naming import KernelAxes, ZooTensor
from isomorph.spec.tensors import Shape
from isomorph.spec.toml.tables import NONE, spelled
from isomorph.tools.weights.interpretations import Interpretation
from isomorph.tools.weights.maps.named import named

CONVOLUTIONS, DEPTHWISE = ("HWIO", "OIHW"), ("HWOI",)
DENSE, DENSE_BEHIND_A_MAP = ("OI", "IO"), ("O(IHW)", "O(HWI)", "(IHW)O", "(HWI)O")
AXES = (*CONVOLUTIONS, *DEPTHWISE, *DENSE, *DENSE_BEHIND_A_MAP)
"""What a kernel's axes may be in a file, as `KernelAxes` takes them."""


@dataclass(frozen=True)
class MappedTensor:
    """A tensor of a file, as a map names it.

    axes: of a kernel, as `KernelAxes` takes them, where its shape leaves them open; empty otherwise.
    """

    tensor: str
    axes: str = ""


@dataclass(frozen=True)
class TensorMap:
    """Which tensor of a file is which of a network.

    arch: the network: a name, or the path of a `.toml` file from the map's folder. options: of it, by name.
    key, prefix: which dictionary of the file and which of its tensors, as `read_checkpoint` takes them; empty for all.
    tensors: canonical name -> the file's tensor. marks: canonical name -> how sure that is, for comments.
    """

    arch: str
    options: Mapping[str, Any]
    tensors: Mapping[str, MappedTensor]
    key: str = ""
    prefix: str = ""
    marks: Mapping[str, str] = field(default_factory=dict)

    def to_toml(self, of: str) -> str:
        """Return the text of the map. of: the name of the file that it maps, for the comment at its head."""
        lines = [
            f"# Which tensor of {of} is which of {self.arch}'s: correct what is wrong,",
            "# and give the map to the commands that read the file: isomorph check FILE --map MAP",
            "",
            f"arch = {spelled(self.arch)}",
        ]
        lines += [f"{name} = {spelled(value)}" for name, value in (("key", self.key), ("prefix", self.prefix)) if value]
        if self.options:
            lines += ["", "[options]"]
            lines += [f"{name} = {spelled(NONE if value is None else value)}" for name, value in self.options.items()]
        lines += ["", "[tensors]  # of the network = in the file"]
        pairs = {canonical: f"{spelled(canonical)} = {_spelled(each)}" for canonical, each in self.tensors.items()}
        width = max(map(len, pairs.values()), default=0)
        for canonical, pair in pairs.items():
            mark = self.marks.get(canonical)
            lines.append(f"{pair:{width}}  # {mark}" if mark else pair)
        return "\n".join(lines) + "\n"


def map_of(interpretation: Interpretation, *, key: str = "", prefix: str = "", toml: str | None = None) -> TensorMap:
    """Return the map of a file that was told.

    toml: the path, from the map's folder, of a file that holds the network. Without one it has to have a name.
    Raises BadInput where it has none.
    """
    known = (toml, {}) if toml else named(interpretation.architecture)
    if known is None:
        raise BadInput(
            f"No name and options alone make {interpretation.title}, which a map would refer to; write the network,"
            " too, with --toml, and the map refers to that file."
        )
    arch, options = known
    tensors = {canonical: _mapped(tensor) for canonical, tensor in interpretation.expected.items()}
    return TensorMap(arch, options, tensors, key, prefix, interpretation.marks)


def fitting_axes(canonical: Shape, shape: Shape) -> list[str]:
    """Return the axes with which a kernel of a canonical shape, [H, W, I, O], has this shape in a file.

    >>> from isomorph.tools.weights.maps.tensor_map import fitting_axes
    >>> fitting_axes((3, 3, 16, 32), (32, 16, 3, 3)), fitting_axes((1, 1, 64, 64), (64, 64))
    (['OIHW'], ['OI', 'IO'])
    """
    height, width, depth_seen, _ = canonical
    possible = (*CONVOLUTIONS, *(DENSE if height == width == 1 else DENSE_BEHIND_A_MAP))
    possible += DEPTHWISE if depth_seen == 1 else ()
    return [axes for axes in possible if KernelAxes(axes).shape(canonical) == shape]


def _mapped(tensor: ZooTensor) -> MappedTensor:
    if tensor.axes is None or len(fitting_axes(tensor.canonical, tensor.shape)) == 1:
        return MappedTensor(tensor.name)
    return MappedTensor(tensor.name, tensor.axes.letters)


def _spelled(mapped: MappedTensor) -> str:
    if not mapped.axes:
        return spelled(mapped.tensor)
    return f"{{ tensor = {spelled(mapped.tensor)}, axes = {spelled(mapped.axes)} }}"
