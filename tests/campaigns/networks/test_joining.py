"""From the public form to a confirmed application: by POST only, once, and without telling who was known."""

import re
import struct
import time
from datetime import timedelta

import pytest
from django.core import mail
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from campaigns.files.models import StoredFile
from campaigns.files.storage import release_unowned
from campaigns.forms.models import Form
from campaigns.networks import joining, letters, links
from campaigns.networks.models import Application, Member, NetworkLetter
from contacts.consent.queries import is_permitted
from contacts.consent.services import suppress_address
from contacts.directory.models import Person
from crm.audit.models import AuditEntry
from crm.keyring import seal
from tests.factories import (
    ApplicationFactory,
    ContactPointFactory,
    CountryFactory,
    FormFactory,
    MemberFactory,
    NetworkFactory,
    OrganizationFactory,
    PersonFactory,
    TopicFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def unlimited():
    cache.clear()


@pytest.fixture
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def network():
    return NetworkFactory(slug="all", headlines={"en": "Half the world has none", "fr": "La moitié du monde"})


def token(network, *, seconds=10):
    return seal(links.FORM, struct.pack(">QQ", network.pk, int(time.time()) - seconds))


def join(network, *, query="", seconds=10, **values):
    said = {"email": "hery@people.test", "name": "Rakoto Hery", "kind": "individual", "country": "ZM", "website": ""}
    data = said | {"t": token(network, seconds=seconds)} | values
    return Client().post(f"/join/{network.slug}/{query}", {k: v for k, v in data.items() if v is not None})


def confirm_path(message):
    return re.search(r"(/join/confirm/\S+/)", message.body)[1]


def test_page_shows_network_members_and_the_figure_of_the_country(network):
    MemberFactory(network=network, organization=OrganizationFactory(name="Union A"))
    MemberFactory(network=network, organization=OrganizationFactory(name="Union B", country=CountryFactory(code="TD")))

    page = Client().get("/join/all/?country=ZM&lang=fr").content.decode()

    assert "La moitié du monde" in page and '<html lang="fr"' in page
    assert "2 institutions" in page and 'value="ZM" selected' in page
    assert "Set-Cookie" not in Client().get("/join/all/").headers
    assert not Application.objects.exists()


def test_a_page_that_is_not_open_is_no_page(network):
    NetworkFactory(slug="draft", is_public=False)

    assert Client().get("/join/draft/").status_code == 404
    assert join(NetworkFactory(slug="shut", archived_at=timezone.now())).status_code == 404


def test_institution_joins_by_form_mail_and_button(network, planner):
    answer = join(network, kind="institution", organization_name="Alliance", constituency="CSO", wants_listing="on")

    assert answer.status_code == 200 and "hery@people.test" in answer.content.decode()
    row = Application.objects.get()
    assert (row.state, row.organization_name, row.constituency.code) == ("asked", "Alliance", "CSO")
    assert not Application.objects.visible_to(planner).exists()
    suppress_address(address="late@people.test", reason="manual", source="test")
    late = letters.queue(ApplicationFactory(email="Late@people.test"), NetworkLetter.About.WELCOME)
    assert letters.mail_due() == 1 and letters.mail_due() == 0
    late.refresh_from_db()
    assert late.closed_at and "never to be written to" in late.problem
    late.application.delete()
    path = confirm_path(mail.outbox[0])

    shown = Client().get(path)
    assert shown.status_code == 200 and "Alliance" in shown.content.decode()
    row.refresh_from_db()
    assert row.state == "asked"
    for _turn in range(2):
        assert Client().post(path, headers={"User-Agent": "Mozilla/5.0 Android"}).status_code == 200

    row.refresh_from_db()
    assert (row.state, row.agent) == ("confirmed", "a phone's browser")
    assert list(Application.objects.visible_to(planner)) == [row]
    assert AuditEntry.objects.filter(verb="application.confirmed").count() == 1
    assert not Member.objects.exists() and not Person.objects.exists()


def test_known_and_unknown_get_the_same_answer(network):
    ContactPointFactory(person=PersonFactory(), value="hery@people.test")
    suppress_address(address="never@people.test", reason="manual", source="test")

    pages = [
        re.sub(r"\w+@people", "x@people", join(network, email=email).content.decode())
        for email in ("hery@people.test", "new@people.test", "never@people.test")
    ]

    assert pages[0] == pages[1] == pages[2]
    assert set(Application.objects.values_list("email", flat=True)) == {"hery@people.test", "new@people.test"}


def test_applying_again_replaces_what_was_said_and_sends_at_most_three_letters(network):
    for number in range(5):
        assert join(network, name=f"Hery {number}").status_code == 200
        letters.mail_due()

    assert [row.name for row in Application.objects.all()] == ["Hery 2"]
    assert len(mail.outbox) == 3


def test_applying_again_after_confirming_changes_nothing(network):
    join(network)
    joining.confirm(uid=Application.objects.get().uid, agent="")

    join(network, name="Somebody else")

    assert Application.objects.get().name == "Rakoto Hery"


def test_open_network_takes_an_individual_in_at_once_and_an_institution_never():
    topic = TopicFactory(name="Letter")
    network = NetworkFactory(slug="open", rule="open", topic=topic)
    join(network, wants_letter="on")
    join(network, email="office@people.test", kind="institution", organization_name="Ministry of Labour")

    for row in Application.objects.all():
        joining.confirm(uid=row.uid, agent="")

    member = Member.objects.get()
    assert member.person.name == "Rakoto Hery" and member.organization is None
    assert is_permitted(subject_uid=member.person.uid, topic=topic)
    assert Application.objects.get(kind="institution").state == "confirmed"
    letters.mail_due()
    assert {letter.about for letter in NetworkLetter.objects.exclude(sent_at=None)} == {"confirm", "welcome"}


def test_open_network_finds_who_is_known_by_the_address():
    known = PersonFactory(name="Hery Rakoto")
    ContactPointFactory(person=known, value="hery@people.test")
    network = NetworkFactory(slug="open", rule="open")
    join(network)

    joining.confirm(uid=Application.objects.get().uid, agent="")

    assert Member.objects.get().person == known
    assert Person.objects.count() == 1
    join(network)
    joining.confirm(uid=Application.objects.get(state="asked").uid, agent="")
    assert Application.objects.filter(state="confirmed").count() == 1  # staff see that it is a member already


@pytest.mark.parametrize(
    ("values", "status", "said"),
    [
        ({"email": "hery@"}, 422, "not an e-mail address"),
        ({"name": ""}, 422, "required"),
        ({"country": "XX"}, 422, "valid choice"),
        ({"kind": "robot"}, 422, "valid choice"),
        ({"kind": "institution"}, 422, "name the organization"),
        ({"t": "forged"}, 422, "press the button again"),
        ({"seconds": 0}, 422, "press the button again"),
        ({"seconds": 200_000}, 422, "press the button again"),
        ({"website": "http://spam.test"}, 200, "mailbox"),
    ],
)
def test_bad_input_and_programs_leave_nothing_behind(network, values, status, said):
    answer = join(network, **values)

    page = answer.content.decode()
    assert answer.status_code == status and said in page
    assert status == 200 or "Rakoto Hery" in page or values.get("name") == ""
    assert not Application.objects.exists()


def test_questions_are_built_in_the_forms_engine_asked_with_conditions_and_kept(planner, sign_in, tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path
    network, client = NetworkFactory(slug="ask"), sign_in(planner)
    where = client.post(f"/networks/{network.uid}/questions/")["Location"]
    network.refresh_from_db()
    assert (
        where == f"/forms/{network.form.uid}/"
        and client.post(f"/networks/{network.uid}/questions/")["Location"] == where
    )
    Form.objects.filter(pk=network.form.pk).update(
        questions=[
            {"key": "do", "kind": "choice", "labels": {"en": "What will you do?"}, "is_required": True,
             "options": [{"value": "write", "labels": {"en": "Write"}}, {"value": "other", "labels": {"en": "Other"}}]},
            {"key": "what", "kind": "text", "labels": {"en": "What else?"}, "is_required": True, "shown_if": {"rules": [{"key": "do", "is": "is", "value": "other"}]}},
            {"key": "statute", "kind": "file", "labels": {"en": "Your statutes"}},
        ]
    )  # fmt: skip

    assert "What else?" not in Client().get("/join/ask/").content.decode()
    assert join(network).status_code == 422
    asked = join(network, **{"q-do": "other", "q-seen": "do statute"})
    assert asked.status_code == 422 and "What else?" in asked.content.decode() and not Application.objects.exists()
    lies = SimpleUploadedFile("statute.pdf", b"MZ a program")
    assert join(network, **{"q-do": "write", "q-statute": lies}).status_code == 422
    statute = SimpleUploadedFile("statute.pdf", b"%PDF-1.4\n%%EOF\n")
    join(network, **{"q-do": "other", "q-what": "<b>Sing</b>", "q-statute": statute})

    row = Application.objects.get()
    assert (row.answers["do"], row.answers["what"], row.files.count()) == ("other", "<b>Sing</b>", 1)
    assert row.said("en")[:2] == [("What will you do?", "Other"), ("What else?", "<b>Sing</b>")]
    Application.objects.update(state="confirmed", confirmed_at=timezone.now())
    page = client.get(f"/networks/applications/{row.uid}/").content.decode()
    assert "What else?" in page and "&lt;b&gt;Sing" in page
    row.answers = [{"question": "Asked before forms?", "answer": "Yes"}]  # what was kept before there was an engine
    assert row.said() == [("Asked before forms?", "Yes")]
    assert joining.forget(Application.objects.all()) == 1 and not StoredFile.objects.exists()


def test_who_mends_a_word_at_once_is_no_program(network):
    """The page that comes back keeps the time of the one before; a program's first page does not help it."""
    wrong = join(network, email="hery@people", seconds=10)
    assert wrong.status_code == 422
    back = re.search(r'name="t" value="([^"]+)"', wrong.content.decode())[1]
    assert join(network, t=back).status_code == 200 and Application.objects.count() == 1

    quick = join(network, email="other@people.test", seconds=0)
    again = re.search(r'name="t" value="([^"]+)"', quick.content.decode())[1]
    assert (quick.status_code, join(network, email="other@people.test", t=again).status_code) == (422, 422)
    foreign = token(NetworkFactory())
    assert join(network, email="other@people.test", t=foreign).status_code == 422


def test_a_file_is_written_whoever_the_address_belongs_to_and_goes_when_it_is_nobodys(network, media):
    """How long it takes tells neither a suppressed address nor one that waits, nor whether the content was there."""
    network.form = FormFactory(questions=[{"key": "statute", "kind": "file", "labels": {"en": "Your statutes"}}])
    network.save()
    suppress_address(address="never@people.test", reason="manual", source="test")
    ApplicationFactory(network=network, email="waits@people.test")
    written = []
    for number, email in enumerate(["never@people.test", "waits@people.test", "new@people.test", "new@people.test"]):
        statute = SimpleUploadedFile("statute.pdf", b"%PDF-1.4\n" + b"%" * min(number, 2) + b"%%EOF\n")
        assert join(network, email=email, **{"q-statute": statute}).status_code == 200
        written.append({path.name: path.stat().st_ino for path in (media / "files").rglob("*") if path.is_file()})

    assert [len(found) for found in written] == [1, 2, 3, 3]
    assert written[3] != written[2]  # the same content, written anew
    assert Application.objects.filter(state="asked").count() == 1
    assert Application.objects.filter(state="confirmed", answers={}).count() == 1
    assert release_unowned(before=timezone.now()) == 2
    assert StoredFile.objects.count() == 1


def test_who_brought_somebody_is_known(network):
    member = MemberFactory(network=network)
    stranger = MemberFactory()

    join(network, query=f"?by={member.uid}")
    join(network, query=f"?by={stranger.uid}", email="b@people.test")
    join(network, query="?by=nonsense", email="c@people.test")

    by = dict(Application.objects.values_list("email", "brought_by"))
    assert by == {"hery@people.test": member.pk, "b@people.test": None, "c@people.test": None}


def test_links_that_are_forged_over_or_of_another_kind_open_nothing(network):
    join(network)
    row = Application.objects.get()
    good = seal(links.CONFIRM, row.uid.bytes)
    wrong_kind = seal(links.MEMBER, row.uid.bytes)

    for bad in ("nonsense", good[:-2] + "AA", wrong_kind):
        assert Client().post(f"/join/confirm/{bad}/").status_code == 404
    Application.objects.update(created_at=timezone.now() - timedelta(days=400))
    assert Client().post(f"/join/confirm/{good}/").status_code == 410
    row.refresh_from_db()
    assert row.state == "asked"


def test_what_nobody_confirmed_is_forgotten(network):
    join(network)
    join(network, email="b@people.test")
    confirmed = Application.objects.get(email="b@people.test")
    joining.confirm(uid=confirmed.uid, agent="")
    Application.objects.update(created_at=timezone.now() - timedelta(days=400))

    assert joining.forget_unconfirmed() == 1
    assert list(Application.objects.all()) == [confirmed]
    assert joining.forget_unconfirmed() == 0


def test_letters_wait_for_the_mail_server(network, settings):
    join(network)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1

    assert letters.mail_due() == 0

    letter = NetworkLetter.objects.get()
    assert letter.sent_at is None and letter.tries == 1 and letter.due_at > timezone.now()
    assert "does not answer" in letter.problem
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert letters.mail_due(now=letter.due_at) == 1
