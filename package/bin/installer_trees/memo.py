"""Answers that are remembered within bounds of number and size."""

from __future__ import annotations

from typing import TypeVar

MEMO_CHARS = 16 * 1024 * 1024
"""Characters that one memo holds before it is emptied."""

K = TypeVar("K")
V = TypeVar("V")


class Memo(dict[K, V]):
    """A dict that is emptied where it holds too much: what is asked again is found out again.

    Args:
        room: How many answers it holds before that.
    """

    def __init__(self, room: int) -> None:
        super().__init__()
        self._room = room
        self._chars = 0

    def keep(self, key: K, answer: V, chars: int = 0) -> V:
        """Keep an answer that holds so many characters with its key, and return it."""
        if len(self) > self._room or self._chars > MEMO_CHARS:
            self.clear()
        self[key] = answer
        self._chars += chars
        return answer

    def clear(self) -> None:
        """Forget all answers."""
        super().clear()
        self._chars = 0
