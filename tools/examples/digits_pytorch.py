"""Handwritten digits in PyTorch, by a plain loop.

    .venv/bin/python -m examples.digits_pytorch --losses pytorch.json

The scripts of the other frameworks do the same in the same order.
"""

import torch
import torch.nn.functional as F
from rich.progress import track
from torch.utils.data import DataLoader, TensorDataset

from examples import digits
from isomorph.backends import load_backend


def dataset(data: digits.Digits) -> TensorDataset:
    """PyTorch's maps are [N, C, H, W]."""
    return TensorDataset(torch.from_numpy(data.images).permute(0, 3, 1, 2), torch.from_numpy(data.labels))


def main() -> None:
    """Train, and tell the held-out digits."""
    options = digits.arguments(__doc__)
    train, held_out = map(dataset, digits.read())
    network = load_backend("pytorch").build(digits.NETWORK, training=True)
    network.load(digits.start(options.seed))

    model = network.native  # an nn.Module, and all that is needed from here on
    batches = DataLoader(train, batch_sampler=digits.Order(options.seed))
    optimizer = torch.optim.SGD(model.parameters(), lr=digits.LEARNING_RATE, momentum=digits.MOMENTUM)
    losses = []
    for epoch in range(options.epochs):
        for images, labels in track(batches, f"epoch {epoch + 1}/{options.epochs}"):
            loss = F.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())

    model.eval()
    images, labels = held_out.tensors
    with torch.inference_mode():
        accuracy = (model(images).argmax(dim=1) == labels).double().mean().item()
    digits.report(accuracy, losses, options.losses)


if __name__ == "__main__":
    main()
