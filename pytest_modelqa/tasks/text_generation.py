"""The task ``text_generation``: the model continues prompts, several times each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..checkers.checker import make
from ..checkers.leniency import demand_strict
from ..errors import EvaluationError, OutputError
from ..models.transformers_directory import TextModel
from .prompts import Prompted, rendered, samples_of, unusable
from .protocol import Inspection, Setting
from .sampler import SeededSampler, seeds_of
from .text_declarations import TextGenerationArgs

if TYPE_CHECKING:
    from transformers import GenerationConfig

    from ..checkers.checker import Checker
    from ..datasets.samples import Samples

# Fills up what is generated after a text's end.
_NOTHING = -1


class TextGeneration:
    """Keeps every generation as text; between model and records they are token numbers (n, k, longest)."""

    def __init__(self, args: TextGenerationArgs) -> None:
        self._args = args
        self._samples: list[dict[str, Any]] = []
        self._ids: tuple[str, ...] = ()
        self._prompts: list[str] = []
        self._prompt_tokens: list[list[int]] = []
        self._references: np.ndarray | None = None
        self._seed = 0
        self._model: TextModel | None = None
        self._embed: torch.nn.Module | None = None
        self._checker: Checker | None = None

    def make_samples(self, dataset: Samples, seed: int) -> Prompted:
        """The prompts of the dataset."""
        self._seed = seed
        return Prompted(dataset)

    def prepare(self, samples: Samples) -> None:
        """Reads every prompt and reference.

        Raises:
            DatasetError: A field is missing, or is not text.
        """
        dataset = samples.dataset if isinstance(samples, Prompted) else samples
        self._samples, self._ids = list(samples_of(dataset)), samples.ids
        if self._args.reference is not None:
            self._references = _references(self._samples, self._args.reference)

    def fit(self, setting: Setting) -> None:
        """Makes the prompts' tokens, takes the embedding model, and checks the checker.

        Raises:
            EvaluationError: The model is no language model, a prompt is too long, or the checker is too lenient.
        """
        args, model = self._args, setting.model
        self._model = language_model(model)
        self._prompts, by_template = rendered(
            self._samples, args.prompt, self._model.tokenizer, args.chat_template
        )
        # A template writes the signs of beginning and end itself.
        encoded = self._model.tokenizer(self._prompts, add_special_tokens=not by_template)
        self._prompt_tokens = [list(tokens) for tokens in encoded["input_ids"]]
        self._demand_room()
        if args.embedding_model is not None:
            self._embed = setting.models[args.embedding_model]
        if args.checker is not None:
            self._checker = make(args.checker)
            demand_strict(self._checker, self._samples, self._prompts)

    def infer(self, model: torch.nn.Module, batch: Mapping[str, Any]) -> torch.Tensor:
        """The tokens generated for each prompt, int64 of shape (n, generations, longest); −1 after a text's end."""
        from transformers import LogitsProcessorList

        rows = batch["row"].tolist()
        args, network, tokenizer = self._args, language_model(model).network, language_model(model).tokenizer
        device = batch["row"].device
        tokens, mask = _left_padded([self._prompt_tokens[row] for row in rows], device)
        names = [f"{self._ids[row]} {number}" for row in rows for number in range(args.generations)]
        sampler = SeededSampler(
            seeds_of(self._seed, names).to(device), tokens.shape[1], args.temperature, args.top_p, args.top_k
        )
        config = self._generation_config(network)
        generated = network.generate(
            tokens.repeat_interleave(args.generations, 0),
            attention_mask=mask.repeat_interleave(args.generations, 0),
            generation_config=config,
            logits_processor=LogitsProcessorList([sampler]),
        )[:, tokens.shape[1] :]
        ends = torch.isin(
            generated, torch.tensor(_ends(network, tokenizer), dtype=torch.int64, device=device)
        )
        after = ends.cumsum(1) - ends.long() > 0
        width = args.max_new_tokens
        padded = torch.full((len(generated), width), _NOTHING, dtype=torch.int64, device=device)
        padded[:, : generated.shape[1]] = generated.masked_fill(after, _NOTHING)
        return padded.reshape(len(rows), args.generations, width)

    def targets(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """The rows of the prompts."""
        rows: torch.Tensor = batch["row"]
        return rows

    def baseline_outputs(self, name: str, batch: Mapping[str, Any]) -> torch.Tensor:
        """There is none."""
        raise EvaluationError(f"text_generation has no baseline {name}")

    def predictions(self, outputs: torch.Tensor, targets: torch.Tensor) -> Mapping[str, np.ndarray]:
        """``rendered_prompt``, ``generations``, ``generated_tokens``; if asked for, ``reference`` and ``passes``."""
        texts, rows = self._texts(outputs), targets.tolist()
        columns = {
            # Its exact bytes: a line break at the end decided over 0 or 24 of 64 right answers (measured).
            "rendered_prompt": _text_column([self._prompts[row] for row in rows]),
            "generations": texts,
            "generated_tokens": (outputs != _NOTHING).sum(2).cpu().numpy(),
        }
        if self._references is not None:
            columns["reference"] = self._references[rows]
        if self._checker is not None:
            found = [
                self._checker.passes(of_prompt, self._samples[row])
                for of_prompt, row in zip(texts.tolist(), rows, strict=True)
            ]
            columns["passes"] = np.array(found, dtype=bool)
        return columns

    def sample_arrays(self, outputs: torch.Tensor, targets: torch.Tensor) -> Mapping[str, np.ndarray]:
        """``features``: the embedding of each generation, shape (n, generations, d), if a model makes any."""
        if self._embed is None:
            return {}
        texts = self._texts(outputs)
        flat = texts.ravel().tolist()
        vectors = self._embed(flat)
        if not isinstance(vectors, torch.Tensor) or vectors.ndim != 2 or len(vectors) != len(flat):
            raise OutputError(
                f"the embedding model {self._args.embedding_model} gives no vector for each text",
                expected=f"called with a list of texts, a tensor of shape (texts, d): here ({len(flat)}, d)",
                found=f"shape {tuple(vectors.shape)}"
                if isinstance(vectors, torch.Tensor)
                else type(vectors).__name__,
                todo="correct the model, or name a transformers directory of an encoder",
            )
        return {"features": vectors.float().cpu().numpy().reshape(*texts.shape, -1)}

    def set_arrays(self) -> Mapping[str, np.ndarray]:
        """None."""
        return {}

    def pictures(self, inspection: Inspection) -> Mapping[str, bytes]:
        """None: texts are in the records."""
        return {}

    def _texts(self, outputs: torch.Tensor) -> np.ndarray:
        assert self._model is not None
        decode = self._model.tokenizer.decode
        rows = outputs.reshape(-1, outputs.shape[2]).cpu().tolist()
        texts = [
            str(
                decode(
                    [t for t in row if t != _NOTHING],
                    skip_special_tokens=True,
                    clean_up_tokenization_spaces=False,
                )
            )
            for row in rows
        ]
        texts = [_cut(text, self._args.stop) for text in texts]
        return _text_column(texts).reshape(outputs.shape[:2])

    def _generation_config(self, network: Any) -> GenerationConfig:
        """The arguments and the signs of the end, and none of the settings that a directory may bring."""
        from transformers import GenerationConfig

        assert self._model is not None
        ends = _ends(network, self._model.tokenizer)
        config = GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=self._args.max_new_tokens,
            min_new_tokens=self._args.min_new_tokens or None,
            eos_token_id=ends or None,
            pad_token_id=ends[0] if ends else 0,
            do_sample=False,
        )
        # transformers fills what is not set from the network's own, such as its repetition_penalty.
        network.generation_config = config
        return config

    def _demand_room(self) -> None:
        assert self._model is not None
        room = getattr(self._model.network.config, "max_position_embeddings", None)
        lengths = [len(tokens) for tokens in self._prompt_tokens]
        longest = int(np.argmax(lengths))
        if not min(lengths):
            raise EvaluationError(
                f"the prompt of sample {self._ids[lengths.index(0)]!r} has no token",
                todo="correct the prompt, or the tokenizer",
            )
        if room is not None and lengths[longest] + self._args.max_new_tokens > room:
            raise self._no_room(self._ids[longest], lengths[longest], room)

    def _no_room(self, name: str, prompt: int, room: int) -> EvaluationError:
        """Where a prompt leaves no token the prompt is wrong, elsewhere max_new_tokens is."""
        new, left = self._args.max_new_tokens, room - prompt
        if left < max(self._args.min_new_tokens, 1):
            return EvaluationError(
                f"the prompt of sample {name!r} is too long for the model",
                expected=f"at most {room} tokens with the new ones, as config.json says",
                found=f"{prompt} tokens of prompt",
                todo="shorten the prompt",
            )
        return EvaluationError(
            f"sample {name!r} does not fit the model: {prompt} tokens of prompt and {new} new ones,"
            f" the model takes {room}",
            todo=f"write max_new_tokens: {left} (every prompt then fits), or shorten the prompts",
        )


def language_model(model: torch.nn.Module) -> TextModel:
    """The model, once it is known to be a language model of transformers.

    Raises:
        EvaluationError: It is not.
    """
    # What an encoder with a decoder generates does not begin with its prompt.
    alone = isinstance(model, TextModel) and not model.network.config.is_encoder_decoder
    if isinstance(model, TextModel) and alone and model.network.can_generate():
        return model
    found = type(model.network).__name__ if isinstance(model, TextModel) else type(model).__name__
    raise EvaluationError(
        "the model is no language model that can generate",
        expected="a directory of transformers (format: transformers) of an architecture such as …ForCausalLM",
        found=found,
        todo="name such a directory as the model's checkpoint",
    )


def _ends(network: Any, tokenizer: Any) -> list[int]:
    """The tokens that end a text: those of the configuration and of the tokenizer."""
    configured = network.config.eos_token_id
    ends = configured if isinstance(configured, list) else [configured]
    own = getattr(network.generation_config, "eos_token_id", None)
    ends = [*ends, *(own if isinstance(own, list) else [own]), tokenizer.eos_token_id]
    return list(dict.fromkeys(int(end) for end in ends if end is not None))


def _cut(text: str, stops: Sequence[str]) -> str:
    """The text before the first of these, also where they overlap.

    >>> _cut("x = 1; print", ["; ", "1; p"])
    'x = '
    """
    return text[: min((at for stop in stops if (at := text.find(stop)) >= 0), default=len(text))]


def _left_padded(prompts: Sequence[Sequence[int]], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    longest = max(len(tokens) for tokens in prompts)
    padded = torch.zeros(len(prompts), longest, dtype=torch.int64)
    mask = torch.zeros_like(padded)
    for row, tokens in enumerate(prompts):
        padded[row, longest - len(tokens) :] = torch.tensor(tokens)
        mask[row, longest - len(tokens) :] = 1
    return padded.to(device), mask.to(device)


def _text_column(texts: Sequence[str]) -> np.ndarray:
    """Texts as the records can hold them, which drop NULs at the end: a sign for each stands in its place."""
    return np.array([text.replace("\0", "\N{SYMBOL FOR NULL}") for text in texts], dtype=object)


def _references(samples: Sequence[Mapping[str, Any]], field: str) -> np.ndarray:
    """The references, shape (n,), or (n, references) where the field is a list of as many for every sample."""
    many = isinstance(samples[0].get(field), list)
    count = len(samples[0][field]) if many else 1
    rows = []
    for sample in samples:
        value = sample.get(field)
        of_sample = value if many else [value]
        if (
            not isinstance(of_sample, list)
            or len(of_sample) != count
            or not of_sample
            or not all(isinstance(text, str) for text in of_sample)
        ):
            expected = f"a list of {count} texts, as the first sample," if many else "a text"
            raise unusable(sample, field, "reference", expected)
        rows.append(of_sample)
    table = _text_column([text for row in rows for text in row]).reshape(len(rows), count)
    return table if many else table[:, 0]
