"""Starts the trace in every Python process of a traced run of tests, the backends' workers among them."""

import importlib.util
import os
from pathlib import Path

if "ISOMORPH_MUTANTS_TRACE" in os.environ:
    spec = importlib.util.spec_from_file_location("isomorph_mutants_trace", Path(__file__).parents[1] / "trace.py")
    assert spec
    assert spec.loader
    trace = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(trace)
    trace.start()
