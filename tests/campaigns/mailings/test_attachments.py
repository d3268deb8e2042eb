"""Attachments: one copy however often it is used, part of what is approved, the same bytes to every reader."""

from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery.composing import Item, plan_of
from campaigns.delivery.freezing import freeze
from campaigns.delivery.models import Delivery
from campaigns.delivery.partitions import ensure_partitions
from campaigns.delivery.smtp import Client, Server
from campaigns.delivery.tasks import send_some
from campaigns.delivery.textfindings import weight
from campaigns.files.models import StoredFile
from campaigns.files.storage import path_of, read, release_unowned, store
from campaigns.mailings.approval import changed_since_approval, content_hash
from campaigns.mailings.attaching import attach, detach
from campaigns.mailings.compiling import compile_variant
from campaigns.mailings.editing import duplicate
from campaigns.mailings.models import Attachment, Mailing
from crm.audit.models import AuditEntry
from crm.errors import Conflict, Invalid, NotAllowed, StaleEdit, Unavailable
from tests.campaigns.delivery.building import EVERYBODY, subscriber, to_freezing, to_sending
from tests.campaigns.files.making import PDF, office
from tests.factories import GrantFactory, MailingFactory, SegmentFactory, TransportFactory, UserFactory, VariantFactory

pytestmark = pytest.mark.django_db
WORD = office()  # an archive carries the time at which it was made


@pytest.fixture(autouse=True)
def media(settings, tmp_path, monkeypatch):
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr("campaigns.delivery.waking.post", lambda *args, **options: None)
    monkeypatch.setattr("campaigns.delivery.effects.post", lambda *args, **options: None)
    return tmp_path


@pytest.fixture
def mailing() -> Mailing:
    return MailingFactory(segment=SegmentFactory(tree=EVERYBODY), transport=TransportFactory())


def upload(name: str = "plan.pdf", content: bytes = PDF) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def add(mailing: Mailing, actor, name: str = "plan.pdf", content: bytes = PDF, **options) -> Mailing:
    mailing.refresh_from_db()
    return attach(
        mailing=mailing, actor=actor, version=mailing.content_version, upload=upload(name, content), **options
    )


def item_of(mailing: Mailing) -> Item:
    row = Delivery.objects.filter(mailing_id=mailing.pk, state="pending").first()
    return Item(row.seq, row.address, row.address_key, row.variant_id, row.fields, True, None, 0, "pending", None)


# --- keeping --------------------------------------------------------------------------------------------------------
def test_the_same_file_is_kept_once_and_goes_with_its_last_use(
    mailing, editor, media, django_capture_on_commit_callbacks
):
    other = MailingFactory()
    add(mailing, editor)
    add(other, editor, "another name.pdf")
    [file] = StoredFile.objects.all()
    assert [p.name for p in (media / "files").rglob("*") if p.is_file()] == [file.sha256]
    assert path_of(file.sha256).read_bytes() == PDF

    for row in Attachment.objects.order_by("pk"):
        row.mailing.refresh_from_db()
        with django_capture_on_commit_callbacks(execute=True):
            detach(mailing=row.mailing, actor=editor, version=row.mailing.content_version, attachment=row)
        assert path_of(file.sha256).exists()

    assert release_unowned(before=timezone.now() + timedelta(days=1)) == 0, "kept, so that taking it off can be undone"
    StoredFile.objects.update(kept_until=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        assert release_unowned(before=timezone.now() + timedelta(days=1)) == 1
    assert not StoredFile.objects.exists() and not path_of(file.sha256).exists()


def test_a_file_that_was_uploaded_again_meanwhile_is_not_swept_away(media, django_capture_on_commit_callbacks):
    from campaigns.files.storage import release

    with django_capture_on_commit_callbacks() as waiting:
        release(store(PDF, media_type="application/pdf"))
    file = store(PDF, media_type="application/pdf")
    for callback in waiting:
        callback()

    assert read(file.sha256) == PDF


def test_what_is_damaged_or_gone_is_never_sent(media):
    file = store(PDF, media_type="application/pdf")
    path_of(file.sha256).write_bytes(b"other")
    with pytest.raises(Unavailable, match="damaged"):
        read(file.sha256)
    path_of(file.sha256).unlink()
    with pytest.raises(Unavailable, match="MEDIA_ROOT"):
        read(file.sha256)


# --- attaching ------------------------------------------------------------------------------------------------------
def test_an_attachment_is_a_change_that_an_approval_does_not_survive(mailing, editor, admin):
    from campaigns.mailings.services import approve, ask_review

    asked = ask_review(mailing=mailing, actor=editor)
    approved = approve(mailing=asked, actor=admin, content_hash=content_hash(asked), audience_count=0)
    before = content_hash(approved)

    changed = add(approved, editor)

    assert changed.state == "draft" and changed.approval is None
    assert content_hash(changed) != before
    row = changed.attachments.get()
    detach(mailing=changed, actor=editor, version=changed.content_version, attachment=row)
    assert content_hash(changed) == before


def test_other_bytes_under_the_same_name_are_another_content(mailing, editor):
    first = content_hash(add(mailing, editor))
    mailing.refresh_from_db()
    detach(mailing=mailing, actor=editor, version=mailing.content_version, attachment=mailing.attachments.get())

    assert content_hash(add(mailing, editor, content=PDF + b"\n")) != first


def test_approved_content_that_was_swapped_behind_its_back_is_held(mailing, editor):
    add(mailing, editor)
    to_freezing(mailing)
    mailing.attachments.update(file=store(PDF + b"\n", media_type="application/pdf"))

    assert changed_since_approval(mailing) == ["the attachments"]
    assert freeze(mailing_id=mailing.pk) is False


@pytest.mark.parametrize("name", ["plan.pdf", "PLAN.pdf"])
def test_one_name_once_but_one_for_each_language(mailing, editor, name):
    VariantFactory(mailing=mailing, language="fr", position=2)
    add(mailing, editor, "plan.pdf", language="fr")
    add(mailing, editor, "plan.pdf", language="en")
    with pytest.raises(Conflict):
        add(mailing, editor, "plan.pdf")
    with pytest.raises(Invalid, match="not written in that language"):
        add(mailing, editor, "other.pdf", language="es")
    assert mailing.attachments.count() == 2


def test_too_large_alone_or_together_is_refused_and_nothing_is_kept(mailing, editor, settings):
    settings.ATTACHMENT_MAX_BYTES, settings.ATTACHMENTS_MAX_BYTES = len(PDF), len(PDF) + 10
    with pytest.raises(Invalid, match="is larger than"):
        add(mailing, editor, content=PDF + b"\n")
    add(mailing, editor)
    with pytest.raises(Invalid, match="would carry more than"):
        add(mailing, editor, "second.pdf")

    assert mailing.attachments.count() == 1 and StoredFile.objects.count() == 1


def test_an_old_page_and_a_viewer_change_nothing(mailing, editor, viewer):
    with pytest.raises(StaleEdit):
        attach(mailing=mailing, actor=editor, version=mailing.content_version + 1, upload=upload())
    with pytest.raises(NotAllowed):
        add(mailing, viewer)
    assert not mailing.attachments.exists()


def test_a_copy_of_a_mailing_shares_its_files(mailing, planner):
    add(mailing, planner)
    copy = duplicate(mailing=mailing, actor=planner, name="Copy")

    assert copy.attachments.get().file == mailing.attachments.get().file


# --- sending --------------------------------------------------------------------------------------------------------
def test_every_reader_gets_the_files_of_their_language_as_they_were(mailing, editor):
    VariantFactory(mailing=mailing, language="fr", position=2)
    add(mailing, editor, "خطة.docx", WORD, language="en")
    add(mailing, editor, "plan.pdf")
    add(mailing, editor, "projet.pdf", PDF + b"\n", language="fr")
    subscriber(mailing.topic, 1)
    mailing.refresh_from_db()
    to_sending(mailing)

    plan = plan_of(mailing.pk)
    item = item_of(mailing)
    message = message_from_bytes(
        b"".join([plan.message(item, timezone.now()), *plan.tail(item)]), policy=policy.default
    )

    assert message.get_content_type() == "multipart/mixed" and not message.defects
    assert [part.get_content_type() for part in message.iter_parts()][0] == "multipart/alternative"
    assert "Half the world" in message.get_body(("plain",)).get_content()
    found = {part.get_filename(): part.get_content() for part in message.iter_attachments()}
    assert found == {"خطة.docx": WORD, "plan.pdf": PDF}
    assert max(len(line) for line in b"".join(plan.tail(item)).split(b"\r\n")) <= 998
    assert plan_of(mailing.pk).tail(item) is plan.tail(item)  # read and encoded once


def test_the_tail_needs_no_dots_doubled_and_is_not_copied():
    client = Client(Server("localhost", 25), "localhost")
    tail = (b"\r\n--x\r\n", b"QUJD\r\n", b"--x--\r\n")

    pieces = client.message_pieces(b".a\r\n.b", tail)

    assert pieces == [b"..a\r\n..b", *tail, b".\r\n"]
    assert pieces[2] is tail[1]
    assert client.message_pieces(b"a\r\n") == [b"a\r\n.\r\n"]


def test_a_mailing_whose_file_is_gone_is_paused_with_the_reason(mailing, editor):
    add(mailing, editor)
    subscriber(mailing.topic, 1)
    mailing.refresh_from_db()
    to_sending(mailing)
    path_of(mailing.attachments.get().file.sha256).unlink()

    assert send_some(mailing.pk) is None

    mailing.refresh_from_db()
    assert mailing.state == "paused" and "MEDIA_ROOT" in mailing.state_reason
    assert Delivery.objects.get(mailing_id=mailing.pk).state == "pending"


def test_a_missing_file_holds_the_freeze(mailing, editor):
    ensure_partitions()
    add(mailing, editor)
    mailing.refresh_from_db()
    to_freezing(mailing)
    path_of(mailing.attachments.get().file.sha256).unlink()

    assert freeze(mailing_id=mailing.pk) is False
    mailing.refresh_from_db()
    assert mailing.state == "held" and "“plan.pdf” is not on disk" in mailing.state_reason


def test_preflight_weighs_the_whole_message(mailing, editor, settings):
    settings.ATTACHMENT_MAX_BYTES = settings.ATTACHMENTS_MAX_BYTES = 20_000_000
    compiled = [compile_variant(variant) for variant in mailing.variants.all()]
    assert list(weight(mailing, compiled)) == []
    add(mailing, editor)
    [light] = weight(mailing, compiled)
    assert light.kind == "ok" and "plan.pdf" in light.why

    add(mailing, editor, "large.pdf", PDF[:9] + b"%" * 8_000_000 + PDF[9:])

    [heavy] = weight(mailing, compiled)
    assert heavy.kind == "warn" and heavy.title.startswith("A message weighs 10\xa0MB")


# --- screens --------------------------------------------------------------------------------------------------------
def test_the_editor_attaches_lists_and_removes(mailing, editor, sign_in):
    client = sign_in(editor)
    url = reverse("attachment_add", args=[mailing.uid])

    answer = client.post(
        url, {"file": [upload(), upload("b.txt", b"hello")], "version": mailing.content_version}, headers={"HX-Request": "true"}
    )  # fmt: skip
    page = answer.content.decode()
    assert "plan.pdf" in page and "b.txt" in page
    assert 'name="version" value="3" id="id_version" hx-swap-oob="true"' in page
    row = mailing.attachments.get(name="b.txt")
    client.post(reverse("attachment_remove", args=[mailing.uid, row.uid]), {"version": 3})
    client.post(reverse("attachment_remove", args=[mailing.uid, row.uid]), {"version": 4})

    assert [a.name for a in mailing.attachments.all()] == ["plan.pdf"]
    assert "plan.pdf" in client.get(reverse("mailing_edit", args=[mailing.uid])).content.decode()
    assert "plan.pdf" in client.get(reverse("mailing_detail", args=[mailing.uid])).content.decode()


def test_a_refused_file_says_why_and_leaves_the_others(mailing, editor, sign_in):
    answer = sign_in(editor).post(
        reverse("attachment_add", args=[mailing.uid]),
        {"file": [upload(), upload("x.svg", b"<svg/>")], "version": mailing.content_version},
        headers={"HX-Request": "true"},
    )

    assert "“x.svg” is of no type that letters may carry" in answer.content.decode()
    assert [a.name for a in mailing.attachments.all()] == ["plan.pdf"]


def test_a_download_is_saved_and_never_shown_and_only_for_who_sees_the_mailing(mailing, editor, viewer, sign_in):
    add(mailing, editor)
    url = reverse("attachment_download", args=[mailing.uid, mailing.attachments.get().uid])

    answer = sign_in(viewer).get(url)
    assert b"".join(answer.streaming_content) == PDF
    assert answer["Content-Disposition"] == 'attachment; filename="plan.pdf"'
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]

    stranger = UserFactory()
    GrantFactory(user=stranger, role="viewer", is_everywhere=False, campaigns=["01890000-0000-7000-8000-000000000001"])
    assert sign_in(stranger).get(url).status_code == 404


def test_attachment_taken_off_comes_back_with_its_bytes(mailing, editor, sign_in, media):
    add(mailing, editor)
    before = content_hash(Mailing.objects.get(pk=mailing.pk))
    mailing.refresh_from_db()
    detach(mailing=mailing, actor=editor, version=mailing.content_version, attachment=mailing.attachments.get())
    entry = AuditEntry.objects.filter(verb="mailing.edited", object_uid=mailing.uid).latest("pk")

    sign_in(editor).post(reverse("undo", args=[entry.uid]))

    assert read(mailing.attachments.get().file.sha256) == PDF
    assert content_hash(Mailing.objects.get(pk=mailing.pk)) == before
    StoredFile.objects.update(kept_until=timezone.now())
    release_unowned(before=timezone.now() + timedelta(days=1))
    assert mailing.attachments.exists(), "what is used again is not swept away"


def test_attaching_is_undone_and_a_file_that_is_gone_must_be_attached_again(
    mailing, editor, sign_in, django_capture_on_commit_callbacks
):
    client = sign_in(editor)
    add(mailing, editor)
    attached = AuditEntry.objects.filter(verb="mailing.edited", object_uid=mailing.uid).latest("pk")
    client.post(reverse("undo", args=[attached.uid]))
    assert not mailing.attachments.exists() and StoredFile.objects.get().kept_until > timezone.now() + timedelta(days=6)

    other = MailingFactory()
    for row in (mailing, other):
        add(row, editor)
    mailing.refresh_from_db()
    detach(mailing=mailing, actor=editor, version=mailing.content_version, attachment=mailing.attachments.get())
    removed = AuditEntry.objects.filter(verb="mailing.edited", object_uid=mailing.uid).latest("pk")
    client.post(reverse("undo", args=[removed.uid]))
    assert mailing.attachments.get().file == other.attachments.get().file

    other.refresh_from_db()
    detach(mailing=other, actor=editor, version=other.content_version, attachment=other.attachments.get())
    mailing.refresh_from_db()
    detach(mailing=mailing, actor=editor, version=mailing.content_version, attachment=mailing.attachments.get())
    gone = AuditEntry.objects.filter(verb="mailing.edited", object_uid=mailing.uid).latest("pk")
    StoredFile.objects.update(kept_until=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        release_unowned(before=timezone.now() + timedelta(days=1))
    answer = client.post(reverse("undo", args=[gone.uid]), headers={"HX-Request": "true"})
    assert answer.status_code == 409 and "Attach the file again" in answer.content.decode()
