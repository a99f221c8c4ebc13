"""How long a backend's process may take."""

TIMEOUT = 900.0
"""Seconds that one call may take, unless told otherwise."""

SUITE_TIMEOUT = 300.0
"""Seconds that one call may take in the conformance suite, unless told otherwise."""

START_TIMEOUT = 120.0
"""Seconds that importing a framework may take; one that is short of memory may try for ever."""
