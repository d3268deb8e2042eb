from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery.audience import audience_sql, audience_summary
from campaigns.engagement.models import EngagementDay
from campaigns.guard import erasing
from campaigns.guard.mailings import guard_findings, held_back, overridden
from campaigns.guard.models import ContactGuard, GuardOverride
from campaigns.guard.queries import conflicts_of
from campaigns.guard.services import (
    add_quiet_dates,
    override_for_mailing,
    remove_quiet_dates,
    set_guard,
    set_owner_of_many,
)
from campaigns.interactions.services import Guarded, log_interaction
from campaigns.mailings.models import Mailing
from campaigns.outreach.models import Interaction
from campaigns.todo.models import Task
from contacts.consent.services import grant_consent
from contacts.directory.models import Organization
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from crm.errors import Invalid, NotAllowed, WrongState
from tests.campaigns.interactions.test_segment_fields import found
from tests.factories import (
    ContactPointFactory,
    GrantFactory,
    MailingFactory,
    MembershipFactory,
    OrganizationFactory,
    TopicFactory,
    VariantFactory,
)

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()


def words_of(organization, user=None):
    rows = conflicts_of([organization.pk], now=timezone.now(), user=user).get(organization.pk, [])
    return [(each.kind, each.is_hard) for each in rows]


def test_who_looks_after_many_is_said_at_once_and_taken_back(planner, outreach, sign_in):
    one, other, third = (OrganizationFactory(country__code="ZM") for _each in range(3))
    set_guard(organization=one, actor=planner, owner=planner, protocol="By letter")
    client, url = sign_in(planner), reverse("owner_bulk")
    picks = {"pick": [str(row.uid) for row in (one, other)]}
    assert (
        reverse("owner_bulk") in client.post(reverse("directory_bulk", args=["organization"]), picks).content.decode()
    )
    assert "2 will change" in client.post(url, {**picks, "owner": str(outreach.uid)}).content.decode()

    client.post(url, {**picks, "owner": str(outreach.uid), "confirm": "1"})

    owners = dict(ContactGuard.objects.values_list("organization_id", "owner_id"))
    assert owners == {one.pk: outreach.pk, other.pk: outreach.pk}
    set_guard(organization=other, actor=planner, owner=planner)
    undo(entry=AuditEntry.objects.get(verb="contactguard.owner_set"), actor=planner)
    guards = {row.organization_id: row for row in ContactGuard.objects.all()}
    assert guards[one.pk].owner_id == planner.pk and guards[one.pk].protocol == "By letter"
    assert guards[other.pk].owner_id == planner.pk  # changed since, so it stays
    assert third.pk not in guards


def test_an_owner_of_many_must_handle_outreach(planner, viewer):
    rows = Organization.objects.filter(pk=OrganizationFactory().pk)
    with pytest.raises(Invalid, match="does not handle outreach"):
        set_owner_of_many(rows=rows, owner=viewer, actor=planner)
    assert not ContactGuard.objects.exists()


def a_mailing(*organizations):
    """To one person of each institution, who all may be written to."""
    topic = TopicFactory()
    mailing = MailingFactory(topic=topic, contact_guard_days=0)
    mailing.segment.tree = {"version": 1, "op": "all", "rules": [{"field": "membership", "operator": "yes"}]}
    mailing.segment.save()
    VariantFactory(mailing=mailing, language="en") if not mailing.variants.exists() else None
    for organization in organizations:
        person = MembershipFactory(organization=organization, is_primary=True).person
        ContactPointFactory(person=person)
        grant_consent(subject=person, topic=topic, lawful_basis="consent", source="test", actor=None)
    return mailing


def test_quiet_dates_protocol_and_owner_stand_against_it(planner, outreach):
    ministry = OrganizationFactory()
    assert words_of(ministry) == []

    set_guard(organization=ministry, actor=planner, owner=planner, protocol="Only through the mission")
    quiet = add_quiet_dates(organization=ministry, actor=planner, starts_on=TODAY, ends_on=TODAY, why="Election")

    assert words_of(ministry, outreach) == [("quiet", True), ("protocol", True), ("owner", False)]
    assert words_of(ministry, planner) == [("quiet", True), ("protocol", True)]
    entry = remove_quiet_dates(quiet=quiet, actor=planner)
    assert words_of(ministry) == [("protocol", True)]
    undo(entry=entry, actor=planner)
    assert words_of(ministry) == [("quiet", True), ("protocol", True)]


def test_touches_are_what_we_logged_and_days_of_mail_within_the_period(planner, outreach):
    ministry = OrganizationFactory()
    awa = MembershipFactory(organization=ministry).person
    set_guard(organization=ministry, actor=planner, most_touches=3, per_days=30)
    now = timezone.now()
    for days in (5, 10, 60):
        log_interaction(actor=outreach, kind="call", organizations=[ministry], at=now - timedelta(days=days))
    row = Interaction.objects.create(kind="reply", organization=ministry, at=now)
    row.parties.create(organization=ministry, at=now, is_two_way=True)
    assert words_of(ministry) == []

    EngagementDay.objects.create(person_id=awa.pk, day=TODAY - timedelta(days=1), mailed=1)

    assert words_of(ministry) == [("touches", True)]
    assert conflicts_of([ministry.pk], now=now)[ministry.pk][0].words == "3 touches in 30 days, and 3 are the most"


def test_guard_is_refused_what_makes_no_sense_and_the_database_keeps_it(planner, viewer):
    ministry = OrganizationFactory()
    with pytest.raises(Invalid, match="Say both"):
        set_guard(organization=ministry, actor=planner, most_touches=3)
    with pytest.raises(Invalid, match="cannot look after it"):
        set_guard(organization=ministry, actor=planner, owner=viewer)
    with pytest.raises(NotAllowed):
        set_guard(organization=ministry, actor=viewer, protocol="Mine")
    with pytest.raises(IntegrityError), transaction.atomic():
        ContactGuard.objects.create(organization=OrganizationFactory(), most_touches=3)
    assert not AuditEntry.objects.filter(verb="contactguard.set").exists()


def test_guard_is_changed_and_taken_back(planner, outreach):
    ministry = OrganizationFactory()
    set_guard(organization=ministry, actor=planner, owner=outreach, silent_weeks=4)
    entry = set_guard(organization=ministry, actor=planner, owner=planner, silent_weeks=4)
    assert set_guard(organization=ministry, actor=planner, owner=planner) is None

    undo(entry=entry, actor=planner)

    assert ContactGuard.objects.get().owner == outreach


# --- the log ------------------------------------------------------------------------------------------------------------------
def test_the_log_asks_for_a_reason_and_keeps_it(sign_in, planner, outreach):
    ministry = OrganizationFactory(name="Ministry")
    set_guard(organization=ministry, actor=planner, protocol="Only through the mission")
    with pytest.raises(Guarded):
        log_interaction(actor=outreach, kind="call", organizations=[ministry])
    # of an earlier day it can only be written down
    log_interaction(actor=outreach, kind="call", organizations=[ministry], at=timezone.now() - timedelta(days=2))
    assert Interaction.objects.count() == 1

    client, url = sign_in(outreach), reverse("log")
    page = client.get(f"{url}?organization={ministry.uid}").content.decode()
    data = {"kind": "call", "is_two_way": "on", "parties": [f"organization:{ministry.uid}"]}
    refused = client.post(url, data)
    assert "Only through the mission" in page
    assert refused.status_code == 422
    assert "Why all the same?" in refused.content.decode()
    assert client.post(url, data | {"override_reason": "They rang us"}).status_code == 302

    override = GuardOverride.objects.get()
    assert (override.door, override.reason, override.conflict, override.by) == (
        "log", "They rang us", "Only through the mission", outreach,
    )  # fmt: skip
    assert AuditEntry.objects.filter(verb="guardoverride.created").count() == 1


# --- mailings -----------------------------------------------------------------------------------------------------------------
def test_while_no_guard_says_anything_the_audience_asks_for_nothing(planner, django_assert_num_queries):
    ministry = OrganizationFactory()
    mailing = a_mailing(ministry)
    set_guard(organization=ministry, actor=planner, owner=planner)

    sql, _params = audience_sql(mailing, fields=())  # a text without fields of its own

    assert "campaigns_contactguard" not in sql
    assert list(guard_findings(mailing)) == []


def test_mailing_skips_guarded_institutions_and_writes_to_those_with_a_reason(sign_in, planner, editor):
    quiet, protocol, free = (OrganizationFactory(name=name) for name in ("Quiet", "Protocol", "Free"))
    mailing = a_mailing(quiet, protocol, free)
    add_quiet_dates(
        organization=quiet, actor=planner, starts_on=TODAY - timedelta(days=1), ends_on=TODAY + timedelta(days=1)
    )
    set_guard(organization=protocol, actor=planner, protocol="Through the mission")

    summary = audience_summary(mailing)
    assert (summary.will_get, summary.reasons) == (1, {"too_recent": 2})
    assert [(each.organization.name, each.count) for each in held_back(mailing)] == [("Protocol", 1), ("Quiet", 1)]
    client, page = sign_in(editor), reverse("mailing_guard", args=[mailing.uid])
    assert "Through the mission" in client.get(page).content.decode()
    url = reverse("mailing_guard_override", args=[mailing.uid])
    assert client.post(url, {"organization": protocol.uid, "reason": " "}).status_code == 422
    for _click in range(2):
        assert client.post(url, {"organization": protocol.uid, "reason": "The mission agreed"}).status_code == 302

    assert audience_summary(mailing).will_get == 2
    assert GuardOverride.objects.get().reason == "The mission agreed"
    assert "The mission agreed" in client.get(page).content.decode()
    entry = AuditEntry.objects.filter(verb="guardoverride.created").first()
    undo(entry=entry, actor=editor)
    assert audience_summary(mailing).will_get == 1

    hold = reverse("mailing_guard_hold", args=[mailing.uid])
    asked = {"organization": quiet.uid, "who": planner.uid}
    assert client.post(hold, asked | {"until": TODAY}).status_code == 422
    assert client.post(hold, asked | {"until": TODAY + timedelta(days=9), "who": editor.uid}).status_code == 422
    for days in (9, 5):  # a second hold moves the first
        assert client.post(hold, asked | {"until": TODAY + timedelta(days=days)}).status_code == 302
    task = Task.objects.get()
    assert (task.due_on, task.assignee, task.organization) == (TODAY + timedelta(days=5), planner, quiet)
    assert "Held: " in client.get(page).content.decode()


def test_guard_is_not_gone_over_once_a_mailing_is_approved_nor_where_it_says_nothing(planner, editor):
    free, guarded = OrganizationFactory(), OrganizationFactory()
    mailing = a_mailing(guarded)
    set_guard(organization=guarded, actor=planner, protocol="Through the mission")
    with pytest.raises(Invalid, match="Nothing holds us back"):
        override_for_mailing(mailing=mailing, organization=free, reason="Why not", actor=editor)

    Mailing.objects.filter(pk=mailing.pk).update(state="cancelled")

    with pytest.raises(WrongState):
        override_for_mailing(mailing=mailing, organization=guarded, reason="Too late", actor=editor)
    assert not GuardOverride.objects.exists()


def test_what_was_gone_over_is_told_within_ones_reach_and_loses_names_with_an_erasure(planner, editor):
    here, there = OrganizationFactory(country__code="ZM"), OrganizationFactory(country__code="FR")
    mailing = a_mailing(here, there)
    for institution in (here, there):
        set_guard(organization=institution, actor=planner, protocol="Only through Zenobia Quill")
        override_for_mailing(mailing=mailing, organization=institution, reason="Zenobia Quill agreed", actor=editor)
    near = GrantFactory(role="planner", is_everywhere=False, countries=["ZM"]).user

    assert {one.organization for one in overridden(mailing, planner)} == {here, there}
    assert [one.organization for one in overridden(mailing, near)] == [here]
    data = SimpleNamespace(needles=["Zenobia Quill"])
    assert erasing.count(data) == 6 == erasing.erase(data)
    assert erasing.count(data) == 0
    assert set(GuardOverride.objects.values_list("conflict", "reason")) == {("Only through …", "… agreed")}


# --- screens, segments, API -----------------------------------------------------------------------------------------------------
def test_guard_on_the_institutions_page(sign_in, planner, outreach, viewer):
    ministry = OrganizationFactory()
    client = sign_in(planner)
    data = {
        "owner": outreach.uid,
        "silent_weeks": "6",
        "most_touches": "2",
        "per_days": "30",
        "protocol": "Through the mission",
    }

    assert client.post(reverse("guard_edit", args=[ministry.uid]), data).status_code == 302
    assert client.post(reverse("guard_edit", args=[ministry.uid]), data | {"per_days": ""}).status_code == 422
    assert (
        client.post(
            reverse("quiet_add", args=[ministry.uid]), {"starts_on": TODAY.isoformat(), "ends_on": TODAY.isoformat()}
        ).status_code
        == 302
    )
    page = client.get(reverse("organization_detail", args=[ministry.uid])).content.decode()
    assert "0 of at most 2 in 30 days" in page
    assert "Through the mission" in page
    assert sign_in(viewer).post(reverse("guard_edit", args=[ministry.uid]), data).status_code == 403
    assert client.post(reverse("quiet_remove", args=[ministry.quiet_dates.get().uid])).status_code == 302
    near = GrantFactory(role="planner", is_everywhere=False, countries=["AQ"]).user
    assert sign_in(near).post(reverse("guard_edit", args=[ministry.uid]), data).status_code == 404


def test_segments_and_the_api_know_the_owner(api, planner, outreach):
    owned, free = OrganizationFactory(name="Owned"), OrganizationFactory(name="Free")
    client = api(planner)

    body = client.patch(
        f"/contact-guards/{owned.uid}", {"owner": str(outreach.uid), "most_touches": 1, "per_days": 7}
    ).json()
    client.patch(f"/contact-guards/{free.uid}", {"per_days": 7}, status=422)

    assert (body["uid"], body["owner"], body["most_touches"]) == (str(owned.uid), str(outreach.uid), 1)
    assert [row["uid"] for row in client.get(f"/contact-guards?owner={outreach.uid}").json()["data"]] == [
        str(owned.uid)
    ]
    assert found("organizations", "institution_owner", "any_of", [str(outreach.uid)]) == ["Owned"]
    assert found("organizations", "institution_owner", "nobody") == ["Free"]


def test_quiet_dates_by_the_api(api, planner, outreach, viewer):
    place, client = OrganizationFactory(), api(planner)
    days = {"organization": str(place.uid), "starts_on": "2027-06-01", "ends_on": "2027-06-09", "why": "Election"}

    made = client.post("/quiet-dates", days).json()
    client.post("/quiet-dates", {**days, "ends_on": "2027-05-01"}, status=422)
    assert [row["uid"] for row in api(viewer).get("/quiet-dates?on=2027-06-09").json()["data"]] == [made["uid"]]
    assert api(viewer).get("/quiet-dates?on=2027-06-10").json()["data"] == []
    api(viewer).delete(f"/quiet-dates/{made['uid']}", status=403)

    client.delete(f"/quiet-dates/{made['uid']}")
    assert client.get(f"/quiet-dates?organization={place.uid}").json()["data"] == []


def test_owners_of_many_over_the_api_all_or_none(api, planner, outreach, viewer):
    first, second, away = OrganizationFactory(), OrganizationFactory(), OrganizationFactory(country__code="TD")
    set_guard(organization=first, actor=planner, protocol="Only in writing")
    body = {"organizations": [str(first.uid), str(second.uid)], "owner": str(outreach.uid)}

    assert api(planner).post("/contact-guards/owners", body, status=200).json() == {"changed": 2}
    assert api(planner).post("/contact-guards/owners", body, status=200).json() == {"changed": 0}
    guards = {row["uid"]: row for row in api(planner).get(f"/contact-guards?owner={outreach.uid}").json()["data"]}
    assert set(guards) == {str(first.uid), str(second.uid)}
    assert guards[str(first.uid)]["protocol"] == "Only in writing"

    limited = GrantFactory(role="planner", is_everywhere=False, countries=["ZM"]).user
    wrong = {"organizations": [str(first.uid), str(away.uid)], "owner": None}
    assert api(limited).post("/contact-guards/owners", wrong, status=422).json()["fields"]["organizations"]
    api(planner).post("/contact-guards/owners", {**body, "owner": str(viewer.uid)}, status=422)
    api(viewer).post("/contact-guards/owners", body, status=403)
    assert ContactGuard.objects.filter(owner=outreach).count() == 2

    undo(entry=AuditEntry.objects.get(verb="contactguard.owner_set"), actor=planner)
    assert not ContactGuard.objects.filter(owner=outreach).exists()


def test_what_stands_against_it_is_asked_and_gone_over_by_the_api(api, planner, editor, viewer):
    held, free = OrganizationFactory(name="Held"), OrganizationFactory(name="Free")
    mailing = a_mailing(held, free)
    set_guard(organization=held, actor=planner, protocol="Through the mission")
    client = api(editor)

    [said] = client.get(f"/contact-guards/{held.uid}/conflicts").json()["data"]
    assert (said["kind"], said["is_hard"], "Through the mission" in said["words"]) == ("protocol", True, True)
    assert client.get(f"/contact-guards/{free.uid}/conflicts").json() == {"data": []}
    body = {"mailing": str(mailing.uid), "organization": str(held.uid), "reason": "The mission agreed"}
    client.post("/guard-overrides", {**body, "reason": ""}, status=422)
    client.post("/guard-overrides", {**body, "organization": str(free.uid)}, status=422)
    api(viewer).post("/guard-overrides", body, status=403)
    assert audience_summary(mailing).will_get == 1

    made = client.post("/guard-overrides", body).json()

    assert (made["reason"], made["by"], made["ended_at"]) == ("The mission agreed", str(editor.uid), None)
    assert audience_summary(mailing).will_get == 2
    assert [row["uid"] for row in client.get(f"/guard-overrides?mailing={mailing.uid}").json()["data"]] == [made["uid"]]
    far = GrantFactory(role="editor", is_everywhere=False, countries=["TD"]).user
    assert api(far).get("/guard-overrides").json()["data"] == []
