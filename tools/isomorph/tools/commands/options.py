"""The command line's common options, each said once: name, meaning and how its text is read."""

import functools
import json
import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, get_args, get_type_hints

import click
from click.shell_completion import CompletionItem

from isomorph.backends.timeouts import TIMEOUT
from isomorph.spec import BadInput, Convention, architectures
from isomorph.spec.errors import did_you_mean
from isomorph.spec.zoo import all_options
from isomorph.tools.commands.command import Argument

Function = TypeVar("Function", bound=Callable[..., Any])

MOST_SIDE = 1_000_000
"""Pixels of a side of an image: a thousand times those of the largest photographs that networks are run on."""

MOST_DIGITS = 18
"""Of an integer on the command line."""


def argument(*declarations: str, help: str, **attributes: Any) -> Callable[[Function], Function]:
    """An argument of a command, as `click.argument` adds it, with its line in `--help`."""
    return click.argument(*declarations, cls=Argument, help=help, **attributes)


def _complete_architecture(_ctx: click.Context, _parameter: click.Parameter, text: str) -> list[CompletionItem]:
    """The architectures whose names begin so, and files."""
    names = [CompletionItem(name) for name in architectures() if name.startswith(text)]
    return [*names, CompletionItem(text, type="file")]


def read_size(text: str) -> tuple[int, int]:
    """Height and width in pixels. Raises BadInput for what is no size.

    >>> read_size("224x160"), read_size("224")
    ((224, 160), (224, 224))
    """
    height, by, width = text.lower().partition("x")
    if not by:
        width = height
    if not (height.isdecimal() and width.isdecimal()):
        raise BadInput(f"--input {text} is not a size; expected height x width in pixels, such as 224x224.")
    size = read_integer("--input", height), read_integer("--input", width)
    if max(size) > MOST_SIDE:
        raise BadInput(f"--input {text} has a side of {max(size):,} pixels; expected at most {MOST_SIDE:,}.")
    return size


def read_names(text: str) -> list[str]:
    """Names with commas between them.

    >>> read_names("pytorch, keras")
    ['pytorch', 'keras']
    """
    return [name.strip() for name in text.split(",")]


def read_device(text: str) -> str:
    """Where backends compute, as isomorph calls it; a backend says what is no device.

    "cuda" is "gpu". With a number behind it, as "gpu:1" or "cuda:1", the processes of all backends see that one alone.

    >>> read_device("cuda"), read_device("cpu")
    ('gpu', 'cpu')
    """
    device, colon, number = text.partition(":")
    device = "gpu" if device == "cuda" else device
    if device != "gpu" or not colon:
        return device + colon + number
    if not number.isdecimal():
        raise BadInput(f"--device {text} is not a device; expected gpu, cuda, or one of several, such as cuda:1.")
    os.environ["CUDA_VISIBLE_DEVICES"] = number
    return device


def read_integer(option: str, digits: str) -> int:
    """The number that decimal digits are. Raises BadInput for more of them than any number here can have.

    >>> read_integer("--batch", "32")
    32
    """
    if len(digits) > MOST_DIGITS:  # Python refuses thousands of them with an error of its own
        raise BadInput(f"{option} has a number of {len(digits):,} digits; expected at most {MOST_DIGITS} of them.")
    return int(digits)


def read_architecture_options(
    num_classes: str | None, global_pool: bool | None, output_stride: int | None, more: Sequence[str]
) -> dict[str, Any]:
    """The options of an architecture that were given, each of them once.

    Raises BadInput for classes that are no number, and for what is given twice.

    >>> read_architecture_options("none", None, 16, ("width_multiplier=0.25", "aux_logits=false"))
    {'output_stride': 16, 'num_classes': None, 'width_multiplier': 0.25, 'aux_logits': False}
    """
    options: dict[str, Any] = {"global_pool": global_pool, "output_stride": output_stride}
    options = {name: value for name, value in options.items() if value is not None}
    if num_classes is not None:
        if num_classes != "none" and not num_classes.isdecimal():
            raise BadInput(f"--num-classes {num_classes} is neither a number nor none.")
        options["num_classes"] = None if num_classes == "none" else read_integer("--num-classes", num_classes)
    others = read_options(more)
    for name in options.keys() & others.keys():
        raise BadInput(f"{name} is given twice, with --option and with an option of its own.")
    return options | others


def read_options(pairs: Sequence[str]) -> dict[str, Any]:
    """The options of an architecture in NAME=VALUE pairs. Raises BadInput for a name that none has.

    >>> read_options(("width_multiplier=0.25", "aux_logits=false"))
    {'width_multiplier': 0.25, 'aux_logits': False}
    """
    values = {name: read_value(name, text) for name, text in read_pairs("--option", pairs).items()}
    known = all_options()
    for name in values:
        if name not in known:
            hint = did_you_mean(name, known, f"there are {', '.join(sorted(known))}.")
            raise BadInput(f"No network has an option {name!r}; {hint}")
    return values


def read_value(name: str, text: str) -> Any:
    """The value of an architecture's option: a number, true, false, none, a list of them, or text.

    >>> [read_value("epsilon", "1e-3"), read_value("bias", "true"), read_value("head", "none")]
    [0.001, True, None]
    >>> read_value("replace_stride_with_dilation", "[false, true, true]")
    (False, True, True)
    """
    if text == "none":
        fields = get_type_hints(Convention)
        return text if text in get_args(fields.get(name)) else None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return tuple(value) if isinstance(value, list) else value


def read_pairs(option: str, pairs: Sequence[str]) -> dict[str, str]:
    """Names and values. Raises BadInput for a pair without an equals sign, and for a name that comes twice.

    >>> read_pairs("--python", ("keras=/opt/keras/bin/python",))
    {'keras': '/opt/keras/bin/python'}
    """
    split = [pair.partition("=") for pair in pairs]
    for name, equals, value in split:
        if not (name and equals and value):
            raise BadInput(f"{option} {name}{equals}{value} is not of the form NAME=VALUE.")
    values = {name: value for name, _, value in split}
    if len(values) < len(split):
        names = [name for name, *_ in split]
        raise BadInput(f"{option} names {next(name for name in values if names.count(name) > 1)} twice.")
    return values


def read_call(pairs: tuple[str, ...]) -> dict[str, Any]:
    """The arguments of a factory, of NAME=VALUE pairs.

    >>> read_call(("width=0.5", "classes=10", "name=small"))
    {'width': 0.5, 'classes': 10, 'name': 'small'}
    """
    return {name: read_value(name, text) for name, text in read_pairs("--call", pairs).items()}


def _read(read: Callable[[str], Any]) -> Callable[[click.Context, click.Parameter, str | None], Any]:
    """What Click calls with an option's text, or None, to have it read."""
    return lambda _ctx, _parameter, text: None if text is None else read(text)


def names_option(*declarations: str, **attributes: Any) -> Callable[[Function], Function]:
    """An option whose value is names with commas between them."""
    return click.option(*declarations, callback=_read(read_names), **attributes)


def device_option(**attributes: Any) -> Callable[[Function], Function]:
    """`--device`."""
    return click.option("--device", metavar="auto|cpu|gpu", callback=_read(read_device), **attributes)


architecture = argument(
    "arch",
    metavar="ARCH",
    help="An architecture (`isomorph list`), or a .toml file with your own.",
    shell_complete=_complete_architecture,
)
subject = argument(
    "subject",
    metavar="ARCH|FILE",
    help="An architecture (`isomorph list`), a .toml file with your own, or a checkpoint.",
    shell_complete=_complete_architecture,
)
arch = click.option("--arch", metavar="ARCH", help="The network of a FILE that does not tell it: a name or a .toml.")
key = click.option("--key", metavar="KEY", help="Which of several dictionaries in a FILE; `inspect` lists them.")
prefix = click.option("--prefix", metavar="P.", help="The tensors of a FILE whose names start so: a part of a model.")
tensor_map = click.option(
    "--map", "tensor_map", metavar="MAP", help="Which tensor of a FILE is which, as `inspect --map` writes it."
)
backends = names_option("--backends", metavar="A,B", help="Default: all that are installed.")
backend = click.option("--backend", metavar="A", help="Default: the first installed.")
device = device_option(default="auto", help="auto: a GPU if there is one; cuda:1: that one.")
dtype = click.option("--dtype", default="float32", metavar="DTYPE", help="float32, float64, bfloat16 or float16.")
images = click.option(
    "--images", multiple=True, metavar="FILE", help="A photograph, or a .npy of [N, H, W, C]; may be repeated."
)
size = click.option(
    "--input",
    "size",
    metavar="HxW",
    callback=_read(read_size),
    help="Height and width, or one for both; default: the zoo's own.",
)
model_size = click.option(
    "--input",
    "size",
    metavar="HxW",
    callback=_read(read_size),
    help="Height and width, or one for both; default: 67x68, or what the model insists on.",
)
batch = click.option("--batch", type=int, default=2, metavar="N", help="How many images to draw.")
seed = click.option("--seed", type=int, default=0, metavar="N", help="What to draw images and weights from.")
python = click.option(
    "--python", multiple=True, metavar="BACKEND=PATH", help="The interpreter of a backend's own environment."
)
timeout = click.option(
    "--timeout", type=float, default=TIMEOUT, metavar="SECONDS", help="Limit of one call to a backend."
)
memory = click.option(
    "--memory",
    type=float,
    callback=_read(lambda gib: gib * 2**30),
    metavar="GIB",
    help="Limit of each process; default: what is free.",
)
json_file = click.option("--json", metavar="FILE", help="Write the report there too; - is stdout.")

_OPTION = "Another option of ARCH: width_multiplier=0.25, aux_logits=false, any field of head and convention."
option = click.option("-o", "--option", multiple=True, metavar="NAME=VALUE", help=_OPTION)
long_option = click.option("--option", multiple=True, metavar="NAME=VALUE", help=_OPTION)

call = click.option(
    "--call", multiple=True, metavar="NAME=VALUE", help="An argument of MODEL's factory; may be repeated."
)
runs_in = click.option("--runs-in", metavar="A", help="The backend that opens MODEL, where nothing in it tells.")
weights_of_model = click.option(
    "--weights",
    default="theirs",
    metavar="theirs|drawn|FILE",
    help="MODEL's own as they are, trained-like ones put into it, or a checkpoint's.",
)
training_mode = click.option(
    "--training", is_flag=True, help="Compare a MODEL that is left in training mode, as it is."
)

_ARCHITECTURE_OPTIONS = (
    click.option("--num-classes", metavar="N|none", help="Classes of the head; none leaves it out."),
    click.option("--global-pool/--no-global-pool", default=None, help="Pool before the logits, or give a map."),
    click.option("--output-stride", type=int, metavar="N", help="Trade strides beyond N for rates (atrous)."),
    option,
)


def architecture_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that change an architecture; the function gets them as `architecture_options`."""
    return _with_architecture_options(function, _ARCHITECTURE_OPTIONS)


def named_architecture_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the same without the short `-o`, in commands where that is a file."""
    return _with_architecture_options(function, (*_ARCHITECTURE_OPTIONS[:-1], long_option))


def _with_architecture_options(function: Callable[..., Any], given: Sequence[Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def read(
        *,
        num_classes: str | None,
        global_pool: bool | None,
        output_stride: int | None,
        option: tuple[str, ...],
        **arguments: Any,
    ) -> Any:
        options = read_architecture_options(num_classes, global_pool, output_stride, option)
        return function(architecture_options=options, **arguments)

    decorated: Callable[..., Any] = read
    for add in reversed(given):
        decorated = add(decorated)
    return decorated
