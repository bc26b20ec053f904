"""What models do wrong."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import time
from pathlib import Path

import torch
from torch import Tensor, nn

FOLDER = Path(__file__).parent
# Where the worker says what happened: user code may write there by mistake.
EVENTS = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else -1


def leave(file: str, text: object) -> None:
    with (FOLDER / file).open("a") as output:
        output.write(f"{text}\n")


class Faulty(nn.Module):
    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.batches = 0

    def forward(self, image: Tensor) -> Tensor:
        self.batches += 1
        output: Tensor = getattr(self, self.how)(image)
        return output

    def fine(self, image: Tensor) -> Tensor:
        return 0.9 * image

    def exits_with_0(self, image: Tensor) -> Tensor:
        sys.exit(0)

    def nan_in_batch_2(self, image: Tensor) -> Tensor:
        output = 0.9 * image
        if self.batches == 2:
            output[3] = float("nan")
        return output

    def overflows_half(self, image: Tensor) -> Tensor:
        return (image.half() * 1e6).float()

    def fewer(self, image: Tensor) -> Tensor:
        return image[:-2]

    def doubled(self, image: Tensor) -> Tensor:
        return torch.cat([image, image])

    def out_of_memory(self, image: Tensor) -> Tensor:
        if len(image) > 20:
            raise torch.OutOfMemoryError(f"no memory for {len(image)} images on this pretended device")
        return 0.9 * image

    def limited_memory(self, image: Tensor) -> Tensor:
        """As under ``ulimit -v``: the allocator itself refuses."""
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        used = int((Path("/proc/self/statm").read_text()).split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), hard))
        try:
            return image + torch.zeros(1 << 30).sum()
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))

    def prints_100_mb_of_bytes(self, image: Tensor) -> Tensor:
        for _ in range(100):
            os.write(1, bytes(range(256)) * 4096)
        os.write(2, b"\nthe last words\n")
        raise RuntimeError("after 100 MB")

    def too_slow(self, image: Tensor) -> Tensor:
        time.sleep(1)
        return 0.9 * image

    def slow_but_alive(self, image: Tensor) -> Tensor:
        # The first five are the dataset, the others one picture each.
        time.sleep(5 if self.batches <= 5 else 2.5)
        return 0.9 * image

    def hangs_with_the_lock(self, image: Tensor) -> Tensor:
        # PyDLL keeps the interpreter's lock: no other thread of this process gets a turn.
        ctypes.PyDLL(None).sleep(3600)
        return image

    def hangs_in_native_code(self, image: Tensor) -> Tensor:
        signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))
        while True:
            ctypes.CDLL(None).sleep(3600)

    def is_killed(self, image: Tensor) -> Tensor:
        print("about to die")
        os.kill(os.getpid(), signal.SIGKILL)
        return image

    def dies_and_leaves_a_daemon(self, image: Tensor) -> Tensor:
        if os.fork() == 0:
            time.sleep(3600)
        os._exit(3)

    def gives_half_a_result(self, image: Tensor) -> Tensor:
        os.write(EVENTS, b'{"event": "done", "rec')
        os._exit(0)

    def writes_where_results_go(self, image: Tensor) -> Tensor:
        os.write(EVENTS, b"\xff\xfe not a result\n")
        return image

    def closes_what_it_did_not_open(self, image: Tensor) -> Tensor:
        os.close(EVENTS)
        time.sleep(3600)
        return image

    def leaves_a_grandchild_and_hangs(self, image: Tensor) -> Tensor:
        grandchild = os.fork()
        if grandchild == 0:
            time.sleep(3600)
        daemon = os.fork()
        if daemon == 0:
            os.setsid()
            time.sleep(3600)
        leave("hanging.txt", f"{os.getpid()} {grandchild} {daemon}")
        time.sleep(3600)
        return image


class Large(nn.Module):
    """40 MB of weights, and the worker's memory written down."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((10_000_000,), 0.9))

    def forward(self, image: Tensor) -> Tensor:
        resident = int((Path("/proc/self/statm").read_text()).split()[1]) * resource.getpagesize()
        leave("resident.txt", resident // 2**20)
        return image * self.weight[0]
