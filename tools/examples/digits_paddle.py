"""Handwritten digits in Paddle, by `prepare` and `fit`.

    .venv/bin/python -m examples.digits_paddle --losses paddle.json

The scripts of the other frameworks do the same in the same order.
"""

from typing import Any

import paddle
from paddle.io import DataLoader, TensorDataset

from examples import digits
from isomorph.backends import load_backend


def dataset(data: digits.Digits) -> TensorDataset:
    """Paddle's maps are [N, C, H, W]."""
    return TensorDataset([paddle.to_tensor(data.images.transpose(0, 3, 1, 2)), paddle.to_tensor(data.labels)])


class EachStep(paddle.callbacks.Callback):
    """Keeps the losses."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []

    def on_train_batch_end(self, step: int, logs: dict[str, Any]) -> None:
        """Paddle calls it."""
        self.losses.append(float(logs["loss"][0]))


def main() -> None:
    """Train, and tell the held-out digits."""
    options = digits.arguments(__doc__)
    train, held_out = map(dataset, digits.read())
    network = load_backend("paddle").build(digits.NETWORK, training=True)
    network.load(digits.start(options.seed))

    model = paddle.Model(network.native)  # of a paddle.nn.Layer, and all that is needed from here on
    batches = DataLoader(train, batch_sampler=digits.Order(options.seed))
    model.prepare(
        paddle.optimizer.Momentum(digits.LEARNING_RATE, digits.MOMENTUM, parameters=model.parameters()),
        paddle.nn.CrossEntropyLoss(),
        paddle.metric.Accuracy(),
    )
    each_step = EachStep()
    model.fit(batches, epochs=options.epochs, verbose=1, callbacks=[each_step])

    accuracy = model.evaluate(held_out, batch_size=digits.BATCH, verbose=0)["acc"]
    digits.report(accuracy, each_step.losses, options.losses)


if __name__ == "__main__":
    main()
