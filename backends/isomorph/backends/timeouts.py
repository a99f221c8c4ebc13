"""The time limits of a backend's process."""

TIMEOUT = 900.0
"""Seconds that one call may take by default."""

SUITE_TIMEOUT = 300.0
"""Seconds that one call may take in the conformance suite by default."""

START_TIMEOUT = 120.0
"""Seconds that importing a framework may take; one that is short of memory may try for ever."""
