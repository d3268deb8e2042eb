"""The product's web application with a clock around it, for `manage.py bench signup`: each page's seconds go into a file."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import Any

from crm.wsgi import application as web


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    if environ["REQUEST_METHOD"] != "GET":
        return web(environ, start_response)
    began = time.perf_counter()
    answer = web(environ, start_response)
    with open(os.environ["BENCH_PAGES"], "a", encoding="ascii") as file:
        file.write(f"{time.perf_counter() - began}\n")
    return answer
