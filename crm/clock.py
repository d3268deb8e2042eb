"""Beat's scheduler in production: Celery's own, which keeps nothing on disk, and a sign of life for the health check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from celery.beat import Scheduler

from crm.env import env


class Clock(Scheduler):
    """Touches BEAT_FILE at each tick: a beat that hangs is running and ticks no more."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._sign = env("BEAT_FILE", "")
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        wait = super().tick(*args, **kwargs)
        if self._sign:
            Path(self._sign).touch()
        return wait
