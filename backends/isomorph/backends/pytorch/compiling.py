"""How torch.compile is asked for whole networks, any number of them in one process."""

import inspect
from functools import cache

import torch
from torch import nn


def compile_whole(module: nn.Module) -> None:
    """Have `module(x)` run compiled from now on, as one graph or with an error; `module.forward(x)` stays eager.

    Without `fullgraph` Dynamo runs pieces eagerly, and everything once it has met its recompile limit, and does not say
    so. It counts recompilations by code, which all networks share, unless it is told to count each network's apart.
    """
    if "isolate_recompiles" in inspect.signature(torch.compile).parameters:  # torch 2.13 and later
        module.compile(fullgraph=True, isolate_recompiles=True)
        return
    for name, limit in _recompile_limits().items():
        setattr(torch._dynamo.config, name, getattr(torch._dynamo.config, name) + limit)
    module.compile(fullgraph=True)


@cache
def _recompile_limits() -> dict[str, int]:
    """Dynamo's limits as they stood before the first network was compiled: what each network may use up, by name."""
    config = torch._dynamo.config
    prefix = "recompile" if hasattr(config, "recompile_limit") else "cache_size"  # its name before torch 2.6
    return {name: getattr(config, name) for name in (f"{prefix}_limit", f"accumulated_{prefix}_limit")}
