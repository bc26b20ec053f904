"""Trains the video autoencoder, its predictor and its prior, and the judge; minutes on two cores."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
from data import trajectories
from model import (
    CONTENT,
    GIVEN,
    LEVELS,
    Judge,
    VideoAutoencoder,
    code_positions,
)
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

CHECKPOINTS = Path(__file__).parent / "checkpoints"


def fit(
    model: nn.Module,
    loss: Callable[[Tensor], Tensor],
    count: int,
    batch: int,
    steps: int,
    seed: int,
    rate: float = 2e-3,
) -> None:
    """AdamW with a one-cycle learning rate over random batches; ``loss`` is given the batch's rows."""
    random = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=rate, total_steps=steps)
    model.train()
    started = time.perf_counter()
    for step in range(steps):
        optimiser.zero_grad()
        value = loss(torch.randint(count, (batch,), generator=random))
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % (steps // 5) == 0 or step == steps - 1:
            print(f"  step {step}: {value.item():.5f}, {time.perf_counter() - started:.0f} s", flush=True)
    model.eval()


def quantised(content: Tensor) -> Tensor:
    """Five levels in −1..1, with the gradient of what was rounded."""
    bounded = torch.tanh(content)
    return bounded + ((bounded * (LEVELS // 2)).round() / (LEVELS // 2) - bounded).detach()


def autoencoder(model: VideoAutoencoder, clips: Tensor, steps: int, seed: int) -> None:
    """Encoder and decoder, through the quantisation."""

    def loss(rows: Tensor) -> Tensor:
        # Four frames are as good as sixteen to learn to draw by, and four times faster.
        clip = clips[rows][:, torch.randint(16, (4,))]
        positions = model.positions(clip)
        drawn = model.draw(quantised(model.content(clip, positions)), positions)
        return 100 * functional.mse_loss(drawn, clip)

    fit(model, loss, len(clips), 32, steps, seed)


@torch.inference_mode()
def codes_of(model: VideoAutoencoder, clips: Tensor) -> Tensor:
    return torch.cat([model.codes(part) for part in clips.split(100)]).clone()


def predictor(model: VideoAutoencoder, codes: Tensor, steps: int, seed: int) -> None:
    """Positions of frames 11–16 from those of 1–10, as the codes tell them."""
    moved = code_positions(codes[:, :-CONTENT]).float().view(len(codes), -1, 2)

    def loss(rows: Tensor) -> Tensor:
        path = moved[rows]
        return functional.mse_loss(model.continued(path[:, :GIVEN]), path[:, GIVEN:]) * 100

    fit(model.predictor, loss, len(codes), 256, steps, seed)


def prior(model: VideoAutoencoder, codes: Tensor, label: Tensor, steps: int, seed: int) -> None:
    """What code comes next, given the kind of trajectory and the codes before."""
    parts = nn.ModuleList([model.prior, model.next, model.code])
    parts.register_parameter("place", model.place)

    def loss(rows: Tensor) -> Tensor:
        return functional.cross_entropy(
            model.likelihood(codes[rows], label[rows]).flatten(0, 1), codes[rows].flatten()
        )

    fit(parts, loss, len(codes), 64, steps, seed, rate=4e-3)


def judge(clips: Tensor, label: Tensor, steps: int, seed: int) -> Judge:
    """A classifier of real clips."""
    torch.manual_seed(seed)
    model = Judge()

    def loss(rows: Tensor) -> Tensor:
        return functional.cross_entropy(model(clips[rows]), label[rows])

    fit(model, loss, len(clips), 32, steps, seed)
    return model


def main() -> None:
    """Trains and writes the checkpoints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--to", type=Path, default=CHECKPOINTS, help="folder of the checkpoints")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.to.mkdir(parents=True, exist_ok=True)
    seed = options.seed

    train = trajectories("train")
    clips, label = torch.from_numpy(train["clip"]), torch.from_numpy(train["label"])
    torch.manual_seed(seed)
    model = VideoAutoencoder()
    print("autoencoder")
    autoencoder(model, clips, 1800, seed)
    # More trajectories of the same digits: what comes next is learnt from codes, which are small.
    more = trajectories("train", clips=12000, seed=11)
    clips, label = torch.from_numpy(more["clip"]), torch.from_numpy(more["label"])
    codes = codes_of(model, clips)
    print("predictor")
    predictor(model, codes, 3000, seed)
    print("prior")
    prior(model, codes, label, 2200, seed)
    # Half the size, and no value of a check moves by more than its noise.
    state = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    save_file(state, options.to / "video.safetensors")

    # The judge is trained on clips alone and shares no weight with what it judges.
    print("judge")
    state = {name: value.half() for name, value in judge(clips, label, 2000, seed).state_dict().items()}
    save_file(state, options.to / "judge.safetensors")


if __name__ == "__main__":
    main()
