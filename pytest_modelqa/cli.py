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
    calibrate = commands.add_parser(
        "calibrate", help="how repeatable each check of a spec is, and what it would overlook"
    )
    calibrate.add_argument("spec", type=Path, metavar="SPEC", help="a *.modelspec.yaml")
    calibrate.add_argument(
        "--runs", type=int, default=10, help="measure so often, each time with another seed"
    )
    calibrate.add_argument("--drop", type=float, help="a drop (in the metric's unit) that should be seen")
    calibrate.add_argument(
        "--false-alarm", type=float, default=0.01, metavar="RATE", help="propose bounds for this rate"
    )
    calibrate.add_argument(
        "--aa", action="store_true", help="judge one model against itself on halves of its samples instead"
    )
    calibrate.set_defaults(run=_calibrate)
    return parser


def _calibrate(options: argparse.Namespace) -> int:
    from . import calibration
    from .errors import ModelQAError

    def say(text: str) -> None:
        sys.stderr.write(text + "\n")

    try:
        if options.aa:
            found = calibration.compare_with_itself(options.spec, say)
            text = calibration.self_comparison_text(found)
        else:
            rates = {"drop": options.drop, "false_alarm": options.false_alarm}
            calibrations = calibration.calibrate(options.spec, runs=options.runs, say=say, **rates)
            text = calibration.calibration_text(calibrations, **rates)
    except ModelQAError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(text + "\n")
    return 0


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
