"""Trains the generator in a curriculum of ever more digits, for three seeds, and the judge, on other images."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from data import digits
from model import Generator, Judge
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

CHECKPOINTS = Path(__file__).parent / "checkpoints"
SEEDS = (0, 1, 2)
BATCH_SIZE = 128
# The last step of each phase, and the digits that the phase is trained on: those of the phases before stay in,
# or the network would forget them.
PHASES = ((3_000, range(4)), (6_000, range(7)), (10_000, range(10)))


def train_generator(images: Tensor, labels: Tensor, seed: int, folder: Path, phases=PHASES) -> None:
    """One training run; a checkpoint at the end of each phase."""
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    model = Generator()
    # What is saved is the mean of the weights over about the last 500 steps: single steps are noisy.
    smooth = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.998)
    )
    last = phases[-1][0]
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, last, eta_min=2e-4)
    step = 0
    for end, shown in phases:
        chosen = torch.isin(labels, torch.tensor(list(shown)))
        inks, names = images[chosen].flatten(1) * 2 - 1, labels[chosen]
        while step < end:
            batch = torch.randint(len(inks), (BATCH_SIZE,), generator=random)
            image, noise = inks[batch], torch.randn(BATCH_SIZE, inks.shape[1], generator=random)
            moment = torch.rand(BATCH_SIZE, generator=random)
            point = torch.lerp(noise, image, moment[:, None])
            loss = functional.mse_loss(model.velocity(point, moment, names[batch]), image - noise)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            smooth.update_parameters(model)
            step += 1
        save(smooth.module, folder / f"seed_{seed}" / f"step_{step}.safetensors")


def train_judge(images: Tensor, labels: Tensor, steps: int = 1_500, seed: int = 0) -> Judge:
    """A classifier trained on copies of these images that are shifted by at most a pixel."""
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    model = Judge()
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=3e-3, total_steps=steps)
    model.train()
    for _ in range(steps):
        batch = torch.randint(len(images), (64,), generator=random)
        down, right = torch.randint(-1, 2, (2,), generator=random).tolist()
        padded = functional.pad(images[batch], (1, 1, 1, 1))
        shifted = padded[:, :, 1 + down : 9 + down, 1 + right : 9 + right]
        optimiser.zero_grad()
        functional.cross_entropy(model(shifted), labels[batch]).backward()
        optimiser.step()
        schedule.step()
    return model.eval()


def save(model: nn.Module, file: Path) -> None:
    """Half precision halves the file; the loader widens it again."""
    file.parent.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in model.state_dict().items()
    }
    save_file(tensors, file)
    print(
        f"{file}: {file.stat().st_size} bytes after {time.process_time():.0f} s of processor time", flush=True
    )


def part(name: str) -> tuple[Tensor, Tensor]:
    """Images and labels of one part of the data."""
    fields = digits(name)
    return torch.from_numpy(fields["image"]), torch.from_numpy(fields["label"])


def main() -> None:
    """Trains and writes the judge and nine checkpoints of the generator."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=CHECKPOINTS, help="folder of the checkpoints")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    options = parser.parse_args()
    # One thread and deterministic kernels: the same checkpoints, byte for byte, from one machine.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    judge = train_judge(*part("judge"))
    save(judge, options.to / "judge.safetensors")
    images, labels = part("test")
    with torch.inference_mode():
        print(f"judge: {float((judge(images).argmax(1) == labels).float().mean()):.3f} of the test digits")
    for seed in options.seeds:
        train_generator(*part("generator"), seed, options.to)


if __name__ == "__main__":
    main()
