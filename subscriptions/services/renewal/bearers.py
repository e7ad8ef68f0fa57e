"""The tokens of one owner during a run: shared by its threads, and refreshed once when Graph refuses one."""

import threading
from collections.abc import Callable


class Bearer:
    """Gives a bearer token to each thread.

    `acquire` gets a token, from memory while one lasts; its argument asks for a fresh one. When Graph refuses a token
    to several calls at once, one of them gets a fresh one and the others use that.
    """

    def __init__(self, acquire: Callable[[bool], str]) -> None:
        self._acquire = acquire
        self._lock = threading.Lock()
        self._given = threading.local()
        self._current = ""
        self._is_fresh = False

    def __call__(self, force: bool) -> str:
        """Return a token; `force` says that Graph refused the one given to this thread."""
        with self._lock:
            if not force:
                self._current = self._acquire(False)
            elif self._current == getattr(self._given, "token", "") and not self._is_fresh:
                self._is_fresh = True
                self._current = self._acquire(True)
            self._given.token = self._current
            return self._current
