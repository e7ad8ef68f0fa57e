"""A line that tells somebody at a terminal how far a long command has come; cron sees nothing of it."""

from django.core.management.base import OutputWrapper

WIDTH = 30


class ProgressLine:
    """Shows how much is done, over itself, and wipes itself at the end."""

    def __init__(self, stream: OutputWrapper, *, is_wanted: bool) -> None:
        """Write to `stream` if that is a terminal and the line is wanted."""
        self._stream = stream
        self._is_shown = is_wanted and stream.isatty()
        self._length = 0

    def __call__(self, done: int, total: int) -> None:
        """Show where things stand."""
        filled = WIDTH * done // total if total else WIDTH
        self._show(f"[{'#' * filled}{'.' * (WIDTH - filled)}] {done} of {total}")

    def so_far(self, done: int) -> None:
        """Show how much is done of what nobody has counted."""
        self._show(f"{done:,} so far")

    def clear(self) -> None:
        """Leave the line empty for what comes next."""
        self._show("")
        self._write("\r")

    def _show(self, text: str) -> None:
        self._write(f"\r{text.ljust(self._length)}")
        self._length = len(text)

    def _write(self, text: str) -> None:
        if self._is_shown:
            self._stream.write(text, style_func=str, ending="")
            self._stream.flush()
