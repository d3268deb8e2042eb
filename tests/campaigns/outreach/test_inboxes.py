"""A mailbox is read over IMAP: nothing lost, nothing filed twice, whatever happens between two commands."""

import datetime as dt
import ipaddress
import socket
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery.addresses import return_path
from campaigns.delivery.operating import signs
from campaigns.outreach import imap, inboxes
from campaigns.outreach.models import InboundMessage, Inbox
from campaigns.outreach.tasks import handle_inbound, read_inboxes
from contacts.directory.models import ContactPoint
from crm.audit.models import AuditChange, AuditEntry
from crm.errors import Unavailable
from tests.campaigns.ledger import delivery, sent_mailing
from tests.campaigns.outreach.imap_server import Folder, Server, days_ago
from tests.campaigns.outreach.test_reading import dsn

pytestmark = pytest.mark.django_db


def letter(n):
    return (
        b"Return-Path: <p%d@people.test>\r\nFrom: p%d@people.test\r\nTo: r.x@bounce.campaign.test\r\nSubject: %d\r\n\r\nHello\r\n"
        % (n, n, n)
    )


@pytest.fixture
def server():
    with Server() as running:
        yield running


def inbox_at(server, **kwargs):
    values = {
        "name": f"Inbox {server.port}", "host": "127.0.0.1", "port": server.port, "security": "none", "user": server.user,
        "password": server.password, **kwargs,
    }  # fmt: skip
    return Inbox.objects.create(**values)


def again(inbox):
    """As the next minute would: whatever a dead worker or a failure left behind is over."""
    Inbox.objects.filter(pk=inbox.pk).update(lease_until=timezone.now(), due_at=None)
    return inboxes.read_inbox(inbox_id=inbox.pk)


def filed():
    return sorted(
        bytes(raw).split(b"Subject: ")[1].split(b"\r\n")[0].decode()
        for raw in InboundMessage.objects.values_list("raw", flat=True)
    )


def subjects(folder):
    return sorted(one.raw.split(b"Subject: ")[1].split(b"\r\n")[0].decode() for one in folder.letters)


@pytest.mark.parametrize(
    ("after", "extensions", "plain"),
    [("move", "UIDPLUS MOVE", True), ("move", "UIDPLUS", False), ("move", "", True), ("seen", "", False)],
)
def test_new_messages_are_filed_with_envelope_and_date_then_moved_or_marked(after, extensions, plain):
    with Server(extensions=extensions, plain=plain) as server:
        if not plain:
            server.password = 'with "quotes" and \\'
        inbox = inbox_at(server, after=after, move_to="Erledigt ü")
        at = days_ago(3).replace(microsecond=0)
        for n in range(3):
            server.inbox.add(letter(n), at=at)

        done = inboxes.read_inbox(inbox_id=inbox.pk)

        assert (done.filed, done.is_over, filed()) == (3, True, ["0", "1", "2"])
        found = InboundMessage.objects.order_by("pk").first()
        assert (found.recipient, found.sender, found.received_at) == ("r.x@bounce.campaign.test", "p0@people.test", at)
        left = [one for one in server.inbox.letters if "\\Deleted" not in one.flags]
        if after == "move":
            assert (left, subjects(server.folders["Erledigt &APw-"])) == ([], ["0", "1", "2"])
        else:
            assert [one.flags for one in left] == [{"\\Seen"}] * 3
        inbox.refresh_from_db()
        assert (inbox.last_count, inbox.left, inbox.failures, inbox.token, inbox.last_error) == (3, 0, 0, None, "")
        assert again(inbox).filed == 0
        assert InboundMessage.objects.count() == 3


def test_empty_folder_is_read_well(server):
    inbox = inbox_at(server)

    assert inboxes.read_inbox(inbox_id=inbox.pk) == inboxes.Round(0, True)
    assert inboxes.standing_of(Inbox.objects.get()).kind == "ok"


@pytest.mark.parametrize("after", ["move", "seen"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("word", ["FETCH", "STORE", "MOVE", "SEARCH", "SELECT"])
def test_line_that_breaks_anywhere_loses_and_doubles_nothing(server, after, when, word):
    inbox = inbox_at(server, after=after)
    for n in range(3):
        server.inbox.add(letter(n))
    hits = {"left": 2}

    def drops(command):
        if word in command.split(" ")[:2]:
            hits["left"] -= 1
            return hits["left"] == 0 or word in {"SEARCH", "SELECT"} and hits["left"] == 1
        return False

    setattr(server, f"drop_{when}", drops)
    inboxes.read_inbox(inbox_id=inbox.pk)
    setattr(server, f"drop_{when}", lambda command: False)
    server.inbox.add(letter(3))

    again(inbox)

    assert filed() == ["0", "1", "2", "3"]
    if after == "move":
        assert (server.inbox.letters, subjects(server.folders["Groundswell"])) == ([], ["0", "1", "2", "3"])
    assert again(inbox).filed == 0


class Killed(BaseException):
    """A worker that is gone: nothing of it runs any more."""


@pytest.mark.parametrize("after", ["move", "seen"])
@pytest.mark.parametrize("place", ["take_in", "mark", "keep"])
def test_worker_killed_between_any_two_steps_loses_and_doubles_nothing(server, monkeypatch, after, place):
    inbox = inbox_at(server, after=after)
    for n in range(4):
        server.inbox.add(letter(n))
    name, owner = {
        "take_in": ("take_in", inboxes),
        "mark": ("move" if after == "move" else "mark_seen", imap.Mailbox),
        "keep": ("_keep", inboxes),
    }[place]
    real, calls = getattr(owner, name), []

    def dies(*args, **kwargs):
        calls.append(1)
        result = real(*args, **kwargs)
        if len(calls) == 2:
            raise Killed
        return result

    monkeypatch.setattr(owner, name, dies)
    with pytest.raises(Killed):
        inboxes.read_inbox(inbox_id=inbox.pk)
    monkeypatch.setattr(owner, name, real)

    assert inboxes.read_inbox(inbox_id=inbox.pk) is None  # the claim of the dead one stands until its lease is over
    assert again(inbox).is_over
    assert filed() == ["0", "1", "2", "3"]
    assert InboundMessage.objects.count() == 4


def test_folder_made_anew_is_read_again_without_doubles(server):
    inbox = inbox_at(server, after="seen")
    for n in range(3):
        server.inbox.add(letter(n), at=days_ago(60))
    inboxes.read_inbox(inbox_id=inbox.pk)
    server.inbox.renew()
    server.inbox.letters[0].flags.clear()
    server.inbox.add(letter(3), flags={"\\Seen"})  # somebody opened it in another program before we came

    again(inbox)

    assert filed() == ["0", "1", "2", "3"]
    assert server.said("SEARCH")[-1].startswith("UID SEARCH UNDELETED OR UNSEEN SINCE ")
    assert [command for command in server.said("FETCH") if " 2 " in command][
        1:
    ] == []  # what was read long ago is left alone
    inbox.refresh_from_db()
    assert (inbox.uidvalidity, inbox.last_uid) == (2, 4)


def test_only_what_is_behind_the_last_one_is_read(server):
    inbox = inbox_at(server, after="seen")
    server.inbox.add(letter(0))
    inboxes.read_inbox(inbox_id=inbox.pk)
    assert again(inbox).filed == 0  # "2:*" names the last message, whose number is 1
    server.inbox.add(letter(1))

    assert again(inbox).filed == 1
    assert len(server.said("BODY.PEEK")) == 2


def test_message_that_vanished_meanwhile_is_no_error(server):
    inbox = inbox_at(server)
    for n in range(3):
        server.inbox.add(letter(n))

    def vanish(command):
        if command.startswith("UID FETCH 2 ") and len(server.inbox.letters) == 2:
            del server.inbox.letters[0]

    server.before = vanish

    assert inboxes.read_inbox(inbox_id=inbox.pk) == inboxes.Round(2, True)
    assert filed() == ["0", "2"]


def test_round_is_bounded_says_what_waits_and_goes_on(server, monkeypatch):
    monkeypatch.setattr(inboxes, "BATCH", 2)
    inbox = inbox_at(server)
    for n in range(5):
        server.inbox.add(letter(n), at=days_ago(1))

    assert inboxes.read_inbox(inbox_id=inbox.pk) == inboxes.Round(2, False)
    inbox.refresh_from_db()
    assert inbox.left == 3
    standing = inboxes.standing_of(inbox)
    assert (standing.kind, standing.words) == ("warn", "3 messages to read")
    assert inboxes.read_inbox(inbox_id=inbox.pk, seconds=-1) == inboxes.Round(0, False)
    assert [inboxes.read_inbox(inbox_id=inbox.pk).is_over for _ in range(2)] == [False, True]
    assert InboundMessage.objects.count() == 5


def test_two_workers_share_nothing(server):
    inbox = inbox_at(server)

    assert inboxes.claim(inbox_id=inbox.pk) is not None
    assert inboxes.claim(inbox_id=inbox.pk) is None
    assert inboxes.read_inbox(inbox_id=inbox.pk) is None
    later = timezone.now() + inboxes.LEASE
    assert inboxes.claim(inbox_id=inbox.pk, now=later) is not None


def test_mailbox_set_up_anew_takes_the_place_of_a_round_under_way(server, monkeypatch, admin):
    inbox = inbox_at(server)
    for n in range(3):
        server.inbox.add(letter(n))
    real = imap.Mailbox.move

    def changed_meanwhile(self, uid, folder):
        real(self, uid, folder)
        monkeypatch.setattr(imap.Mailbox, "move", real)
        inboxes.save_inbox(inbox=Inbox.objects.get(), actor=admin)

    monkeypatch.setattr(imap.Mailbox, "move", changed_meanwhile)
    assert inboxes.read_inbox(inbox_id=inbox.pk) == inboxes.Round(1, True)

    inbox.refresh_from_db()
    assert (inbox.last_uid, inbox.last_read_at) == (0, None)
    assert inboxes.read_inbox(inbox_id=inbox.pk) == inboxes.Round(2, True)


def test_wrong_password_is_said_and_tried_with_patience(server):
    server.inbox.add(letter(1))
    inbox = inbox_at(server, password="wrong")

    assert inboxes.read_inbox(inbox_id=inbox.pk) == inboxes.Round(0, True)

    inbox.refresh_from_db()
    assert inbox.last_error.startswith(
        f"127.0.0.1:{server.port} answered, but refused the user name or password. It said: “"
    )
    assert "wrong" not in inbox.last_error
    assert (inbox.failures, inbox.token) == (1, None)
    assert inboxes.read_inbox(inbox_id=inbox.pk) is None  # not before due_at
    for _ in range(9):
        again(inbox)
    inbox.refresh_from_db()
    assert dt.timedelta(minutes=59) < inbox.due_at - timezone.now() <= dt.timedelta(hours=1)
    Inbox.objects.update(password=server.password)
    inbox = Inbox.objects.get()
    inbox.password = server.password
    inbox.save()
    assert again(inbox).filed == 1
    inbox.refresh_from_db()
    assert (inbox.failures, inbox.last_error, inbox.failing_since) == (0, "", None)


@pytest.fixture
def certificate(tmp_path):
    """Made by nobody that anybody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_certificate_that_nobody_vouches_for_is_refused_before_a_word_is_said(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Server(tls=context) as server:
        inbox = inbox_at(server, security="tls")

        inboxes.read_inbox(inbox_id=inbox.pk)

        assert "its certificate is not to be trusted" in Inbox.objects.get().last_error
        assert server.commands == []


def test_over_tls_with_a_certificate_that_is_trusted(certificate, monkeypatch):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Server(tls=context) as server:
        inbox = inbox_at(server, security="tls")
        server.inbox.add(letter(1))

        assert inboxes.read_inbox(inbox_id=inbox.pk).filed == 1


def test_tls_to_a_server_without_it_and_a_server_that_is_not_there(server):
    spoken = inbox_at(server, security="tls")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = probe.getsockname()[1]
    silent = inbox_at(server, name="silent", port=nobody)

    for inbox, words in ((spoken, "no safe connection could be made"), (silent, "does not answer")):
        inboxes.read_inbox(inbox_id=inbox.pk)
        inbox.refresh_from_db()
        assert words in inbox.last_error


def test_folder_that_is_not_there_is_said(server):
    inbox = inbox_at(server, folder="Nowhere")

    inboxes.read_inbox(inbox_id=inbox.pk)

    assert "has no folder “Nowhere”" in Inbox.objects.get().last_error


def test_server_that_sends_without_end_is_cut(server, monkeypatch):
    monkeypatch.setattr(imap, "MAX_MESSAGE", 1000)
    inbox = inbox_at(server)
    server.inbox.add(letter(1) + b"x" * 5000)

    inboxes.read_inbox(inbox_id=inbox.pk)

    assert len(bytes(InboundMessage.objects.get().raw)) == 1000


def test_trying_looks_and_changes_nothing(server):
    server.folders["Groundswell"] = Folder()
    inbox = inbox_at(server)
    server.inbox.add(letter(1))

    said = inboxes.try_inbox(inbox)

    where = f"127.0.0.1:{server.port}"
    assert said == (
        f"{where} lets us in, without encryption. “INBOX” holds 1 message, 1 of them not read yet. Nothing was changed."
    )
    del server.folders["Groundswell"]
    assert inboxes.try_inbox(inbox).endswith("The folder “Groundswell” will be made.")
    assert server.said("SELECT") == server.said("STORE") == server.said("MOVE") == []
    assert not InboundMessage.objects.exists()
    inbox.password = "wrong"
    with pytest.raises(Unavailable, match="refused the user name or password"):
        inboxes.try_inbox(inbox)


def test_bounce_that_was_read_does_what_a_bounce_does(server, monkeypatch):
    row = delivery(sent_mailing())
    inbox_at(server)
    server.inbox.add(b"Return-Path: <>\r\nTo: %b\r\n" % return_path(row.mailing_id, row.seq).encode() + dsn("5.1.1"))
    from campaigns.outreach import tasks

    monkeypatch.setattr(tasks, "post", lambda task, *args: task(*args))

    assert read_inboxes() == 1
    assert handle_inbound() == 1

    assert ContactPoint.objects.get(address_key=row.address_key).status == "invalid"
    assert read_inboxes() == 1  # due again at the next minute


def test_password_is_encrypted_at_rest_and_never_told(server, admin, sign_in):
    client = sign_in(admin)
    form = {
        "name": "Bounces", "host": "localhost", "port": "993", "security": "tls", "user": "b@x.org", "password": "s3cret!",
        "sign_in": "password", "folder": "INBOX", "after": "move", "move_to": "Done",
    }  # fmt: skip
    assert client.post(reverse("inbox_create"), form).status_code == 302
    inbox = Inbox.objects.get()
    with connection.cursor() as cursor:
        cursor.execute("SELECT password FROM campaigns_inbox")
        assert cursor.fetchone()[0].startswith("enc:")
    assert inbox.password == "s3cret!"
    page = client.get(reverse("inbox_edit", args=[inbox.uid])).content.decode()
    assert "s3cret!" not in page

    kept = client.post(reverse("inbox_edit", args=[inbox.uid]), {**form, "password": "", "name": "Post"})
    assert (kept.status_code, Inbox.objects.get().password) == (302, "s3cret!")
    moved = client.post(reverse("inbox_edit", args=[inbox.uid]), {**form, "password": "", "host": "evil.example.org"})
    assert (moved.status_code, Inbox.objects.get().host) == (422, "localhost")
    client.post(reverse("inbox_edit", args=[inbox.uid]), {**form, "password": "another"})
    assert Inbox.objects.get().password == "another"
    assert [e.verb for e in AuditEntry.objects.filter(object_type="inbox").order_by("pk")] == [
        "inbox.created",
        "inbox.edited",
        "inbox.edited",
    ]
    assert not [
        c
        for c in AuditChange.objects.all()
        if "s3cret" in str((c.before, c.after)) or 'another"' in str((c.before, c.after))
    ]


OTHER = {"sign_in": "token", "token_service": "other", "token_grant": "program"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"host": "https://imap.example.org/"}, "name alone"),
        ({"port": "70000"}, "65535"),
        ({"host": "imap.example.org", "security": "none"}, "Without encryption"),
        ({"password": ""}, "Write the password"),
        ({"user": "a\x07b"}, "ontrol characters"),
        ({"move_to": "INBOX"}, "another folder"),
        ({"move_to": ""}, "another folder"),
        (OTHER, "begins with https"),
        ({**OTHER, "token_url": "http://login.example.org/token", "client_id": "x"}, "begins with https"),
        ({**OTHER, "token_url": "https://login.example.org/token", "client_secret": "x"}, "program’s id"),
        ({**OTHER, "token_url": "https://login.example.org/token", "client_id": "x"}, "program’s secret"),
    ],
)
def test_set_up_that_cannot_work_is_refused_with_a_sentence(admin, sign_in, change, words):
    form = {
        "name": "Bounces", "host": "imap.example.org", "port": "993", "security": "tls", "user": "b@x.org", "password": "s",
        "sign_in": "password", "folder": "INBOX", "after": "move", "move_to": "Done", **change,
    }  # fmt: skip

    answer = sign_in(admin).post(reverse("inbox_create"), form)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Inbox.objects.exists()


def test_page_says_how_reading_stands_and_who_may_see_it(server, admin, planner, sign_in):
    well = inbox_at(server, name="Well")
    inbox_at(server, name="Broken", password="wrong")
    server.inbox.add(letter(1))
    for inbox in Inbox.objects.all():
        inboxes.read_inbox(inbox_id=inbox.pk)
    client = sign_in(admin)

    page = client.get(reverse("returned_mail")).content.decode()
    assert "refused the user name or password" in page and "next try" in page
    tried = client.post(reverse("inbox_try", args=[well.uid]), follow=True).content.decode()
    assert "lets us in, without encryption" in tried
    client.post(reverse("inbox_archive", args=[well.uid]))
    client.post(reverse("inbox_archive", args=[well.uid]))
    assert again(well) is None
    client.post(reverse("inbox_restore", args=[well.uid]))
    assert again(well) is not None
    assert AuditEntry.objects.filter(verb="inbox.archived").count() == 1
    for name in ("inbox_edit", "inbox_try", "inbox_archive", "inbox_restore"):
        assert sign_in(planner).post(reverse(name, args=[well.uid])).status_code == 403


def sign_of_inbox():
    return next(one for one in signs() if one.title == "Inbox")


def test_sending_page_says_when_a_mailbox_cannot_be_read_or_lags(server):
    assert sign_of_inbox().kind == "ok"
    inbox = inbox_at(server, name="Bounces", password="wrong")
    assert (sign_of_inbox().kind, sign_of_inbox().words) == ("warn", "“Bounces” not read yet")

    inboxes.read_inbox(inbox_id=inbox.pk)
    assert sign_of_inbox().kind == "bad"
    assert "refused the user name" in sign_of_inbox().why
    inbox.refresh_from_db()
    inbox.password = server.password
    inbox.save()
    again(inbox)
    assert (sign_of_inbox().kind, sign_of_inbox().words) == ("ok", "nothing waits")
    Inbox.objects.update(left=7, oldest_left_at=timezone.now() - dt.timedelta(hours=2))
    assert (sign_of_inbox().words, sign_of_inbox().why) == ("“Bounces” 7 messages to read", "The oldest came 2 h ago.")
    Inbox.objects.update(last_read_at=timezone.now() - dt.timedelta(hours=1))
    assert (sign_of_inbox().kind, sign_of_inbox().words) == ("bad", "“Bounces” not read for 1 h")


def test_names_of_folders_go_over_the_line_in_their_own_form():
    assert imap.utf7("Entwürfe & mehr") == "Entw&APw-rfe &- mehr"
    assert imap.utf7("台北") == "&U,BTFw-"
    assert imap.quoted('a"b\\c') == '"a\\"b\\\\c"'


def test_metrics_count_what_fails_and_what_is_left(server):
    from crm.metrics.registry import _gauges

    inbox = inbox_at(server, password="wrong")
    inboxes.read_inbox(inbox_id=inbox.pk)
    inbox_at(server, name="Lags", left=4)
    inbox_at(server, name="Archived", left=9, archived_at=timezone.now())

    assert _gauges["inboxes_failing"].read() == {"": 1}
    assert _gauges["inboxes_left"].read() == {"": 4}
