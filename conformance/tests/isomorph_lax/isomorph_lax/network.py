"""A whole network as a function: end points of parameters and images.

A unit's wiring says what each of its layers reads and what becomes of them, so that no kind of unit is named here.
"""

from dataclasses import replace
from functools import partial, reduce
from operator import add

import jax
import jax.numpy as jnp
from jax import Array

from isomorph.spec import Plan
from isomorph.spec.layers import INPUT, name_of
from isomorph.spec.units import Unit, Wiring
from isomorph_lax.form import Form
from isomorph_lax.layers import Leaves, activate, run

Parameters = dict[str, Leaves]
"""The scope of a layer -> its parameters."""

EndPoints = dict[str, Array]


def run_part(plan: Plan, form: Form, part: str, parameters: Parameters, x: Array) -> EndPoints:
    """The end points of one part of `plan`, on its own input."""
    if part == "stem":
        return _stem(plan, form, parameters, x)
    if part == "head":
        return _head(plan, form, parameters, x)
    unit = next(unit for unit in plan.all_units if unit.scope == part)
    return _unit(unit, plan, form, parameters, x)


def run_network(plan: Plan, form: Form, parameters: Parameters, x: Array) -> EndPoints:
    """Those of all parts."""
    found = {INPUT: x}
    for part, read in plan.reads.items():
        found |= run_part(plan, form, part, parameters, found[read])
    return found


def answer(plan: Plan, form: Form, parameters: Parameters, images: Array) -> Array:
    """Logits [N, classes], or a map where the head does not pool; auxiliary heads are for training."""
    x = images
    for part in plan.parts:
        if part not in plan.heads.values():
            found = run_part(plan, form, part, parameters, x)
            x = found["logits"] if "logits" in found and part == "head" else list(found.values())[-1]
    return x.reshape(x.shape[0], -1) if plan.global_pool else x


def _stem(plan: Plan, form: Form, parameters: Parameters, x: Array) -> EndPoints:
    found: EndPoints = {}
    for layer in plan.stem:
        found[layer.scope] = x = run(layer, parameters.get(layer.scope, {}), x, form, plan.epsilon)
    return found


def _unit(unit: Unit, plan: Plan, form: Form, parameters: Parameters, x: Array) -> EndPoints:
    """Compiled once for all units that are alike: JAX takes longer to compile operations one by one."""
    layers = tuple(replace(layer, scope=name_of(layer)) for layer in unit.layers)
    leaves = {name_of(layer): parameters[layer.scope] for layer in unit.parametrised}
    made, y = _wired(replace(unit.wiring, layers=layers), form, plan.epsilon, leaves, x)
    return {layer.scope: made[name_of(layer)] for layer in unit.layers} | {unit.scope: y}


@partial(jax.jit, static_argnums=(0, 1, 2))
def _wired(wiring: Wiring, form: Form, epsilon: float, parameters: Parameters, x: Array) -> tuple[EndPoints, Array]:
    """What each layer makes, by its name, and what becomes of those that are joined."""
    made = {INPUT: x}
    for layer in wiring.layers:
        made[layer.scope] = run(layer, parameters.get(layer.scope, {}), made[layer.source], form, epsilon)
    joined = [made[name] for name in wiring.joined]
    y = jnp.concatenate(joined, form.channels) if wiring.concatenated else reduce(add, joined)
    return made, activate(y, wiring.activation)


def _head(plan: Plan, form: Form, parameters: Parameters, x: Array) -> EndPoints:
    found: EndPoints = {}
    if plan.global_pool:
        found["global_pool"] = x = x.mean(form.space, keepdims=True)
    if plan.logits:
        found["logits"] = x = run(plan.logits, parameters["logits"], x, form, plan.epsilon)
        found["predictions"] = jax.nn.softmax(x, form.channels)
    return found
