"""What tests of several parts of the package share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

WORDS = [*"abcdefghijklmnopqrstuvwxyz", " ", ".", "?"]


@pytest.fixture(scope="session")
def write_language_model() -> Callable[..., Path]:
    """Writes a tiny llama of random weights and a tokenizer of single characters, as transformers does."""
    # Here: most tests need neither.
    import torch
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    def write(
        folder: Path,
        seed: int = 0,
        vocabulary: Sequence[str] = WORDS,
        chat_template: str | None = None,
        **config: Any,
    ) -> Path:
        known = {"<end>": 0, "<start>": 1, **{word: at + 2 for at, word in enumerate(vocabulary)}}
        tokenizer = Tokenizer(models.WordLevel(known, unk_token="?"))
        pieces = Regex("|".join([*(word for word in vocabulary if len(word) > 1), r"[\s\S]"]))
        tokenizer.pre_tokenizer = pre_tokenizers.Split(pieces, "isolated")
        tokenizer.decoder = decoders.Fuse()
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, bos_token="<start>", eos_token="<end>", chat_template=chat_template
        ).save_pretrained(folder)
        sizes = {
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "max_position_embeddings": 64,
            "tie_word_embeddings": True,
            "initializer_range": 0.5,
        }
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = LlamaForCausalLM(
                LlamaConfig(vocab_size=len(known), bos_token_id=1, eos_token_id=0, **{**sizes, **config})
            )
        model.save_pretrained(folder)
        return folder

    return write
