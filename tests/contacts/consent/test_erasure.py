"""Erasure: nothing names them afterwards, every number still adds up, and neither a crash nor a backup brings them back."""

import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery.audience import audience_summary
from campaigns.delivery.auditing import audit
from campaigns.delivery.models import Delivery
from campaigns.engagement.drain import take_in_hits
from campaigns.engagement.models import Engagement, EngagementDay
from campaigns.engagement.spool import Hit
from campaigns.face.models import PublicPage
from campaigns.outreach.models import InboundMessage, Interaction
from contacts.consent import services
from contacts.consent.erasure import services as erasing
from contacts.consent.erasure.registry import HOLDINGS, PersonalData
from contacts.consent.links import opt_in_url, preference_url
from contacts.consent.models import ConsentEvent, Erasure, OptInRequest, Suppression
from contacts.consent.queries import suppression_of
from contacts.directory.models import ContactPoint, Membership, Person
from contacts.directory.services import create_person, edit_person
from contacts.importing.models import ImportKept, ImportLine, ImportMade, ImportRun
from contacts.segments.models import ContactList
from crm.audit.models import AuditChange, AuditEntry, OutboxEvent
from crm.audit.services import undo
from crm.errors import Conflict, NotAllowed, Unavailable
from crm.ids import new_uid
from crm.jobs.models import Job
from crm.jobs.services import run_job
from crm.local.mailbox.store import Store
from crm.saved_views.models import SavedView
from tests.contacts.consent.erasing import ADDRESS, NAME, NEEDLES, everything, where_is
from tests.factories import (
    ContactPointFactory,
    MailingFactory,
    OrganizationFactory,
    PersonFactory,
    SegmentFactory,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]


@pytest.fixture(autouse=True)
def log(settings, tmp_path) -> Path:
    settings.ERASURE_LOG = tmp_path / "log" / "erasures.jsonl"
    return settings.ERASURE_LOG


@pytest.fixture
def world(admin):
    return everything(admin)


def erase(person, actor) -> Erasure:
    erasure = erasing.request_erasure(person=person, reason="request", actor=actor)
    return erasing.erase_now(erasure)


# --- nothing is left ---------------------------------------------------------------------------------------------------
def test_nothing_names_them_in_any_column_or_file(world, admin, settings):
    before = where_is()
    assert len({place.split(":")[0] for place in before}) > 25, before  # the look finds what there is

    erase(world.zenobia, admin)

    assert where_is() == []
    assert where_is(("192.0.2.77", "of hers")) == []
    store = Store(Path(settings.LOCAL_DIR) / "mailbox")
    assert [letter.recipient for letter in store.page()] == ["bob@quill.example.org"]
    store.close()


def test_nothing_of_somebody_else_is_touched(world, admin):
    def of_bob():
        return (
            list(ContactPoint.objects.filter(person=world.bob).values_list("value")),
            list(Membership.objects.filter(person=world.bob).values_list("organization_id")),
            list(
                ConsentEvent.objects.filter(subject_uid=world.bob.uid, topic=world.topic).values_list(
                    "evidence", "source"
                )
            ),
            list(Delivery.objects.filter(person_id=world.bob.pk).values_list("address", "fields")),
            list(AuditChange.objects.filter(object_uid=world.bob.uid).order_by("pk").values_list("before", "after")),
            list(ImportLine.objects.filter(line=3, run__state="applied").values_list("raw", "name")),
            list(OutboxEvent.objects.filter(payload={"first": "bob@quill.example.org"}).values_list("pk")),
            list(AuditEntry.objects.filter(summary__contains="192.0.2.78").values_list("pk", "actor")),
            Person.objects.filter(pk=world.bob.pk).values_list("name", "sort_key", "country_id").get(),
        )

    before = of_bob()
    erase(world.zenobia, admin)

    assert of_bob() == before
    assert suppression_of("bob@quill.example.org") is None
    assert AuditChange.objects.filter(field="other").get().after == "stays"


def test_words_of_others_stay_without_the_name(world, admin):
    erase(world.zenobia, admin)

    shown = ConsentEvent.objects.get(subject_uid=world.bob.uid, topic__name="Briefs")
    assert (shown.source, shown.evidence) == ("Call with …", "… knows")
    world.ministry.refresh_from_db()
    assert (world.ministry.note, world.ministry.custom) == ("Ask …", {"desk": '"…"'})
    views = SavedView.objects.order_by("pk")
    assert [view.query for view in views] == ["country=ZM&page=0", "country=ZM&page=1"]
    assert [view.name for view in views] == [f"… {view.pk}" for view in views]
    chosen = ContactList.objects.get(description="Chosen by …")
    assert (chosen.name, chosen.search_text) == (f"… {chosen.pk}", f"... {chosen.pk}")
    assert PublicPage.objects.get().stories == {"en": '"…" speaks', "fr": "Avec …"}
    assert ImportKept.objects.filter(field__startswith="email ").count() == 1


def test_the_ledger_keeps_its_skeleton_under_a_number(world, admin):
    before = list(
        ConsentEvent.objects.order_by("pk").values_list("subject_uid", "topic_id", "action", "lawful_basis", "at")
    )

    erase(world.zenobia, admin)

    after = ConsentEvent.objects.order_by("pk")
    assert list(after.values_list("subject_uid", "topic_id", "action", "lawful_basis", "at")) == before
    theirs = after.filter(subject_uid__in=[world.zenobia.uid, world.old_uid])
    assert set(theirs.values_list("source", "evidence", "address_hash")) == {("erased", "", None)}
    with pytest.raises(Exception, match="append-only"):
        theirs.update(evidence="back again")


def test_entries_of_the_trail_stay_and_their_values_go(world, admin):
    entries = AuditEntry.objects.filter(object_uid=world.zenobia.uid)
    before = list(entries.order_by("pk").values_list("verb", "actor_id", "at"))

    erase(world.zenobia, admin)

    assert (
        list(entries.exclude(verb__in=["person.erased"]).order_by("pk").values_list("verb", "actor_id", "at")) == before
    )
    assert not AuditChange.objects.filter(object_uid=world.zenobia.uid).exclude(before=None, after=None).exists()
    assert AuditEntry.objects.get(verb="person.erased").actor == admin
    assert AuditEntry.objects.get(verb="list.noted").summary == "Added …, …"


# --- what stays adds up ------------------------------------------------------------------------------------------------
def test_reports_add_up_and_what_waits_never_leaves(world, admin, sign_in):
    erase(world.zenobia, admin)

    for mailing in (world.mailing, world.next_mailing):
        found = audit(mailing)
        assert found.problems == [] and found.as_json()["adds_up"]
    world.waiting.refresh_from_db()
    assert (world.waiting.state, world.waiting.address) == ("cancelled", "")
    world.sent.refresh_from_db()
    assert (world.sent.state, world.sent.organization_id, world.sent.fields) == ("accepted", None, {})
    assert Interaction.objects.get(kind="reply").organization == world.ministry
    assert set(InboundMessage.objects.values_list("state", flat=True)) == {"handled", "unmatched"}
    assert not InboundMessage.objects.to_forward().exists()
    client = sign_in(admin)
    report = client.get(reverse("mailing_report", args=[world.mailing.uid]))
    assert report.status_code == 200 and NAME not in report.content.decode()
    people = client.get(reverse("mailing_report_people", args=[world.mailing.uid]) + "?who=accepted").content.decode()
    assert "Erased person" in people and NAME not in people


def test_an_import_that_is_over_keeps_its_rows_and_an_open_one_is_cancelled(world, admin):
    erase(world.zenobia, admin)

    over, open_one = ImportRun.objects.order_by("pk")
    assert ImportMade.objects.get(run=over).ids == [world.bob.pk], "undoing it leaves the row that reports count"
    assert (over.state, over.file.name) == ("applied", "") and over.rows.count() == 2
    assert (open_one.state, open_one.file.name, open_one.rows.count()) == ("cancelled", "", 0)


def test_a_second_time_changes_nothing(world, admin, log):
    first = erase(world.zenobia, admin)
    changed = AuditEntry.objects.count(), OutboxEvent.objects.count()

    assert erasing.request_erasure(person=world.zenobia, reason="mistake", actor=admin) == first
    for holding in erasing.holdings():
        assert holding.erase(PersonalData.of(world.zenobia.uid)) == 0, holding.name
    again = erase(world.zenobia, admin)

    assert (again.counts, again.reason) == (first.counts, "request")
    assert (AuditEntry.objects.count(), OutboxEvent.objects.count()) == changed
    assert len(log.read_text().splitlines()) == 1


def test_whatever_stops_it_half_way_it_goes_on(world, admin, sign_in, monkeypatch):
    erasure = erasing.request_erasure(person=world.zenobia, reason="request", actor=admin)
    job = Job.objects.get(kind="consent.erase")

    def break_down(data):
        Delivery.objects.filter(person_id__in=data.person_ids).update(address="half done")
        raise MemoryError

    monkeypatch.setitem(
        HOLDINGS,
        "deliveries",
        HOLDINGS["deliveries"].__class__(**{**vars(HOLDINGS["deliveries"]), "erase": break_down}),
    )
    run_job(job.pk)
    job.refresh_from_db()
    assert job.state == "failed"
    assert not Delivery.objects.filter(address="half done").exists(), "a step is whole or not at all"
    assert suppression_of(ADDRESS).reason == "erased", "but nothing is sent to them any more"
    monkeypatch.undo()
    erasure.refresh_from_db()
    assert "deliveries" not in erasure.counts and erasing.STOPPED in erasure.counts

    page = sign_in(admin).get(reverse("person_detail", args=[world.zenobia.uid]), follow=True).content.decode()
    assert "Go on with it" in page and NAME not in page
    sign_in(admin).post(reverse("erasure_resume", args=[world.zenobia.uid]))
    again = Erasure.objects.get()
    run_job(again.job.pk)

    again.refresh_from_db()
    assert again.job.state == "done" and again.finished_at and where_is() == []


# --- never again -------------------------------------------------------------------------------------------------------
def test_whoever_comes_back_by_an_import_is_not_written_to(world, admin):
    erase(world.zenobia, admin)
    again = create_person(actor=admin, given_name="Zenobia", family_name="Quillfeather", email=ADDRESS)

    run = services.subscribe(
        rows=Person.objects.filter(pk=again.pk), topic=world.topic, way="record", lawful_basis="consent", source="x",
        evidence="x", label="x", actor=admin,
    )  # fmt: skip

    assert run.counts == {"suppressed": 1}
    assert Suppression.objects.get().reason == "erased"


def test_an_address_that_others_have_too_stays_theirs(admin):
    zenobia, ministry = PersonFactory(), OrganizationFactory()
    ContactPointFactory(person=zenobia, value="info@ministry.example.org")
    ContactPointFactory(person=zenobia, value=ADDRESS)
    ContactPointFactory(person=None, organization=ministry, value="info@ministry.example.org")

    page = Client()
    page.force_login(admin)
    assert "Others have an address of theirs" in page.get(reverse("person_erase", args=[zenobia.uid])).content.decode()
    erase(zenobia, admin)

    assert suppression_of("info@ministry.example.org") is None and suppression_of(ADDRESS) is not None
    assert ContactPoint.objects.get().organization == ministry


def test_pre_flight_says_erased(world, admin):
    chosen = ContactList.objects.get(name="Speakers")
    tree = {
        "version": 1,
        "op": "all",
        "rules": [{"field": "on_list", "operator": "any_of", "value": [str(chosen.uid)]}],
    }
    mailing = MailingFactory(topic=world.topic, segment=SegmentFactory(tree=tree), contact_guard_days=0)
    assert audience_summary(mailing).will_get == 1

    erase(world.zenobia, admin)

    found = audience_summary(mailing)
    assert (found.will_get, found.reasons) == (0, {"erased": 1})


def test_their_old_links_answer_politely(world, admin):
    question = OptInRequest.objects.get()
    paths = [preference_url(world.zenobia.uid), preference_url(world.old_uid), opt_in_url(question.uid)]
    erase(world.zenobia, admin)

    for url in paths:
        path = "/" + url.split("/", 3)[3]
        for answer in (Client().get(path), Client().post(path, {"do": "yes"})):
            assert answer.status_code == 410
            assert "We no longer keep anything about you" in answer.content.decode()


def test_undo_puts_nothing_back(world, admin):
    entry = edit_person(person=world.zenobia, actor=admin, changes={"language": "fr"}, seen={})
    erase(world.zenobia, admin)

    with pytest.raises(Conflict, match="erased"):
        undo(entry=entry, actor=admin)
    assert Person.objects.get(pk=world.zenobia.pk).language == ""


# --- screens -----------------------------------------------------------------------------------------------------------
def test_an_administrator_looks_and_then_erases(world, admin, sign_in):
    client, url = sign_in(admin), reverse("person_erase", args=[world.zenobia.uid])
    page = client.get(url).content.decode()
    for words in (
        "What goes",
        "Messages sent to them",
        "What stays, and why",
        "keyed hash",
        "Replies",
    ):
        assert words in page
    assert client.post(url, {"reason": "request"}).status_code == 422, "not without having looked"
    assert not Erasure.objects.exists()

    answer = client.post(url, {"reason": "request", "is_sure": "on"})

    assert answer.status_code == 302
    run_job(Job.objects.get(kind="consent.erase").pk)
    detail = client.get(reverse("person_detail", args=[world.zenobia.uid]), follow=True)
    assert detail.status_code == 200 and "Nothing about this person is kept" in detail.content.decode()
    assert NAME not in client.get(reverse("person_list")).content.decode()
    assert str(world.zenobia.uid) in client.get(reverse("erasure_list")).content.decode()
    add = client.post(reverse("person_point_add", args=[world.zenobia.uid]), {"kind": "email", "value": ADDRESS})
    assert add.status_code == 409 and not ContactPoint.objects.filter(value=ADDRESS).exists()


@pytest.mark.parametrize("role", ["planner", "editor", "outreach", "viewer", "approver"])
def test_nobody_else_erases(role, request, sign_in):
    user, ada = request.getfixturevalue(role), PersonFactory()

    assert (
        sign_in(user).post(reverse("person_erase", args=[ada.uid]), {"reason": "request", "is_sure": "on"}).status_code
        == 403
    )
    with pytest.raises(NotAllowed):
        erasing.request_erasure(person=ada, reason="request", actor=user)
    assert not Erasure.objects.exists()


# --- the log and the restored backup -----------------------------------------------------------------------------------
def test_the_log_has_one_line_that_names_nobody(world, admin, log):
    erase(world.zenobia, admin)

    (text,) = log.read_text().splitlines()
    line = json.loads(text)
    assert line["uids"] == [str(world.zenobia.uid), str(world.old_uid)] and line["reason"] == "request"
    assert not any(needle.lower() in text.lower() for needle in NEEDLES)
    assert log.stat().st_mode & 0o077 == 0
    hashes = {hash for group in line["hashes"].values() for hash in group}
    assert hashes == {bytes(row.address_hash).hex() for row in Suppression.objects.all()}


def test_nothing_is_erased_when_the_log_cannot_be_written(world, admin, settings, tmp_path):
    (tmp_path / "file").write_text("")
    settings.ERASURE_LOG = tmp_path / "file" / "erasures.jsonl"

    with pytest.raises(Unavailable, match="Nothing was erased"):
        erase(world.zenobia, admin)

    world.zenobia.refresh_from_db()
    assert world.zenobia.erased_at is None and suppression_of(ADDRESS) is None


def test_a_line_that_was_cut_off_costs_no_other(world, admin, log):
    log.parent.mkdir()
    log.write_text('{"v":1,"erasure":"0189')
    erase(world.zenobia, admin)

    assert [line.person for line in erasing.log.read()] == [world.zenobia.uid]


class Backup:
    """Every table as it stands, to be put back: what pg_restore of an older dump would do."""

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
                " AND relnamespace = 'public'::regnamespace AND relname NOT LIKE 'django_migrations'"
            )
            self.tables = [name for (name,) in cursor.fetchall()]
            for table in self.tables:
                cursor.execute(f'CREATE TEMP TABLE "backup_{table}" AS TABLE public."{table}"')

    def restore(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            for table in self.tables:
                cursor.execute(f'DELETE FROM public."{table}"')
                cursor.execute(f'INSERT INTO public."{table}" SELECT * FROM "backup_{table}"')
            cursor.execute("SET LOCAL session_replication_role = origin")


def test_a_restored_backup_replays_erasures(world, admin, capsys):
    backup = Backup()
    erase(world.zenobia, admin)
    assert where_is() == []
    backup.restore()
    assert Person.objects.get(uid=world.zenobia.uid).name == NAME
    assert not Erasure.objects.exists() and suppression_of(ADDRESS) is None

    call_command("replay_erasures")

    assert where_is() == []
    assert f"{world.zenobia.uid} is erased again" in capsys.readouterr().out
    assert suppression_of(ADDRESS).reason == "erased"
    erasure = Erasure.objects.get()
    assert erasure.is_replayed and erasure.finished_at
    assert audit(world.mailing).problems == []
    assert erasing.replay_erasures() == [], "twice does nothing twice"
    call_command("replay_erasures")
    assert "0 replayed" in capsys.readouterr().out


def test_a_backup_from_before_the_person_still_suppresses_the_address(admin):
    backup = Backup()
    ada = PersonFactory()
    ContactPointFactory(person=ada, value=ADDRESS)
    erase(ada, admin)
    backup.restore()

    assert len(erasing.replay_erasures()) == 1

    assert suppression_of(ADDRESS).reason == "erased"
    assert not Person.objects.filter(uid=ada.uid).exists()


def test_a_backup_from_the_middle_of_an_erasure_is_gone_on_with(world, admin):
    erasure = erasing.request_erasure(person=world.zenobia, reason="request", actor=admin)
    erasing.do_step(erasure, erasing.STOPPED)
    backup = Backup()
    erasing.erase_now(erasure)
    backup.restore()

    assert [done.pk for done in erasing.replay_erasures()] == [erasure.pk]
    assert where_is() == []


def test_late_hits_of_their_messages_are_nobodys(world, admin):
    erase(world.zenobia, admin)
    at = timezone.now()
    hit = Hit(
        new_uid(),
        at,
        "click",
        world.mailing.pk,
        world.sent.seq,
        1,
        "192.0.2.78",
        "GET",
        "Mozilla/5.0 late",
        "",
        True,
        True,
    )

    assert take_in_hits([hit]) == 1

    row = Engagement.objects.get(hit_id=hit.id)
    assert (row.ip, row.user_agent, row.seq) == (None, "", world.sent.seq), "it counts in the report, and names nobody"
    assert not EngagementDay.objects.filter(person_id=world.zenobia.pk).exists()
    assert Person.objects.get(pk=world.zenobia.pk).last_engaged_at is None
