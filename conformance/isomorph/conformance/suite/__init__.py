"""The tests that a backend has to pass, run by pytest; see `conftest`."""
