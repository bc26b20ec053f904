"""What a model is prompted with: a field of the dataset, by the tokenizer's chat template where there is one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..errors import DatasetError, EvaluationError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from ..datasets.samples import Samples

_AT_ONCE = 1024


@dataclass(frozen=True)
class Prompted:
    """The samples of a dataset as a task sees them that keeps their texts itself: a batch holds their rows alone.

    Attributes:
        dataset: What was loaded.
    """

    dataset: Samples

    @property
    def ids(self) -> tuple[str, ...]:
        """As the dataset's."""
        return self.dataset.ids

    @property
    def scalars(self) -> Mapping[str, np.ndarray]:
        """As the dataset's."""
        return self.dataset.scalars

    @property
    def available(self) -> int:
        """As the dataset's."""
        return int(getattr(self.dataset, "available", len(self.dataset)))

    def __len__(self) -> int:
        return len(self.dataset)

    def batch(self, indices: Sequence[int]) -> Mapping[str, Any]:
        """``row``: the indices themselves."""
        return {"row": np.asarray(indices, dtype=np.int64)}


def samples_of(dataset: Samples) -> Iterator[dict[str, Any]]:
    """The fields of each sample, ``id`` among them."""
    for start in range(0, len(dataset), _AT_ONCE):
        indices = range(start, min(start + _AT_ONCE, len(dataset)))
        batch = dataset.batch(indices)
        for place, index in enumerate(indices):
            yield {
                "id": dataset.ids[index],
                **{name: _plain(values[place]) for name, values in batch.items()},
            }


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def texts_of(samples: Sequence[Mapping[str, Any]], field: str, argument: str) -> list[str]:
    """The field of each sample, which must be text.

    Raises:
        DatasetError: It is missing, no text, or empty.
    """
    for sample in samples:
        value = sample.get(field)
        if not isinstance(value, str) or not value:
            raise unusable(sample, field, argument, "a text that is not empty")
    return [str(sample[field]) for sample in samples]


def rendered(
    samples: Sequence[Mapping[str, Any]],
    field: str,
    tokenizer: PreTrainedTokenizerBase,
    chat_template: bool | Literal["auto"],
) -> tuple[list[str], bool]:
    """The text that the model is given for each sample, and whether a chat template made it.

    Args:
        samples: Their field holds a text, or a list of messages ``{role: …, content: …}``.
        field: Its name.
        tokenizer: Its chat template, if it has one, is used.
        chat_template: ``auto``: where the tokenizer has one.

    Raises:
        DatasetError: A field is neither text nor messages.
        EvaluationError: There is no template, and the arguments or the messages ask for one.
    """
    by_template = bool(tokenizer.chat_template) if chat_template == "auto" else chat_template
    if by_template and not tokenizer.chat_template:
        raise EvaluationError(
            "the tokenizer has no chat template",
            expected="a chat_template in the model's directory, as args: {chat_template: true} says",
            todo="write chat_template: auto, or save the tokenizer with its template",
        )
    texts = []
    for sample in samples:
        prompt = sample.get(field)
        messages: Any = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        if not prompt or not _are_messages(messages):
            raise unusable(sample, field, "prompt", "a text, or a list of messages {role: …, content: …}")
        if by_template:
            texts.append(_by_template(tokenizer, messages, sample))
        elif isinstance(prompt, str):
            texts.append(prompt)
        else:
            raise EvaluationError(
                "the prompts are messages, and the tokenizer has no chat template to make a text of them",
                found=f"first in sample {sample['id']!r}",
                todo="give the prompts as text, or save the tokenizer with its template",
            )
    return texts, by_template


def _are_messages(messages: Any) -> bool:
    return isinstance(messages, list) and all(
        isinstance(message, dict) and {"role", "content"} <= message.keys() for message in messages
    )


def _by_template(
    tokenizer: PreTrainedTokenizerBase, messages: list[dict[str, Any]], sample: Mapping[str, Any]
) -> str:
    # jinja2 is transformers' dependency, and its errors are what a template raises on messages that it refuses.
    from jinja2 import TemplateError

    try:
        return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
    except TemplateError as error:
        raise DatasetError(
            f"the chat template refuses the messages of sample {sample['id']!r}",
            found=str(error),
            todo="correct the messages, or the template in the model's directory",
        ) from error


def unusable(sample: Mapping[str, Any], field: str, argument: str, expected: str) -> DatasetError:
    """The error for a sample without a field of the kind that is needed."""
    found = (
        f"{type(sample[field]).__name__} {str(sample[field])[:60]!r}" if field in sample else "no such field"
    )
    return DatasetError(
        f"the field {field} cannot be used as {argument}",
        expected=f"{expected} in every sample",
        found=f"{found} in sample {sample['id']!r}, whose fields are {', '.join(sorted(map(str, sample)))}",
        todo=f"name the field in the evaluation's args: {{{argument}: FIELD}}, or correct the data",
    )
