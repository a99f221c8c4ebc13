"""The formats that are broken, one row each."""

from dataclasses import dataclass

from mutations.checksums import Mutation, mutated_member, mutated_table, mutated_tar
from mutations.rules import mutated


@dataclass(frozen=True)
class Format:
    """How the files of a format are made and checked.

    Attributes:
        suffix: what the name ends in that is given to readers.
        own: the module with the format's own reader.
        behind: the mutation that makes checksums fit again, and how often it is taken.
        notes_layers: whether a file notes what its layers are called, and the own reader tells that.
    """

    suffix: str
    own: str
    behind: Mutation = mutated
    share: float = 0.0
    notes_layers: bool = False


FORMATS = {
    "zip": Format(".pth", "mutations.own.pytorch", mutated_member, 0.3),
    "stream": Format(".pth", "mutations.own.pytorch"),
    "tar": Format(".pth", "mutations.own.pytorch", mutated_tar, 0.8),
    "distributed": Format("/.metadata", "mutations.own.pytorch"),
    "safetensors": Format(".safetensors", "mutations.own.safetensors"),
    "h5": Format(".h5", "mutations.own.keras"),
    "weights.h5": Format(".weights.h5", "mutations.own.keras", notes_layers=True),
    "keras": Format(".keras", "mutations.own.keras", mutated_member, 0.7),
    "bundle": Format(".index", "mutations.own.tensorflow", mutated_table, 0.7),
    "objects": Format(".index", "mutations.own.tensorflow", mutated_table, 0.7),
    "v1": Format(".ckpt", "mutations.own.tensorflow", mutated_table, 0.7),
    "pb": Format(".pb", "mutations.own.frozen"),
    "tflite": Format(".tflite", "mutations.own.lite"),
    "pkl": Format(".pkl", "mutations.own.numpy"),
    "npz": Format(".npz", "mutations.own.numpy", mutated_member, 0.6),
    "pdparams": Format(".pdparams", "mutations.own.paddle"),
    "pdiparams": Format(".pdiparams", "mutations.own.paddle"),
}
"""Every format, by the folder of its seeds."""
