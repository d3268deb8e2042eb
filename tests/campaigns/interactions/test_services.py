import threading
import uuid
from datetime import date, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from campaigns.interactions.models import Party
from campaigns.interactions.queries import last_two_way
from campaigns.interactions.services import edit_interaction, log_interaction, remove_interaction
from campaigns.outreach.models import Interaction
from campaigns.todo.models import Task
from contacts.directory.models import Organization
from crm.audit.models import AuditChange, AuditEntry
from crm.audit.services import undo
from crm.errors import Conflict, Invalid, NotAllowed, StaleEdit
from tests.factories import GrantFactory, MembershipFactory, OrganizationFactory, PersonFactory, UserFactory

pytestmark = pytest.mark.django_db


def parties_of(row):
    return sorted(
        (party.person or party.organization).name
        for party in Party.objects.took_part().filter(interaction=row).select_related("person", "organization")
    )


def test_a_call_is_logged_with_the_institution_that_the_person_stands_for(outreach):
    ministry = OrganizationFactory(name="Ministry")
    awa = MembershipFactory(person__name="Awa", organization=ministry, is_primary=True).person

    logged = log_interaction(
        actor=outreach,
        kind="call",
        people=[awa],
        text="They sign.",
        next_step="Send the draft",
        next_on=date(2027, 3, 4),
    )

    row = logged.interaction
    assert (row.kind, row.is_two_way, row.text, row.logged_by) == ("call", True, "They sign.", outreach)
    assert parties_of(row) == ["Awa", "Ministry"]
    assert last_two_way([ministry.pk]) == {ministry.pk: row.at}
    ministry.refresh_from_db()
    assert ministry.last_contacted_at == row.at
    task = Task.objects.get()
    assert (task.title, task.due_on, task.assignee, task.organization, task.interaction) == (
        "Send the draft", date(2027, 3, 4), outreach, ministry, row,
    )  # fmt: skip
    entry = AuditEntry.objects.get(verb="interaction.logged")
    assert AuditChange.objects.get(entry=entry, field="organizations").after == [str(ministry.uid)]


def test_a_form_that_is_saved_twice_is_logged_once(outreach):
    key, ministry = uuid.uuid4(), OrganizationFactory()

    first = log_interaction(actor=outreach, kind="call", organizations=[ministry], form_key=key, next_step="Call back")
    second = log_interaction(actor=outreach, kind="call", organizations=[ministry], form_key=key, next_step="Call back")

    assert second.interaction == first.interaction
    assert (first.is_new, second.is_new) == (True, False)
    assert Task.objects.count() == 1
    assert Party.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_officers_log_at_one_institution_at_once_and_neither_is_lost():
    officers = [GrantFactory(role="outreach").user for _number in range(2)]
    places = [OrganizationFactory() for _number in range(2)]
    key, errors, at_once = uuid.uuid4(), [], threading.Barrier(4)

    def log(officer, form_key, order):
        try:
            at_once.wait()
            log_interaction(actor=officer, kind="meeting", organizations=order, form_key=form_key)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    # one officer clicks twice, the other logs meanwhile; the institutions come in either order
    jobs = [
        (officers[0], key, places),
        (officers[0], key, places[::-1]),
        (officers[1], None, places[::-1]),
        (officers[1], None, places),
    ]
    threads = [threading.Thread(target=log, args=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert sorted(Interaction.objects.values_list("logged_by_id", flat=True)) == sorted(
        [officers[0].pk, officers[1].pk, officers[1].pk]
    )
    assert Party.objects.count() == 6
    latest = max(Interaction.objects.values_list("at", flat=True))
    assert set(Organization.objects.values_list("last_contacted_at", flat=True)) == {latest}


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"kind": "reply"}, "no_kind"),
        ({"kind": "call", "organizations": []}, "nobody"),
        ({"kind": "call", "at": timezone.now() + timedelta(days=1)}, "ahead"),
        ({"kind": "call", "text": "x" * 1_000_001}, "too_long"),
    ],
    ids=["kind", "nobody", "ahead", "endless"],
)
def test_what_cannot_be_logged_is_refused_and_nothing_is_kept(outreach, values, code):
    with pytest.raises(Invalid) as refused:
        log_interaction(**{"actor": outreach, "organizations": [OrganizationFactory()], **values})

    assert refused.value.code == code
    assert not Interaction.objects.exists()
    assert not AuditEntry.objects.exists()


def test_institution_out_of_scope_cannot_be_logged_with():
    officer = GrantFactory(role="outreach", is_everywhere=False, countries=["ZM"]).user
    with pytest.raises(NotAllowed):
        log_interaction(actor=officer, kind="call", organizations=[OrganizationFactory(country__code="TD")])

    assert not Interaction.objects.exists()


def test_characters_that_turn_text_round_are_taken_out_where_notes_are_saved(outreach):
    row = log_interaction(
        actor=outreach,
        kind="call",
        organizations=[OrganizationFactory()],
        text="Agreed \u202egpj.exe\u202c\x00 \u200fنعم",
    ).interaction

    assert row.text == "Agreed gpj.exe \u200fنعم"


def test_logging_is_taken_back_with_the_next_step_and_the_last_contact(outreach):
    before = timezone.now() - timedelta(days=40)
    ministry = OrganizationFactory(last_contacted_at=before)
    logged = log_interaction(actor=outreach, kind="call", organizations=[ministry], next_step="Write")

    undo(entry=logged.entry, actor=outreach)

    ministry.refresh_from_db()
    assert ministry.last_contacted_at == before
    assert not Party.objects.exists()
    assert not Interaction.objects.standing().exists()
    assert not Task.objects.open().exists()


def test_last_contact_falls_back_to_the_one_before_that_still_stands(outreach):
    ministry = OrganizationFactory()
    now = timezone.now()
    older = log_interaction(
        actor=outreach, kind="call", organizations=[ministry], at=now - timedelta(days=3)
    ).interaction
    newer = log_interaction(actor=outreach, kind="call", organizations=[ministry], at=now - timedelta(days=1))

    undo(entry=newer.entry, actor=outreach)

    ministry.refresh_from_db()
    assert ministry.last_contacted_at == older.at


def test_correction_moves_who_took_part_and_is_taken_back(outreach):
    one, other = OrganizationFactory(name="One"), OrganizationFactory(name="Other")
    row = log_interaction(actor=outreach, kind="call", organizations=[one], text="First").interaction

    entry = edit_interaction(interaction=row, actor=outreach, kind="meeting", text="Second", organizations=[other])

    row.refresh_from_db()
    assert (row.kind, row.text, parties_of(row), row.organization) == ("meeting", "Second", ["Other"], other)
    one.refresh_from_db()
    assert one.last_contacted_at is None
    undo(entry=entry, actor=outreach)
    row.refresh_from_db()
    assert (row.kind, row.text, parties_of(row)) == ("call", "First", ["One"])


def test_correction_from_a_page_opened_before_anothers_is_refused(outreach, planner):
    row = log_interaction(actor=outreach, kind="call", organizations=[OrganizationFactory()], text="First").interaction
    edit_interaction(interaction=row, actor=planner, text="Theirs")

    with pytest.raises(StaleEdit) as refused:
        edit_interaction(interaction=row, actor=outreach, seen={"text": "First"}, text="Mine")

    assert refused.value.data == {"field": "text", "current": "Theirs"}
    row.refresh_from_db()
    assert row.text == "Theirs"


def test_what_was_logged_by_mistake_counts_nowhere_and_comes_back_by_undo(outreach):
    ministry = OrganizationFactory(name="Ministry")
    row = log_interaction(actor=outreach, kind="call", organizations=[ministry]).interaction

    entry = remove_interaction(interaction=row, actor=outreach)

    assert remove_interaction(interaction=row, actor=outreach) is None
    assert last_two_way([ministry.pk]) == {}
    undo(entry=entry, actor=outreach)
    assert last_two_way([ministry.pk]) == {ministry.pk: row.at}
    row.refresh_from_db()
    assert (row.removed_at, parties_of(row)) == (None, ["Ministry"])


def test_reply_cannot_be_corrected_or_taken_away(outreach):
    row = Interaction.objects.create(kind="reply", person=PersonFactory(), at=timezone.now(), subject="Yes")

    with pytest.raises(Conflict):
        edit_interaction(interaction=row, actor=outreach, text="Other words")
    with pytest.raises(Conflict):
        remove_interaction(interaction=row, actor=outreach)


def test_undo_is_refused_to_who_lost_the_reach(outreach):
    entry = log_interaction(actor=outreach, kind="call", organizations=[OrganizationFactory()]).entry
    viewer = UserFactory()
    GrantFactory(user=viewer, role="viewer")

    with pytest.raises(NotAllowed):
        undo(entry=entry, actor=viewer)

    assert Interaction.objects.standing().count() == 1
