"""Requests made up from the schema, by an administrator and by a viewer: never a 5xx, nothing that the schema does not say.

Each operation is asked for what can be done with the world's rows, so that its answer is compared with the schema too; then with what
the schema allows, and with what it does not.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

import pytest
import schemathesis
from django.conf import LazySettings
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from crm.wsgi import application
from tests.crm.api import bodies
from tests.crm.api.world import World, make_world
from tests.factories import ApiTokenFactory, GrantFactory, UserFactory

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip
IS_UID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
RIGHT, WRONG = 3, 1  # made up for each operation: that the schema allows, and that it does not


@pytest.fixture
def one_connection() -> Iterator[None]:
    """A real server closes connections between requests; here the whole test is one transaction on one of them."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_whole_schema_holds_for_made_up_requests(
    db: None, one_connection: None, folder, role: str, settings: LazySettings
) -> None:  # type: ignore[no-untyped-def]
    settings.API_RATE_PER_MINUTE = 1_000_000
    user = UserFactory()
    GrantFactory(user=user, role=role)
    owner = user if role == "admin" else GrantFactory(role="admin").user  # some rows are of whoever made them alone
    world = make_world(owner)
    headers = {"Authorization": f"Bearer {ApiTokenFactory(user=user).text}"}
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema", application)

    walked, wrong = [], []
    for found in schema.get_all_operations():
        operation = found.ok()
        walked.append(f"{operation.method.upper()} {operation.path.removeprefix('/api/v1')}")
        try:
            if role == "admin":
                _do(operation, walked[-1], world, headers)
            _try(operation, world, headers, GenerationMode.POSITIVE, RIGHT)
            _try(operation, world, headers, GenerationMode.NEGATIVE, WRONG)
        except BaseException as error:  # a group of failures: all operations are walked, then all are told
            wrong.append(f"{operation.label}: {error}"[:1500])

    assert wrong == [], "\n\n".join(wrong)
    assert sorted(walked) == sorted(label for label, _operation in bodies.operations())


def _do(operation, label: str, world: World, headers: dict[str, str]) -> None:  # type: ignore[no-untyped-def]
    """With rows and a body with which it can be done: it is, and answers as the schema says; what is declared empty is empty."""
    described = dict(bodies.operations())[label]
    kind, _content = bodies.content_of(described)
    if label in bodies.REFUSED or kind == "multipart/form-data":  # files: tests of their features
        return
    _method, address = bodies.address_of(label, world)
    path, _mark, query = address.partition("?")
    given = dict(zip(operation.path.split("/"), f"/api/v1{path}".split("/"), strict=True))
    body = bodies.body_of(label, described, world)
    case = operation.Case(
        path_parameters={name[1:-1]: value for name, value in given.items() if name.startswith("{")},
        query=dict(parse_qsl(query)),
        **({} if body is None else {"body": body, "media_type": "application/json"}),
    )
    with transaction.atomic():
        answer = case.call_and_validate(headers=headers, checks=CHECKS)
        transaction.set_rollback(True)
    assert 200 <= answer.status_code < 300, f"{answer.status_code}: {answer.text[:500]}"
    if "content" not in described["responses"][str(answer.status_code)]:
        assert not answer.content, "declared empty"


def _try(operation, world: World, headers: dict[str, str], mode: GenerationMode, number: int) -> None:  # type: ignore[no-untyped-def]
    """What is made up; two of three times with rows that there are, in the path and in the body."""
    turn = iter(range(10_000))

    @seed(20261201)
    @settings(
        max_examples=number, phases=[Phase.explicit, Phase.generate], database=None, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def examples(case) -> None:  # type: ignore[no-untyped-def]
        # a test message would go out by SMTP, which does not answer here
        if not operation.path.endswith("/test") and next(turn) % 3:
            label = f"{operation.method.upper()} {operation.path.removeprefix('/api/v1')}"
            known = world.uids.get(bodies.ROWS.get(label) or operation.path.split("/")[3])
            if known and case.path_parameters and "uid" in case.path_parameters:
                case.path_parameters["uid"] = known
            case.body = _known(case.body, world)
        with transaction.atomic():  # each example finds the world as it was
            case.call_and_validate(headers=headers, checks=CHECKS)
            transaction.set_rollback(True)

    with suppress(Unsatisfiable):  # nothing can be wrong with it: it takes nothing
        examples()


def _known(body: Any, world: World, name: str = "") -> Any:
    """Ids in a body as those of the world's rows."""
    if isinstance(body, dict):
        return {key: _known(value, world, key) for key, value in body.items()}
    if isinstance(body, list):
        return [_known(value, world, name) for value in body]
    if isinstance(body, str) and IS_UID.fullmatch(body):
        return world.uids.get(bodies.collection_of((name,)) if name else "", body)
    return body
