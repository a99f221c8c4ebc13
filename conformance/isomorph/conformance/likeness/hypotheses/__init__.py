"""Explain a model of which nothing is known but what it gave: known mistakes are tried until some give the same.

There is no graph to read, only end points that somebody recorded, or logits. Each mistake that ports are known for is a
hypothesis: some nodes of the specification computed otherwise.
"""
