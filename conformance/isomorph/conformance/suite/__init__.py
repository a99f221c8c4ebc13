"""What a backend has to pass, as tests that pytest runs; see `conftest`."""
