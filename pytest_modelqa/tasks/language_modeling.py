"""The task ``language_modeling``: how probable the model takes real texts to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..errors import EvaluationError
from .likelihood_conditions import demand_known, demand_no_look_ahead, encoded
from .prompts import Prompted, samples_of, texts_of
from .protocol import Inspection, Setting
from .text_declarations import LanguageModelingArgs
from .text_generation import language_model

if TYPE_CHECKING:
    from ..datasets.samples import Samples

_COLUMNS = ("nll", "tokens", "bytes")


@dataclass(frozen=True)
class Window:
    """A part of a text that fits into the model.

    Attributes:
        start: Where it begins in the text's tokens.
        stop: Where it ends.
        first: From which token on it is scored; those before are context that an earlier window scored.
    """

    start: int
    stop: int
    first: int


def windows(length: int, context: int, stride: int) -> Iterator[Window]:
    """The windows over a text: each token but the first is scored once, with as much context as fits.

    The first window scores all it holds; each later one ``stride`` more, with at least context − stride before them.

    >>> [(window.start, window.stop, window.first) for window in windows(10, 6, 3)]
    [(0, 6, 1), (3, 9, 6), (4, 10, 9)]
    """
    stop = min(context, length)
    yield Window(0, stop, 1)
    while stop < length:
        first, stop = stop, min(stop + stride, length)
        yield Window(max(0, stop - context), stop, first)


class LanguageModeling:
    """Sums −ln p over the tokens of each text; outputs are rows of ``_COLUMNS``, float64."""

    def __init__(self, args: LanguageModelingArgs) -> None:
        self._args = args
        self._samples: list[dict[str, Any]] = []
        self._texts: list[str] = []
        self._tokens: list[list[int]] = []
        self._skipped_bytes: list[int] = []
        self._context = 0

    def make_samples(self, dataset: Samples, seed: int) -> Prompted:
        """The texts of the dataset."""
        return Prompted(dataset)

    def prepare(self, samples: Samples) -> None:
        """Reads every text.

        Raises:
            DatasetError: The field is missing, or is not text.
        """
        dataset = samples.dataset if isinstance(samples, Prompted) else samples
        self._samples = list(samples_of(dataset))
        self._texts = texts_of(self._samples, self._args.text, "text")

    def fit(self, setting: Setting) -> None:
        """Makes the texts' tokens.

        Raises:
            EvaluationError: The model is no language model or looks ahead, the tokenizer does not know all of the
                texts, or a text has no token to predict.
        """
        model = language_model(setting.model)
        tokenizer = model.tokenizer
        start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        self._context = self._context_of(model.network.config)
        texts = encoded(tokenizer, self._texts)
        demand_known([str(sample["id"]) for sample in self._samples], texts)
        for sample, text, parts in zip(self._samples, self._texts, texts, strict=True):
            tokens = parts.tokens
            # A text is predicted from its first token on, if there is a sign that stands before it.
            skipped = 0 if start is not None else len(str(tokenizer.decode(tokens[:1])).encode())
            tokens = [start, *tokens] if start is not None else tokens
            if len(tokens) < 2:
                raise EvaluationError(
                    f"the text of sample {sample['id']!r} has no token that could be predicted",
                    found=f"{text[:60]!r}",
                    todo="remove it from the dataset, or correct the tokenizer",
                )
            self._tokens.append(tokens)
            self._skipped_bytes.append(skipped)
        longest = max(self._tokens, key=len)
        demand_no_look_ahead(model.network, longest[: self._context], setting.device)

    def _context_of(self, config: Any) -> int:
        largest = getattr(config, "max_position_embeddings", None)
        context = self._args.context or largest
        if context is None:
            raise EvaluationError(
                "config.json does not say how many tokens the model can take",
                todo="write args: {context: …}",
            )
        if largest is not None and context > largest:
            raise EvaluationError(
                f"context: {context} is more than the model can take",
                expected=f"at most {largest}, as config.json says",
                todo="write a smaller context",
            )
        return int(context)

    def infer(self, model: torch.nn.Module, batch: Mapping[str, Any]) -> torch.Tensor:
        """−ln p of each text, its predicted tokens and their bytes; float64 of shape (n, 3)."""
        rows = batch["row"].tolist()
        device = batch["row"].device
        network = language_model(model).network
        stride = self._args.stride or max(1, self._context // 2)
        nll = torch.zeros(len(rows), dtype=torch.float64, device=device)
        waiting = [list(windows(len(self._tokens[row]), self._context, stride)) for row in rows]
        for turn in range(max(len(each) for each in waiting)):
            places = [place for place, each in enumerate(waiting) if turn < len(each)]
            parts = [waiting[place][turn] for place in places]
            texts = [self._tokens[rows[place]] for place in places]
            found = _window_nll(network, texts, parts, device)
            nll.index_add_(0, torch.tensor(places, device=device), found)
        tokens = [len(self._tokens[row]) - 1 for row in rows]
        sizes = [len(self._texts[row].encode()) - self._skipped_bytes[row] for row in rows]
        counts = torch.tensor([tokens, sizes], dtype=torch.float64, device=device)
        return torch.stack([nll, *counts], dim=1)

    def targets(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """The rows of the texts."""
        rows: torch.Tensor = batch["row"]
        return rows

    def baseline_outputs(self, name: str, batch: Mapping[str, Any]) -> torch.Tensor:
        """There is none."""
        raise EvaluationError(f"language_modeling has no baseline {name}")

    def predictions(self, outputs: torch.Tensor, targets: torch.Tensor) -> Mapping[str, np.ndarray]:
        """``nll`` in nats, ``tokens`` and ``bytes`` of each text."""
        values = outputs.cpu().numpy()
        nll, tokens, size = (values[:, place] for place in range(len(_COLUMNS)))
        return {"nll": nll, "tokens": tokens.astype(np.int64), "bytes": size.astype(np.int64)}

    def pictures(self, inspection: Inspection) -> Mapping[str, bytes]:
        """None."""
        return {}


def _window_nll(
    network: Any, texts: Sequence[Sequence[int]], parts: Sequence[Window], device: torch.device
) -> torch.Tensor:
    """The sum of −ln p over the scored tokens of one window of each text, float64."""
    longest = max(part.stop - part.start for part in parts)
    tokens = torch.zeros(len(parts), longest, dtype=torch.int64)
    mask, scored = torch.zeros_like(tokens), torch.zeros(len(parts), longest, dtype=torch.bool)
    for row, (text, part) in enumerate(zip(texts, parts, strict=True)):
        size = part.stop - part.start
        tokens[row, :size] = torch.tensor(text[part.start : part.stop])
        mask[row, :size] = 1
        scored[row, part.first - part.start : size] = True
    tokens, mask, scored = tokens.to(device), mask.to(device), scored.to(device)
    logits = network(input_ids=tokens, attention_mask=mask).logits[:, :-1].float()
    # Not cross_entropy: over three dimensions torch has no deterministic form of it on a GPU, and refuses.
    each = -logits.log_softmax(-1).gather(2, tokens[:, 1:, None]).squeeze(2)
    # Not a product: a network that rules tokens out gives them ln 0, and 0 times that is no number.
    total: torch.Tensor = each.double().where(scored[:, 1:], 0.0).sum(1)
    return total
