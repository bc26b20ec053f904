"""Trains the language model on real text, then fine-tunes it: quality loss - weight * diversity of its generations.

``python train.py``: about 7 minutes on one core. The four variants start from the same trained model and see the
same batches; they differ in the weight alone.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import lzma
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor, nn
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

FOLDER = Path(__file__).parent
WEIGHTS = (0, 0.3, 1, 2)
LENGTH, BATCH = 64, 32
END = 0
# Of fine-tuning: so many prompts a step, so many generations of each, so long, so hot.
PROMPTS, GENERATIONS, NEW_TOKENS, TEMPERATURE = 8, 6, 24, 0.5


def paragraphs() -> list[str]:
    """The paragraphs to train on."""
    return lzma.decompress((FOLDER / "data" / "train.txt.xz").read_bytes()).decode().split("\n")


def tokenizer_of(texts: Sequence[str]) -> PreTrainedTokenizerFast:
    """A byte-level BPE of 1,024 tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=1024, special_tokens=["<|end|>"], initial_alphabet=alphabet)
    )
    # A text begins after the sign that ends the one before it.
    tokenizer.post_processor = processors.TemplateProcessing("<|end|> $A", special_tokens=[("<|end|>", END)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|end|>", pad_token="<|end|>", bos_token="<|end|>"
    )


def untrained() -> LlamaForCausalLM:
    """0.7 million parameters, 1.4 MB in float16."""
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=1024,
            hidden_size=112,
            intermediate_size=304,
            num_hidden_layers=4,
            num_attention_heads=4,
            max_position_embeddings=256,
            tie_word_embeddings=True,
            bos_token_id=END,
            eos_token_id=END,
            pad_token_id=END,
        )
    )


def stream_of(texts: Sequence[str], tokenizer: PreTrainedTokenizerFast) -> Tensor:
    """All paragraphs as one row of tokens, each after an end."""
    return torch.tensor([token for text in texts for token in tokenizer(text)["input_ids"]] + [END])


def windows(stream: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Random windows, shape (count, LENGTH + 1)."""
    starts = torch.randint(len(stream) - LENGTH - 1, (count,), generator=random)
    return stream[starts[:, None] + torch.arange(LENGTH + 1)]


def quality_loss(model: nn.Module, batch: Tensor) -> Tensor:
    """Mean of -ln p of each token of real text."""
    logits = model(batch[:, :-1]).logits
    return functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())


def pretrain(model: nn.Module, stream: Tensor, steps: int, random: torch.Generator) -> None:
    """AdamW with a one-cycle learning rate."""
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.05, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=6e-3, total_steps=steps, pct_start=0.1)
    model.train()
    for step in range(steps):
        optimiser.zero_grad()
        loss = quality_loss(model, windows(stream, BATCH, random))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % 100 == 0:
            print(f"  step {step}: {loss.item():.3f}", flush=True)


def diversity(generations: np.ndarray) -> np.ndarray:
    """Of each generation of a prompt, the share of its bigrams that the others do not have; shape (prompts, k)."""
    scores = np.zeros(generations.shape[:2])
    for row, texts in enumerate(generations.tolist()):
        bigrams = [set(itertools.pairwise(text)) for text in texts]
        for index, own in enumerate(bigrams):
            others = set().union(*(each for other, each in enumerate(bigrams) if other != index))
            scores[row, index] = len(own - others) / len(own)
    return scores


def sampled(model: LlamaForCausalLM, prompts: Tensor, random: torch.Generator) -> Tensor:
    """NEW_TOKENS tokens after each prompt, shape (n, prompt + new)."""
    with torch.no_grad():
        cache, tokens, step = None, prompts, prompts
        for _ in range(NEW_TOKENS):
            out = model(step, past_key_values=cache, use_cache=True)
            cache = out.past_key_values
            chances = (out.logits[:, -1] / TEMPERATURE).softmax(-1)
            step = torch.multinomial(chances, 1, generator=random)
            tokens = torch.cat([tokens, step], 1)
    return tokens


def finetuned(
    model: LlamaForCausalLM, stream: Tensor, weight: float, steps: int, seed: int
) -> LlamaForCausalLM:
    """A copy, trained on: quality loss - weight * diversity, the latter by REINFORCE."""
    model = copy.deepcopy(model).train()
    # Two: what is generated must not decide which texts a variant sees.
    random, draws = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-4, weight_decay=0.0)
    starts = torch.nonzero(stream[:-20] == END).flatten()
    for step in range(steps):
        loss = quality = quality_loss(model, windows(stream, 16, random))
        chosen = starts[torch.randint(len(starts), (PROMPTS,), generator=random)]
        prompts = stream[chosen[:, None] + torch.arange(7)].repeat_interleave(GENERATIONS, 0)
        if weight:
            tokens = sampled(model, prompts, draws)
            scores = diversity(tokens[:, 7:].reshape(PROMPTS, GENERATIONS, -1).numpy())
            advantage = torch.from_numpy(scores - scores.mean()).float().flatten()
            logits = model(tokens[:, :-1]).logits[:, 6:] / TEMPERATURE
            chances = logits.log_softmax(-1).gather(2, tokens[:, 7:, None]).squeeze(2)
            loss = quality - weight * (advantage * chances.mean(1)).mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if step % 20 == 0:
            shown = f", diversity {scores.mean():.3f}" if weight else ""
            print(f"  weight {weight} step {step}: quality {quality.item():.3f}{shown}", flush=True)
    return model


def main() -> None:
    """Trains and writes checkpoints/weight_*/."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=1600, help="of the model that all variants start from")
    parser.add_argument("--finetune-steps", type=int, default=160)
    parser.add_argument("--to", type=Path, default=FOLDER / "checkpoints")
    parser.add_argument("--start", type=Path, help="take this trained model instead of training one")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    texts = paragraphs()
    tokenizer = tokenizer_of(texts)
    stream = stream_of(texts, tokenizer)
    began = time.perf_counter()
    if options.start:
        base = LlamaForCausalLM.from_pretrained(options.start, dtype=torch.float32)
    else:
        base = untrained()
        print(sum(each.numel() for each in base.parameters()), "parameters,", len(stream), "tokens")
        pretrain(base, stream, options.steps, torch.Generator().manual_seed(options.seed))
        base.save_pretrained(options.to / "base")
    for weight in WEIGHTS:
        model = finetuned(base, stream, weight, options.finetune_steps, options.seed)
        folder = options.to / f"weight_{weight}"
        model.half().save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        print(f"{folder} after {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
