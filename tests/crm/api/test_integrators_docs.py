"""The Python in docs/integrators/ runs as it stands, against the real API."""

import json
import re
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from campaigns.feeds.services import number_feeds
from crm.local.places import ROOT
from tests.campaigns.feeds.test_feeds import frozen
from tests.crm.api.client import Api

PAGES = sorted(path for path in Path(ROOT, "docs/integrators").glob("*.md") if "```python" in path.read_text())


class Answer:
    """A response as httpx gives it, as far as the pages use one."""

    def __init__(self, response: Any) -> None:
        self.response, self.status_code, self.headers = response, response.status_code, response.headers

    def raise_for_status(self) -> "Answer":
        assert self.status_code < 400, self.response.content
        return self

    def json(self) -> Any:
        return self.response.json()

    def iter_lines(self) -> list[str]:
        return b"".join(self.response.streaming_content).decode().splitlines()


class Httpx:
    """httpx.Client over the test client."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def ask(self, method: str, url: str, *, json: Any = None, params: Any = None, headers: Any = None) -> Answer:
        url += f"?{urlencode(params)}" if params else ""
        return Answer(self.api(method, url, json, **{n.replace("-", "_"): v for n, v in (headers or {}).items()}))

    def get(self, url: str, **more: Any) -> Answer:
        return self.ask("GET", url, **more)

    def post(self, url: str, **more: Any) -> Answer:
        return self.ask("POST", url, **more)

    def patch(self, url: str, **more: Any) -> Answer:
        return self.ask("PATCH", url, **more)

    @contextmanager
    def stream(self, method: str, url: str):  # type: ignore[no-untyped-def]
        yield self.ask(method, url)


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_examples_run(page: Path, api, planner) -> None:  # type: ignore[no-untyped-def]
    frozen(3)
    number_feeds()
    names = {"uuid": uuid, "json": json, "api": Httpx(api(planner))}

    for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.S):
        code = "\n".join(line for line in block.splitlines() if not line.startswith("api = httpx"))
        exec(code, names)  # noqa: S102 our own pages

    assert len(PAGES) >= 5
