"""The Python lines that load a file which `convert` wrote."""

from isomorph.spec import Architecture, architecture, architectures, zoos
from isomorph.tools.namings import NATIVE

READERS = {
    "pytorch": 'torch.load("{path}")',
    "safetensors": 'safetensors.torch.load_file("{path}")',
    "pdparams": 'paddle.load("{path}")',
}
"""Format -> what reads it into a dictionary."""

LOADS = {
    "pytorch": "{model}.load_state_dict({read})",
    "paddle": "{model}.set_state_dict({read})",
    "keras": '{model}.load_weights("{path}")',
    "tensorflow": 'tf.compat.v1.train.Saver().restore(session, "{path}")',
}
"""Framework -> how one of its models takes a file."""


def how_to_load(path: str, network: Architecture, form: str, format: str) -> tuple[str, ...]:
    """Lines for a file of `network` whose tensors have the names of `form`, the last of them the one that loads it."""
    if format == "transformers":
        return (f'model = transformers.AutoModelForImageClassification.from_pretrained("{path}")',)
    if form in zoos():
        framework = zoos()[form].framework
        model = _zoos_own(network, form)
        lines = (f"model = {model}",) if model else ()
        return (*lines, _load(framework, "model", path, format))
    backend = next((name for name in NATIVE if form == f"isomorph's {name}"), None)
    build = f"load_backend({backend or 'pytorch'!r}).build({_call(network)})".replace("'", '"')
    if backend is None:
        reads = f'read_checkpoint("{path}").tensors'
        return f"network = {build}", f"network.load({reads})"
    return f"model = {build}.native", _load(backend, "model", path, format)


def _load(framework: str, model: str, path: str, format: str) -> str:
    read = READERS.get(format, "").format(path=path)
    if format == "safetensors" and framework == "keras":
        return f'{model}.load_weights("{path}")'
    return LOADS[framework].format(model=model, path=path, read=read)


def _zoos_own(network: Architecture, form: str) -> str | None:
    """The zoo's own call that makes the network, where the zoo can be installed."""
    constructor = zoos()[form].constructor
    if not constructor or network.head.num_classes is None or network.in_channels != 3:
        return None
    return constructor.format(name=network.name.rpartition("/")[2], classes=network.head.num_classes)


def _call(network: Architecture) -> str:
    """`architecture("cifar/resnet20", num_classes=7)`, or what makes one's own."""
    if network.name not in architectures():
        return "network_of_my_own"
    plain = architecture(network.name)
    options = []
    if network.head.num_classes != plain.head.num_classes:
        options.append(f"num_classes={network.head.num_classes}")
    if network.in_channels != plain.in_channels:
        options.append(f"in_channels={network.in_channels}")
    if plain.auxiliary and not network.auxiliary:
        options.append("auxiliary=()")
    return f"architecture({', '.join((repr(network.name), *options))})"
