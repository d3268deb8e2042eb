"""The schema and its page: public, self-hosted, complete."""

import json
import re

from django.test import Client

from crm.api.docs import build, chapters
from crm.api.problems import KINDS
from crm.api.scopes import SCOPES


def test_schema_is_served_to_anybody(db: None) -> None:
    response = Client().get("/api/v1/schema")

    assert response.headers["Content-Type"] == "application/vnd.oai.openapi+json; version=3.1"
    found = json.loads(response.content)
    assert found["openapi"].startswith("3.1")
    assert found["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def test_every_operation_says_what_it_does_and_which_scope_it_needs() -> None:
    for path, operations in build()["paths"].items():
        for method, operation in operations.items():
            assert operation.get("summary"), f"{method} {path}"
            assert operation["x-scopes"], f"{method} {path}"
            assert operation["tags"] != ["Other"], f"{method} {path}"


def test_page_tells_every_operation_problem_and_scope_and_asks_nobody_else(db: None) -> None:
    response = Client().get("/api/v1/docs")
    page = response.content.decode()

    for chapter in chapters():
        for operation in chapter.operations:
            assert f'id="{operation.id}"' in page
            assert operation.curl.startswith("curl ")
    for status, (code, _title, _advice) in KINDS.items():
        assert f'id="problem-{code}"' in page, status
    for scope in SCOPES:
        assert f"<code>{scope}</code>" in page
    assert re.findall(r'(?:src|href)="(https?:[^"]*)"', page) == []
    assert "style=" not in page
    assert "onclick" not in page
    assert "'unsafe-inline'" not in response.headers["Content-Security-Policy"]


def test_python_examples_are_python() -> None:
    for chapter in chapters():
        for operation in chapter.operations:
            compile(operation.python, operation.id, "exec")
