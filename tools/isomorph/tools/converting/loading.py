"""The Python lines that load a file which `convert` wrote."""

import json

from isomorph.spec import Architecture, architecture, architectures, zoos
from isomorph.tools.weights.namings import NATIVE_NAMINGS

READS = {
    "pytorch": "torch.load({path})",
    "safetensors": "safetensors.torch.load_file({path})",
    "pdparams": "paddle.load({path})",
}
"""Format -> the call that reads it into a dictionary."""

LOADS = {
    "pytorch": "model.load_state_dict({read})",
    "paddle": "model.set_state_dict({read})",
    "keras": "model.load_weights({path})",
    "tensorflow": "tf.compat.v1.train.Saver().restore(session, {path})",
}
"""Framework -> the call by which one of its models loads a file."""

WHOLE = {
    "transformers": "model = transformers.AutoModelForImageClassification.from_pretrained({path})",
    "keras": "model = keras.models.load_model({path})",
}
"""Format -> the call that makes the model from a file that holds it whole."""


def how_to_load(path: str, network: Architecture, form: str, format: str) -> tuple[str, ...]:
    """Return Python lines that load a file of `network` with the names of `form`; the last one loads it.

    >>> from isomorph.spec import architecture
    >>> from isomorph.tools.converting.loading import how_to_load
    >>> for line in how_to_load("r18.pth", architecture("torchvision/resnet18"), "torchvision", "pytorch"):
    ...     print(line)
    model = torchvision.models.resnet18(num_classes=1000)
    model.load_state_dict(torch.load("r18.pth"))
    """
    path = json.dumps(path, ensure_ascii=not path.isprintable())  # Python's own escapes, in double quotes
    if format in WHOLE:
        return (WHOLE[format].format(path=path),)
    if form in zoos():
        return _into_zoo_model(path, network, form, format)
    backend = next((name for name in NATIVE_NAMINGS if form == f"isomorph's {name}"), None)
    imports = ["from isomorph.backends import load_backend", "from isomorph.spec import architecture"]
    build = f'load_backend("{backend or "pytorch"}").build({_call(network)})'
    if backend is None:
        imports.append("from isomorph.tools.checkpoints import read_checkpoint")
        return *imports, f"network = {build}", f"network.load(read_checkpoint({path}).tensors)"
    return *imports, f"model = {build}.native", _load(backend, path, format)


def _into_zoo_model(path: str, network: Architecture, form: str, format: str) -> tuple[str, ...]:
    framework = zoos()[form].framework
    if format == "safetensors" and framework != "pytorch":
        return (f"tensors = safetensors.numpy.load_file({path})",)
    constructor = zoos()[form].constructor
    classes, name = network.head.num_classes, network.name.rpartition("/")[2]
    is_published = network.name in architectures() and network.auxiliary == architecture(network.name).auxiliary
    can_construct = constructor and is_published and classes is not None and network.in_channels == 3
    model = (f"model = {constructor.format(name=name, classes=classes)}",) if can_construct else ()
    return *model, _load(framework, path, format)


def _load(framework: str, path: str, format: str) -> str:
    return LOADS[framework].format(path=path, read=READS.get(format, "").format(path=path))


def _call(network: Architecture) -> str:
    """Return the call that makes `network`: `architecture("cifar/resnet20", num_classes=7)`; a name for your own."""
    if network.name not in architectures():
        return "network_of_your_own"
    plain = architecture(network.name)
    zoo, _, own_name = network.name.partition("/")
    widths = zoos()[zoo].of_published_width(own_name)
    width = next((width for width, other in widths.items() if other.blocks == network.blocks), 1.0)
    options = {
        "width_multiplier": (width, 1.0),
        "num_classes": (network.head.num_classes, plain.head.num_classes),
        "in_channels": (network.in_channels, plain.in_channels),
        "auxiliary": (network.auxiliary, plain.auxiliary),
    }
    words = [f"{option}={value!r}" for option, (value, default) in options.items() if value != default]
    return ", ".join((f'architecture("{network.name}"', *words)) + ")"
