"""The whole network in Keras: stem, blocks, head, as one functional model."""

from typing import Any

import keras
from keras import layers

from isomorph.backends.keras.layers import ConvBatchNorm, Form, Tensor, make_layer
from isomorph.backends.keras.units import EndPoints, make_unit
from isomorph.spec import Plan
from isomorph.spec.layers import INPUT


class ConvNet:
    """[N, H, W, in_channels] -> logits [N, classes]; a map [N, h, w, C] where the head does not pool.

    In training a network with auxiliary heads returns [logits, aux1, aux2, ...].
    With the layout NCHW images and maps are [N, C, H, W].

    Attributes:
        parts: "stem", each unit's scope and "head" -> the part, to be called on its input.
        model: the functional keras.Model, for any height and width.
        end_points: canonical name -> the model's symbolic tensor.
    """

    def __init__(self, plan: Plan, form: Form) -> None:
        units = {unit.scope: Scoped(unit.scope, make_unit(unit, plan, form)) for unit in plan.all_units}
        all_parts: dict[str, Any] = {"stem": Stem(plan, form)} | units | {"head": Head(plan, form)}
        self.parts = {part: all_parts[part] for part in plan.parts}
        self.end_points: EndPoints = {}
        channels = plan.architecture.in_channels
        shape = tuple(channels if axis == "C" else None for axis in form.layout[1:])
        images = x = keras.Input(shape, dtype=form.dtype, name="images")
        for part, read in plan.reads.items():
            x = self.parts[part](images if read == INPUT else self.end_points[read], self.end_points)
        if plan.global_pool:
            x = layers.Flatten(**form.spatial, name="flatten")(x)
        answers = [
            layers.GlobalAveragePooling2D(**form.spatial, name=f"{head}_answer")(self.end_points[head])
            for head in (plan.heads.values() if form.training else ())
        ]
        self.model = keras.Model(
            images, [x, *answers] if answers else x, name=plan.architecture.name.rpartition("/")[2]
        )


class Stem:
    """[N, H, W, in_channels] -> [N, h, w, C]: convolutions and pools, one after the other."""

    def __init__(self, plan: Plan, form: Form) -> None:
        self.layers = [(layer.scope, make_layer(layer, plan, form)) for layer in plan.stem]

    def __call__(self, x: Tensor, end_points: EndPoints) -> Tensor:
        for scope, layer in self.layers:
            end_points[scope] = x = layer(x)
        return x


class Scoped:
    """A unit that adds its end points under its scope."""

    def __init__(self, scope: str, unit: Any) -> None:
        self.scope = scope
        self.unit = unit

    def __call__(self, x: Tensor, end_points: EndPoints) -> Tensor:
        inside: EndPoints = {}
        end_points[self.scope] = x = self.unit(x, inside)
        end_points |= {f"{self.scope}/{name}": value for name, value in inside.items()}
        return x


class Head:
    """[N, h, w, C] -> the mean over space and the classifier, as far as the network has them."""

    def __init__(self, plan: Plan, form: Form) -> None:
        pool = layers.GlobalAveragePooling2D(keepdims=True, **form.spatial, name="global_pool")
        self.global_pool = pool if plan.global_pool else None
        self.logits = ConvBatchNorm(plan.logits, plan, form) if plan.logits else None
        self.axis = form.axis

    def __call__(self, x: Tensor, end_points: EndPoints) -> Tensor:
        if self.global_pool:
            end_points["global_pool"] = x = self.global_pool(x)
        if self.logits:
            end_points["logits"] = x = self.logits(x)
            end_points["predictions"] = keras.ops.softmax(x, axis=self.axis)
        return x
