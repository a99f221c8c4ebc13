"""The Python script that loads a file which `convert` wrote."""

import json
import re
from dataclasses import fields

from isomorph.spec import Architecture, architecture, architectures, zoos
from isomorph.tools.designs.titles import width_of
from isomorph.tools.weights.namings import NATIVE_NAMINGS

READS = {
    "pytorch": "torch.load({path})",
    "safetensors": "safetensors.torch.load_file({path})",
    "pdparams": "paddle.load({path})",
}
"""Format -> the call that reads it into a dictionary."""

IMPORTS = {
    "keras": "import keras",
    "paddle": "import paddle",
    "safetensors.numpy": "import safetensors.numpy",
    "safetensors.torch": "import safetensors.torch",
    "tf": "import tensorflow as tf",
    "timm": "import timm",
    "torch": "import torch",
    "torchvision": "import torchvision",
    "transformers": "import transformers",
    "load_backend": "from isomorph.backends import load_backend",
    "architecture": "from isomorph.spec import architecture",
    "read_checkpoint": "from isomorph.tools.checkpoints import read_checkpoint",
}
"""Name in a script -> what imports it, in the order of the script's first lines."""

LOADS = {
    "pytorch": ("model.load_state_dict({read})", "model.eval()"),
    "paddle": ("model.set_state_dict({read})", "model.eval()"),
    "keras": ("model.load_weights({path})",),
    "tensorflow": ("tf.compat.v1.train.Saver().restore(session, {path})",),
}
"""Framework -> the calls by which one of its models loads a file, for inference where a new one would be trained."""

WHOLE = {
    "transformers": "model = transformers.AutoModelForImageClassification.from_pretrained({path})",
    "keras": "model = keras.models.load_model({path})",
}
"""Format -> the call that makes the model from a file that holds it whole."""


def how_to_load(path: str, network: Architecture, form: str, format: str) -> tuple[str, ...]:
    """Return the lines of a script that loads a file of `network` with the names of `form`, for inference.

    What only the user has, such as the code of a zoo that is no package, stands in it as `...`, with what it is.

    >>> from isomorph.spec import architecture
    >>> from isomorph.tools.converting.loading import how_to_load
    >>> for line in how_to_load("r18.pth", architecture("torchvision/resnet18"), "torchvision", "pytorch"):
    ...     print(line)
    import torch
    import torchvision
    model = torchvision.models.resnet18(num_classes=1000)
    model.load_state_dict(torch.load("r18.pth"))
    model.eval()
    """
    path = json.dumps(path, ensure_ascii=not path.isprintable())  # Python's own escapes, in double quotes
    lines = _lines(path, network, form, format)
    code = re.sub(r'"(\\.|[^"\\])*"', '""', "\n".join(lines))
    return *(line for name, line in IMPORTS.items() if re.search(rf"(?<![\w.]){re.escape(name)}[.(]", code)), *lines


def _lines(path: str, network: Architecture, form: str, format: str) -> tuple[str, ...]:
    """Return the script without its imports."""
    if format in WHOLE:
        return (WHOLE[format].format(path=path),)
    if form in zoos():
        return _into_zoo_model(path, network, form, format)
    backend = next((name for name in NATIVE_NAMINGS if form == f"isomorph's {name}"), None)
    own = () if network.name in architectures() else ("network_of_your_own = ...  # the isomorph.spec.Architecture",)
    build = f'load_backend("{backend or "pytorch"}").build({_call(network)})'
    if backend is None:
        return *own, f"network = {build}", f"network.load(read_checkpoint({path}).tensors)"
    return *own, f"model = {build}.native", *_load(backend, path, format)


def _into_zoo_model(path: str, network: Architecture, form: str, format: str) -> tuple[str, ...]:
    framework = zoos()[form].framework
    if format == "safetensors" and framework != "pytorch":
        return (f"tensors = safetensors.numpy.load_file({path})",)
    if framework == "tensorflow":
        return f"session = ...  # with {network.name} of {form}'s own code in its graph", *_load(
            framework, path, format
        )
    constructor = zoos()[form].constructor
    classes, name = network.head.num_classes, network.name.rpartition("/")[2]
    is_published = network.name in architectures() and network.auxiliary == architecture(network.name).auxiliary
    can_construct = constructor and is_published and classes is not None and network.in_channels == 3
    if constructor and can_construct:
        return f"model = {constructor.format(name=name, classes=classes)}", *_load(framework, path, format)
    return f"model = ...  # {name}, built by {form}'s own code", *_load(framework, path, format)


def _load(framework: str, path: str, format: str) -> tuple[str, ...]:
    read = READS.get(format, "").format(path=path)
    return tuple(call.format(path=path, read=read) for call in LOADS[framework])


def _call(network: Architecture) -> str:
    """Return the call that makes `network`: `architecture("cifar/resnet20", num_classes=7)`; a name for your own."""
    if network.name not in architectures():
        return "network_of_your_own"
    plain = architecture(network.name)
    options = {
        "width_multiplier": (width_of(network), 1.0),
        "num_classes": (network.head.num_classes, plain.head.num_classes),
        "in_channels": (network.in_channels, plain.in_channels),
        "auxiliary": (network.auxiliary, plain.auxiliary),
        **{
            field.name: (value, getattr(plain.convention, field.name))
            for field in fields(network.convention)
            if isinstance(value := getattr(network.convention, field.name), bool | float | str)
        },  # as of a file whose batch norms are folded
    }
    words = [f"{option}={value!r}" for option, (value, default) in options.items() if value != default]
    return ", ".join((f'architecture("{network.name}"', *words)) + ")"
