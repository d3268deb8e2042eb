"""What an administrator set is undone like anything else: the organization, languages, the rule of sign-in, grants, days of retention."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from crm.accounts.installation import edit_installation, set_languages
from crm.accounts.models import Grant, Installation, User
from crm.accounts.services import add_grant, remove_grant
from crm.accounts.two_step_services import set_policy
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from crm.errors import Conflict, Invalid, NotAllowed
from crm.ids import new_uid
from crm.retention.models import RetentionRule
from crm.retention.services import set_rules
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def last(verb: str) -> AuditEntry:
    return AuditEntry.objects.filter(verb=verb).latest("pk")


def installation(*names: str) -> tuple:
    return Installation.objects.values_list(*names).get()


def grants(user: User) -> list[tuple]:
    return list(user.grants.order_by("role").values_list("role", "is_everywhere", "countries", "campaigns"))


# --- the organization, its languages, the rule of sign-in ---------------------------------------------------------------
def test_name_and_languages_go_back_from_the_page_of_the_entry(admin, sign_in):
    edit_installation(actor=admin, name="Coalition", postal_address="Lusaka")
    set_languages(languages=["fr", "pt"], default_language="pt", actor=admin)
    names = ("name", "postal_address", "default_language", "languages")
    client, entry = sign_in(admin), last("installation.edited")

    page = client.get(reverse("activity_entry", args=[entry.uid])).content.decode()
    assert "Undo" in page
    client.post(reverse("undo", args=[entry.uid]))

    first = Installation._meta.get_field("languages").default()
    assert installation(*names) == ("Coalition", "Lusaka", "en", first)
    undo(entry=AuditEntry.objects.get(verb="installation.edited", changes__field="name"), actor=admin)
    assert installation(*names) == ("", "", "en", first)


def test_organization_that_was_changed_since_is_left_as_it_is(admin, viewer):
    edit_installation(actor=admin, name="One")
    entry = last("installation.edited")
    with pytest.raises(NotAllowed):
        undo(entry=entry, actor=viewer)
    edit_installation(actor=admin, name="Two")

    with pytest.raises(Conflict, match="changed again since"):
        undo(entry=entry, actor=admin)

    assert installation("name") == ("Two",)


def test_default_language_that_would_not_be_offered_is_refused(admin):
    set_languages(languages=["en", "fr"], default_language="en", actor=admin)
    edit_installation(actor=admin, default_language="fr")
    entry = last("installation.edited")
    Installation.objects.update(languages=["fr"])

    with pytest.raises(Conflict, match="must be one of those offered"):
        undo(entry=entry, actor=admin)

    assert installation("default_language") == ("fr",)


def test_rule_of_sign_in_goes_back_and_a_role_that_is_added_by_it_gets_its_days(admin):
    set_policy(roles=["admin", "planner"], grace_days=7, actor=admin)
    Installation.objects.update(two_step_since=timezone.now() - timedelta(days=100))
    set_policy(roles=["admin"], grace_days=3, actor=admin)
    names = ("two_step_roles", "two_step_grace_days")

    undo(entry=last("sign_in.rule_changed"), actor=admin)

    assert installation(*names) == (["admin", "planner"], 7)
    assert Installation.objects.get().two_step_since > timezone.now() - timedelta(minutes=5)
    undo(entry=AuditEntry.objects.filter(verb="sign_in.rule_changed").earliest("pk"), actor=admin)
    assert installation(*names, "two_step_since") == ([], 14, None)


# --- grants -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("where", [{}, {"countries": ["TD", "ZM"]}, {"countries": ["ZM"], "campaigns": True}])
def test_grant_is_taken_again_and_one_that_was_taken_is_given_again(admin, where):
    where = {**where, **({"campaigns": [new_uid()]} if "campaigns" in where else {})}
    user = UserFactory()
    grant = add_grant(user=user, role="planner", actor=admin, **where)
    before = grants(user)

    remove_grant(grant=grant, actor=admin)
    undo(entry=last("grant.removed"), actor=admin)
    assert grants(user) == before

    undo(entry=last("grant.given"), actor=admin)
    assert grants(user) == []
    assert AuditEntry.objects.filter(verb="user.undone").count() == 2


def test_only_an_administrator_undoes_a_grant_also_their_own(admin, sign_in):
    other = UserFactory()
    mine = add_grant(user=other, role="admin", actor=admin)
    given = add_grant(user=UserFactory(), role="viewer", actor=other)
    entry = last("grant.given")
    mine.delete()

    answer = sign_in(other).post(reverse("undo", args=[entry.uid]))

    assert answer.status_code == 403 and Grant.objects.filter(pk=given.pk).exists()


def test_undo_leaves_an_administrator_and_ones_own_administration(admin):
    other = UserFactory()
    add_grant(user=other, role="admin", actor=admin)
    entry = last("grant.given")
    with pytest.raises(Conflict, match="You cannot take your own administration away"):
        undo(entry=entry, actor=other)
    admin.grants.all().delete()
    with pytest.raises(Conflict, match="Somebody must remain administrator"):
        undo(entry=entry, actor=User.objects.get(pk=other.pk))
    assert grants(other) == [("admin", True, [], [])]


def test_grant_that_is_there_again_or_gone_is_left_as_it_is(admin):
    user = UserFactory()
    remove_grant(grant=add_grant(user=user, role="viewer", actor=admin), actor=admin)
    given, taken = last("grant.given"), last("grant.removed")

    with pytest.raises(Conflict, match="taken already"):
        undo(entry=given, actor=admin)
    add_grant(user=user, role="viewer", actor=admin)
    with pytest.raises(Conflict, match="this grant again already"):
        undo(entry=taken, actor=admin)

    assert grants(user) == [("viewer", True, [], [])]


# --- retention --------------------------------------------------------------------------------------------------------
def test_days_go_back_unless_they_were_changed_since_or_hang_on_others(admin, viewer):
    set_rules(days={"hits": 90}, actor=admin)
    shorter = last("retention.edited")
    set_rules(days={"deliveries": 365}, actor=admin)
    fewer = last("retention.edited")

    with pytest.raises(NotAllowed):
        undo(entry=shorter, actor=viewer)
    with pytest.raises(Invalid, match="cannot be kept longer"):
        undo(entry=shorter, actor=admin)
    undo(entry=fewer, actor=admin)
    undo(entry=shorter, actor=admin)

    assert dict(RetentionRule.objects.values_list("kind", "days")) == {"hits": 400, "deliveries": 1095}
    assert AuditEntry.objects.filter(verb="retentionrule.undone").count() == 2


def test_days_that_were_changed_since_are_left(admin):
    set_rules(days={"hits": 90}, actor=admin)
    entry = last("retention.edited")
    set_rules(days={"hits": 180}, actor=admin)

    with pytest.raises(Conflict, match="changed again since"):
        undo(entry=entry, actor=admin)

    assert RetentionRule.objects.get().days == 180
