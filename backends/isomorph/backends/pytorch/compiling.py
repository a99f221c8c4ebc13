"""Compile whole networks with torch.compile, any number of them in one process."""

import inspect
from functools import cache

import torch
from torch import nn


def compile_whole(module: nn.Module) -> None:
    """Make `module(x)` run compiled, as one graph or with an error; `module.forward(x)` stays eager.

    Without `fullgraph` Dynamo silently runs pieces eagerly, and everything once it reaches its recompile limit. It
    counts recompilations by code, which all networks share, unless told to count each network's separately.
    """
    if "isolate_recompiles" in inspect.signature(torch.compile).parameters:  # torch 2.13 and later
        module.compile(fullgraph=True, isolate_recompiles=True)
        return
    for name, limit in _recompile_limits().items():
        setattr(torch._dynamo.config, name, getattr(torch._dynamo.config, name) + limit)
    module.compile(fullgraph=True)


@cache
def _recompile_limits() -> dict[str, int]:
    """Return Dynamo's limits, by name, from before the first network was compiled: each network gets as much."""
    config = torch._dynamo.config
    prefix = "recompile" if hasattr(config, "recompile_limit") else "cache_size"  # its name before torch 2.6
    return {name: getattr(config, name) for name in (f"{prefix}_limit", f"accumulated_{prefix}_limit")}
