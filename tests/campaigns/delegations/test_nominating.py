"""By signed link: named, corrected, withdrawn, replaced; links that are forged, over, passed on or used again; seats that many want."""

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import connections
from django.test import Client
from django.utils import timezone

from campaigns.delegations import deciding, letters, links, naming, nominators
from campaigns.delegations.holdings import count_old, remove_old
from campaigns.delegations.models import (
    Composition,
    Delegation,
    DelegationMail,
    DelegationSeats,
    Nomination,
    Nominator,
    Step,
)
from campaigns.delegations.naming import Named
from campaigns.events.answering import leave
from campaigns.events.models import Event, Registration
from campaigns.events.services import cancel_event, edit_event
from campaigns.todo.models import Task
from contacts.consent.erasure.registry import HOLDINGS, PersonalData
from contacts.directory.models import Person
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from crm.errors import DomainError, WrongState
from crm.retention.registry import Batch
from tests.factories import (
    CompositionFactory,
    ConstituencyFactory,
    ContactPointFactory,
    DelegationFactory,
    NominationFactory,
    NominatorFactory,
    PersonFactory,
    RegistrationFactory,
)

pytestmark = pytest.mark.django_db
ADA = {
    "do": "name",
    "seat": "GOV delegate",
    "name": "Ada Banda",
    "honorific": "H.E.",
    "function": "Minister",
    "email": "ada@people.test",
    "gender": "secret",
}


@pytest.fixture
def nominator():
    cache.clear()
    return NominatorFactory()


def path(url):
    return "/" + url.split("/", 3)[3]


def test_somebody_is_named_corrected_replaced_and_withdrawn_without_a_cookie(nominator):
    page, client = path(links.nominate_url(nominator)), Client()
    answer = client.get(page)
    assert (
        answer.status_code == 200
        and not answer.cookies
        and answer["Referrer-Policy"] == "no-referrer"
        and "<script>" not in answer.content.decode()
    )

    bad = client.post(page, ADA | {"email": "nonsense", "name": "<script>alert(1)</script>"})
    assert (
        bad.status_code == 422
        and "<script>alert" not in bad.content.decode()
        and "&lt;script&gt;" in bad.content.decode()
    )
    key = str(uuid4())
    for _twice in range(2):
        assert client.post(page, ADA | {"key": key}).status_code == 200
    row = Nomination.objects.get()
    assert (row.name, row.honorific, row.gender, row.named_by, row.organization) == (
        "Ada Banda",
        "H.E.",
        "secret",
        nominator,
        nominator.organization,
    )
    shown = client.get(page).content.decode()
    assert "ada@people.test" not in shown and "a…@people.test" in shown  # whoever it is passed on to reads no address
    assert client.post(page, ADA | {"key": str(uuid4())}).status_code == 409  # the same address

    assert client.get(f"{page}?edit={row.uid}").status_code == 200
    client.post(page, ADA | {"do": "change", "who": str(row.uid), "name": "Ada M. Banda"})
    client.post(page, {"do": "replace", "who": str(row.uid), "name": "Ben Phiri", "email": "ben@people.test"})
    other = Nomination.objects.get(name="Ben Phiri")
    assert (
        other.replaces == row
        and Nomination.objects.get(pk=row.pk).state == "replaced"
        and other.replaces.name == "Ada M. Banda"
    )
    client.post(page, {"do": "withdraw", "who": str(other.uid)})
    assert list(Nomination.objects.live()) == [] and [m.state for m in other.moves.all()] == ["proposed", "withdrawn"]
    assert AuditEntry.objects.filter(verb="nomination.withdrawn", door="link").count() == 1
    assert client.post(page, {"do": "withdraw", "who": str(other.uid)}).status_code == 409
    assert not Person.objects.filter(name__contains="Banda").exists()


def test_links_forged_revoked_renewed_or_over_open_nothing(nominator, planner):
    client, page = Client(), path(links.nominate_url(nominator))
    assert client.get(page[:-3] + "xx/").status_code == 404 and client.get("/nominate/nonsense/").status_code == 404
    assert client.get(page.replace("/nominate/", "/delegate/")).status_code == 410  # ours, for something else
    other = NominatorFactory(delegation=nominator.delegation, constituency=ConstituencyFactory(code="EMP"))
    foreign = NominationFactory(delegation=nominator.delegation, constituency=other.constituency)
    assert client.post(page, ADA | {"seat": "EMP delegate"}).status_code == 422
    assert (
        client.post(page, {"do": "withdraw", "who": str(foreign.uid)}).status_code == 409
        and foreign.name not in client.get(page).content.decode()
    )

    nominators.renew_link(nominator=nominator, actor=planner)
    assert client.get(page).status_code == 410 and client.post(page, ADA).status_code == 410
    nominator.refresh_from_db()
    page = path(links.nominate_url(nominator))
    assert client.get(page).status_code == 200
    Composition.objects.update(nominate_by=timezone.localdate() - timedelta(days=1))
    late = client.post(page, ADA)
    assert late.status_code == 422 or late.status_code == 409
    assert "last day" in client.get(page).content.decode()
    Delegation.objects.update(nominate_by=timezone.localdate() + timedelta(days=1))  # a day of its own
    assert client.post(page, ADA).status_code == 200
    nominators.revoke_link(nominator=nominator, actor=planner)
    assert client.get(page).status_code == 410
    assert Nomination.objects.exclude(pk=foreign.pk).count() == 1
    Nominator.objects.update(revoked_at=None)
    Event.objects.update(starts_at=timezone.now() - timedelta(days=2), ends_at=timezone.now() - timedelta(days=1))
    assert client.get(page).status_code == 410
    assert client.put(page).status_code == 405


@pytest.mark.parametrize(("language", "words"), [("fr", "Délégation"), ("es", "Delegación"), ("ar", "وفد")])
def test_the_page_is_in_their_language(nominator, language, words):
    Nominator.objects.update(language=language)
    page = Client().get(path(links.nominate_url(nominator))).content.decode()
    assert words in page and ('dir="rtl"' in page) == (language == "ar")


def test_accepting_seats_them_once_tells_them_and_adds_only_what_was_missing(nominator, planner, mailoutbox):
    delegation = nominator.delegation
    person = PersonFactory(name="Ada Banda", gender="", honorific_prefix="Dr")
    ContactPointFactory(person=person, value="ada@people.test")
    row = NominationFactory(
        delegation=delegation,
        named_by=nominator,
        organization=nominator.organization,
        name="Ada Banda",
        email="ada@people.test",
        gender="female",
        honorific="H.E.",
    )
    delegation.event.composition.templates.create(titles={"en": "Visa", "fr": "Visa"}, days_before=20)

    entry = deciding.accept_if_sure(nomination=row, actor=planner)
    row.refresh_from_db()
    person.refresh_from_db()
    assert (row.person, row.registration.state, row.registration.role) == (person, "seat", "delegate")
    assert (person.gender, person.honorific_prefix) == (
        "female",
        "Dr",
    ) and person.memberships.get().organization == nominator.organization
    assert (
        Event.objects.get().taken == 1
        and DelegationSeats.objects.get(role="delegate", constituency=row.constituency).taken == 1
    )
    assert (row.steps.get().task.assignee, row.steps.get().task.due_on) == (planner, row.steps.get().due_on)
    with pytest.raises(WrongState):
        deciding.accept(nomination=row, actor=planner)
    letters.mail_due()
    assert {mail.to[0] for mail in mailoutbox} == {"ada@people.test", nominator.email}
    own = path(links.delegate_url(row))
    assert Client().get(own).status_code == 200
    Client().post(own, {"do": "done", "step": str(row.steps.get().uid)})
    assert row.steps.get().told_at and not row.steps.get().is_done

    undo(entry=entry, actor=planner)
    row.refresh_from_db()
    assert (row.state, row.person, row.registration) == ("proposed", None, None)
    assert Event.objects.get().taken == 0 and Task.objects.get().dropped_at and Client().get(own).status_code == 410
    again = deciding.accept(nomination=row, actor=planner, person=person)
    assert again and Step.objects.count() == 1 and Task.objects.open().count() == 1


def test_a_seat_at_the_event_is_not_doubled_and_who_gives_it_back_leaves_the_delegation(planner):
    row = NominationFactory(name="Ben")
    seat = RegistrationFactory(event=row.delegation.event, email=row.email, address_hash=row.address_hash)
    Event.objects.update(taken=1)
    deciding.accept(nomination=row, actor=planner)
    row.refresh_from_db()
    assert row.registration == seat and Registration.objects.count() == 1 and row.person is None
    deciding.identify(nomination=row, actor=planner)
    assert Person.objects.get(name="Ben") == Registration.objects.get().person

    assert leave(registration=seat)
    row.refresh_from_db()
    assert row.state == "withdrawn" and not DelegationSeats.objects.filter(taken__gt=0).exists()
    assert [move.words for move in row.moves.all()][-1] == "gave the seat back"


def test_who_is_like_somebody_known_waits_for_a_look_and_a_refusal_says_why(nominator, planner, mailoutbox):
    PersonFactory(name="Ada Banda")
    row = NominationFactory(delegation=nominator.delegation, named_by=nominator, name="Ada Banda")
    assert deciding.accept_if_sure(nomination=row, actor=planner) is None
    entry = deciding.send_back(nomination=row, actor=planner, reason="Name a woman, please")
    letters.mail_due()
    assert "Name a woman, please" in mailoutbox[0].body
    assert "Name a woman, please" in Client().get(path(links.nominate_url(nominator))).content.decode()
    undo(entry=entry, actor=planner)
    row.refresh_from_db()
    assert row.state == "proposed"


def test_a_person_is_erased_with_what_they_were_named_for(nominator, planner):
    person = PersonFactory(name="Adaeze Banda")
    row = NominationFactory(delegation=nominator.delegation, name="A. Banda")
    row.delegation.event.composition.templates.create(titles={"en": "Visa"}, days_before=20)
    deciding.accept(nomination=row, actor=planner, person=person)
    other = NominationFactory(delegation=row.delegation, role="adviser", name="Ben")
    deciding.send_back(nomination=other, actor=planner, reason="Adaeze Banda speaks already")
    data = PersonalData.of(person.uid)
    holding = HOLDINGS["nominations"]
    assert holding.count(data) == 1 and holding.export(data)[0]["event"] == row.delegation.event.name
    assert holding.erase(data) == 3 and not Step.objects.exists() and not Task.objects.exists()
    assert not DelegationSeats.objects.filter(taken__gt=0).exists() and not DelegationMail.objects.exists()
    other.refresh_from_db()
    assert other.reason == "… speaks already" == other.moves.get(state="returned").words
    assert not AuditEntry.objects.filter(object_uid=row.uid, changes__after__isnull=False).exists()


def test_steps_follow_the_event_and_end_with_it(planner):
    row = NominationFactory(delegation__event=CompositionFactory().event)
    event = row.delegation.event
    event.composition.templates.create(titles={"en": "Visa"}, days_before=20)
    deciding.accept(nomination=row, actor=planner)
    step = Step.objects.get()
    later = {name: getattr(event, name) + timedelta(days=7) for name in ("starts_local", "ends_local")}
    edit_event(event=event, actor=planner, **later)
    due_on, step = step.due_on + timedelta(days=7), Step.objects.get()
    assert step.due_on == due_on == step.task.due_on
    waiting = NominationFactory(delegation=row.delegation)
    cancel_event(event=event, actor=planner)
    assert Task.objects.get().dropped_at and not DelegationMail.objects.filter(sent_at=None).exists()
    with pytest.raises(WrongState):
        deciding.accept(nomination=waiting, actor=planner)


def test_after_the_time_of_keeping_the_list_of_delegates_stays_and_the_rest_goes(planner):
    row = NominationFactory(name="Ada", passport_name="BANDA ADA")
    gone = NominationFactory(delegation=row.delegation, name="Ben", state="withdrawn")
    deciding.accept(nomination=row, actor=planner)
    ended = Event.objects.get().ends_at
    assert count_old(ended, None, 100) == 0 and count_old(ended + timedelta(days=1), None, 100) == 2
    assert remove_old(ended + timedelta(days=1), None) == Batch(2, more=False)
    row.refresh_from_db()
    assert (row.name, row.passport_name, row.email, row.address_hash) == ("Ada", "", "", None)
    assert not Nomination.objects.filter(pk=gone.pk).exists() and count_old(ended + timedelta(days=1), None, 9) == 0


@pytest.mark.django_db(transaction=True)
def test_many_at_once_never_get_more_seats_than_there_are(planner):
    delegation = DelegationFactory()
    gov = ConstituencyFactory(code="GOV")
    rows = [NominationFactory(delegation=delegation) for _each in range(8)]
    outcomes, together = [], threading.Barrier(16)

    def run(work):
        try:
            together.wait(timeout=20)
            work()
            outcomes.append("in")
        except DomainError as error:
            outcomes.append(error.code)
        finally:
            connections.close_all()

    jobs = [lambda row=row: deciding.accept(nomination=row, actor=planner) for row in rows]
    jobs += [
        lambda n=n: naming.nominate(
            delegation=delegation,
            constituency=gov,
            role="adviser",
            who=Named(f"A{n}", f"a{n}@people.test"),
            actor=planner,
        )
        for n in range(8)
    ]
    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert outcomes.count("in") == 3 and outcomes.count("no_seat") == 13
    assert delegation.seats.get(role="delegate", constituency=gov).taken == 2 == Event.objects.get().taken
    assert Nomination.objects.filter(role="adviser").count() == 1
