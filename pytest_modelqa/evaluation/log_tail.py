"""The tail of what a worker prints, for error messages: user code may print 100 MB."""

from __future__ import annotations

import os
import threading
from typing import IO

LOG_BYTES = 64 * 1024
LAST_OUTPUT_SECONDS = 0.5


class LogTail:
    """The last part of a stream, read by a thread of its own until the stream ends."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        assert stream is not None
        self._stream = stream
        self._bytes = b""
        self._lost = False
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._drain, name="modelqa-log", daemon=True)
        self._reader.start()

    def clear(self) -> None:
        """Forgets what was printed so far: it belongs to an earlier evaluation."""
        with self._lock:
            self._bytes, self._lost = b"", False

    def settle(self) -> None:
        """Waits a moment for what a dead worker printed last; a child of it may hold the pipe open for ever."""
        self._reader.join(LAST_OUTPUT_SECONDS)

    def text(self) -> str:
        """The tail, under a heading; empty when nothing was printed."""
        with self._lock:
            content, lost = self._bytes.decode(errors="replace").strip(), self._lost
        if not content:
            return ""
        heading = "last output of the worker" + (f" (its last {LOG_BYTES // 1024} KiB)" if lost else "")
        return f"--- {heading} ---\n{content}"

    def _drain(self) -> None:
        while chunk := os.read(self._stream.fileno(), 65536):
            with self._lock:
                everything = self._bytes + chunk
                self._lost = self._lost or len(everything) > LOG_BYTES
                self._bytes = everything[-LOG_BYTES:]
