"""Makes the files under data/ from the Debian packages dict-jargon and dict-devil; run once, by hand.

``python make_data.py jargon.dict devil.dict``: the two dictionaries, unpacked (``zcat -f < jargon.dict.dz``).
"""

from __future__ import annotations

import hashlib
import json
import lzma
import re
import sys
import unicodedata
from pathlib import Path

DATA = Path(__file__).parent / "data"
FEWEST_WORDS, MOST_WORDS = 10, 130
PROMPT_WORDS = 4
TEST_PARAGRAPHS, PROMPTS = 240, 160
_PLAIN = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "—": " - ", "–": "-", "…": "...", "\t": " "})


def paragraphs(text: str) -> list[str]:
    """The paragraphs of prose: no headwords, verses, tables or listings."""
    found = []
    for block in re.split(r"\n\s*\n", text):
        lines = block.split("\n")
        words = " ".join(line.strip() for line in lines).translate(_PLAIN)
        words = re.sub(r"\s+", " ", re.sub(r"[{}]", "", words)).strip()
        words = re.sub(r"^(\d+\.|\[[^\]]*\])\s*", "", words)
        words = re.sub(r"^([A-Z][A-Z -]+), (\w+\.)+ ", lambda match: f"{match[1].capitalize()}: ", words)
        words = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
        lengths = sorted(map(len, lines[:-1])) or [99]
        prose = words[:1].isupper() and words[-1:] in ".!?:)\"'" and lengths[len(lengths) // 2] > 50
        if prose and FEWEST_WORDS <= len(words.split()) <= MOST_WORDS:
            found.append(words)
    return list(dict.fromkeys(found))


def main() -> None:
    """Writes train.txt.xz, test.jsonl and prompts.jsonl."""
    every = [paragraph for path in sys.argv[1:] for paragraph in paragraphs(Path(path).read_text("utf-8"))]
    # By digest: which paragraphs are held out depends on nothing but themselves.
    every.sort(key=lambda paragraph: hashlib.sha256(paragraph.encode()).digest())
    test, train = every[:TEST_PARAGRAPHS], every[TEST_PARAGRAPHS:]
    DATA.mkdir(exist_ok=True)
    (DATA / "train.txt.xz").write_bytes(lzma.compress("\n".join(train).encode(), preset=9))
    write("test.jsonl", [{"id": f"text-{number}", "text": text} for number, text in enumerate(test)])
    prompts, seen = [], set()
    for number, text in enumerate(test):
        words = text.split()
        prompt = " ".join(words[:PROMPT_WORDS])
        if prompt not in seen and len(prompts) < PROMPTS:
            seen.add(prompt)
            prompts.append(
                {"id": f"prompt-{number}", "prompt": prompt, "reference": " ".join(words[PROMPT_WORDS:])}
            )
    write("prompts.jsonl", prompts)
    print(len(train), "paragraphs to train on;", len(test), "held out;", len(prompts), "prompts")


def write(name: str, samples: list[dict[str, str]]) -> None:
    lines = [json.dumps(sample, ensure_ascii=False) for sample in samples]
    (DATA / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
