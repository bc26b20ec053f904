"""Times a model and measures its memory, in a pass of its own while nothing else of the worker runs. Needs torch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from ..metrics.performance import Performance
from ..tasks.forward import to_device
from .inference import Subject

# Before the clock counts: kernels are chosen, caches filled and clocks raised in the first batches.
_WARM_UP = 3
# A 95th percentile of fewer rests on one batch, and each of the jackknife's 20 groups must have two.
_LEAST_BATCHES = 40
_MOST_BATCHES = 400
_SECONDS = 2.0


def performance_of(
    subject: Subject, order: Sequence[int], batch_size: int, asked: Sequence[str], alive: Callable[[], None]
) -> dict[str, Any]:
    """What was measured, as JSON for the record (see ``metrics.performance.Performance``).

    Loading and scoring are not in the time: it starts with a batch's tensors on the device, and ends when the device
    has its outputs.

    Args:
        order: Indices of the samples.
        batch_size: The largest batch that fitted.
        asked: Names of metrics, which say whether time and memory are measured too.
        alive: Called before each batch.
    """
    timed = {"latency_p50", "latency_p95", "throughput"} & set(asked)
    size = min(batch_size, len(order))
    batches = _batches(subject, order, size)
    times: list[float] = []
    memory = None
    learnt = sum(parameter.numel() for parameter in subject.model.parameters())
    if "peak_memory" in asked:
        alive()
        _seconds(subject, next(batches))
        memory = (_weights(subject.model) + _growth(subject, next(batches))) / 2**20
    if timed:
        for _ in range(_WARM_UP):
            alive()
            _seconds(subject, next(batches))
        while len(times) < _LEAST_BATCHES or (sum(times) < _SECONDS and len(times) < _MOST_BATCHES):
            alive()
            times.append(_seconds(subject, next(batches)))
    milliseconds = tuple(round(1000 * seconds, 6) for seconds in times)
    return Performance(milliseconds, size, memory, learnt).to_json()


def _batches(subject: Subject, order: Sequence[int], size: int) -> Iterator[dict[str, Any]]:
    """Whole batches on the device, again from the first when there are no more: a smaller last one is quicker."""
    while True:
        for start in range(0, len(order) - size + 1, size):
            batch = subject.samples.batch(list(order[start : start + size]))
            yield to_device(batch, subject.device)


def _seconds(subject: Subject, tensors: dict[str, Any]) -> float:
    _wait_for(subject.device)
    start = time.perf_counter()
    with torch.inference_mode():
        subject.task.infer(subject.model, tensors)
    _wait_for(subject.device)
    return time.perf_counter() - start


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _weights(model: torch.nn.Module) -> int:
    """Bytes of parameters and buffers."""
    tensors = [*model.parameters(), *model.buffers()]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _growth(subject: Subject, tensors: dict[str, Any]) -> int:
    """Bytes that a batch takes at most beside the weights and its inputs, as torch's allocator counts them."""
    if subject.device.type == "cuda":
        before = torch.cuda.memory_allocated(subject.device)
        torch.cuda.reset_peak_memory_stats(subject.device)
        _seconds(subject, tensors)
        return torch.cuda.max_memory_allocated(subject.device) - before
    # The process's resident memory says less: an allocator keeps what it has had, so the first model of a process
    # would pay for the next.
    from torch.profiler import ProfilerActivity, profile  # heavy, and only this metric needs it

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        _seconds(subject, tensors)
    changes = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    taken = most = 0
    for change in sorted(changes, key=lambda event: event.start_ns()):
        taken += change.nbytes()
        most = max(most, taken)
    return most
