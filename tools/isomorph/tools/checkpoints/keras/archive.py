"""Keras's `.keras`: a zip archive of config.json and model.weights.h5, of which nothing is deserialised by Keras.

The configuration lists the layers, by class and name, in the order in which the weights number the layers of each
class (keras/src/saving/saving_lib.py, `_save_container_state`). It is read as JSON for these alone: a Lambda's code in
it stays text.
"""

from dataclasses import replace
from types import MappingProxyType

from isomorph.tools.checkpoints.checkpoint import Checkpoint
from isomorph.tools.checkpoints.json_text import read_json
from isomorph.tools.checkpoints.keras.configuration import layers_in, options_by_name
from isomorph.tools.checkpoints.keras.h5 import read_window
from isomorph.tools.checkpoints.keras.hdf5_file import Window
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.recognition import HDF5_SIGNATURE, KERAS_CONFIG, KERAS_WEIGHTS
from isomorph.tools.checkpoints.wording import shown
from isomorph.tools.checkpoints.zip_directory import Member, check_crc32, noted_in, read_directory

NAME = "Keras archive"


def read(file: MappedFile) -> Checkpoint:
    """Read the checkpoint in `file`.

    Raises:
        BadInput: the archive is not sound, lacks one of its two parts or has one compressed or of another checksum,
            its configuration is no JSON or far larger than names and options are, or the weights are refused
            (`keras.h5`).
    """
    members = read_directory(file)
    config, weights = _member(file, members, KERAS_CONFIG), _member(file, members, KERAS_WEIGHTS)
    for name, member in ((KERAS_CONFIG, config), (KERAS_WEIGHTS, weights)):
        check_crc32(file, name, member)
    window = Window(file, weights.start, weights.size)
    if window.bytes_at(0, len(HDF5_SIGNATURE)) != HDF5_SIGNATURE:
        raise file.damaged(
            f"its {KERAS_WEIGHTS} starts with {shown(window.bytes_at(0, 8))}, HDF5's signature was expected"
        )
    layers = dict(layers_in(read_json(file, config.start, config.size, KERAS_CONFIG, file.size)))
    checkpoint = read_window(window, NAME, layers)
    return replace(checkpoint, metadata=MappingProxyType(noted_in(file, members)), layers=options_by_name(layers))


def _member(file: MappedFile, members: dict[str, Member], name: str) -> Member:
    member = members.get(name)
    if member is None:
        raise file.bad(f"it is an archive of Keras's without {name}, which was expected in it: save it again as .keras")
    if not member.stored:
        raise file.damaged(f"its {name} is compressed, which Keras never does")
    return member
