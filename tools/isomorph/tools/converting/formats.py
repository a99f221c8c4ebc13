"""The kinds of files that `convert` writes."""

FORMATS = ("safetensors", "pytorch", "h5", "weights.h5", "keras", "pdparams", "tensorflow", "transformers")
"""The names that `--format` takes; `converting.containers` has what is behind each."""
