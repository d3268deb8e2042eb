"""Changing a mailing: versions, two tabs, times that clocks skip, languages."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from campaigns.mailings import editing
from campaigns.mailings.models import Mailing
from campaigns.mailings.states import State
from campaigns.mailings.templates import TemplateRefused
from campaigns.mailings.times import to_utc
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from crm.errors import Conflict, Invalid, NotAllowed, StaleEdit, WrongState
from tests.factories import DriveFactory, GrantFactory, MailingFactory, UserFactory

pytestmark = pytest.mark.django_db


def save(mailing: Mailing, actor, version: int, **values) -> Mailing:
    return editing.save_variant(mailing=mailing, actor=actor, version=version, language="en", values=values)


def test_second_of_two_tabs_is_told_who_changed_what_and_nothing_is_overwritten(editor, planner) -> None:
    mailing = MailingFactory()
    save(mailing, planner, 1, subject="Planner's", body_html="<p>Theirs</p>")

    with pytest.raises(StaleEdit) as told:
        save(mailing, editor, 1, subject="Editor's")

    assert (told.value.data["who"], told.value.data["what"]) == (
        "Planner",
        ["subject (en)", "body (en)"],
    )
    assert told.value.data["version"] == 2
    assert mailing.variants.get().subject == "Planner's"
    assert save(mailing, editor, 2, subject="Editor's").content_version == 3


def test_saving_nothing_new_changes_nothing(editor) -> None:
    mailing = MailingFactory(state="approved")
    variant = mailing.variants.get()
    editing_of = {
        "subject": variant.subject,
        "preheader": "",
        "body_html": variant.body_html,
        "text": "",
        "is_text_own": False,
    }

    saved = save(mailing, editor, 1, **editing_of)

    assert (saved.state, saved.content_version) == (State.APPROVED, 1)


def test_refused_template_is_not_saved(editor) -> None:
    mailing = MailingFactory()
    before = mailing.variants.get().body_html

    with pytest.raises(TemplateRefused):
        save(mailing, editor, 1, body_html="<p>{% for x in person.name %}</p>")

    assert mailing.variants.get().body_html == before
    assert Mailing.objects.get(pk=mailing.pk).content_version == 1


def test_text_part_follows_the_body_until_it_is_ones_own(editor) -> None:
    mailing = MailingFactory()

    mailing = save(mailing, editor, 1, body_html="<p>Dear {{ person.name }}</p>")
    assert mailing.variants.get().text == "Dear {{ person.name }}\n"
    mailing = save(mailing, editor, 2, is_text_own=True, text="Mine")
    mailing = save(mailing, editor, 3, body_html="<p>Other</p>")

    assert mailing.variants.get().text == "Mine"


def test_subject_is_one_line(editor) -> None:
    mailing = save(MailingFactory(), editor, 1, subject="A\r\nBcc: x")

    assert mailing.variants.get().subject == "A Bcc: x"


@pytest.mark.parametrize("state", ["in_review", "approved", "scheduled", "held"])
def test_change_of_content_returns_it_to_draft(state: str, editor) -> None:
    mailing = save(MailingFactory(state=state), editor, 1, subject="Other")

    assert (mailing.state, mailing.approval, mailing.edited_since_approval) == (State.DRAFT, None, [editor.pk])


@pytest.mark.parametrize("state", ["freezing", "sending", "paused", "finished", "cancelled"])
def test_what_leaves_cannot_be_changed(state: str, editor) -> None:
    mailing = MailingFactory(state=state)

    with pytest.raises(WrongState, match="Duplicate it"):
        save(mailing, editor, 1, subject="Other")


def test_only_writers_write(viewer, approver) -> None:
    mailing = MailingFactory()
    for user in (viewer, approver):
        with pytest.raises(NotAllowed):
            save(mailing, user, 1, subject="Other")


def test_language_is_added_as_a_copy_and_removed_but_not_the_last(editor) -> None:
    mailing = MailingFactory(fallback_languages=["en"])

    mailing = editing.add_variant(mailing=mailing, actor=editor, version=1, language="fr", copy_from="en")
    assert mailing.variants.get(language="fr").subject == mailing.variants.get(language="en").subject
    with pytest.raises(Conflict):
        editing.add_variant(mailing=mailing, actor=editor, version=2, language="fr")
    mailing = editing.remove_variant(mailing=mailing, actor=editor, version=2, language="en")
    assert mailing.fallback_languages == []
    with pytest.raises(Conflict, match="at least one language"):
        editing.remove_variant(mailing=mailing, actor=editor, version=3, language="fr")


def test_duplicate_is_a_draft_with_the_same_text_and_no_history(editor) -> None:
    mailing = MailingFactory(state="finished", languages=["en", "fr"], layout="bulletin")

    copy = editing.duplicate(mailing=mailing, actor=editor, name="Again")

    assert (copy.state, copy.layout, copy.approval, copy.send_at) == (State.DRAFT, "bulletin", None, None)
    assert list(copy.variants.values_list("language", "body_html")) == list(
        mailing.variants.values_list("language", "body_html")
    )


def test_mailing_keeps_the_countries_it_was_written_for() -> None:
    writer = UserFactory()
    GrantFactory(user=writer, role="editor", is_everywhere=False, countries=["ZM", "SN"])

    mailing = editing.create_mailing(drive=DriveFactory(countries=["ZM"]), actor=writer, name="Here")

    assert mailing.scope_countries == ["SN", "ZM"]
    with pytest.raises(NotAllowed):
        editing.create_mailing(drive=DriveFactory(countries=["MG"]), actor=writer, name="There")


@pytest.mark.parametrize(
    ("local", "zone", "utc"),
    [
        (datetime(2026, 7, 1, 12), "Africa/Dakar", datetime(2026, 7, 1, 12, tzinfo=UTC)),
        (datetime(2026, 7, 1, 12), "Europe/Zurich", datetime(2026, 7, 1, 10, tzinfo=UTC)),
        # the hour that comes twice: the first of the two
        (datetime(2026, 10, 25, 2, 30), "Europe/Zurich", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (datetime(2026, 12, 1, 12), "Asia/Kathmandu", datetime(2026, 12, 1, 6, 15, tzinfo=UTC)),
    ],
)
def test_local_time_becomes_utc(local: datetime, zone: str, utc: datetime) -> None:
    assert to_utc(local, zone) == utc


def test_time_that_the_clock_skips_is_refused() -> None:
    with pytest.raises(Invalid, match="02:30 does not exist in Europe/Zurich"):
        to_utc(datetime(2027, 3, 28, 2, 30), "Europe/Zurich")
    with pytest.raises(Invalid, match="is not a time zone"):
        to_utc(datetime(2027, 3, 28, 2, 30), "Mars/Olympus")


def test_set_time_is_kept_as_wall_clock_zone_and_utc(editor) -> None:
    mailing = MailingFactory()
    local = (timezone.now() + timedelta(days=30)).replace(hour=9, minute=0, second=0, microsecond=0)

    mailing = editing.save_settings(
        mailing=mailing, actor=editor, version=1, values={"send_local": local, "send_zone": "Africa/Nairobi"}
    )

    assert (mailing.send_local, mailing.send_zone, mailing.send_at) == (
        local,
        "Africa/Nairobi",
        local - timedelta(hours=3),
    )
    with pytest.raises(Invalid, match="has passed"):
        editing.save_settings(
            mailing=mailing, actor=editor, version=2, values={"send_local": local - timedelta(days=60)}
        )


# --- undo ---------------------------------------------------------------------------------------------------------------
def _last_edit(mailing):
    return AuditEntry.objects.filter(object_uid=mailing.uid, verb="mailing.edited").latest("pk")


def test_undo_of_a_text_puts_it_back_as_a_new_version(editor):
    mailing = MailingFactory()
    before = mailing.variants.get(language="en").subject
    mailing = editing.save_variant(
        mailing=mailing, actor=editor, version=mailing.content_version, language="en", values={"subject": "Another"}
    )

    undo(entry=_last_edit(mailing), actor=editor)

    mailing.refresh_from_db()
    assert mailing.variants.get(language="en").subject == before
    assert mailing.content_version == 3


def test_undo_of_settings_that_were_changed_since_is_refused_whole(editor):
    mailing = MailingFactory(contact_guard_days=3, tracks_people=True)
    values = {"contact_guard_days": 5, "tracks_people": False}
    mailing = editing.save_settings(mailing=mailing, actor=editor, version=mailing.content_version, values=values)
    first = _last_edit(mailing)
    mailing = editing.save_settings(
        mailing=mailing, actor=editor, version=mailing.content_version, values={"contact_guard_days": 9}
    )

    with pytest.raises(Conflict, match="changed again since"):
        undo(entry=first, actor=editor)

    mailing.refresh_from_db()
    assert (mailing.contact_guard_days, mailing.tracks_people) == (9, False)


def test_undo_brings_a_removed_language_back_with_its_text(editor):
    mailing = MailingFactory()
    mailing = editing.add_variant(
        mailing=mailing, actor=editor, version=mailing.content_version, language="fr", copy_from="en"
    )
    written = mailing.variants.get(language="fr").body_html
    mailing = editing.remove_variant(mailing=mailing, actor=editor, version=mailing.content_version, language="fr")

    undo(entry=_last_edit(mailing), actor=editor)

    assert mailing.variants.get(language="fr").body_html == written
