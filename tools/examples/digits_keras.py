"""Handwritten digits in Keras, by `compile` and `fit`.

    .venv/bin/python -m examples.digits_keras --losses keras.json

The scripts of the other frameworks do the same in the same order.
"""

from collections.abc import Iterator

import keras

from examples import digits
from isomorph.backends import load_backend


def batches_of(data: digits.Digits, order: digits.Order) -> Iterator[tuple[digits.Array, digits.Array]]:
    """Without end: Keras counts the epochs. Keras's maps are [N, H, W, C]."""
    while True:
        for batch in order:
            yield data.images[batch], data.labels[batch]


def main() -> None:
    """Train, and tell the held-out digits."""
    options = digits.arguments(__doc__)
    train, held_out = digits.read()
    network = load_backend("keras").build(digits.NETWORK, training=True)
    network.load(digits.start(options.seed))

    model = network.native  # a keras.Model, and all that is needed from here on
    order = digits.Order(options.seed)
    losses: list[float] = []
    model.compile(
        optimizer=keras.optimizers.SGD(digits.LEARNING_RATE, digits.MOMENTUM),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    each_step = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda step, logs: model.reset_metrics(),  # Keras tells the mean of an epoch so far
        on_train_batch_end=lambda step, logs: losses.append(logs["loss"]),
    )
    model.fit(
        batches_of(train, order),
        shuffle=False,
        epochs=options.epochs,
        steps_per_epoch=len(order),
        callbacks=[each_step],
    )

    _, accuracy = model.evaluate(*held_out, verbose=0)
    digits.report(accuracy, losses, options.losses)


if __name__ == "__main__":
    main()
