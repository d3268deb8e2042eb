"""Requests made up from the schema, by an administrator and by a viewer: never a 5xx, nothing that the schema does not say."""

from collections.abc import Iterator

import pytest
import schemathesis
from django.conf import LazySettings
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from crm.wsgi import application
from tests.crm.api.world import World, make_world
from tests.factories import ApiTokenFactory, GrantFactory, UserFactory

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip
EXAMPLES = 4


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
    writer = UserFactory()
    GrantFactory(user=writer, role="admin")
    world = make_world(writer)
    headers = {"Authorization": f"Bearer {ApiTokenFactory(user=user).text}"}
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema", application)

    walked, wrong = 0, []
    for found in schema.get_all_operations():
        operation = found.ok()
        walked += 1
        try:
            _try(operation, world, headers)
        except BaseException as error:  # a group of failures: all operations are walked, then all are told
            wrong.append(f"{operation.label}: {error}"[:1500])

    assert wrong == [], "\n\n".join(wrong)
    assert walked > 90


def _try(operation, world: World, headers: dict[str, str]) -> None:  # type: ignore[no-untyped-def]
    turn = iter(range(10_000))

    @seed(20261201)
    @settings(
        max_examples=EXAMPLES, phases=[Phase.explicit, Phase.generate], database=None, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy())
    def examples(case) -> None:  # type: ignore[no-untyped-def]
        # a test message would go out by SMTP, which does not answer here
        is_known = not operation.path.endswith("/test")
        if is_known and case.path_parameters and "uid" in case.path_parameters and next(turn) % 3:
            known = world.uids.get(operation.path.split("/")[3])
            if operation.path.startswith("/api/v1/mailings/") and operation.path.endswith("/report"):
                known = world.uids["reports"]
            case.path_parameters["uid"] = known or case.path_parameters["uid"]
        with transaction.atomic():  # each example finds the world as it was
            case.call_and_validate(headers=headers, checks=CHECKS)
            transaction.set_rollback(True)

    examples()
