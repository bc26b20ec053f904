"""What must hold so that a likelihood is that of the texts: nothing unknown in them, and no look ahead."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..errors import EvaluationError

# Few tokens: the fewer, the more the last one would change what the network says of the others.
_LOOKED_AT = 4
# Control and format characters, and accents.
_NORMALIZED = {"Cc", "Cf", "Mn"}


@dataclass(frozen=True)
class Encoded:
    """A text as a tokenizer cuts it.

    Attributes:
        tokens: Their numbers, without signs of beginning and end.
        unknown: The parts of the text that have the token for what is unknown.
        dropped: The letters and signs that have no token at all: BPE without a sign for what is unknown and without
            bytes leaves them out, and says nothing.
    """

    tokens: list[int]
    unknown: tuple[str, ...]
    dropped: tuple[str, ...]


def encoded(tokenizer: Any, texts: Sequence[str]) -> list[Encoded]:
    """The tokens of each text, and what of it they do not hold.

    A text that holds the sign for what is unknown literally, as WikiText does, is held by it.
    """
    if not tokenizer.is_fast:
        return [_counted(tokenizer, text) for text in texts]
    signs = _unknown_signs(tokenizer)
    return [_placed(tokenizer, text, signs) for text in texts]


def _counted(tokenizer: Any, text: str) -> Encoded:
    tokens = list(tokenizer(text, add_special_tokens=False)["input_ids"])
    sign = tokenizer.unk_token
    count = 0 if sign is None else tokens.count(tokenizer.unk_token_id) - text.count(sign)
    return Encoded(tokens, (str(sign),) * count, ())


def _placed(tokenizer: Any, text: str, signs: Mapping[int, str]) -> Encoded:
    found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    tokens, spans = list(found["input_ids"]), found["offset_mapping"]
    unknown = tuple(
        text[start:stop]
        for token, (start, stop) in zip(tokens, spans, strict=True)
        if token in signs and text[start:stop].strip() != signs[token]
    )
    held = {at for start, stop in spans for at in range(start, stop)}
    # Both, since of some tokenizers the places are wrong and the tokens right.
    if all(at in held or not _letters(sign) for at, sign in enumerate(text)):
        return Encoded(tokens, unknown, ())
    lost = _letters(text) - _letters(str(tokenizer.decode(tokens))) - _letters("".join(unknown))
    return Encoded(tokens, unknown, tuple(lost.elements()))


def _unknown_signs(tokenizer: Any) -> dict[int, str]:
    """What stands for what is unknown: that of transformers, and that of the tokenizer beneath, which may differ."""
    model = tokenizer.backend_tokenizer.model
    if hasattr(model, "unk_token"):
        beneath = model.unk_token and tokenizer.convert_tokens_to_ids(model.unk_token)
    else:
        beneath = json.loads(tokenizer.backend_tokenizer.to_str())["model"].get("unk_id")
    numbers = {tokenizer.unk_token_id, beneath} - {None}
    return {number: str(tokenizer.convert_ids_to_tokens(number)) for number in numbers}


def _letters(text: str) -> Counter[str]:
    """What of a text no normalizer takes away: neither spaces nor case, accents, control and format characters.

    >>> sorted(_letters("\u00c4 \u200ba\\n"))
    ['a']
    """
    signs = unicodedata.normalize("NFKD", text).casefold()
    return Counter(
        each for each in signs if not each.isspace() and unicodedata.category(each) not in _NORMALIZED
    )


def demand_known(ids: Sequence[str], texts: Sequence[Encoded]) -> None:
    """Every part of every text is predicted: what is unknown is one token, easy to predict and the same for all.

    Args:
        ids: The samples'.

    Raises:
        EvaluationError: Some part is unknown to the tokenizer; it says how much.
    """
    unknown = sum(len(text.unknown) for text in texts)
    dropped = sum(len(text.dropped) for text in texts)
    if not unknown and not dropped:
        return
    first = next(at for at, text in enumerate(texts) if text.unknown or text.dropped)
    example = (*texts[first].unknown, *texts[first].dropped)[0]
    told = []
    if unknown:
        told.append(
            f"{unknown:,} of {sum(len(text.tokens) for text in texts):,} tokens stand for what is unknown"
        )
    if dropped:
        told.append(f"{dropped:,} characters are dropped")
    raise EvaluationError(
        "the tokenizer does not know all that stands in the texts, so the model need not predict it",
        expected="tokens for every part of every text",
        found=f"{' and '.join(told)}, first {example[:40]!r} in the text of sample {ids[first]!r}",
        todo="use a tokenizer that falls back on bytes (byte-level BPE, byte_fallback), or take such texts out of the"
        " dataset",
    )


def demand_no_look_ahead(network: Any, tokens: Sequence[int], device: torch.device) -> None:
    """What the network says of a token does not depend on those after it, or it would know what it predicts.

    A BERT without ``is_decoder`` gave the perplexity 1.03 on random letters. The last of a few tokens is changed:
    what is said of those before it must stay, up to rounding, which differs where experts get tokens in groups.

    Args:
        tokens: Of a text, at least two.

    Raises:
        EvaluationError: It does.
    """
    one = list(tokens[:_LOOKED_AT])
    other = [
        *one[:-1],
        next((each for each in tokens if each != one[-1]), (one[-1] + 1) % network.config.vocab_size),
    ]
    with torch.inference_mode():
        logits = [
            network(input_ids=numbers, attention_mask=torch.ones_like(numbers)).logits[0]
            for numbers in (torch.tensor([each], device=device) for each in (one, other))
        ]
    change = (logits[0].float() - logits[1].float()).abs().amax(1)
    before, own = float(change[:-1].max()), float(change[-1])
    # Measured with random weights: 0.007 of networks that look ahead, at most 3e-7 of causal ones (of experts).
    if before > own * max(1e-3, 8 * torch.finfo(next(network.parameters()).dtype).eps):
        raise EvaluationError(
            "the model looks ahead: what it says of a token depends on later ones, so it knows what it predicts",
            expected="a network whose tokens see only those before them",
            found=f"{type(network).__name__}: another last token changes the logits before it by up to {before:.2g}",
            todo="write is_decoder: true in config.json if the model was trained so; a masked language model has no"
            " perplexity",
        )
