"""Trains both models on the train split, and one of each that is not good enough, for the tests to catch."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
from data import digits
from model import Autoencoder, Classifier
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

CHECKPOINTS = Path(__file__).parent / "checkpoints"
BATCH_SIZE = 64


def shifted(images: Tensor, random: torch.Generator) -> Tensor:
    """All images moved by one random step of at most one pixel each way."""
    down, right = torch.randint(-1, 2, (2,), generator=random).tolist()
    padded = functional.pad(images, (1, 1, 1, 1))
    return padded[:, :, 1 + down : 9 + down, 1 + right : 9 + right]


def varied(images: Tensor, random: torch.Generator) -> Tensor:
    """Half of the images shifted, then each blended with another: 1,197 images are few to learn from."""
    half = len(images) // 2
    images = torch.cat([images[:half], shifted(images[half:], random)])
    share = torch.rand(len(images), 1, 1, 1, generator=random)
    return share * images + (1 - share) * images.roll(1, dims=0)


def fit(
    model: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    images: Tensor,
    labels: Tensor,
    steps: int,
    random: torch.Generator,
) -> None:
    """AdamW with a one-cycle learning rate over random batches."""
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=3e-3, total_steps=steps)
    model.train()
    for _ in range(steps):
        batch = torch.randint(len(images), (BATCH_SIZE,), generator=random)
        optimiser.zero_grad()
        loss(images[batch], labels[batch]).backward()
        optimiser.step()
        schedule.step()


def autoencoder(images: Tensor, labels: Tensor, steps: int, vary: bool, seed: int) -> Autoencoder:
    """An autoencoder trained on these images, or on variations of them."""
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    model = Autoencoder()

    def loss(batch: Tensor, _: Tensor) -> Tensor:
        seen = varied(batch, random) if vary else batch
        return functional.mse_loss(model(seen), seen)

    fit(model, loss, images, labels, steps, random)
    return model


def classifier(images: Tensor, labels: Tensor, steps: int, seed: int) -> Classifier:
    """A classifier trained on shifted copies of these images."""
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    model = Classifier()

    def loss(batch: Tensor, truth: Tensor) -> Tensor:
        return functional.cross_entropy(model(shifted(batch, random)), truth)

    fit(model, loss, images, labels, steps, random)
    return model


def main() -> None:
    """Trains and writes the four checkpoints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--to", type=Path, default=CHECKPOINTS, help="folder of the checkpoints")
    options = parser.parse_args()
    # One thread and deterministic kernels: the same checkpoints, byte for byte, from one machine.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)

    train = digits("train")
    images, labels = torch.from_numpy(train["image"]), torch.from_numpy(train["label"])
    seed = options.seed
    recipes: dict[str, Callable[[], nn.Module]] = {
        "autoencoder": lambda: autoencoder(images, labels, steps=10_000, vary=True, seed=seed),
        "classifier": lambda: classifier(images, labels, steps=1_000, seed=seed),
        # A quarter of the images, learnt by heart. Stopping early instead would leave no gap between train
        # and test, and the check of that gap would have nothing to catch.
        "autoencoder_undertrained": lambda: autoencoder(
            images[:300], labels[:300], steps=3_000, vary=False, seed=seed
        ),
        # Stopped after 25 batches: far better than chance, and it does not know how good it is.
        "classifier_undertrained": lambda: classifier(images, labels, steps=25, seed=seed),
    }
    options.to.mkdir(parents=True, exist_ok=True)
    for name, recipe in recipes.items():
        started = time.perf_counter()
        file = options.to / f"{name}.safetensors"
        save_file(recipe().state_dict(), file)
        print(f"{file}: {file.stat().st_size} bytes after {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
