"""Generated programs and their unit tests, run in the sandbox; what hostile ones can do there: nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pytest_modelqa.checkers.checker import Checker
from pytest_modelqa.checkers.sandbox import Limits, demand_sandbox, run_program
from pytest_modelqa.errors import DatasetError, EvaluationError

Make = Callable[..., Checker]
SHORT = Limits(cpu_seconds=20, deadline=2.0, memory_mb=512)


def _namespaces() -> bool:
    """By another program than ours, so that a fault of ours is no reason to skip."""
    unshare = shutil.which("unshare")
    command = [unshare or "", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "true"]
    return bool(unshare) and subprocess.run(command, capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not _namespaces(), reason="this machine refuses namespaces")


def confined(program: str, limits: Limits = SHORT) -> str:
    return run_program(textwrap.dedent(program), limits)


def test_programs_pass_that_pass_their_tests(checker: Make) -> None:
    # HumanEval's way of writing them: the prompt is continued, and the tests are a function.
    sample = {
        "prompt": 'def add(a, b):\n    """The sum."""\n',
        "tests": "def check(candidate):\n    assert candidate(1, 2) == 3\n    assert candidate(-1, 1) == 0",
        "entry_point": "add",
    }
    made = checker(kind="python_tests", program="{prompt}{text}\n\n{tests}\n\ncheck({entry_point})\n")
    right, wrong, none, broken = "    return a + b", "    return a - b", "", "    return ("
    outcomes = made.outcomes([right, wrong, none, broken], sample)
    assert [outcome.passed for outcome in outcomes] == [True, False, False, False]
    assert [outcome.reason for outcome in outcomes[1:]] == [
        "AssertionError",
        "AssertionError",
        "SyntaxError: '(' was never closed",
    ]


def test_a_program_is_taken_from_its_fence(checker: Make) -> None:
    # MBPP's way: a list of assertions.
    sample = {"tests": ["assert f(2) == 4", "assert f(3) == 9"]}
    made = checker(kind="python_tests", extract="fence")
    square, cube = "Here:\n```python\ndef f(x):\n    return x**2\n```\nIt squares.", "def f(x): return x**2"
    assert made.passes([square, cube], sample) == [True, False]


def test_a_missing_field_is_an_error(checker: Make) -> None:
    with pytest.raises(DatasetError, match="no field 'tests'"):
        checker(kind="python_tests").passes(["x = 1"], {"id": "a"})


@pytest.mark.parametrize("leave", ["import sys; sys.exit(0)", "import os; os._exit(0)", "raise SystemExit"])
def test_a_program_that_leaves_before_its_tests_has_not_passed(leave: str) -> None:
    assert confined(f"{leave}\nassert False") == "it left before its tests were over, by an exit of its own"


def test_a_program_that_does_not_end_after_its_tests_has_not_passed() -> None:
    assert confined("import atexit, time\natexit.register(time.sleep, 60)") == "no end within 2 s"


def test_libraries_of_the_environment_can_be_used() -> None:
    assert confined("import json, numpy\nassert numpy.ones(3).sum() == 3", Limits()) == ""


def test_a_raw_connection_leads_nowhere() -> None:
    assert confined("import socket\nsocket.create_connection(('127.0.0.1', 22))").startswith(
        "OSError: [Errno 101]"
    )
    # Not held back by a network namespace: the host of a virtual machine.
    assert confined("import socket\nsocket.socket(40, socket.SOCK_STREAM)").startswith("PermissionError")


def test_the_home_folder_and_the_files_of_the_machine_cannot_be_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("token")
    assert "No such file" in confined(f"open({str(secret)!r})")
    assert "No such file" in confined("open('/etc/passwd')")
    # The way to Python may lead through the home folder; nothing else of it is there.
    home, python = Path.home(), Path(sys.base_prefix)
    beside = {path.name for path in home.iterdir()}
    beside -= set(python.relative_to(home).parts[:1]) if python.is_relative_to(home) else set()
    program = f"import os\nthere = os.listdir({str(home)!r}) if os.path.exists({str(home)!r}) else []\n"
    assert confined(program + f"assert not set(there) & set({beside!r}), there") == ""


def test_an_interpreter_called_by_a_roundabout_path_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roundabout = os.path.join(tmp_path, os.path.relpath(sys.executable, tmp_path))  # noqa: PTH118
    monkeypatch.setattr(sys, "executable", roundabout)
    assert confined("") == ""


def test_the_environment_of_the_caller_is_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_OF_SOMETHING", "secret")
    assert confined("import os\nassert 'TOKEN_OF_SOMETHING' not in os.environ") == ""


def test_nothing_outside_can_be_written(tmp_path: Path) -> None:
    mine = "import os, tempfile\nmine = os.path.join(tempfile.gettempdir(), 'mine')\n"
    assert confined(mine + "open(mine, 'w').write('a')\nassert open(mine).read() == 'a'") == ""
    for path in ("/usr/lib/mine", "/mine", "/dev/mine", f"{sys.base_prefix}/lib/mine"):
        assert "Read-only file system" in confined(f"open({path!r}, 'w')"), path
    outside = tmp_path / "mine"
    confined(f"import os\nos.makedirs({str(tmp_path)!r})\nopen({str(outside)!r}, 'w').write('a')")
    assert not outside.exists()


@pytest.mark.parametrize(
    "start",
    [
        "os.fork()",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "subprocess.run(['true'])",
        "multiprocessing.Process(target=print).start()",
    ],
)
def test_no_process_can_be_started_so_there_is_no_fork_bomb(start: str) -> None:
    ended = confined(f"import os, subprocess, multiprocessing\nwhile True: {start}")
    assert "Operation not permitted" in ended, ended


def test_the_filter_of_system_calls_holds_for_those_made_by_number() -> None:
    numbers = {"fork": 57, "vfork": 58, "unshare": 272} if os.uname().machine == "x86_64" else {"unshare": 97}
    for name, number in numbers.items():
        program = f"""
            import ctypes
            libc = ctypes.CDLL(None, use_errno=True)
            assert libc.syscall({number}, 0x10000000) == -1 and ctypes.get_errno() == 1
        """
        assert confined(program) == "", name


def test_threads_are_bounded_by_the_memory() -> None:
    program = """
        import threading, time
        while True:
            threading.Thread(target=time.sleep, args=(9,), daemon=True).start()
    """
    assert confined(program) in ("RuntimeError: can't start new thread", "no end within 2 s", "MemoryError")


def test_an_endless_loop_ends_at_its_limits() -> None:
    assert confined("while True: pass") == "no end within 2 s"
    assert confined("import time\ntime.sleep(60)") == "no end within 2 s"
    by_cpu = confined("while True: pass", Limits(cpu_seconds=1, deadline=60.0))
    assert by_cpu == "killed: more than 1 s of CPU time, or out of memory"


def test_a_program_that_closes_its_pipes_is_ended_too() -> None:
    assert confined("import os, time\nos.closerange(0, 99)\ntime.sleep(60)") == "no end within 2 s"


def test_memory_files_and_output_are_limited() -> None:
    assert confined("bytearray(1 << 30)") == "MemoryError"
    assert "File too large" in confined("open('a', 'wb').write(bytes(20 << 20))")
    many = "for at in range(9): open(str(at), 'wb').write(bytes(15 << 20))"
    assert "No space left" in confined(many)
    assert confined("while True: print('x' * 9999)") == "it printed more than 1 MiB"


def test_it_can_signal_nobody() -> None:
    program = """
        import os, signal
        assert os.getpid() == 1 and os.getppid() == 0
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass
        else:
            raise AssertionError("there was somebody")
    """
    assert confined(program) == ""
    # This process's own number means nobody in there.
    assert "No such process" in confined(f"import os\nos.kill({os.getpid()}, 9)")


def test_it_ends_with_the_process_that_asked_for_it() -> None:
    asking = (
        "from pytest_modelqa.checkers.sandbox import *;"
        "run_program('import os, time\\ntime.sleep(100)', Limits(deadline=100.0))"
    )
    with subprocess.Popen([sys.executable, "-c", asking]) as process:
        started: list[psutil.Process] = []
        until = time.monotonic() + 30
        while len(started) < 2 and time.monotonic() < until:
            time.sleep(0.1)
            started = psutil.Process(process.pid).children(recursive=True)
        assert len(started) == 2
        process.kill()
    _, alive = psutil.wait_procs(started, timeout=30)
    assert not alive


def test_hashes_are_the_same_in_every_run() -> None:
    seen = {confined("raise ValueError(hash('a'))") for _ in range(2)}
    assert len(seen) == 1


def test_without_a_sandbox_limits_hold_but_files_are_there(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("a")
    assert run_program(f"assert open({str(tmp_path / 'there')!r}).read() == 'a'", SHORT, confined=False) == ""
    assert run_program("import time\ntime.sleep(60)", SHORT, confined=False) == "no end within 2 s"
    assert run_program("bytearray(1 << 30)", SHORT, confined=False) == "MemoryError"
    child = "import subprocess\nsubprocess.Popen(['sleep', '4321'])"
    assert run_program(child, SHORT, confined=False) in ("", "no end within 2 s")
    assert not [
        each for each in psutil.process_iter(["cmdline"]) if each.info["cmdline"] == ["sleep", "4321"]
    ]


def test_a_machine_that_refuses_namespaces_is_an_error_that_says_what_to_do() -> None:
    asking = (
        "from pytest_modelqa.checkers.sandbox import *; from pytest_modelqa.errors import EvaluationError\n"
        "try: demand_sandbox(confined=True)\n"
        "except EvaluationError as error: print(error)\n"
        "demand_sandbox(confined=False)"
    )
    refuse = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" -c "$1"'
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "sh", "-c", refuse, sys.executable, asking],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("the sandbox for generated programs cannot be made on this machine")
    assert "unshare: No space left on device" in done.stdout
    assert "sandbox: none" in done.stdout


def test_the_sandbox_is_tried_before_anything_is_generated(
    checker: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    demand_sandbox(confined=True)
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(EvaluationError, match="needs Linux"):
        checker(kind="python_tests")
