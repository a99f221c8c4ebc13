"""How a sound file is broken by its structure: records are changed, not bytes, and what depends on them is mended.

A checksum, a length or a place that readers would stop at fits what was changed, unless it is what was changed. So the
change reaches what a reader does with it.
"""

import random
from collections.abc import Callable, Mapping

from mutations.records.combined import mutated_parameters
from mutations.records.graphs import mutated_graph, mutated_nodes
from mutations.records.hdf5 import mutated_hdf5
from mutations.records.pickles import mutated_pickle
from mutations.records.programs import mutated_program
from mutations.records.streams import mutated_stream, mutated_tar
from mutations.records.tables import mutated_bundle
from mutations.records.texts import mutated_json, mutated_safetensors
from mutations.records.zips import mutated_zip
from mutations.rules import mutated

Files = Mapping[str, bytes]
"""The files of one checkpoint, by what their names end in; the first is the one that is named to a reader."""

Mutation = Callable[[random.Random, bytes, bytes], bytes]


def restructured(form: str, chance: random.Random, files: Files, others: Files) -> dict[str, bytes]:
    """The files of a checkpoint of the format `form` with changed records; `others` are of another sound one."""
    if form == "objects" and chance.random() < 0.6:
        return mutated_graph(chance, files)
    if form in ("bundle", "objects", "v1"):
        return mutated_bundle(chance, files, others)
    (suffix, content), other = next(iter(files.items())), next(iter(others.values()))
    return {**files, suffix: _MUTATIONS[form](chance, content, other)}


def _pytorch_zip(chance: random.Random, content: bytes, other: bytes) -> bytes:
    return mutated_zip(chance, content, other, {"data.pkl": mutated_pickle})


def _keras_archive(chance: random.Random, content: bytes, other: bytes) -> bytes:
    return mutated_zip(chance, content, other, {"config.json": mutated_json, ".weights.h5": mutated_hdf5})


def _numpy_archive(chance: random.Random, content: bytes, other: bytes) -> bytes:
    return mutated_zip(chance, content, other, {".npy": mutated})


_MUTATIONS: dict[str, Mutation] = {
    "zip": _pytorch_zip,
    "stream": mutated_stream,
    "tar": mutated_tar,
    "distributed": mutated_pickle,
    "safetensors": mutated_safetensors,
    "h5": mutated_hdf5,
    "weights.h5": mutated_hdf5,
    "keras": _keras_archive,
    "pb": mutated_nodes,
    "tflite": mutated_program,
    "pkl": mutated_pickle,
    "npz": _numpy_archive,
    "pdparams": mutated_pickle,
    "pdiparams": mutated_parameters,
}
