"""Validates a checkpoint; written for the configs of all the models before this one."""

from __future__ import annotations

from dataclasses import dataclass

from model import AttentionDetector
from omegaconf import DictConfig, OmegaConf


@dataclass(frozen=True)
class Settings:
    """All that a run needs, read at once so that nothing is missing later."""

    root: str
    classes: int
    train_batch: int
    validation_batch: int

    @classmethod
    def of(cls, cfg: DictConfig) -> Settings:
        return cls(
            root=cfg.data.root,
            classes=cfg.data.classes,
            train_batch=cfg.batch_size.train,
            validation_batch=cfg.batch_size.validation,
        )


def load_config(path: str) -> DictConfig:
    cfg = OmegaConf.load(path)
    OmegaConf.set_struct(cfg, True)
    return cfg


def load_detector(config: str = "configs/attention.yaml") -> AttentionDetector:
    cfg = load_config(config)
    settings = Settings.of(cfg)
    return AttentionDetector(**cfg.model, classes=settings.classes)


def main() -> None:
    detector = load_detector()
    print(sum(parameter.numel() for parameter in detector.parameters()), "parameters")


if __name__ == "__main__":
    main()
