"""Write a whole `.keras` model, which only Keras can: it holds the graph of layers that Keras builds."""

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

from isomorph.backends import find_backend
from isomorph.backends.process import BackendProcess
from isomorph.backends.scratch import ScratchFolder, temporary_file
from isomorph.spec import Architecture, BadInput
from isomorph.tools.checkpoints import Tensors
from isomorph.tools.writing import new_file


def write_keras_model(path: Path, architecture: Architecture, tensors: Tensors, texts: Mapping[str, str]) -> None:
    """Write isomorph's own Keras network with canonical `tensors`, for `keras.models.load_model`.

    texts: further members of the archive, which Keras ignores.
    Raises BadInput where Keras is not installed, and for tensors of several dtypes, as a model has one.
    """
    if reason := find_backend("keras").why_not():
        raise BadInput(f"A .keras file holds a model, which Keras itself has to write: {reason}")
    dtypes = sorted({value.dtype.name for value in tensors.values()})
    if len(dtypes) > 1:
        raise BadInput(
            f"A .keras model has one dtype, and these tensors have {' and '.join(dtypes)}; choose with --dtype."
        )
    with ScratchFolder() as folder:
        model_file = folder / "model.keras"
        with BackendProcess("keras") as process:
            network = process.build(architecture.undrawn(), "cpu", dtypes[0])
            network.load(tensors)
            network.save(str(model_file))
        with temporary_file(model_file), zipfile.ZipFile(model_file, "a") as archive:
            for name, text in texts.items():
                archive.writestr(name, text)
        with new_file(path) as file, model_file.open("rb") as model:
            shutil.copyfileobj(model, file)
