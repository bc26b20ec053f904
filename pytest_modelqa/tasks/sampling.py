"""The task ``sampling``: a generator draws samples of given classes, and a judge says what they look like."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..errors import DatasetError, EvaluationError, OutputError
from .confusion import confusion_pictures
from .copies import demand_unseen, digests_in, digests_of
from .declarations import SamplingArgs
from .forward import as_input, at_least_float32, batches_of, method_of, pick, tensor_field, to_device
from .judge import Judge, Judged, labels_of
from .protocol import Inspection, Setting
from .sheet import sheet

if TYPE_CHECKING:
    from ..datasets.samples import Samples

_SHOWN_OF_A_CLASS = 8
# The training samples are held at once; more than this would rather fill the device than say anything new.
_TRAINING_VALUES = 2**29


@dataclass(frozen=True)
class DrawnSamples:
    """What a generator is asked for: a label and noise for each id (see ``datasets.samples.Samples``).

    The noise of a sample follows from the seed and its id alone, so that a batch of another size, another
    checkpoint or another device gets the same.

    Attributes:
        label: The name of the field of labels.
        labels: Class numbers, (n,).
        real: For each sample the row of a real one of its class, each used once; −1 where there are too few.
    """

    ids: tuple[str, ...]
    label: str
    labels: np.ndarray
    real: np.ndarray
    shape: tuple[int, ...]
    distribution: str
    seed: int

    @property
    def scalars(self) -> Mapping[str, np.ndarray]:
        """The labels, to slice by."""
        return {self.label: self.labels}

    def __len__(self) -> int:
        return len(self.ids)

    def batch(self, indices: Sequence[int]) -> Mapping[str, Any]:
        """``noise`` (n, …) float32, the labels, and the row of the real sample ``real``."""
        rows = list(indices)
        noise = np.stack([self._noise(self.ids[row]) for row in rows])
        return {"noise": noise, self.label: self.labels[rows], "real": self.real[rows]}

    def _noise(self, sample: str) -> np.ndarray:
        digest = hashlib.sha256(f"{self.seed}:{sample}".encode()).digest()
        generator = np.random.default_rng(int.from_bytes(digest[:16], "little"))
        if self.distribution == "uniform":
            return generator.random(self.shape, dtype=np.float32)
        return generator.standard_normal(self.shape, dtype=np.float32)


class Sampling:
    """Draws as many samples of one class as of another, and keeps what the judge says of each.

    The evaluation's dataset is what samples are compared with: real ones, never seen in training.
    """

    def __init__(self, args: SamplingArgs) -> None:
        self._args = args
        self._dataset: Samples | None = None
        self._judge: Judge | None = None
        self._reference: np.ndarray | None = None
        self._training: torch.Tensor | None = None
        self._last: tuple[torch.Tensor, Judged] | None = None
        self._shape: tuple[int, ...] = ()

    def make_samples(self, dataset: Samples, seed: int) -> Samples:
        """Ids, labels in turn, and noise.

        Raises:
            DatasetError: The dataset has no class numbers.
        """
        labels = labels_of(dataset, self._args.label).numpy()
        classes = np.unique(labels)
        wanted = np.resize(classes, self._args.samples)
        self._dataset = dataset
        real = np.full(len(wanted), -1)
        generator = np.random.default_rng(seed)
        for each in classes:
            places, rows = (
                np.flatnonzero(wanted == each),
                generator.permutation(np.flatnonzero(labels == each)),
            )
            real[places[: len(rows)]] = rows[: len(places)]
        width = len(str(len(wanted) - 1))
        return DrawnSamples(
            ids=tuple(f"sample-{number:0{width}d}" for number in range(len(wanted))),
            label=self._args.label,
            labels=wanted.astype(np.int64),
            real=real,
            shape=self._args.noise,
            distribution=self._args.distribution,
            seed=seed,
        )

    def prepare(self, samples: Samples) -> None:
        """Looks at what the samples are compared with.

        Raises:
            DatasetError: It has no field of images.
        """
        if self._dataset is None:
            raise EvaluationError("sampling makes its own samples first")
        self._shape = tuple(tensor_field(_tensors(self._dataset, [0]), self._args.input).shape)

    def fit(self, setting: Setting) -> None:
        """Tests the judge on real samples, and has it look at the reference set.

        Raises:
            EvaluationError: The judge fails its test.
            DatasetError: A field is missing, or the training set is too large to search, or holds the real samples.
        """
        args, dataset = self._args, self._real()
        model = setting.models[args.judge]
        if args.features is not None and args.judge_method is not None:
            raise EvaluationError(
                "features and judge_method both say where the features come from",
                expected="one of them",
                todo="remove judge_method from args, or features",
            )
        seer = setting.models[args.features] if args.features else None
        judge = Judge(args.judge, model, setting.device, args.judge_output, args.judge_method, seer)
        known = setting.datasets[args.judge_data] if args.judge_data else dataset
        labels_of(known, args.label)
        with torch.inference_mode():
            judge.demand_competent(known, args.input, args.label, args.judge_min_accuracy)
            setting.alive()
            self._reference = judge.features_of(dataset, args.input).cpu().numpy()
            self._judge = judge
            if args.train is not None:
                setting.alive()
                self._training = self._flat(setting.datasets[args.train], setting.device)
                # Else ``baseline: real`` is at 0 as well, and no generator can repeat too much.
                demand_unseen(
                    list(digests_in(dataset, args.input, setting.alive)),
                    digests_of(self._training),
                    args.train,
                    what="the real samples are not new to the generator",
                    todo="let the evaluation's dataset hold samples that the generator was not trained on, and"
                    " args: {train: …} name what it was trained on",
                )

    def infer(self, model: torch.nn.Module, batch: Mapping[str, Any]) -> torch.Tensor:
        """What the generator draws, of the shape of the real samples.

        Raises:
            OutputError: Of another shape.
        """
        noise, labels = tensor_field(batch, "noise"), tensor_field(batch, self._args.label, "label")
        returned = method_of(model, self._args.method)(as_input(model, noise), labels)
        outputs = at_least_float32(pick(returned, self._args.output))
        if tuple(outputs.shape[1:]) != self._shape[1:]:
            raise OutputError(
                "the samples are not of the shape of the real ones",
                expected=f"shape {self._shape[1:]} a sample, as the field {self._args.input} of the dataset",
                found=f"shape {tuple(outputs.shape[1:])}",
                todo="let the generator return samples of that shape, or choose another method or output",
            )
        return outputs

    def targets(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """The classes that were asked for, int64."""
        return tensor_field(batch, self._args.label, "label").long()

    def baseline_outputs(self, name: str, batch: Mapping[str, Any]) -> torch.Tensor:
        """``real``: for every sample a real one of its class, each used once.

        Raises:
            DatasetError: The dataset has fewer of a class than are drawn.
        """
        if name != "real":
            raise EvaluationError(f"sampling has no baseline {name}")
        rows = tensor_field(batch, "real")
        if bool((rows < 0).any()):
            raise DatasetError(
                "there are fewer real samples of a class than are drawn",
                expected=f"as many of each class as {self._args.samples} samples ask for",
                todo="draw fewer (args: {samples: …}), or compare without baseline: real",
            )
        images = tensor_field(_tensors(self._real(), rows.tolist()), self._args.input)
        return at_least_float32(images).to(rows.device)

    def predictions(self, outputs: torch.Tensor, targets: torch.Tensor) -> Mapping[str, np.ndarray]:
        """``judge_prediction``, ``judge_confidence``, ``label``; ``nearest_training`` where ``train`` is named."""
        judged = self._judged(outputs)
        columns = {
            "judge_prediction": judged.prediction,
            "judge_confidence": judged.confidence,
            "label": targets,
        }
        if self._training is not None:
            columns["nearest_training"] = _nearest(outputs.flatten(1).float(), self._training)
        return {name: values.cpu().numpy() for name, values in columns.items()}

    def sample_arrays(self, outputs: torch.Tensor, targets: torch.Tensor) -> Mapping[str, np.ndarray]:
        """``features``: the judge's."""
        return {"features": self._judged(outputs).features.cpu().numpy()}

    def set_arrays(self) -> Mapping[str, np.ndarray]:
        """``reference_features``: the judge's of the evaluation's dataset."""
        return {} if self._reference is None else {"reference_features": self._reference}

    def pictures(self, inspection: Inspection) -> Mapping[str, bytes]:
        """The first samples of each class, and what the judge takes each class for."""
        labels = inspection.columns["label"]
        shown = {
            each: np.flatnonzero(labels == each)[:_SHOWN_OF_A_CLASS].tolist() for each in np.unique(labels)
        }
        rows = {f"{each}": inspection.rerun(indices)[1].double().numpy() for each, indices in shown.items()}
        confusion = confusion_pictures(labels, inspection.columns["judge_prediction"], None)
        return {"samples.png": sheet(rows), **confusion}

    def _real(self) -> Samples:
        if self._dataset is None:
            raise EvaluationError("sampling makes its own samples first")
        return self._dataset

    def _judged(self, outputs: torch.Tensor) -> Judged:
        """Once for each batch, though columns and arrays both ask."""
        if self._judge is None:
            raise EvaluationError("sampling needs its judge before the first batch")
        if self._last is None or self._last[0] is not outputs:
            self._last = outputs, self._judge.judged(outputs)
        return self._last[1]

    def _flat(self, samples: Samples, device: torch.device) -> torch.Tensor:
        values = int(np.prod(self._shape[1:])) * len(samples)
        if values > _TRAINING_VALUES:
            raise DatasetError(
                f"the training set is too large to be searched: {len(samples)} samples",
                expected=f"at most {_TRAINING_VALUES:,} values in all",
                found=f"{values:,}",
                todo="name a dataset with limit: N in args: {train: …}",
            )
        parts = [
            tensor_field(batch, self._args.input).flatten(1).float() for batch in batches_of(samples, device)
        ]
        training = torch.cat(parts)
        if training.shape[1] != int(np.prod(self._shape[1:])):
            raise DatasetError(
                "training samples and real samples are not of one shape",
                expected=f"{int(np.prod(self._shape[1:]))} values a sample, as in the evaluation's dataset",
                found=f"{training.shape[1]}",
                todo="load both in the same way",
            )
        return training


def _tensors(samples: Samples, rows: Sequence[int]) -> dict[str, Any]:
    return to_device(samples.batch(rows), torch.device("cpu"))


def _nearest(outputs: torch.Tensor, training: torch.Tensor) -> torch.Tensor:
    """The root mean squared difference of each output from the training sample that is nearest, float64."""
    row = torch.cdist(outputs, training, compute_mode="use_mm_for_euclid_dist").argmin(1)
    # Told by differences: of near pairs the product form leaves no digit (a copy would be at 1e-3, not at 0).
    difference = outputs.double() - training[row].double()
    return difference.square().mean(1).sqrt()
