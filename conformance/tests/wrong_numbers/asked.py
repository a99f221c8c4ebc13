"""A pytest plugin that collects of each test the ids that were named, instead of one for each of forty backends."""

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have a test run in the backends with which the command line names it, as `module::test[backend-parameters]`."""
    wanted = f"{metafunc.module.__name__.rpartition('.')[2]}::{metafunc.function.__name__}"
    named = [argument.partition("[") for argument in metafunc.config.args]
    backends = {parameters.rstrip("]").partition("-")[0] for test, _, parameters in named if test.endswith(wanted)}
    metafunc.config.option.backend = sorted(backends) or ["wrong:none"]
