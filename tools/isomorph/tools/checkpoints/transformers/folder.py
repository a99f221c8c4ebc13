"""Read a folder of transformers' or timm's: `config.json`, and the weights in one file or in several with an index.

The index names the file of each tensor, and each file must hold the tensors that it names there and no others: which of
two tensors of one name transformers would take depends on its version. It names files beside it alone; that one may be
a link to elsewhere, as all are in the cache of the Hugging Face hub.

Source of the names, and of which file counts where there are several: transformers 5.23, utils/__init__.py and
modeling_utils.py, `_get_resolved_checkpoint_files`.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from isomorph.spec import Architecture
from isomorph.spec.document import to_document
from isomorph.spec.errors import BadInput
from isomorph.spec.text_files import read_text
from isomorph.tools.checkpoints.checkpoint import FOLDER, METADATA, Checkpoint, Tensor
from isomorph.tools.checkpoints.reading import PYTORCH, SAFETENSORS, Format, read_file
from isomorph.tools.checkpoints.recognition import FOLDER_CONFIG
from isomorph.tools.checkpoints.transformers import timm_config
from isomorph.tools.checkpoints.transformers.config import MODEL_TYPE, read_config
from isomorph.tools.checkpoints.transformers.preprocessor import PREPROCESSOR, read_preprocessor
from isomorph.tools.checkpoints.wording import refusal, shown

WEIGHTS: Mapping[str, tuple[Format, ...]] = {"model.safetensors": (SAFETENSORS,), "pytorch_model.bin": PYTORCH}
"""The file of weights, the first one that is there -> the formats it may have. Behind each one comes its index."""

MOST_JSON = 2 << 20
"""Bytes of a JSON file; a `config.json` that names 21,841 classes takes most of it."""

LONGEST_NAME = 255
"""Bytes of a file's name, as Linux and macOS have them."""


def read(path: Path) -> Checkpoint:
    """Read the checkpoint in the folder at `path`. Raises BadInput where a file of it is damaged, hostile or missing.

    What its JSON files say of its architecture and of photographs becomes metadata or, where no network here is that,
    the checkpoint's `refusal`.
    """
    statement = _statement(path)
    for weights, formats in WEIGHTS.items():
        if (path / weights).exists():
            part = read_file(path / weights, formats)
            return _of_folder(part, path, part.tensors, part.metadata, statement, (part.path,))
        index = path / f"{weights}.index.json"
        if index.is_file():  # opening a pipe would wait for its other end
            parts = _read_parts(index, formats)
            tensors = {name: part.tensors[name] for part in parts for name in part.tensors}
            return _of_folder(parts[0], path, tensors, {}, statement, tuple(part.path for part in parts))
    raise refusal(
        path,
        f"is a folder with a {FOLDER_CONFIG} and without weights, {' or '.join(WEIGHTS)} was expected: fetch that, too",
    )


@dataclass(frozen=True)
class _Statement:
    """The fields of a checkpoint that come from the JSON files of its folder."""

    metadata: Mapping[str, str]
    preprocessing_source: str = ""
    refusal: str = ""


def _of_folder(
    part: Checkpoint,
    path: Path,
    tensors: Mapping[str, Tensor],
    metadata: Mapping[str, str],
    statement: _Statement,
    shards: tuple[Path, ...],
) -> Checkpoint:
    return replace(
        part,
        path=path / FOLDER_CONFIG,
        format=FOLDER,
        tensors=MappingProxyType(dict(tensors)),
        metadata=MappingProxyType({**metadata, **statement.metadata}),
        shards=shards,
        preprocessing_source=statement.preprocessing_source,
        refusal=statement.refusal,
    )


def _statement(path: Path) -> _Statement:
    """Read the JSON files of the folder at `path`; they are released before weights are read."""
    config = _json(path / FOLDER_CONFIG, "a model's configuration")
    if timm_config.recognise(config):
        return _noted(path / FOLDER_CONFIG, lambda: timm_config.read_config(config), FOLDER_CONFIG)
    model_type = config.get("model_type")
    if model_type is None:
        return _Statement({})
    if model_type != MODEL_TYPE:
        sentence = f"its model_type is {shown(model_type)}, and of transformers' models {MODEL_TYPE} alone is here"
        return _Statement({}, refusal=_refusal(path / FOLDER_CONFIG, sentence))
    try:
        network = read_config(config)
    except BadInput as problem:
        raise refusal(path / FOLDER_CONFIG, str(problem)) from None
    if not (path / PREPROCESSOR).is_file():
        return _noted(path / FOLDER_CONFIG, lambda: network, "")
    document = _json(path / PREPROCESSOR, "an image processor's configuration")
    return _noted(
        path / PREPROCESSOR,
        lambda: network.with_options(preprocessing=read_preprocessor(document, network.in_channels)),
        PREPROCESSOR,
    )


def _noted(path: Path, read_network: Callable[[], Architecture], preprocessing_source: str) -> _Statement:
    """Return the network that the file at `path` describes, or why it is none of those here."""
    try:
        return _Statement({METADATA: json.dumps(to_document(read_network()))}, preprocessing_source)
    except BadInput as problem:
        return _Statement({}, refusal=_refusal(path, str(problem)))


def _refusal(path: Path, sentence: str) -> str:
    return f"{path}: {sentence.rstrip('.')}; --arch says what to read the folder as without its word."


def _read_parts(index: Path, formats: tuple[Format, ...]) -> list[Checkpoint]:
    """Read the files that an index names. Raises BadInput unless each holds the tensors that it names there."""
    places = _json(index, "an index of weights").get("weight_map")
    if not isinstance(places, dict) or not places:
        raise refusal(index, f"its weight_map is {shown(places)}, an object of tensors' and files' names was expected")
    expected: dict[str, list[str]] = {}
    for tensor, place in places.items():
        if not isinstance(place, str) or not _is_plain(place):
            raise refusal(index, f"it has {shown(tensor)} in {shown(place)}, the name of a file beside it was expected")
        expected.setdefault(place, []).append(tensor)
    parts = []
    for place, names in sorted(expected.items()):
        if not index.with_name(place).exists():
            raise refusal(index, f"its file {shown(place)} was expected beside it, and is not there: fetch that, too")
        part = read_file(index.with_name(place), formats)
        for name in sorted(part.tensors.keys() ^ set(names)):
            actual, wanted = (place, places.get(name)) if name in part.tensors else ("no file", place)
            raise refusal(
                index,
                f"its tensor {shown(name)} is in {actual}, {shown(wanted) if wanted else 'none of that name'} was"
                " expected: fetch the index and its files again",
            )
        parts.append(part)
    return parts


def _is_plain(place: str) -> bool:
    """Tell whether it is the name of a file, and not a path to another folder."""
    if not place.isprintable() or len(place.encode()) > LONGEST_NAME:
        return False
    return place not in ("", "..") and Path(place).name == place and "\\" not in place


def _json(path: Path, expected: str) -> dict[str, Any]:
    """Return the object in a small JSON file. Raises BadInput where a name comes twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            [(twice, _)] = Counter(name for name, _ in pairs).most_common(1)
            raise refusal(path, f"it says {shown(twice)} twice, once was expected: fetch the file again")
        return fields

    try:
        document = json.loads(read_text(path, MOST_JSON, expected), object_pairs_hook=once)
    except BadInput:
        raise
    except (ValueError, RecursionError) as problem:
        reason = str(problem).rstrip(".")
        raise refusal(path, f"it cannot be read as JSON ({reason}): fetch the file again") from None
    if not isinstance(document, dict):
        raise refusal(path, f"it holds {shown(document)}, {expected} was expected")
    return document
