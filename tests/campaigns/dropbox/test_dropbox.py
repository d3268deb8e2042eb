import base64
import re
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import TestCase
from django.urls import reverse
from django.utils import timezone

from campaigns.dropbox import erasing
from campaigns.dropbox.addresses import address_of, own_addresses, read_dropbox
from campaigns.dropbox.attachments import attachments_of
from campaigns.dropbox.models import Dropbox, DroppedFile, DroppedMail, OwnAddress
from campaigns.dropbox.own import PAUSE, add_own_address, confirm_own_address, link_of, remove_own_address
from campaigns.dropbox.reading import read_dropped
from campaigns.dropbox.services import make_dropbox, renew_dropbox
from campaigns.files.models import StoredFile
from campaigns.files.storage import path_of
from campaigns.interactions.models import Party
from campaigns.outreach.envelopes import find_envelope
from campaigns.outreach.models import Interaction
from campaigns.outreach.services import handle, take_in
from contacts.consent.erasure.registry import PersonalData
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from crm.errors import Invalid, Unavailable
from tests.factories import ContactPointFactory, GrantFactory, MembershipFactory, OrganizationFactory, PersonFactory

OWN = "olu@campaign-office.net"
DAY = "Tue, 10 Nov 2026 09:30:00 +0100"
AT = datetime(2026, 11, 10, 8, 30, tzinfo=UTC)


def mail(
    *,
    to="Awa Diop <awa@labour-office.net>",
    sender=OWN,
    subject="The draft",
    body="Dear Awa,\nhere it is.",
    number=1,
    more="",
):
    head = f"From: Olu <{sender}>\nTo: {to}\nSubject: {subject}\nDate: {DAY}\nMessage-ID: <{number}@office>\n{more}"
    return f"{head}Content-Type: text/plain; charset=utf-8\n\n{body}\n".encode()


# --- reading: bytes alone -------------------------------------------------------------------------------------------------
def test_blind_copy_is_about_those_it_went_to():
    said = read_dropped(mail(to=f"Awa <awa@labour-office.net>, {OWN}, bo@union-office.net"), own={OWN})

    assert said.author == OWN
    assert said.addresses == (("awa@labour-office.net", "Awa"), ("bo@union-office.net", ""))
    assert (said.is_from_them, said.message_id, said.at) == (False, "<1@office>", AT)
    assert said.text == "Dear Awa,\nhere it is."


@pytest.mark.parametrize(
    "line",
    [
        "From: Awa Diop <awa@labour-office.net>",
        "> De : Awa Diop <awa@labour-office.net>",
        "*Von:* awa@labour-office.net",
        "من: awa@labour-office.net",
    ],
)
def test_forward_is_about_who_wrote_what_is_quoted(line):
    body = f"FYI\n\n---------- Forwarded message ---------\n{line}\nDate: today\nTo: <{OWN}>\n\nWe agree."

    said = read_dropped(
        mail(to="drop@x.net", subject="Fwd: TR: Yes", body=body).replace(b"To: drop@x.net\n", b"To: \n"), own={OWN}
    )

    assert [address for address, _name in said.addresses] == ["awa@labour-office.net"]
    assert (said.is_from_them, said.subject) == (True, "Yes")
    assert "We agree." in said.text


def test_forward_as_an_attachment_is_read_from_inside():
    inner = f"From: awa@labour-office.net\nTo: {OWN}\nSubject: Our answer\nDate: {DAY}\nMessage-ID: <in@labour>\n\nYes."
    raw = (
        f"From: {OWN}\nTo: \nSubject: Fwd\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
        f"--b\nContent-Type: text/plain\n\nsee below\n--b\nContent-Type: message/rfc822\n\n{inner}\n--b--\n"
    )  # fmt: skip

    said = read_dropped(raw.encode(), own={OWN})

    assert (said.subject, said.text, said.message_id, said.is_from_them) == ("Our answer", "Yes.", "<in@labour>", True)
    assert said.addresses == (("awa@labour-office.net", ""),)


def test_any_bytes_have_an_answer_and_nothing_hidden_is_kept():
    html = b"From: a@b.net\nTo: x@labour-office.net\nSubject: \xe2\x80\xaetxt.exe\nContent-Type: text/html\n\n<script>evil()</script><b>Hello</b><img src=x onerror=y>"
    two = b"From: olu@campaign-office.net, boss@labour-office.net\nTo: x@labour-office.net\n\nx"

    said = read_dropped(html, own={OWN})

    assert (said.subject, said.text) == ("txt.exe", "Hello")
    assert read_dropped(two, own={OWN}).author == ""  # who it is from is not sure
    for raw in (
        b"",
        b"\x00" * 500,
        b"To: " + b"<" * 100_000,
        b"From: De: " + b"a@" * 60_000,
        b"\n\n" + b"From:" * 40_000,
        bytes(range(256)) * 40,
    ):
        read_dropped(raw, own={OWN})


# --- with the directory -----------------------------------------------------------------------------------------------------
pytestmark = pytest.mark.django_db


@pytest.fixture
def olu(outreach):
    outreach.email = OWN
    outreach.save()
    return outreach


@pytest.fixture
def awa():
    person = MembershipFactory(organization=OrganizationFactory(name="Labour Office"), person__name="Awa Diop").person
    ContactPointFactory(person=person, value="awa@labour-office.net")
    return person


def drop(user, raw, *, sender=OWN, box=None):
    inbound = take_in(raw=raw, recipient=address_of(box or make_dropbox(actor=user)), sender=sender)
    return handle(inbound_id=inbound.pk)


def test_address_is_a_secret_that_mail_programs_can_carry(olu):
    box = make_dropbox(actor=olu)
    address = address_of(box)

    assert len(address.partition("@")[0]) <= 64
    assert read_dropbox(f"<{address.upper()}>") == box.uid
    assert make_dropbox(actor=olu) == box
    wrong = ("b" if address[5] == "a" else "a").join((address[:5], address[6:]))
    assert read_dropbox(wrong) is None
    assert read_dropbox(f"d.aaaa@{settings.RETURN_DOMAIN}") is None
    raw = f"Delivered-To: other@x.net\nX-Original-To: {address}\nFrom: {OWN}\nTo: awa@labour-office.net\n\nx".encode()
    assert find_envelope(raw).recipient == address


def test_what_is_sure_is_filed_by_itself_and_taken_back(olu, awa):
    inbound = drop(olu, mail())

    row = Interaction.objects.get()
    assert (inbound.state, inbound.kind) == ("handled", "dropped")
    assert (row.kind, row.at, row.is_two_way, row.logged_by, row.person, row.subject) == (
        "message",
        AT,
        False,
        olu,
        awa,
        "The draft",
    )
    assert row.text == "The draft\n\nDear Awa,\nhere it is."
    assert {party.organization.name for party in Party.objects.exclude(organization=None)} == {"Labour Office"}
    assert DroppedMail.objects.get().state == "filed"

    undo(entry=AuditEntry.objects.get(verb="dropped_mail.filed"), actor=olu)

    mine = DroppedMail.objects.get()
    assert (mine.state, mine.text, Interaction.objects.standing().count()) == ("waiting", "Dear Awa,\nhere it is.", 0)


def test_message_that_comes_twice_is_there_once(olu, awa):
    drop(olu, mail())
    drop(olu, mail() + b"\nA footer of another road.")

    assert (DroppedMail.objects.count(), Interaction.objects.count()) == (1, 1)


def test_forged_or_strange_sender_waits_and_is_logged_by_nobody(olu, awa):
    drop(olu, mail(sender="eve@elsewhere.net", number=1), sender="eve@elsewhere.net")
    drop(olu, mail(number=2), sender="eve@elsewhere.net")  # the words say Olu, the envelope does not

    assert list(DroppedMail.objects.values_list("state", flat=True)) == ["waiting", "waiting"]
    assert not Interaction.objects.exists()


def test_unknown_and_ambiguous_addresses_wait_for_one_click(sign_in, olu, awa):
    office = OrganizationFactory(name="Statistics Bureau")
    ContactPointFactory(person=None, organization=office, value="info@statistics-bureau.net")
    ContactPointFactory(person=PersonFactory(), value="awa@labour-office.net")
    drop(olu, mail(number=1))
    drop(olu, mail(to="new@statistics-bureau.net", number=2))
    client = sign_in(olu)

    page = client.get(reverse("dropbox")).content.decode()
    second = DroppedMail.objects.get(message_id="<2@office>")
    assert "more than one person" in page
    assert f'value="organization:{office.uid}"' in page  # a guess, by the domain
    for _click in range(2):
        client.post(reverse("dropped_file", args=[second.uid]), {"parties": f"organization:{office.uid}"})

    second.refresh_from_db()
    assert (second.state, Interaction.objects.get().organization) == ("filed", office)
    first = DroppedMail.objects.get(message_id="<1@office>")
    client.post(reverse("dropped_dismiss", args=[first.uid]))
    assert not DroppedMail.objects.waiting().exists()


def test_answer_joins_its_thread_also_where_its_address_is_new(sign_in, olu, awa):
    drop(olu, mail(number=1))
    body = "---- Forwarded ----\nFrom: Awa at home <awa.private@post.net>\n\nThank you."
    drop(olu, mail(to="", number=2, subject="Fwd: Re: The draft", body=body, more="References: <0@x> <1@office>\n"))

    first, second = DroppedMail.objects.order_by("pk")
    assert first.thread == second.thread
    assert (second.state, second.interaction.person, second.interaction.is_two_way) == ("filed", awa, True)
    page = sign_in(olu).get(reverse("dropped_mail", args=[first.uid])).content.decode()
    assert "Thank you." in page


def test_renewed_address_takes_nothing_any_more(olu, awa):
    old = make_dropbox(actor=olu)
    renew_dropbox(actor=olu)

    inbound = drop(olu, mail(), box=old)

    assert (inbound.state, DroppedMail.objects.count(), Dropbox.objects.alive().count()) == ("unmatched", 0, 1)


def test_date_that_is_nonsense_is_the_day_on_which_it_came(olu, awa):
    drop(olu, mail().replace(DAY.encode(), b"Tue, 10 Nov 2099 09:30:00 +0100"))

    assert abs(Interaction.objects.get().at - timezone.now()).total_seconds() < 60


def test_dropbox_is_its_officers_alone(sign_in, olu, planner, viewer, awa):
    drop(olu, mail(to="nobody@nowhere.net", subject="<script>alert(1)</script>"))
    row = DroppedMail.objects.get()

    assert sign_in(planner).get(reverse("dropped_mail", args=[row.uid])).status_code == 404
    assert sign_in(viewer).get(reverse("dropbox")).status_code == 403
    page = sign_in(olu).get(reverse("dropped_mail", args=[row.uid])).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert "1 message in your dropbox waits" in sign_in(olu).get(reverse("today")).content.decode()


# --- attachments ------------------------------------------------------------------------------------------------------------
PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n%%EOF\n"


def with_files(*files, number=1, body="Here it is."):
    """files: (name as the header says it, content, further headers of the part)"""
    parts = [f"Content-Type: text/plain; charset=utf-8\n\n{body}\n".encode()]
    for name, content, more in files:
        head = f"Content-Type: application/octet-stream\n{more or f'Content-Disposition: attachment; {name}'}\nContent-Transfer-Encoding: base64\n\n"
        parts.append(head.encode() + base64.encodebytes(content))
    whole = b"".join(b"--b\n" + part + b"\n" for part in parts) + b"--b--\n"
    head = f"From: Olu <{OWN}>\nTo: awa@labour-office.net\nSubject: The draft\nDate: {DAY}\nMessage-ID: <{number}@office>\nMIME-Version: 1.0\n"
    return head.encode() + b"Content-Type: multipart/mixed; boundary=b\n\n" + whole


def test_attachments_are_kept_by_their_content_and_the_others_are_named(settings):
    settings.ATTACHMENT_MAX_BYTES = 3000
    picture = "Content-Type: image/png\nContent-Disposition: inline; filename=logo.png\nContent-ID: <logo>"
    taken, refused = attachments_of(
        with_files(
            ('filename="plan.pdf"', PDF, ""),
            ("filename*=UTF-8''r%C3%A9sum%C3%A9.txt", "Résumé".encode(), ""),
            ('filename="plan.pdf"', PDF + b" ", ""),
            ('filename="run.pdf"', b"MZ\x90\x00 a program", ""),
            ('filename="../../etc/passwd"', b"root:x", ""),
            ('filename="large.txt"', b"x" * 4000, ""),
            ("", b"\x89PNG", picture),
        )
    )

    assert [(one.name, one.kind.ending, one.content) for one in taken] == [
        ("plan.pdf", "pdf", PDF),
        ("résumé.txt", "txt", "Résumé".encode()),
        ("plan 2.pdf", "pdf", PDF + b" "),
    ]
    assert len(refused) == 3
    assert "run.pdf" in refused[0] and "larger than" in refused[2]


def test_attachments_of_a_forwarded_message_are_those_inside(olu, awa):
    inner = with_files(('filename="inner.pdf"', PDF, "")).replace(
        b"From: Olu <olu@campaign-office.net>", b"From: awa@labour-office.net"
    )
    raw = (
        f"From: {OWN}\nTo: \nSubject: Fwd\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: message/rfc822\n\n".encode()
        + inner.replace(b"boundary=b", b"boundary=b")
        + b"\n--o--\n"
    )

    assert [one.name for one in attachments_of(raw)[0]] == ["inner.pdf"]
    for hostile in (b"", b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * 5000, bytes(range(256)) * 40):
        attachments_of(hostile)


def test_who_sees_the_entry_may_save_its_attachment_and_an_erasure_takes_it(sign_in, api, olu, awa, viewer):
    drop(olu, with_files(('filename="Awa Diop.pdf"', PDF, "")))
    [kept] = DroppedFile.objects.select_related("file")
    url, elsewhere = (
        reverse("dropped_file_download", args=[kept.uid]),
        GrantFactory(role="viewer", is_everywhere=False, countries=["TD"]).user,
    )
    logged = Interaction.objects.get()
    page = sign_in(viewer).get(reverse("interaction_detail", args=[logged.uid])).content.decode()
    assert url in page

    answer = sign_in(viewer).get(url)

    assert b"".join(answer.streaming_content) == PDF
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("application/octet-stream", "nosniff")
    assert answer["Content-Disposition"].startswith("attachment")
    assert sign_in(elsewhere).get(url).status_code == 404
    [told] = api(viewer).get(f"/interactions/{logged.uid}").json()["files"]  # the same over the API
    assert (told["uid"], told["size"]) == (str(kept.uid), len(PDF))
    assert api(viewer).get(f"/interaction-files/{kept.uid}/content").content == PDF
    api(elsewhere).get(f"/interaction-files/{kept.uid}/content", status=404)
    place = path_of(kept.file.sha256)
    assert place.is_file()
    with TestCase.captureOnCommitCallbacks(execute=True):
        erasing.erase(PersonalData.of(awa.uid))
    assert (DroppedFile.objects.count(), StoredFile.objects.count(), place.exists()) == (0, 0, False)


def test_attachment_of_what_waits_is_its_officers_alone(sign_in, api, olu, planner):
    drop(olu, with_files(('filename="plan.pdf"', PDF, "")))
    url = reverse("dropped_file_download", args=[DroppedFile.objects.get().uid])

    assert sign_in(planner).get(url).status_code == 404
    assert api(planner).get("/interaction-files").json()["data"] == []
    assert b"".join(sign_in(olu).get(url).streaming_content) == PDF


# --- further addresses ------------------------------------------------------------------------------------------------------
def test_another_address_counts_once_its_mail_was_answered_by_its_officer(sign_in, olu, awa, planner, mailoutbox):
    other = "olu.private@post.net"
    client = sign_in(olu)
    client.post(reverse("own_address_add"), {"address": other})
    drop(olu, mail(sender=other, number=1), sender=other)
    assert not Interaction.objects.exists()
    [sent] = mailoutbox
    link = re.search(r"https?://\S+(/outreach/dropbox/addresses/yes/\?link=\S+)", sent.body)[1]

    assert sign_in(planner).post(link).status_code == 409  # a stolen link is of use to nobody else
    assert client.get(link).status_code == 200 and other not in own_addresses(olu)
    for _click in range(2):
        client.post(link)
    drop(olu, mail(sender=other, number=2), sender=other)

    assert sent.to == [other]
    assert Interaction.objects.get().person == awa
    row = OwnAddress.objects.get()
    client.post(reverse("own_address_remove", args=[row.uid]))
    assert client.get(link).status_code == 410 and other not in own_addresses(olu)


def test_addresses_of_others_are_not_ones_own(olu, awa, planner):
    for address, why in (
        ("awa@labour-office.net", "cannot be yours here"),
        (planner.email, "cannot be yours here"),
        (OWN, "known as yours already"),
        (address_of(make_dropbox(actor=olu)), "no address that mail can go to"),
    ):
        with pytest.raises(Invalid, match=why):
            add_own_address(actor=olu, address=address)
    assert not OwnAddress.objects.exists()


def test_asking_is_limited_however_often_an_address_is_taken_away(olu, planner, mailoutbox):
    cache.clear()
    for _number in range(3):
        remove_own_address(row=add_own_address(actor=olu, address="o@post.net"), actor=olu)
    with pytest.raises(Invalid, match="enough for today"):
        add_own_address(actor=olu, address="o@post.net")
    for _number in range(16):
        with pytest.raises(Invalid, match="cannot be yours"):
            add_own_address(actor=olu, address=planner.email)
    with pytest.raises(Invalid, match="enough for today"):  # not even whether it is known
        add_own_address(actor=olu, address=planner.email)
    assert len(mailoutbox) == 3


def test_address_that_became_a_contacts_is_no_longer_ones_own(olu):
    cache.clear()
    row = add_own_address(actor=olu, address="o@post.net")
    token = link_of(row).partition("=")[2]
    point = ContactPointFactory(person=PersonFactory(), value="o@post.net")
    with pytest.raises(Invalid, match="cannot be yours"):
        confirm_own_address(token=token, actor=olu)
    point.delete()
    confirm_own_address(token=token, actor=olu)
    assert "o@post.net" in own_addresses(olu)

    ContactPointFactory(person=PersonFactory(), value="o@post.net")

    assert "o@post.net" not in own_addresses(olu)


@pytest.mark.django_db(transaction=True)
def test_link_is_mailed_after_the_commit_and_may_be_asked_for_again_at_once(olu, monkeypatch):
    cache.clear()
    locked = []

    def send(**_mail):
        locked.append(connection.in_atomic_block)
        raise OSError

    monkeypatch.setattr("campaigns.dropbox.own.send_mail", send)
    for _number in range(2):
        with pytest.raises(Unavailable):
            add_own_address(actor=olu, address="o@post.net")

    assert locked == [False, False] and timezone.now() - OwnAddress.objects.get().asked_at > PAUSE
