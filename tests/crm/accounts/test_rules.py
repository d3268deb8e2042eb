"""The role × action table and scopes: grants are pairs, never all roles × all scopes."""

from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from crm.accounts.backends import SignInBackend
from crm.accounts.models import Grant
from crm.accounts.rules import TABLE, Action, Role
from crm.accounts.services import add_grant, invite
from crm.errors import Invalid
from tests.factories import GrantFactory, UserFactory

MAY = {
    Role.ADMIN: set(Action),
    Role.PLANNER: set(Action) - {Action.APPROVE, Action.ADMINISTER},
    Role.EDITOR: {Action.SEE, Action.SEGMENTS, Action.SEGMENTS_OWN, Action.WRITE, Action.SEND, Action.PAUSE},
    Role.APPROVER: {Action.SEE, Action.APPROVE, Action.PAUSE},
    Role.OUTREACH: {Action.SEE, Action.EDIT_DIRECTORY, Action.SEGMENTS_OWN, Action.LOG},
    Role.VIEWER: {Action.SEE},
}


@pytest.mark.parametrize("role", list(Role))
def test_table_is_the_one_that_was_decided(role: Role) -> None:
    assert set(TABLE[role]) == MAY[role]


def test_two_grants_do_not_multiply(db: None) -> None:
    user = UserFactory()
    GrantFactory(user=user, role=Role.VIEWER)
    GrantFactory(user=user, role=Role.PLANNER, is_everywhere=False, countries=["SN"])

    assert user.scope(Action.SEE).countries is None
    assert user.scope(Action.EDIT_DIRECTORY).countries == {"SN"}
    assert not user.may(Action.APPROVE)


def test_grant_of_a_campaign_reaches_its_campaign_in_its_countries_only(db: None) -> None:
    campaign = uuid4()
    user = UserFactory()
    GrantFactory(user=user, role=Role.EDITOR, is_everywhere=False, countries=["SN", "ML"], campaigns=[campaign])

    scope = user.scope(Action.WRITE)

    assert not scope.is_everything
    assert scope.countries == {"SN", "ML"}
    assert [pair.campaigns for pair in scope.pairs] == [{campaign}]


def test_inactive_user_may_nothing(db: None) -> None:
    user = UserFactory(is_active=False)
    GrantFactory(user=user, role=Role.ADMIN)

    assert not user.may(Action.SEE)


@pytest.mark.parametrize(("everywhere", "countries"), [(True, ["SN"]), (False, [])])
def test_database_refuses_a_grant_whose_scope_is_unclear(db: None, everywhere: bool, countries: list[str]) -> None:
    user = UserFactory()

    with pytest.raises(IntegrityError, match="grant_scope_is_clear"), transaction.atomic():
        Grant.objects.create(user=user, role=Role.VIEWER, is_everywhere=everywhere, countries=countries)


def test_an_administrator_is_one_everywhere(db: None, admin: object) -> None:
    """Whoever gives grants could widen his own."""
    user = UserFactory()

    with pytest.raises(Invalid, match="one everywhere"):
        add_grant(user=user, role=Role.ADMIN, actor=admin, countries=["SN"])
    with pytest.raises(Invalid, match="one everywhere"):
        invite(email="a@example.org", name="A", role=Role.ADMIN, actor=admin, countries=["SN"])

    assert not Grant.objects.filter(user=user).exists()


def test_grants_that_come_with_the_session_s_user_are_as_they_stand_in_their_table(planner):
    GrantFactory(user=planner, role="viewer", is_everywhere=False, countries=["TG"], campaigns=[uuid4()])

    user = SignInBackend().get_user(planner.pk)

    fields = [field.attname for field in Grant._meta.concrete_fields]
    read = [[getattr(grant, name) for name in fields] for grant in user.grant_rows]
    assert read == [[getattr(grant, name) for name in fields] for grant in planner.grants.order_by("pk")]
