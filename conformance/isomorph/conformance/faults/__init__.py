"""Planted faults, the tests of the tests: known mistakes, how to plant them in a backend, and which tier sees them."""
