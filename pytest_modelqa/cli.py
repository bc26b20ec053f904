"""The ``modelqa`` command."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    return int(options.run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="modelqa", description="Release gates for machine-learning models.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    schema = commands.add_parser("schema", help="print the JSON Schema of spec files")
    schema.set_defaults(run=_schema)
    verify = commands.add_parser(
        "verify", help="prove from a run record, on any machine, that the gate passed"
    )
    verify.add_argument(
        "record", type=Path, metavar="RUN", help="a folder under .modelqa/runs/, or its run.json"
    )
    verify.add_argument(
        "--covers", type=Path, metavar="SPECS", help="specs that the run must have judged, as they are now"
    )
    verify.set_defaults(run=_verify)
    return parser


def _schema(options: argparse.Namespace) -> int:
    from .spec import json_schema
    from .tasks.registry import catalogue

    sys.stdout.write(json.dumps(json_schema(catalogue()), indent=2, ensure_ascii=False) + "\n")
    return 0


def _verify(options: argparse.Namespace) -> int:
    from .verification import verify_or_explain

    text, exit_code = verify_or_explain(options.record, options.covers)
    sys.stdout.write(text + "\n")
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
