"""How far a long command has come, for somebody at a terminal."""

import io

import pytest
from django.core.management.base import OutputWrapper

from subscriptions.management.progress import ProgressLine


class Terminal(io.StringIO):
    """Text that is shown at once."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_the_line_grow_and_go() -> None:
    terminal = Terminal()
    line = ProgressLine(OutputWrapper(terminal), is_wanted=True)

    line(20, 60)
    line(60, 60)
    line.clear()

    first, second, wiped, end = terminal.getvalue().split("\r")[1:]
    assert first == f"[{'#' * 10}{'.' * 20}] 20 of 60"
    assert second == f"[{'#' * 30}] 60 of 60"
    assert (wiped.strip(), len(wiped), end) == ("", len(second), "")


def test_what_nobody_has_counted_is_told_so_far() -> None:
    terminal = Terminal()
    line = ProgressLine(OutputWrapper(terminal), is_wanted=True)

    line.so_far(2000)
    line.clear()

    assert terminal.getvalue() == "\r2,000 so far\r            \r"


@pytest.mark.parametrize(("stream", "is_wanted"), [(io.StringIO(), True), (Terminal(), False)])
def test_a_file_or_a_silent_command_sees_nothing(stream: io.StringIO, is_wanted: bool) -> None:
    line = ProgressLine(OutputWrapper(stream), is_wanted=is_wanted)

    line(1, 2)
    line.clear()

    assert stream.getvalue() == ""
