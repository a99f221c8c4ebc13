"""The whole network in NumPy: stem, blocks, head."""

from isomorph.backends.array_forms import Array
from isomorph.backends.oracle.layers import Maker
from isomorph.backends.oracle.operations import Precision, softmax
from isomorph.backends.oracle.primitives import mean
from isomorph.backends.oracle.units import EndPoints, make_unit
from isomorph.spec import Plan
from isomorph.spec.layers import INPUT


class ConvNet:
    """[N, H, W, C] images -> the end points of all parts."""

    def __init__(self, plan: Plan, precision: Precision) -> None:
        self.plan = plan
        self.precision = precision
        make = Maker(plan.epsilon, precision)
        self.stem = {layer.scope: make(layer) for layer in plan.stem}
        self.units = {unit.scope: make_unit(unit, make) for unit in plan.all_units}
        self.logits = make(plan.logits) if plan.logits else None
        self.parametrised = make.parametrised

    def __call__(self, part: str | None, x: Array) -> EndPoints:
        """Return the end points of all parts (None), or of one on its own input."""
        end_points: EndPoints = {}
        x = self.precision.round(x)
        if part is not None:
            self.run(part, x, end_points)
            return end_points
        for name, read in self.plan.reads.items():
            self.run(name, x if read == INPUT else end_points[read], end_points)
        return end_points

    def run(self, part: str, x: Array, end_points: EndPoints) -> None:
        """Run one part on its input, and add its end points to `end_points`."""
        if part == "stem":
            self.run_stem(x, end_points)
        elif part == "head":
            self.run_head(x, end_points)
        else:
            self.run_unit(part, x, end_points)

    def run_stem(self, x: Array, end_points: EndPoints) -> None:
        """Run the stem's convolutions and pools, one after the other."""
        for scope, layer in self.stem.items():
            end_points[scope] = x = layer(x)

    def run_unit(self, scope: str, x: Array, end_points: EndPoints) -> None:
        """Run one unit, and add its end points under its scope."""
        inside: EndPoints = {}
        end_points[scope] = self.units[scope](x, inside)
        end_points |= {f"{scope}/{name}": value for name, value in inside.items()}

    def run_head(self, x: Array, end_points: EndPoints) -> None:
        """Run mean over space, logits and softmax, as far as the head has them."""
        if self.plan.global_pool:
            end_points["global_pool"] = x = self.precision.round(mean(x, 1, self.precision.order)[:, None, None])
        if self.logits:
            end_points["logits"] = x = self.logits(x)
            end_points["predictions"] = self.precision.round(softmax(x, self.precision.order))
