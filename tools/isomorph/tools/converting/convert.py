"""`convert`: write a checkpoint as another zoo's, or in another kind of file, and account for every tensor."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isomorph.backends.protocol import DTYPES, as_dtype
from isomorph.spec import Architecture, BadInput
from isomorph.tools.checkpoints import Tensor, Tensors
from isomorph.tools.checkpoints.wording import counted
from isomorph.tools.converting.containers import CONTAINERS, NO_PLACE, Container, Content, find_container
from isomorph.tools.converting.loading import how_to_load
from isomorph.tools.converting.report import ConvertReport, Side
from isomorph.tools.converting.sources import Source, read_part, read_whole
from isomorph.tools.converting.targets import find_target
from isomorph.tools.converting.transfer import Rounding, transfer
from isomorph.tools.designs.titles import title
from isomorph.tools.subjects.subject import check_seed
from isomorph.tools.writing import check_writable, named

NO_ROUNDING = Rounding()


def convert(
    source: str | Path,
    target: str | Path,
    *,
    to: str | None = None,
    format: str | None = None,
    arch: str | None = None,
    key: str | None = None,
    prefix: str | None = None,
    tensor_map: str | Path | None = None,
    dtype: str | None = None,
    rounding: Rounding = NO_ROUNDING,
    num_classes: int | None = None,
    new_head: bool = False,
    partial: bool = False,
    seed: int = 0,
    force: bool = False,
    progress: Callable[[str, str], None] = lambda who, what: None,
    **options: Any,
) -> ConvertReport:
    """Write a checkpoint as another zoo's or in another format, and account for every tensor.

    >>> from isomorph.tools import convert
    >>> report = convert("resnet8.safetensors", "resnet8.weights.h5")
    >>> report.tensors, report.target.names
    (48, "isomorph's keras")
    >>> print(report.load[-1])
    model.load_weights("resnet8.weights.h5")
    >>> report = convert("resnet8.safetensors", "seven.safetensors", dtype="float32", new_head=True, num_classes=7)
    >>> report.drawn
    ('logits/weights', 'logits/biases')

    to: a zoo, one of its networks, or a `.toml` file: rename and rearrange the tensors as that one has them, if it is
        the same function. None keeps the architecture.
    format: the kind of file, where the suffix of `target` does not say it. Without `to`, its tensors have the names of
        isomorph's own network in the framework that reads such files, or canonical ones.
    arch: the source's architecture, where it cannot be told.
    key, prefix: which dictionary of the file, and which of its tensors, as `read_checkpoint` takes them.
    tensor_map: a file that says which tensor is which, as `inspect --map` writes it, and all of these.
    dtype: cast to this one of DTYPES; None keeps every tensor's own.
    rounding: the changes that are allowed although they cost a rounding.
    num_classes, new_head: replace the classifiers by newly drawn ones of so many classes.
    partial: take the tensors that fit `arch` (with `num_classes`) in name and shape, and draw the others.
    seed: what new tensors are drawn from.
    force: replace `target` if it exists.
    options: of the source's architecture, where it is not as its name says, such as `batch_norm_epsilon`.

    Raises BadInput, before anything is written, where the request or the source is bad. `target` appears whole or not
    at all.
    """
    container = find_container(named(target), format, to)
    files = container.files(Path(target))
    _check_place((Path(source),), files, force)
    check_seed(seed)
    if dtype is not None and dtype not in DTYPES:
        raise BadInput(f"There is no dtype {dtype!r}; there are {', '.join(DTYPES)}.")
    progress("convert", f"reading {source}")
    told = {"arch": arch, "key": key, "prefix": prefix, "tensor_map": tensor_map}
    original = _read(source, told, options, num_classes, new_head, partial, seed)
    _check_place(original.files, files, force)
    network, form = _target(original.architecture, to, container)
    # Weights go on seeing photographs as those that they learnt from, whatever is usual where they go.
    network = network.with_options(preprocessing=original.architecture.convention.preprocessing)
    tensors, changes = transfer(original.tensors, original.architecture, network, rounding)
    if dtype is not None:
        changes = [*changes, *_casts(tensors, dtype)]
        tensors = {name: _cast(name, value, dtype) for name, value in tensors.items()}
    without_place = container.left_out(network, form)
    network = network.with_options(auxiliary=()) if without_place else network
    written = {name: value for name, value in tensors.items() if name not in without_place}
    progress("convert", f"writing {target}")
    container.write(Path(target), Content(network, form, written))
    return ConvertReport(
        source=Side(
            str(source), original.architecture.name, title(original.architecture), original.form, original.format
        ),
        target=Side(str(target), network.name, title(network), form, container.name),
        tensors=len(written),
        values=sum(value.size for value in written.values()),
        dtypes=tuple(sorted({value.dtype.name for value in written.values()})),
        changes=tuple(changes),
        left_out={**original.left_out, **{original.names[name]: NO_PLACE for name in without_place}},
        drawn=original.drawn,
        load=how_to_load(str(target), network, form, container.name),
    )


def _check_place(sources: Sequence[Path], targets: Sequence[Path], force: bool) -> None:
    """Raise BadInput where a file to write exists already, is one of the sources, or cannot be written."""
    existing = [path for path in targets if path.exists()]
    for path in existing:
        if any(path.samefile(source) for source in sources if source.exists()):
            raise BadInput(f"{path} is the source itself; give the result another name.")
    if existing and not force:
        raise BadInput(f"{existing[0]} is there already; --force replaces it.")
    for path in targets:
        check_writable(path)


def _read(
    source: str | Path,
    told: Mapping[str, Any],
    options: Mapping[str, Any],
    num_classes: int | None,
    new_head: bool,
    partial: bool,
    seed: int,
) -> Source:
    if partial:
        if told["tensor_map"] is not None:
            raise BadInput("--partial takes what fits by name; a --map is of all tensors of a network.")
        if told["arch"] is None:
            raise BadInput("--partial needs --arch, the network that the file is to fill as far as it can.")
        if new_head:
            raise BadInput("--head new goes with a whole file; --partial draws what does not fit, the head too.")
        return read_part(source, told["arch"], options, num_classes, seed, told["key"], told["prefix"])
    whole = read_whole(source, options, **told)
    if new_head:
        return whole.with_new_head(whole.architecture.head.num_classes if num_classes is None else num_classes, seed)
    if num_classes is not None:
        raise BadInput(f"The classes of {source} are its own; --head new replaces its head by a fresh one.")
    return whole


def _target(source: Architecture, to: str | None, container: Container) -> tuple[Architecture, str]:
    """Return the network to write, and whose names its tensors get."""
    if to is None:
        if container.form is None:
            raise BadInput(f"{container.name} takes a zoo's names alone; choose the zoo with --to.")
        return source, container.form
    network, form = find_target(source, to)
    if form is None:
        return _target(network, None, container)
    if not container.takes(form):
        raise BadInput(f"Nothing reads {form}'s names in a {container.name} file; {_kinds_for(form)}")
    return network, form


def _kinds_for(form: str) -> str:
    kinds = [suffix for each in CONTAINERS.values() if each.takes(form) for suffix in each.suffixes]
    return f"name the target with one of {', '.join(kinds)}."


def _casts(tensors: Tensors, dtype: str) -> list[str]:
    """Say in words from which dtypes how many tensors are cast."""
    dtypes = Counter(value.dtype.name for value in tensors.values() if value.dtype.name != dtype)
    return [f"cast from {name} to {dtype} ({counted(number, 'tensor')})" for name, number in dtypes.items()]


def _cast(name: str, value: Tensor, dtype: str) -> Tensor:
    """Cast a tensor. Raises BadInput for integers, complex numbers, and finite values too large for the dtype."""
    if value.dtype.name not in DTYPES:
        raise BadInput(f"{name} is {value.dtype}, which is not cast to {dtype}; expected one of {', '.join(DTYPES)}.")
    with np.errstate(over="ignore"):
        cast = value.astype(as_dtype(dtype))
    if (np.isinf(cast) & np.isfinite(value)).any():
        raise BadInput(f"{name} holds values that are too large for {dtype}; expected numbers that it can hold.")
    return cast
