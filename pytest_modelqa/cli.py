"""The ``modelqa`` command."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .errors import ModelQAError

_RUN = "a folder under .modelqa/runs/, or its run.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code: 1 where it ends with one of our errors, which is printed."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run_command(options))
    except ModelQAError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _say(text: str) -> None:
    """What a command does while it does it; its answer alone goes to the standard output."""
    sys.stderr.write(text + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="modelqa", description="Release gates for machine-learning models.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (
        _add_new,
        _add_schema,
        _add_verify,
        _add_promote,
        _add_diff,
        _add_report,
        _add_calibrate,
        _add_fetch,
    ):
        add(commands)
    return parser


def _add_new(commands: Any) -> None:
    new = commands.add_parser("new", help="draft a spec from what an experiment left behind")
    new.add_argument("name", metavar="NAME", help="of the spec and its folder, model_specs/NAME")
    new.add_argument(
        "--from", dest="origin", type=Path, required=True, metavar="PATH", help="the experiment's folder"
    )
    new.set_defaults(run_command=_new)


def _add_schema(commands: Any) -> None:
    schema = commands.add_parser("schema", help="print the JSON Schema of spec files")
    schema.add_argument("--run", action="store_true", help="that of run records (run.json) instead")
    schema.set_defaults(run_command=_schema)


def _add_verify(commands: Any) -> None:
    verify = commands.add_parser(
        "verify", help="prove from a run record, on any machine, that the gate passed"
    )
    verify.add_argument("record", type=Path, metavar="RUN", help=_RUN)
    verify.add_argument(
        "--covers", type=Path, metavar="SPECS", help="specs that the run must have judged, as they are now"
    )
    verify.set_defaults(run_command=_verify)


def _add_promote(commands: Any) -> None:
    promote = commands.add_parser("promote", help="make what a run measured a recorded baseline")
    promote.add_argument("run", type=Path, metavar="RUN", help=_RUN)
    promote.add_argument("--name", required=True, help="of the baseline: baselines/NAME.json beside the spec")
    promote.add_argument("--reason", required=True, help="why it becomes the baseline")
    promote.add_argument("--evaluation", metavar="NAME", help="only this one of the run's evaluations")
    promote.add_argument(
        "--lower",
        action="store_true",
        help="the baseline of this name may be replaced by a worse one, or by one of something else",
    )
    promote.add_argument(
        "--reference-output",
        action="store_true",
        help="record what the model gives on a fixed input too, for preflight to compare with",
    )
    promote.set_defaults(run_command=_promote)


def _add_diff(commands: Any) -> None:
    diff = commands.add_parser("diff", help="show what changed between two runs")
    diff.add_argument("first", type=Path, metavar="A", help=_RUN)
    diff.add_argument("second", type=Path, metavar="B", help="another")
    diff.set_defaults(run_command=_diff)


def _add_report(commands: Any) -> None:
    report = commands.add_parser("report", help="write the HTML report of a run again")
    report.add_argument("record", type=Path, metavar="RUN", help=_RUN)
    report.add_argument(
        "--output", type=Path, metavar="PATH", help="another place than report.html beside run.json"
    )
    report.set_defaults(run_command=_report)


def _add_calibrate(commands: Any) -> None:
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
    calibrate.add_argument(
        "--records",
        type=Path,
        default=Path(".modelqa"),
        metavar="FOLDER",
        help="where records are kept; as modelqa_dir in pytest's configuration",
    )
    calibrate.set_defaults(run_command=_calibrate)


def _add_fetch(commands: Any) -> None:
    fetch = commands.add_parser("fetch", help="get data that a metric needs; nothing is fetched otherwise")
    fetch.add_argument("what", choices=["nltk"], help="nltk: what its tokenizer needs (tokens: nltk)")
    fetch.add_argument(
        "--from",
        dest="origin",
        type=Path,
        metavar="PATH",
        help="a folder, zip or wheel that holds the data; without it, NLTK's server",
    )
    fetch.add_argument("--to", type=Path, metavar="FOLDER", help="a folder of NLTK data that NLTK looks in")
    fetch.set_defaults(run_command=_fetch)


def _fetch(options: argparse.Namespace) -> int:
    from .metrics import nltk_data

    target = options.to or nltk_data.folders()[0]
    for resource in dict.fromkeys(name for each in nltk_data.NEEDED_BY_TOKENS.values() for name in each):
        place = nltk_data.fetch(resource, options.origin, target)
        sys.stdout.write(f"{resource}: {place}\n")
    if target not in nltk_data.folders():
        sys.stdout.write(f"NLTK finds it with NLTK_DATA={target} in the environment\n")
    return 0


def _calibrate(options: argparse.Namespace) -> int:
    from . import calibration

    if options.aa:
        found = calibration.compare_with_itself(options.spec, options.records, _say)
        text = calibration.self_comparison_text(found)
    else:
        rates = {"drop": options.drop, "false_alarm": options.false_alarm}
        calibrations = calibration.calibrate(
            options.spec, options.records, runs=options.runs, say=_say, **rates
        )
        text = calibration.calibration_text(calibrations, **rates)
    sys.stdout.write(text + "\n")
    return 0


def _new(options: argparse.Namespace) -> int:
    from .authoring.new import new

    written = new(options.name, options.origin, Path.cwd(), _say)
    sys.stdout.write("\n".join(written.lines) + "\n")
    return 0


def _promote(options: argparse.Namespace) -> int:
    from .baselines.promotion import Request, promote

    request = Request(
        options.run, options.name, options.reason, options.evaluation, options.lower, options.reference_output
    )
    sys.stdout.write("\n".join(promote(request)) + "\n")
    return 0


def _diff(options: argparse.Namespace) -> int:
    import os
    import shutil

    from .differences import compare, text

    found = compare(options.first, options.second)
    colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    width = shutil.get_terminal_size((160, 24)).columns
    sys.stdout.write(text(found, width=width, colours=colours))
    return 0


def _schema(options: argparse.Namespace) -> int:
    from .report.run_schema import run_schema
    from .spec import json_schema
    from .tasks.registry import catalogue

    schema = run_schema() if options.run else json_schema(catalogue())
    sys.stdout.write(json.dumps(schema, indent=2, ensure_ascii=False) + "\n")
    return 0


def _report(options: argparse.Namespace) -> int:
    from .report.html.render import write_report
    from .report.run_record import path_of, read

    run = read(options.record)
    file = path_of(options.record)
    # .modelqa/runs/ID/run.json
    folder = file.absolute().parent.parent.parent
    path, _ = write_report(run, folder, options.output or file.with_name("report.html"))
    sys.stdout.write(f"{path}\n")
    return 0


def _verify(options: argparse.Namespace) -> int:
    from .verification import verify_or_explain

    text, exit_code = verify_or_explain(options.record, options.covers)
    sys.stdout.write(text + "\n")
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
