"""A folder of TensorFlow's SavedModel: `saved_model.pb`, a program that is not looked at, and its variables.

Those are a checkpoint under the prefix `variables/variables`, of objects if TensorFlow 2 saved it.

Source: tensorflow/python/saved_model/path_helpers.py and constants.py (`VARIABLES_DIRECTORY`, `VARIABLES_FILENAME`).
"""

from dataclasses import replace
from pathlib import Path

from isomorph.tools.checkpoints.checkpoint import Checkpoint
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.recognition import SAVED_VARIABLES
from isomorph.tools.checkpoints.tensorflow import bundle

NAME = "TensorFlow SavedModel"


def read(folder: Path) -> Checkpoint:
    """Read the variables of the SavedModel in `folder`. Raises BadInput where they are damaged or not of numbers."""
    return replace(bundle.read(MappedFile(folder / SAVED_VARIABLES)), format=NAME)
