"""Trains the detector; it reads the config in its own way."""

from __future__ import annotations

from omegaconf import OmegaConf


def steps_per_epoch(cfg, images: int) -> int:
    return images // cfg.batch_size.per_gpu


if __name__ == "__main__":
    config = OmegaConf.load("configs/attention.yaml")
    print(steps_per_epoch(config, 3400), config.optimizer.name, config.optimizer.lr, config.steps)
