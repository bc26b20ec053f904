"""Every format of a training log, as its own tool writes it, and what is measured of one."""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelqa.errors import DatasetError, OutputError
from pytest_modelqa.logs import measures
from pytest_modelqa.logs.log import Log, Series, from_rows
from pytest_modelqa.logs.readers import files_of, read_log

FILES = Path(__file__).parent / "files"


def read(path: Path, format_name: str, step: str | None = None) -> Log:
    return read_log(files_of(path, format_name), format_name, step)


def listed(log: Log, name: str) -> list[tuple[float, float]]:
    return list(zip(log.series[name].steps.tolist(), log.series[name].values.tolist(), strict=True))


def made(**series: list[float]) -> Log:
    return Log({name: Series(np.arange(float(len(v))), np.array(v)) for name, v in series.items()})


def test_a_state_that_transformers_wrote_is_read() -> None:
    log = read(FILES / "trainer_state.json", "trainer_state")
    assert listed(log, "loss") == [(10, 3.0), (20, 2.2), (30, 1.5)]
    assert listed(log, "eval_loss") == [(10, 2.8), (20, 2.4), (30, 2.5)]
    assert math.isnan(log.series["grad_norm"].values[-1])
    assert log.notes == ("steps are those of 'step'",)
    # A folder of a checkpoint holds one.
    assert files_of(FILES, "trainer_state") == (FILES / "trainer_state.json",)


def test_event_files_that_tensorboard_wrote_are_read(tmp_path: Path) -> None:
    writers = pytest.importorskip("tensorboard.summary.writer.event_file_writer")
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    for begin in (0, 20):
        writer = writers.EventFileWriter(str(tmp_path / "run"), filename_suffix=f".{begin}")
        for step in range(begin, begin + 30, 10):
            value = Summary.Value(tag="loss/train", simple_value=3.0 - step / 10 + begin / 40)
            writer.add_event(Event(step=step, summary=Summary(value=[value])))
        writer.close()
    log = read(tmp_path / "run", "tensorboard")
    assert listed(log, "loss/train") == [(0, 3), (10, 2), (20, 1.5), (30, 0.5), (40, -0.5)]
    assert any("logged again" in note for note in log.notes)
    with pytest.raises(DatasetError, match="no TensorBoard event files") as caught:
        read(tmp_path, "tensorboard")
    assert caught.value.found == "some in run"


@pytest.mark.parametrize("name", ["history.csv", "rows.json", "columns.json", "lines.jsonl"])
def test_histories_exported_from_wandb_are_read(tmp_path: Path, name: str) -> None:
    rows: list[dict[str, Any]] = [
        {"_step": 0, "loss": 2.0},
        {"_step": 5, "loss": "NaN", "val": 1.5},
        {"_step": 10, "loss": 1.0, "val": "Infinity"},
    ]
    columns = {key: {str(at): row[key] for at, row in enumerate(rows) if key in row} for key in rows[1]}
    text = {
        "history.csv": "_step,loss,val\n0,2.0,\n5,NaN,1.5\n10,1.0,Infinity\n",
        "rows.json": json.dumps(rows),
        "columns.json": json.dumps(columns),
        "lines.jsonl": "".join(json.dumps(row) + "\n" for row in rows),
    }[name]
    (tmp_path / name).write_text(text)
    log = read(tmp_path / name, "wandb")
    assert [step for step, _ in listed(log, "val")] == [5, 10]
    assert np.array_equal(log.series["loss"].values, [2.0, np.nan, 1.0], equal_nan=True)
    assert math.isinf(log.series["val"].values[-1])


def test_what_wandb_wrote_of_a_run_is_read() -> None:
    """By wandb 0.31, offline: 40 steps of a loss; at every tenth an accuracy, a text, and a number, once NaN."""
    log = read(FILES / "run-g4um37ql.wandb", "wandb")
    steps = np.arange(1.0, 41.0)
    assert np.array_equal(log.series["train/loss"].steps, steps)
    np.testing.assert_allclose(log.series["train/loss"].values, 3 * np.exp(-steps / 10) + 0.5, rtol=1e-15)
    assert np.array_equal(log.series["nested.loss"].values, [0.1, np.nan, 1 / 30, 1 / 40], equal_nan=True)
    assert log.series["val/accuracy"].steps.tolist() == [10, 20, 30, 40]
    assert "note" not in log.series


def framed(*messages: bytes) -> bytes:
    """Messages as LevelDB's log format has them, in blocks of 32 KiB."""
    data = b":W&B\xe1\xbe\x00"
    for message in messages:
        begun = False
        while True:
            left = 32768 - len(data) % 32768
            if left < 7:
                data += b"\0" * left
                continue
            part, message = message[: left - 7], message[left - 7 :]
            kind = {(False, True): 1, (False, False): 2, (True, False): 3, (True, True): 4}[
                begun, not message
            ]
            data += struct.pack("<IHB", zlib.crc32(bytes([kind]) + part), len(part), kind) + part
            begun = True
            if not message:
                break
    return data


def message(field: int, content: bytes) -> bytes:
    length, bytes_of_length = len(content), b""
    while length > 127:
        bytes_of_length += bytes([length & 127 | 128])
        length >>= 7
    tag = field << 3 | 2
    return (bytes([tag]) if tag < 128 else bytes([tag & 127 | 128, tag >> 7])) + (
        bytes_of_length + bytes([length]) + content
    )


def row(**values: Any) -> bytes:
    items = [
        message(1, message(2, name.encode()) + message(16, json.dumps(v).encode()))
        for name, v in values.items()
    ]
    return message(2, b"".join(items))


EXIT = message(18, b"")


def test_rows_of_wandb_that_go_on_in_the_next_block_are_read(tmp_path: Path) -> None:
    rows = [row(_step=step, loss=step / 2, said="x" * (step * 7001)) for step in range(30)]
    (tmp_path / "run-a.wandb").write_bytes(framed(*rows, EXIT))
    assert listed(read(tmp_path / "run-a.wandb", "wandb"), "loss") == [(step, step / 2) for step in range(30)]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: data[: len(data) // 2], "did not come to its end"),
        (lambda data: data[:300] + bytes([data[300] ^ 1]) + data[301:], "its checksum"),
        (lambda data: b"step,loss" + data, "the first bytes b'step,lo'"),
        (lambda data: b"", "the first bytes b''"),
        (lambda data: framed(row(loss=1.0)), "did not come to its end"),
        (lambda data: framed(b"\x12\xff\x01", EXIT), "longer than its message"),
        (lambda data: framed(EXIT), "log"),
    ],
    ids=["cut", "flipped", "header", "empty", "running", "length", "nothing logged"],
)
def test_a_damaged_or_unfinished_run_of_wandb_is_an_error(
    tmp_path: Path, damage: Callable[[bytes], bytes], said: str
) -> None:
    (tmp_path / "run-a.wandb").write_bytes(damage((FILES / "run-g4um37ql.wandb").read_bytes()))
    with pytest.raises(DatasetError) as caught:
        read(tmp_path / "run-a.wandb", "wandb")
    assert said in str(caught.value)


@given(st.binary(max_size=200))
def test_any_bytes_in_a_frame_of_wandb_are_read_or_refused(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "run-a.wandb"
        path.write_bytes(framed(content, message(2, content), EXIT))
        with suppress(DatasetError):
            read(path, "wandb")


@pytest.mark.parametrize("format_name", ["jsonl", "trainer_state", "rows.json", "columns.json"])
def test_a_training_that_became_nan_is_not_what_it_was_before(tmp_path: Path, format_name: str) -> None:
    """DataFrame.to_json and JSON.stringify write NaN as null."""
    values = [2.0, 1.0, 0.5, None, None, None]
    rows = [{"step": at, "loss": value, "phase": "b" if at else None} for at, value in enumerate(values)]
    text = {
        "jsonl": "".join(json.dumps(row) + "\n" for row in rows),
        "trainer_state": json.dumps({"log_history": rows}),
        "rows.json": json.dumps(rows),
        "columns.json": json.dumps(
            {key: {str(at): row[key] for at, row in enumerate(rows)} for key in rows[0]}
        ),
    }[format_name]
    path = tmp_path / "trainer_state.json"
    path.write_text(text)
    log = read(path, format_name if "." not in format_name else "wandb")
    # Text with nulls between is no series.
    assert set(log.series) == {"loss"}
    assert measures.finite(log).value == 0.5
    for measure in (
        measures.final,
        lambda log, series: measures.plateau(log, series=series, higher_is_better=False),
    ):
        with pytest.raises(OutputError, match="loss is no number at 3 of 6 points"):
            measure(log, series="loss")


def test_a_series_of_nothing_but_null_is_nan() -> None:
    log = from_rows([{"step": 0, "loss": None, "lr": 1}, {"step": 1, "loss": None, "lr": 1}], None, "here")
    assert measures.finite(log).value == 0.5


@pytest.mark.parametrize("step", [{}, {"step": None}, {"step": "last"}])
def test_values_that_belong_to_no_step_are_an_error(step: dict[str, Any]) -> None:
    with pytest.raises(DatasetError, match="has values and no 'step'") as caught:
        from_rows([{"step": 0, "loss": 1.0}, {**step, "loss": math.nan}], None, "here")
    assert "row 2 with" in str(caught.value.found)
    # A row without values says nothing.
    assert len(from_rows([{"step": 0, "loss": 1.0}, {**step, "event": "end"}], None, "here").series) == 1


def test_a_series_that_ends_well_before_the_log_is_noted(tmp_path: Path) -> None:
    rows = [
        f"{step},{1 / (step + 1) if step < 5 else ''},{step if step % 4 == 0 else ''},1" for step in range(12)
    ]
    (tmp_path / "log.csv").write_text("\n".join(["step,loss,val,rate", *rows]) + "\n")
    (note,) = measures.doubtful(read(tmp_path / "log.csv", "csv"))
    assert note.startswith("'loss' ends at step 4, the log at step 11")
    # Also where the rows after it are blank but for their step.
    (tmp_path / "log.csv").write_text("step,loss\n0,2\n1,1\n2,\n3,\n")
    (note,) = measures.doubtful(read(tmp_path / "log.csv", "csv"))
    assert note.startswith("'loss' ends at step 1, the log at step 3")


def test_the_step_is_named_or_said(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("batch,loss\n3,2\n6,1\n")
    assert read(path, "csv").notes == ("no name for steps: rows are counted from 0",)
    log = read(path, "csv", "batch")
    assert listed(log, "loss") == [(3, 2), (6, 1)]
    assert set(log.series) == {"loss"}
    with pytest.raises(DatasetError, match="no 'iteration' to count steps by"):
        read(path, "csv", "iteration")


@pytest.mark.parametrize(
    ("format_name", "content"),
    [
        ("csv", b"step,loss\n1,2,3\n"),
        ("csv", b"step,loss,loss\n1,2,3\n"),
        ("csv", b"\xff\xfe\x00"),
        ("csv", b""),
        ("jsonl", b"[1]\n"),
        ("jsonl", b'{"loss": 1\n'),
        ("trainer_state", b'{"loss": 1}'),
        ("trainer_state", b"[]"),
        ("wandb", b"3"),
        ("wandb", b"[" * 100_000),
        ("jsonl", b'{"loss": "low"}\n'),
    ],
)
def test_a_file_that_is_no_such_log_is_an_error(tmp_path: Path, format_name: str, content: bytes) -> None:
    (tmp_path / "log.json").write_bytes(content)
    with pytest.raises(DatasetError) as caught:
        read(tmp_path / "log.json", format_name)
    assert str(tmp_path) in str(caught.value.where)


def test_a_missing_log_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is missing"):
        files_of(tmp_path / "log.csv", "csv")


def test_what_a_resumed_run_logged_again_counts_once() -> None:
    rows = [{"step": step, "loss": value} for step, value in ((0, 3), (1, 2), (2, 9), (1, 2.5), (2, 1))]
    log = from_rows(rows, None, "here")
    assert listed(log, "loss") == [(0, 3), (1, 2.5), (2, 1)]
    assert "resumed" in log.notes[-1]


def test_the_share_of_the_story_is_two_and_a_half_percent() -> None:
    log = made(diversity_score=[0.25, 0.25], quality_loss=[3.0, 3.0])
    found = measures.share(log, term="diversity_score", weight=0.3, total="quality_loss")
    assert found.value == pytest.approx(0.025)
    assert found.n == 2
    # A term that is subtracted is as large as one that is added.
    assert measures.share(log, term="diversity_score", weight=-0.3, total="quality_loss").value > 0


def test_the_share_of_the_first_steps_alone() -> None:
    log = made(term=[1.0, 0.0, 0.0], total=[2.0, 2.0, 2.0])
    assert measures.share(log, term="term", total="total", points=1).value == 0.5
    assert measures.share(log, term="term", total="total").value == pytest.approx(1 / 6)


def test_a_share_needs_steps_at_which_both_were_logged() -> None:
    log = Log(
        {"term": Series(np.array([0.0, 2.0]), np.ones(2)), "total": Series(np.array([1.0]), np.ones(1))}
    )
    with pytest.raises(OutputError, match="undefined"):
        measures.share(log, term="term", total="total")


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30), st.booleans())
def test_best_and_its_step_are_those_of_a_search(values: list[float], higher: bool) -> None:
    log = made(a=values)
    wanted = max(values) if higher else min(values)
    assert measures.best(log, series="a", higher_is_better=higher).value == wanted
    assert measures.best_step(log, series="a", higher_is_better=higher).value == values.index(wanted)
    assert measures.final(log, series="a").value == values[-1]
    stale = measures.plateau(log, series="a", higher_is_better=higher).value
    assert stale == pytest.approx((len(values) - 1 - values.index(wanted)) / (len(values) - 1))


def test_small_gains_are_a_plateau_where_the_spec_says_so() -> None:
    log = made(loss=[3.0, 2.0, 1.99, 1.98, 1.97])
    assert measures.plateau(log, series="loss", higher_is_better=False).value == 0
    assert measures.plateau(log, series="loss", higher_is_better=False, min_delta=0.1).value == 0.75


def test_a_gap_is_how_much_worse_the_validation_is() -> None:
    train, val = (
        Series(np.arange(10.0), np.linspace(3, 1, 10)),
        Series(np.array([4.0, 8.0]), np.array([2.5, 2.4])),
    )
    log = Log({"loss": train, "val": val})
    expected = 2.4 - float(train.values[8])
    assert measures.gap(log, train="loss", val="val", higher_is_better=False).value == pytest.approx(expected)
    assert measures.gap(log, train="loss", val="val", higher_is_better=True).value == pytest.approx(-expected)


@pytest.mark.parametrize("name", ["val_loss", "eval_loss", "loss/validation", "test/loss", "Val Loss"])
def test_a_validation_loss_that_is_the_training_loss_is_called_out(name: str) -> None:
    log = made(**{"loss": [3.0, 2.0, 1.0], name: [3.0, 2.0, 1.0]})
    assert measures.doubtful(log) == (
        f"{name!r} is 'loss' to the last digit at all 3 steps: nothing was held out",
    )
    for measure in (measures.final, measures.reduction):
        with pytest.raises(OutputError, match="to the last digit"):
            measure(log, series=name)
    assert measures.final(log, series="loss").value == 1


def test_series_that_merely_resemble_each_other_are_not_called_out() -> None:
    nearly = made(loss=[3.0, 2.0, 1.0], val_loss=[3.0, 2.0, 1.0 + 1e-12])
    assert measures.doubtful(nearly) == ()
    assert measures.gap(nearly, train="loss", val="val_loss", higher_is_better=False).value < 1e-9
    # An accuracy of 1 on both, and two names of one training loss.
    assert measures.doubtful(made(accuracy=[1.0] * 9, val_accuracy=[1.0] * 9)) == ()
    assert measures.doubtful(made(loss=[3.0, 2.0, 1.0], total_loss=[3.0, 2.0, 1.0])) == ()
    assert measures.doubtful(made(loss=[3.0, 2.0, 1.0], interval=[3.0, 2.0, 1.0])) == ()


def test_names_do_not_matter_for_a_gap_of_one_series_with_itself() -> None:
    log = made(a=[3.0, 2.0, 1.0], b=[3.0, 2.0, 1.0])
    with pytest.raises(OutputError, match="to the last digit"):
        measures.gap(log, train="a", val="b", higher_is_better=False)


def test_numbers_that_are_none_are_counted_and_refused() -> None:
    log = made(loss=[1.0, float("nan"), 3.0, float("inf")], other=[1.0, 1.0, 1.0, 1.0])
    assert measures.finite(log, series="loss").value == 0.5
    assert measures.finite(log).value == 0.75
    assert measures.finite(log).n == 8
    refused: list[Callable[[], Any]] = [
        lambda: measures.final(log, series="loss"),
        lambda: measures.best(log, series="loss", higher_is_better=False),
        lambda: measures.reduction(log, series="loss"),
        lambda: measures.plateau(log, series="loss", higher_is_better=False),
        lambda: measures.share(log, term="loss", total="other"),
        lambda: measures.gap(log, train="other", val="loss", higher_is_better=False),
    ]
    for measure in refused:
        with pytest.raises(OutputError, match="loss is no number at 2 of 4 points") as caught:
            measure()
        assert caught.value.found == "nan at step 1"


def test_a_series_that_was_not_logged_is_named_with_those_that_were() -> None:
    with pytest.raises(OutputError, match="no series 'val_loss'") as caught:
        measures.final(made(loss=[1.0]), series="val_loss")
    assert caught.value.expected == "one of: loss"


@pytest.mark.parametrize("values", [[2.0], [0.0, 1.0]])
def test_a_reduction_without_a_beginning_is_undefined(values: list[float]) -> None:
    with pytest.raises(OutputError, match="undefined"):
        measures.reduction(made(a=values), series="a")


@pytest.mark.parametrize("cell", ["abc", "tensor(0.95)", "1,5", "#REF!"])
def test_text_between_numbers_is_no_number_and_not_left_out(cell: str) -> None:
    log = from_rows(
        [{"step": at, "loss": value} for at, value in enumerate((1.0, 0.5, cell, ""))], None, "log.csv"
    )
    assert measures.finite(log, series="loss").value == pytest.approx(2 / 3)
    assert f"loss: {cell!r} in row 3 is no number" in log.notes
    with pytest.raises(OutputError, match="no number at 1 of 3 points"):
        measures.final(log, series="loss")
