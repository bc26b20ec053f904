"""The process that answers what only torch and the user's code can tell: ask by ask, each answer as it is known.

``python -m pytest_modelqa.preflight.inspector ASKS ANSWERS PARENT_PID FOLDER``
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import ModelQAError
from ..evaluation.worker import die_with, explained
from .findings import Finding
from .inspected import Inspected
from .inspection import ANSWER, ASKS, Answer, Ask
from .reference_file import compare_answer, record_answer


def main() -> None:
    """Entry point."""
    asks, answers, parent, folder = sys.argv[1:5]
    die_with(int(parent))
    # Modules beside the spec come first, as they do in the worker.
    sys.path.insert(0, folder)
    inspected = Inspected(Path(folder))
    with Path(answers).open("ab", buffering=0) as file:
        for ask in ASKS.validate_json(Path(asks).read_bytes()):
            file.write(ANSWER.dump_json(answer(ask, inspected)) + b"\n")


def answer(ask: Ask, inspected: Inspected) -> Answer:
    """The answer to one ask; whatever the user's code raises is one as well."""
    kinds: Mapping[str, Callable[[Ask], Answer]] = {
        "build": inspected.build,
        "weights": inspected.weights,
        "data": inspected.data,
        "inputs": inspected.inputs,
        "reference": lambda asked: compare_answer(asked, inspected),
        "record": lambda asked: record_answer(asked, inspected),
    }
    try:
        return kinds[ask.kind](ask)
    except ModelQAError as error:
        return Answer(ask.name, (Finding.of_error(ask.kind, ask.asset, error),))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the outermost loop: user code may raise anything
        return Answer(ask.name, (Finding.of_error(ask.kind, ask.asset, explained(error, inspected.folder)),))


if __name__ == "__main__":
    main()
