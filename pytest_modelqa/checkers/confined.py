"""Runs one Python program in namespaces of its own, under limits, and says how it ended; started as a script.

A script, and with the standard library alone, because it starts for every text: what it is told comes as JSON on its
standard input, and what it found goes as JSON to its standard output. The helper that this file is stays outside of
the program's process namespace and ends it; the program can neither see nor signal it.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import resource
import selectors
import signal
import struct
import sys
import time
from pathlib import Path
from typing import Any

libc = ctypes.CDLL(None, use_errno=True)

# linux/sched.h: mount, UTS, IPC, user, process and network namespaces.
NAMESPACES = 0x00020000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
CLONE_THREAD = 0x00010000
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID = 1, 2
MNT_DETACH = 2
AT_FDCWD, AT_RECURSIVE, SYS_MOUNT_SETATTR = -100, 0x8000, 442
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 1, 38, 22, 2
NOBODY = 65534
DEVICES = tuple(f"/dev/{name}" for name in ("null", "zero", "urandom", "random"))
# The program's own folder and all that it writes, in memory.
SCRATCH_BYTES = 64 << 20
FILE_BYTES = 16 << 20
OUTPUT_BYTES = 1 << 20
SHOWN_BYTES = 2000

# System calls by architecture: (AUDIT_ARCH, clone, clone3, prctl, socket, all that is refused). No new processes, so
# no fork bomb, whoever the user is: RLIMIT_NPROC does not bind root (kernel/fork.c, copy_process). The others reach
# parts of the kernel that no unit test needs: namespaces and mounts, tracing, keys, BPF, shared memory segments.
CALLS = {
    "x86_64": (0xC000003E, 56, 435, 157, 41, "57 58 272 308 165 166 155 101 250 248 249 321 323 425 298 29"),
    "aarch64": (0xC00000B7, 220, 435, 167, 198, "97 268 40 39 41 117 219 217 218 280 282 425 241 194"),
}
NEW_MOUNT_CALLS = "428 429 430 432 442"
SOCKET_FAMILIES = (1, 2, 10)  # AF_UNIX, AF_INET, AF_INET6: a network namespace does not hold AF_VSOCK back.

# Says that the end was reached on a pipe: a program that calls sys.exit(0) or os._exit(0) has not passed its tests.
RUNNER = """
import os, sys
finished = int(sys.argv[1])
with open("program.py", encoding="utf-8", errors="surrogatepass", newline="") as file:
    program = compile(file.read(), "program.py", "exec")
exec(program, {"__name__": "program"})
sys.stdout.flush()
os.write(finished, b"finished")
"""


class RefusedError(Exception):
    """This machine does not let the sandbox be made."""


def main() -> None:
    """Reads the order, runs the program, writes how it ended."""
    order = json.load(sys.stdin.buffer)
    check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    if os.getppid() != order["parent"]:
        sys.exit(1)
    try:
        ended = run(order)
    except RefusedError as error:
        ended = {"refused": str(error)}
    json.dump(ended, sys.stdout)


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Starts the program and follows it to its end, its deadline, or too much output."""
    if order["sandbox"]:
        enter_namespaces()
    finished, finishing = os.pipe()
    output, printing = os.pipe()
    trouble, failing = os.pipe()
    child = os.fork()
    if not child:
        become_program(order, printing, finishing, failing)
    for end in (finishing, printing, failing):
        os.close(end)
    refused = os.read(trouble, 4096).decode()
    if refused:
        os.waitpid(child, 0)
        raise RefusedError(refused)
    return follow(child, finished, output, time.monotonic() + order["deadline"])


def follow(child: int, finished: int, output: int, until: float) -> dict[str, Any]:
    """Reads what the program prints until it ends or has to be ended."""
    printed, total, reached, why = b"", 0, False, ""
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        selector.register(finished, selectors.EVENT_READ)
        while selector.get_map() and not why:
            ready = selector.select(max(0.0, until - time.monotonic()))
            if not ready:
                why = "deadline"
            for key, _ in ready:
                chunk = os.read(key.fd, 65536)
                if not chunk:
                    selector.unregister(key.fd)
                elif key.fd == finished:
                    reached = reached or chunk == b"finished"
                else:
                    total += len(chunk)
                    printed = (printed + chunk)[-SHOWN_BYTES:]
            if total > OUTPUT_BYTES:
                why = "output"
    # A program that closed its pipes and goes on.
    while not why and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        time.sleep(0.005)
        why = "deadline" if time.monotonic() > until else ""
    # Its group in any case: in a process namespace the end of the first process is the end of all.
    for end in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError):
            end(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    shown = printed.decode("utf-8", errors="replace")
    return {"finished": reached and not why, "stopped": why, "status": status, "output": shown}


def become_program(order: dict[str, Any], printing: int, finishing: int, failing: int) -> None:
    """The child's part: never returns."""
    try:
        os.setsid()
        os.set_inheritable(finishing, True)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (printing, 1), (printing, 2)):
            os.dup2(source, target)
        if order["sandbox"]:
            new_root(order["folder"], order["visible"])
        os.chdir("/tmp" if order["sandbox"] else order["folder"])
        with Path("program.py").open("w", encoding="utf-8", errors="surrogatepass", newline="") as file:
            file.write(order["program"])
        limit(order)
        check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
        if order["sandbox"]:
            check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
            forbid_calls()
        # -s -P: neither the user's packages nor the folder; the environment is ours, so that hashes are the same.
        command = [order["python"], "-s", "-P", "-B", "-c", RUNNER, str(finishing)]
        os.execve(command[0], command, environment(order))
    except (OSError, RefusedError) as error:
        os.write(failing, str(error).encode()[:4096])
    finally:
        os._exit(1)


def enter_namespaces() -> None:
    """New user, mount, network, process, IPC and host name namespaces; the next child is the first process there."""
    user, group = os.getuid(), os.getgid()
    check(libc.unshare(NAMESPACES), "unshare")
    try:
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{NOBODY} {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{NOBODY} {group} 1", encoding="ascii")
    except OSError as error:
        raise RefusedError(f"user namespace: {error}") from error


def new_root(root: str, visible: list[str]) -> None:
    """A root in memory that holds what Python needs, read-only, and an empty ``/tmp`` to write in."""
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755")
    scratch = Path(root, "tmp")
    scratch.mkdir()
    mount("tmpfs", str(scratch), "tmpfs", MS_NOSUID | MS_NODEV, f"size={SCRATCH_BYTES},mode=700")
    for path in (*visible, *DEVICES):
        show(path, root)
    os.chdir(root)
    check(libc.pivot_root(b".", b"."), "pivot_root")
    check(libc.umount2(b".", MNT_DETACH), "umount2")
    set_attributes("/", MOUNT_ATTR_RDONLY, 0)


def show(path: str, root: str) -> None:
    """Makes a file, a folder or a link of the machine visible in the new root, read-only."""
    source, target = Path(path), Path(root + path)
    if target.exists() or target.is_symlink() or not (source.exists() or source.is_symlink()):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():
        target.symlink_to(source.readlink())
        return
    target.mkdir() if source.is_dir() else target.touch()
    mount(path, str(target), None, MS_BIND | MS_REC)
    set_attributes(str(target), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, AT_RECURSIVE)


def set_attributes(path: str, attributes: int, flags: int) -> None:
    """mount_setattr(2), which leaves the attributes alone that a user namespace may not take away."""
    # struct mount_attr: attr_set, attr_clr, propagation, userns_fd.
    wanted = struct.pack("QQQQ", attributes, 0, 0, 0)
    size = ctypes.c_size_t(len(wanted))
    done = libc.syscall(SYS_MOUNT_SETATTR, AT_FDCWD, os.fsencode(path), flags, wanted, size)
    check(done, "mount_setattr (Linux 5.12 and later)")


def limit(order: dict[str, Any]) -> None:
    """CPU seconds, memory, file sizes, open files; no core dumps."""
    seconds, memory = order["cpu_seconds"], order["memory_mb"] << 20
    for what, amount in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        greatest = resource.getrlimit(what)[1]
        allowed = amount if greatest == resource.RLIM_INFINITY else min(amount, greatest)
        resource.setrlimit(what, (allowed, allowed))


def forbid_calls() -> None:
    """A seccomp filter (kernel documentation, "Seccomp BPF"): see ``CALLS``."""
    machine = os.uname().machine
    if machine not in CALLS:
        raise RefusedError(f"no list of system calls for {machine}")
    architecture, clone, clone3, prctl, socket, refused = CALLS[machine]
    # BPF: load a word of seccomp_data (0: number, 4: architecture, 16: low half of the first argument), jump, return.
    load = {"number": (0x20, 0, 0, 0), "architecture": (0x20, 0, 0, 4), "argument": (0x20, 0, 0, 16)}
    allow, kill = (0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x80000000)
    deny, absent = (0x06, 0, 0, 0x50000 | errno.EPERM), (0x06, 0, 0, 0x50000 | errno.ENOSYS)

    def equal(value: int, then: int, otherwise: int) -> tuple[int, int, int, int]:
        return (0x15, then, otherwise, value)

    program = [load["architecture"], equal(architecture, 1, 0), kill, load["number"]]
    # The x32 numbers, which mean the same calls (asm/unistd.h, __X32_SYSCALL_BIT).
    program += [(0x35, 0, 1, 0x40000000), absent]
    # glibc falls back from clone3 to clone, whose flags can be read here.
    program += [equal(clone3, 0, 1), absent]
    program += [equal(clone, 0, 4), load["argument"], (0x45, 0, 1, CLONE_THREAD), allow, deny]
    program += [equal(prctl, 0, 4), load["argument"], equal(PR_SET_PDEATHSIG, 0, 1), deny, allow]
    families = [equal(family, len(SOCKET_FAMILIES) - at, 0) for at, family in enumerate(SOCKET_FAMILIES)]
    program += [equal(socket, 0, len(families) + 3), load["argument"], *families, deny, allow]
    for number in f"{refused} {NEW_MOUNT_CALLS}".split():
        program += [equal(int(number), 0, 1), deny]
    program.append(allow)
    filters = b"".join(struct.pack("HBBI", *line) for line in program)
    buffer = ctypes.create_string_buffer(filters, len(filters))
    # struct sock_fprog: length, padding to the pointer, pointer.
    header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(buffer))
    check(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_char_p(header), 0, 0), "seccomp")


def environment(order: dict[str, Any]) -> dict[str, str]:
    """Nothing of the caller's, where keys and tokens may stand."""
    home = "/tmp" if order["sandbox"] else order["folder"]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    path = {"PATH": "/usr/bin:/bin", "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8"}
    return {**path, **threads, "PYTHONHASHSEED": "0"}


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """mount(2)."""
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind, data)]
    check(libc.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3]), f"mount {target}")


def check(answer: int, what: str) -> None:
    """Raises what a failed system call left in errno."""
    if answer < 0:
        raise RefusedError(f"{what}: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    main()
