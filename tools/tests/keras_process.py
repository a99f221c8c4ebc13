"""Runs a script where Keras is: in a process of its own, its warnings as errors once the frameworks are there."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAD = """
import json, sys, warnings
from pathlib import Path

import keras
import numpy as np

from isomorph.backends import load_backend
from isomorph.conformance.small_networks import KIN, RIGID
from isomorph.spec import architecture

warnings.simplefilter("error")
warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)  # of TensorFlow's, by NumPy 2
folder = Path(sys.argv[1])
networks = KIN | RIGID
"""


def run_keras(script: str, folder: Path) -> None:
    """Run HEAD and `script`, of which `folder` is the folder; skip where there is no Keras to run."""
    if importlib.util.find_spec("tensorflow") is None or importlib.util.find_spec("keras") is None:
        pytest.skip("needs Keras and TensorFlow, whose files and models these are")
    environment = os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-W", "ignore", "-c", HEAD + script, str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
