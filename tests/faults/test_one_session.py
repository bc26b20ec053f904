"""Faults of models and data, each in an evaluation of its own in one session: every one ends its own and no other.

Where a machine cannot do the real thing, this stands in: an allocator that raises ``torch.OutOfMemoryError`` above a
batch size for a full GPU, SIGKILL for the kernel's out-of-memory killer, RLIMIT_AS for a machine without memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

# In this order: those that a worker survives first, and a good one before each that hangs, so that its deadline
# does not pay for the start of a worker.
EVALUATIONS = {
    "out_of_memory": {"batch_size": "auto"},
    "out_of_memory_fixed": {"model": "out_of_memory", "batch_size": 24},
    "limited_memory": {"batch_size": 1},
    "exits_with_0": {},
    "nan_in_batch_2": {},
    "overflows_half": {},
    "fewer": {},
    "doubled": {},
    "too_few_samples": {"model": "fine", "min_samples": 50},
    "prints_100_mb_of_bytes": {},
    "killed_loader": {"model": "fine", "dataset": "killed_loader"},
    "too_slow": {"deadline": 3},
    "is_killed": {},
    "fine": {"batch_size": 9},
    "hangs_with_the_lock": {"deadline": 4},
    "shuffled": {"model": "fine", "dataset": "shuffled"},
    "hangs_in_native_code": {"deadline": 4},
    "dies_and_leaves_a_daemon": {},
    "gives_half_a_result": {},
    "writes_where_results_go": {},
    "closes_what_it_did_not_open": {},
    "at_the_end": {"model": "fine", "batch_size": 7},
}
GOOD = {"out_of_memory", "fine", "shuffled", "at_the_end"}
HEAD = """\
modelqa: 1
models:
{models}
datasets:
  test: {{path: data/test.npz, role: test}}
  shuffled: {{load: loaders:shuffled, files: [data/*.npz], role: test}}
  killed_loader: {{load: loaders:through_a_killed_worker, files: [data/*.npz], role: test}}
evaluations:
"""
EVALUATION = """\
  {name}:
    task: reconstruction
    model: {model}
    dataset: {dataset}
    batch_size: {batch_size}
    deadline: {deadline}
    checks: [{{metric: psnr, min: 20, min_samples: {min_samples}}}]
"""
DEFAULTS = {"dataset": "test", "batch_size": 8, "deadline": 600, "min_samples": 1}
STALLS = """\
modelqa: 1
models:
  slowly: {build: faulty:Faulty, args: {how: slow_but_alive}}
  never: {build: faulty:Faulty, args: {how: hangs_with_the_lock}}
datasets:
  test: {path: data/test.npz, role: test}
evaluations:
  slow: {task: reconstruction, model: slowly, dataset: test, batch_size: 8, checks: [{metric: psnr, min: 20}]}
  hanging: {task: reconstruction, model: never, dataset: test, batch_size: 8, checks: [{metric: psnr, min: 20}]}
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, make_toy: Any, start_pytest: Any) -> tuple[Any, Any]:
    """The session with all faults, and beside it one whose limit is for the time without progress."""
    stalling = make_toy(tmp_path_factory.mktemp("stalling") / "toy")
    stalling.write("toy.modelspec.yaml", STALLS)
    stalled = start_pytest(stalling.folder, "-q", "-o", "modelqa_stall_seconds=20")
    toy = make_toy(tmp_path_factory.mktemp("faults") / "toy")
    models = {str(fields.get("model", name)) for name, fields in EVALUATIONS.items()}
    lines = [f"  {how}: {{build: faulty:Faulty, args: {{how: {how}}}}}" for how in sorted(models)]
    evaluations = [
        EVALUATION.format(name=f"e_{name}", **{**DEFAULTS, "model": name, **fields})
        for name, fields in EVALUATIONS.items()
    ]
    toy.write("toy.modelspec.yaml", HEAD.format(models="\n".join(lines)) + "".join(evaluations))
    return start_pytest(toy.folder, "-q").end(), stalled.end()


@pytest.fixture(scope="module")
def run(runs: tuple[Any, Any]) -> Any:
    return runs[0]


Error = dict[str, str]


@pytest.fixture(scope="module")
def error(run: Any) -> Callable[[str], Error]:
    """The error of an evaluation."""

    def error(name: str) -> Error:
        fields: Error = run.error(f"e_{name}::psnr-min")
        return fields

    return error


def test_each_fault_is_an_error_of_its_own_evaluation_and_the_good_ones_pass(run: Any) -> None:
    expected = {f"e_{name}::psnr-min": "PASS" if name in GOOD else "ERROR" for name in EVALUATIONS}
    assert run.statuses == expected, run.text
    assert run.exit_code == 1
    said = f"NO-GO: {len(EVALUATIONS) - len(GOOD)} of {len(EVALUATIONS)} release checks in 1 spec could not be judged"
    assert run.last_line.startswith(said)


def test_every_error_says_where_what_was_expected_and_what_to_do(run: Any) -> None:
    for name in EVALUATIONS.keys() - GOOD:
        fields = run.error(f"e_{name}::psnr-min")
        assert fields["where"], name
        assert fields["todo"], name
        assert fields["expected"] or fields["found"], name
        assert "Traceback" not in (fields["details"] or ""), name


def test_fault_65_fewer_samples_than_min_samples(error: Callable[[str], Error]) -> None:
    assert "40" in str(error("too_few_samples"))
    assert "50" in str(error("too_few_samples"))


def test_fault_73_overflow_in_float16_is_named_with_the_sample(error: Callable[[str], Error]) -> None:
    fields = error("overflows_half")
    assert fields["error"] == "OutputError"
    assert fields["what"].startswith("NaN or Inf in the outputs for 8 of 8")
    assert "'image-0'" in fields["found"]
    assert "float16" in fields["todo"]


def test_fault_74_missing_outputs(error: Callable[[str], Error]) -> None:
    assert error("fewer")["error"] == "OutputError"
    assert "(6, 1, 2, 2)" in str(error("fewer"))


def test_fault_75_doubled_outputs(error: Callable[[str], Error]) -> None:
    assert error("doubled")["error"] == "OutputError"
    assert "(16, 1, 2, 2)" in str(error("doubled"))


def test_fault_108_sys_exit_0_is_no_result(error: Callable[[str], Error]) -> None:
    assert error("exits_with_0")["error"] == "EvaluationError"
    assert error("exits_with_0")["what"] == "SystemExit: 0"
    assert "faulty.py" in error("exits_with_0")["where"]


def test_fault_109_a_kill_like_that_of_the_out_of_memory_killer(error: Callable[[str], Error]) -> None:
    fields = error("is_killed")
    assert fields["error"] == "InfrastructureError"
    assert "signal 9, SIGKILL: maybe out of memory" in fields["what"]
    assert fields["todo"].startswith("run again, with a smaller batch_size if memory ran out; ")
    assert fields["details"].rstrip().endswith("about to die")


def test_fault_109_an_allocator_that_refuses_one_sample(error: Callable[[str], Error]) -> None:
    fields = error("limited_memory")
    assert fields["error"] == "InfrastructureError"
    assert "out of memory with a batch of one sample" in fields["what"]
    assert "can't allocate memory" in fields["found"]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("hangs_with_the_lock", id="fault_113"),
        pytest.param("hangs_in_native_code", id="fault_114"),
    ],
)
def test_a_hang_is_stopped_from_outside(error: Callable[[str], Error], name: str) -> None:
    fields = error(name)
    assert fields["error"] == "InfrastructureError"
    assert "ran past its deadline" in fields["what"]
    assert fields["expected"] == "an end within 4 s"
    assert "predicting" in fields["found"]


def test_fault_115_slow_but_progressing_is_stopped_at_its_deadline_and_says_how_far_it_came(
    error: Callable[[str], Error],
) -> None:
    fields = error("too_slow")
    assert "ran past its deadline" in fields["what"]
    assert fields["found"].startswith("it was predicting ")
    assert fields["found"].endswith("/40")


def test_fault_115_only_what_makes_no_progress_is_a_stall(runs: tuple[Any, Any]) -> None:
    stalled = runs[1]
    # 5 batches take 25 s, and the pictures after them 22 s; 20 s without a word are allowed.
    assert stalled.statuses == {"slow::psnr-min": "PASS", "hanging::psnr-min": "ERROR"}, stalled.text
    fields = stalled.error("hanging::psnr-min")
    assert "made no progress" in fields["what"]
    assert "20 s" in fields["expected"]
    assert "modelqa_stall_seconds" in fields["todo"]


def test_fault_116_auto_backs_off_when_a_batch_does_not_fit_and_says_so(run: Any) -> None:
    side = run.results["e_out_of_memory::psnr-min"]["verdict"]["evidence"]["candidate"]
    # 16 fits, 32 does not; 16 again.
    assert "out of memory with batches of 24, measured with at most 16" in str(side)


def test_fault_116_a_batch_size_that_was_written_is_not_changed(error: Callable[[str], Error]) -> None:
    fields = error("out_of_memory_fixed")
    assert fields["error"] == "InfrastructureError"
    assert fields["what"].endswith("out of memory with the batch of 24 that the spec asks for")
    assert fields["found"] == "OutOfMemoryError: no memory for 24 images on this pretended device"
    assert "batch_size: auto" in fields["todo"]


def test_fault_118_nan_in_the_second_batch_names_its_sample(error: Callable[[str], Error]) -> None:
    fields = error("nan_in_batch_2")
    assert fields["error"] == "OutputError"
    assert "'image-11'" in fields["found"]


def test_fault_120_a_killed_data_loader_worker_is_named(error: Callable[[str], Error]) -> None:
    fields = error("killed_loader")
    assert "DataLoader worker" in fields["found"]
    assert "loaders.py" in fields["where"]


def test_fault_122_of_100_mb_of_bytes_the_end_is_kept(run: Any, error: Callable[[str], Error]) -> None:
    fields = error("prints_100_mb_of_bytes")
    assert fields["what"] == "RuntimeError: after 100 MB"
    assert fields["details"].rstrip().endswith("the last words")
    assert len(fields["details"]) < 200_000
    assert len(run.text) < 1_000_000


def test_fault_123_a_daemon_that_holds_the_pipes_open_holds_up_nobody_and_is_killed(
    run: Any, error: Callable[[str], Error], processes_of: Callable[..., list[str]]
) -> None:
    assert "the worker process died (exit code 3)" in error("dies_and_leaves_a_daemon")["what"]
    assert processes_of(run.folder) == []


def test_fault_124_half_a_result_is_no_result(error: Callable[[str], Error]) -> None:
    fields = error("gives_half_a_result")
    assert fields["error"] == "InfrastructureError"
    assert "the worker process died (exit code 0)" in fields["what"]


def test_fault_124_what_is_no_result_is_shown(error: Callable[[str], Error]) -> None:
    fields = error("writes_where_results_go")
    assert "said what is no result" in fields["what"]
    assert "not a result" in fields["found"]


def test_fault_124_a_worker_that_closed_the_pipe_is_not_waited_for(error: Callable[[str], Error]) -> None:
    assert "closed the pipe" in error("closes_what_it_did_not_open")["what"]


def test_fault_76_samples_in_another_order_have_the_same_value(run: Any) -> None:
    values = {
        name: run.results[f"e_{name}::psnr-min"]["verdict"]["lines"][0]["candidate"]["value"]
        for name in ("fine", "shuffled", "at_the_end")
    }
    assert values["shuffled"] == pytest.approx(values["fine"], abs=1e-9)
    assert values["at_the_end"] == pytest.approx(values["fine"], abs=1e-6)
