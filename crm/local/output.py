"""What people see while the product runs: each process's lines with its name in front, and in a file of its own."""

import contextlib
import os
import sys
import time
from pathlib import Path
from typing import TextIO

from crm.local.places import open_log

_COLOURS = {
    "system": 37,
    "web": 36,
    "track": 35,
    "delivery": 32,
    "worker": 33,
    "jobs": 31,
    "beat": 34,
    "mailbox": 95,
    "demo": 92,
}
_WIDTH = max(len(name) for name in _COLOURS)


class Output:
    """The terminal and the log files. Colours only on a terminal, and never with NO_COLOR."""

    def __init__(self, folder: Path, stream: TextIO | None = None) -> None:
        self._folder = folder
        self._stream = stream or sys.stdout
        self._files: dict[str, int] = {}
        self._partial: dict[str, bytes] = {}
        forced = bool(os.environ.get("FORCE_COLOR"))
        self.colours = (self._stream.isatty() or forced) and not os.environ.get("NO_COLOR")

    def say(self, text: str, name: str = "system") -> None:
        """Write whole lines of `name`."""
        for line in text.splitlines() or [""]:
            self._line(name, line)

    def feed(self, name: str, data: bytes) -> None:
        """Take what a process wrote; its lines are shown when they are complete."""
        *lines, rest = (self._partial.pop(name, b"") + data).split(b"\n")
        for line in lines:
            self._line(name, line.decode(errors="replace").rstrip("\r"))
        if rest:
            self._partial[name] = rest

    def finish(self, name: str) -> None:
        """The process has ended: show its last line even if it was not complete."""
        if rest := self._partial.pop(name, b""):
            self._line(name, rest.decode(errors="replace"))

    def plain(self, text: str) -> None:
        """Write text as it is, without a name: the box."""
        self._write(text + "\n")

    def close(self) -> None:
        """Close the log files."""
        for fd in self._files.values():
            os.close(fd)
        self._files.clear()

    def _line(self, name: str, line: str) -> None:
        if name not in self._files:
            self._files[name] = open_log(self._folder / f"{name}.log")
        os.write(self._files[name], f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n".encode())
        label = name.ljust(_WIDTH)
        if self.colours:
            label = f"\x1b[{_COLOURS.get(name, 37)}m{label}\x1b[0m"
        self._write(f"{time.strftime('%H:%M:%S')} {label} │ {line}\n")

    def _write(self, text: str) -> None:
        # A terminal that is gone must not keep the processes from being stopped.
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            # What is left in its buffer must go somewhere too, or Python ends with an error of its own.
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())


def emit(text: str) -> None:
    """One message to the person at the terminal, from a command without log."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def box(title: str, rows: list[tuple[str, str]], *, colours: bool) -> str:
    """A frame around a title and aligned rows; a row without a value is a line of its own, an empty one a gap."""
    left = max((len(name) for name, value in rows if value), default=0)
    lines = [f"{name.ljust(left)}   {value}" if value else name for name, value in rows]
    width = max(len(line) for line in [title, *lines])
    strong, usual = ("\x1b[1m", "\x1b[0m") if colours else ("", "")
    return "\n".join(
        [
            "",
            f"  ╭─{'─' * width}─╮",
            f"  │ {strong}{title.ljust(width)}{usual} │",
            f"  ├─{'─' * width}─┤",
            *(f"  │ {line.ljust(width)} │" for line in lines),
            f"  ╰─{'─' * width}─╯",
            "",
        ]
    )
