"""Progress bars: on a terminal only, and gone when the work is done or interrupted."""

import io
import sys
from typing import NoReturn

import pytest

from bimotion.cli.progress import Bar, track


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_items_come_unchanged_and_the_bar_names_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert list(track(range(3), "reading files")) == [0, 1, 2]
    assert "reading files" in terminal.getvalue()


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_nothing_is_drawn_for_one_item_or_without_a_terminal(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    assert list(track(range(1 if stream.isatty() else 3), "reading files"))
    assert stream.getvalue() == ""


def test_an_interrupted_bar_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    bar = Bar("composing")

    def work() -> NoReturn:
        with bar:
            bar.update(1, 4)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert bar._bar is not None
    assert not bar._bar.live.is_started
