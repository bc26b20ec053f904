"""How large the page may become: what does not fit is counted instead of shown."""

from __future__ import annotations

# Below 5 MB in all. A check takes about 4 kB, and is always shown.
_PAGE_BYTES = 4_600_000
_CHECK_BYTES = 4_000


class Budget:
    """Bytes of the page that may still be spent on what is not essential."""

    def __init__(self, left: int) -> None:
        self.left = left

    @staticmethod
    def beside(checks: int) -> Budget:
        """What a page of so many checks has left for slices, charts and samples; pictures get as much again."""
        return Budget(max(_PAGE_BYTES - _CHECK_BYTES * checks, 500_000) // 2)

    def takes(self, size: int) -> bool:
        """Whether so many bytes fit; then they are spent."""
        if size > self.left:
            return False
        self.left -= size
        return True
