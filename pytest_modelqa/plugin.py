"""pytest's hooks, nothing else. It is loaded in every session of the environment: keep it light."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from .configuration import add_options, check_configuration, is_named_like_a_spec, stall_seconds

if TYPE_CHECKING:
    from .collection import SpecFile
    from .gate import Gate, Options

_T = TypeVar("_T")
_FINISHED = pytest.StashKey[bool]()
_IGNORED = pytest.StashKey[list[Path]]()

MARKS = (
    "gpu: belongs to the release run; uses an accelerator where there is one",
    "cpu: belongs to the release run and needs no accelerator",
    "preflight: can be known on a CPU in seconds, before the expensive run",
    "after_training: a preflight item that needs what training produces",
    "control: a known-bad model that a check must fail",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options and configuration, all under the prefix ``modelqa``."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marks and refuses options that contradict each other."""
    for mark in MARKS:
        config.addinivalue_line("markers", mark)
    check_configuration(config)
    option = config.option
    if option.modelqa_set:
        _check_assignments(option.modelqa_set)
    if option.modelqa_gate and (option.modelqa_set or option.modelqa_limit):
        raise pytest.UsageError(
            "--modelqa-gate refuses --modelqa-set and --modelqa-limit: a release is judged by its specs as they are"
        )
    if option.modelqa_mlflow:
        _demand_mlflow()
    # pytest_runtest_logreport is not told the configuration, so the object that listens to it is.
    config.pluginmanager.register(_Reports(config), "modelqa-reports")


def _demand_mlflow() -> None:
    from .errors import MissingDependencyError
    from .report.mlflow import demand_mlflow

    try:
        demand_mlflow()
    except MissingDependencyError as error:
        raise pytest.UsageError(str(error)) from None


def _check_assignments(texts: Sequence[str]) -> None:
    from .errors import UsageError
    from .spec.overrides import parse_override

    for text in texts:
        try:
            parse_override(text)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(wrapper=True)
def pytest_ignore_collect(
    collection_path: Path, config: pytest.Config
) -> Generator[None, bool | None, bool | None]:
    """Remembers what pytest passes over (``--ignore``, ``norecursedirs``): there may be specs in it."""
    ignored = yield
    if ignored:
        config.stash.setdefault(_IGNORED, []).append(collection_path)
    return ignored


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SpecFile | None:
    """Collects spec files; everything heavy is imported with the first of them."""
    if not is_named_like_a_spec(file_path, parent.config.getini("modelqa_files")):
        return None
    from .collection import SpecFile
    from .errors import UsageError

    try:
        _gate(parent.config).found(file_path)
    except UsageError as error:
        # Of a package that declares metrics or tasks and is broken: no spec can be read beside it.
        raise pytest.Collector.CollectError(str(error)) from None
    spec_file: SpecFile = SpecFile.from_parent(parent, path=file_path)
    return spec_file


def pytest_report_collectionfinish(config: pytest.Config, items: Sequence[pytest.Item]) -> list[str]:
    """With ``--collect-only -v``, each check as a sentence with its resolved numbers."""
    if not (config.option.collectonly and config.get_verbosity() >= 1):
        return []
    said = [(item.name, getattr(item, "sentence", None)) for item in items]
    return [f"  {name}: {sentence}" for name, sentence in said if sentence]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Writes the plan before anything runs."""
    gate = _known_gate(session.config)
    if gate is None:
        return
    from .collection import specs_below

    # A run without the specs among what pytest passed over is no release verdict.
    passed_over: list[Path] = session.config.stash.get(_IGNORED, [])
    for path in specs_below(passed_over, session.config.getini("modelqa_files")):
        gate.found(path)
    gate.forget_unasked(lambda path: any(session.isinitpath(part) for part in (path, *path.parents)))
    gate.select({item.nodeid for item in session.items})
    unused = gate.unused_override()
    if _is_worker(session.config):
        # One that leaves now would crash xdist's controller: each of its checks says what is wrong instead.
        gate.refusal = gate.write(complete=False) or unused
        return
    problem = unused or (None if _only_shows(session.config) else gate.write(complete=False))
    if problem is not None:
        raise pytest.UsageError(str(problem))


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Starts what the selected checks need, all at once; not where collection failed and nothing will run."""
    gate = _known_gate(session.config)
    option = session.config.option
    nothing_runs = _only_shows(session.config) or (
        session.testsfailed and not option.continue_on_collection_errors
    )
    if gate is None or nothing_runs:
        return
    from .preflight_items import prepare_preflight

    prepare_preflight(session.config, session.items, start=gate.options.starts_early)
    if gate.options.starts_early:
        for item in session.items:
            if hasattr(item, "start_evaluations"):
                item.start_evaluations()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attaches an item's result to its report: reports travel from xdist's workers, items do not."""
    report = yield
    result_of = getattr(item, "modelqa_result", None)
    fields = result_of(report) if result_of else None
    if fields is not None:
        report.modelqa = fields  # type: ignore[attr-defined]
        report.longrepr = item.modelqa_failure(call) or report.longrepr  # type: ignore[attr-defined]
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: pytest.TestReport, config: pytest.Config) -> tuple[str, str, Any] | None:
    """With ``-v``, value and bound in place of PASSED, but not in the short summary, which shows them too."""
    fields = getattr(report, "modelqa", None)
    if (
        _FINISHED in config.stash
        or fields is None
        or fields["status"] not in ("PASS", "FAIL", "INCONCLUSIVE")
    ):
        return None
    from .report.conclusion import Result
    from .report.terminal import verdict_word

    word = verdict_word(Result(nodeid=report.nodeid, **fields))
    if report.failed:
        return "failed", "F", (word, {"red": True})
    if fields["status"] == "PASS":
        return "passed", ".", (word, {"green": True})
    return "warned", "w", (word, {"yellow": True})


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The table of all checks; nothing where none of them ran."""
    gate = _known_gate(config)
    if gate is None or not gate.results:
        return
    from .report.terminal import PLAIN_WIDTH, table

    writer = config.get_terminal_writer()
    # A bool before pytest 9, since then one that can be called too.
    seen = writer.hasmarkup or bool(terminalreporter.isatty)
    width = writer.fullwidth if seen else PLAIN_WIDTH
    text = table(tuple(gate.planned.values()), gate.results, width=width, colours=writer.hasmarkup)
    if text:
        terminalreporter.section("model quality")
        terminalreporter.write(text)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, _T, _T]:
    """Concludes the run: after pytest's own summary the last line stands, and the exit code agrees with it."""
    config = session.config
    config.stash[_FINISHED] = True
    gate = _gate(config) if config.option.modelqa_gate and not _is_worker(config) else _known_gate(config)
    if gate is None or _only_shows(config):
        return (yield)
    from .preflight_items import end_preflight
    from .report.conclusion import last_line

    end_preflight(config)
    gate.close()
    if _is_worker(config):
        # The controller concludes: it alone hears of every result.
        config.workeroutput["modelqa"] = sorted(gate.passed_over)  # type: ignore[attr-defined]
        return (yield)
    lost = gate.adopt_plan()
    answer = yield
    problem = lost or gate.write(complete=not _interrupted(session))
    conclusion = gate.conclusion()
    if conclusion is not None:
        if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = conclusion.exit_code if problem is None else 1
        good = session.exitstatus == pytest.ExitCode.OK
        code = int(session.exitstatus)
        line = last_line(conclusion, code, recorded=problem is None, interrupted=_interrupted(session))
        for told in gate.publish(line) if problem is None else ():
            _say(config, told)
        if problem is None and config.option.modelqa_mlflow:
            from .report.mlflow import export

            _say(config, export(gate.record_path, config.option.modelqa_mlflow))
        _say(config, f"run record: {gate.record_path}" if problem is None else str(problem))
        _say(config, line, bold=True, green=good, red=not good)
    return answer


def _say(config: pytest.Config, line: str, **markup: bool) -> None:
    """Writes a line; also where pytest has no terminal (``-p no:terminal``), as this is what a run is for."""
    if config.pluginmanager.has_plugin("terminalreporter"):
        config.get_terminal_writer().line(line, **markup)
    else:
        sys.stdout.write(line + "\n")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells xdist's workers the run they belong to, so that all of them write one record."""
    node.workerinput["modelqa"] = {"run_id": _run_id(node.config), "dist": node.config.option.dist}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes what one of xdist's workers came across in the store."""
    gate = _known_gate(node.config)
    # A worker that crashed leaves nothing.
    if gate is not None:
        gate.passed_over.update(getattr(node, "workeroutput", {}).get("modelqa", ()))


class _Reports:
    """Gathers results where pytest reports them: in the process of a serial run, in xdist's controller."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        fields = getattr(report, "modelqa", None)
        if fields is None or _is_worker(self._config):
            return
        if report.failed and isinstance(report.longrepr, str):
            from .report.failure import FailureText

            # It came from a worker of xdist as plain text.
            file, line, _ = report.location
            report.longrepr = FailureText(report.longrepr, f"{file}:{(line or 0) + 1}")  # type: ignore[assignment]
        _gate(self._config).add_result(report.nodeid, fields)


def _gate(config: pytest.Config) -> Gate:
    """The session's gate; made with the first spec file or, in xdist's controller, with the first report."""
    known = _known_gate(config)
    if known is not None:
        return known
    from .collection import GATE, WAITING
    from .gate import Gate
    from .report.progress import Waiting, screen_of

    # An xdist worker has no terminal, and its controller waits for nothing.
    config.stash[WAITING] = Waiting(None if _is_worker(config) else screen_of(config))
    config.stash[GATE] = Gate(_options(config))
    return config.stash[GATE]


def _known_gate(config: pytest.Config) -> Gate | None:
    # Not imported yet means that no spec file was seen: asking must cost nothing.
    collection = sys.modules.get("pytest_modelqa.collection")
    return config.stash.get(collection.GATE, None) if collection else None


def _options(config: pytest.Config) -> Options:
    from .gate import Options

    option = config.option
    return Options(
        root=config.rootpath,
        folder=config.rootpath / config.getini("modelqa_dir"),
        run_id=_run_id(config),
        overrides=tuple(option.modelqa_set),
        gate=option.modelqa_gate,
        engine=option.modelqa_engine,
        debugging=option.usepdb,
        limit=option.modelqa_limit,
        stall_seconds=stall_seconds(config),
        starts_early=not _is_worker(config),
    )


_RUN_ID = pytest.StashKey[str]()


def _run_id(config: pytest.Config) -> str:
    worker_input = getattr(config, "workerinput", None)
    if worker_input is not None:
        return str(worker_input["modelqa"]["run_id"])
    if _RUN_ID not in config.stash:
        from .report.run_record import new_run_id

        config.stash[_RUN_ID] = new_run_id()
    return config.stash[_RUN_ID]


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _only_shows(config: pytest.Config) -> bool:
    """Whether pytest only shows what it collected: that is no run."""
    option = config.option
    shows = (option.collectonly, option.setupplan, option.showfixtures, option.show_fixtures_per_test)
    return any(shows)


def _interrupted(session: pytest.Session) -> bool:
    return session.exitstatus in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR)
