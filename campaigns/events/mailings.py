"""Mailings that are about an event: begun here, sent by the engine like any other. When an invitation is frozen, its audience is invited."""

from __future__ import annotations

from babel.dates import format_date
from django.conf import settings
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.events.links import delivered_url
from campaigns.events.models import Event, EventMailing
from campaigns.events.telling import locale_in, place_of, when_of
from campaigns.events.texts import text_of
from campaigns.mailings.bound import Bound
from campaigns.mailings.editing import create_mailing, save_variant
from campaigns.mailings.fields import Scalar
from campaigns.mailings.models import Mailing
from campaigns.mailings.queries import transports_in_use
from campaigns.mailings.states import State
from contacts.consent.models import Topic
from contacts.segments.models import Segment
from contacts.segments.services import create_segment
from crm.accounts.models import User
from crm.errors import Conflict, Invalid

Purpose = EventMailing.Purpose
INVITES = (Purpose.INVITATION, Purpose.REMINDER)


def event_of(mailing: Mailing) -> Bound | None:
    """The binder of `campaigns.mailings.bound`."""
    row = EventMailing.objects.select_related("event__country", "event__drive").filter(mailing=mailing).first()
    if row is None:
        return None
    event, mailing_id = row.event, mailing.pk

    def links(seq: int) -> dict[str, Scalar]:
        return {"event.answer_url": delivered_url(mailing_id, seq)}

    return Bound(values=lambda language: values_of(event, language), links=links)


def values_of(event: Event, language: str) -> dict[str, Scalar]:
    return {
        "event.name": str(event.names.get(language) or event.name),
        "event.when": when_of(event, language),
        "event.place": _place_in(event, language),
        "event.answer_by": format_date(event.answer_by, "long", locale=locale_in(language)) if event.answer_by else "",
        "event.page_url": page_url(event) if event.is_public else "",
    }


def _place_in(event: Event, language: str) -> str:
    from django.utils import translation

    with translation.override(language):
        return place_of(event) or (_("online") if event.online_url else "")


def page_url(event: Event) -> str:
    return settings.BASE_URL + reverse("event_page", args=[event.slug])


def begin_mailing(
    *,
    event: Event,
    actor: User,
    purpose: str,
    segment: Segment | None = None,
    topic: Topic | None = None,
    language: str = "en",
) -> Mailing:
    """A draft of the event's drive with a first text, ready to be edited and approved like any other.

    segment: for an invitation, whom to invite; the other purposes have theirs by rule, made when it is missing.
    """
    if event.cancelled_at and purpose in INVITES:
        raise Conflict(_("This event was called off, so nobody can be invited."), code="event_closed")
    if purpose == Purpose.INVITATION and segment is None:
        raise Invalid(_("Choose whom to invite."), code="no_segment")
    with transaction.atomic():
        segment = segment or segment_for(event, purpose, actor)
        wave = event.mailings.filter(purpose=purpose).count() + 1
        text = text_of(purpose, language)
        # an answer is asked for, whoever was written to yesterday
        mailing = create_mailing(
            drive=event.drive, actor=actor, language=language, segment=segment, topic=topic, transport=transports_in_use().first(),
            name=(text.name % {"event": event.name} + (f" {wave}" if wave > 1 else ""))[:200], contact_guard_days=0,
            answers_of=event.form,
        )  # fmt: skip
        EventMailing.objects.create(event=event, mailing=mailing, purpose=purpose)
        save_variant(
            mailing=mailing, actor=actor, version=mailing.content_version, language=language,
            values={"subject": text.subject, "body_html": text.body},
        )  # fmt: skip
    mailing.refresh_from_db()
    return mailing


# purpose → the segment fields that find its readers
RULES = {
    Purpose.REMINDER: ["event_unanswered"],
    Purpose.CAME: ["event_came"],
    Purpose.MISSED: ["event_missed"],
    Purpose.NEWS: ["event_seat"],
}


def segment_for(event: Event, purpose: str, actor: User) -> Segment:
    """The rule behind a follow-up: one segment for each event and purpose, found by its name when there is one."""
    label = str(Purpose(purpose).label)
    name = f"{event.name[:80]}: {label}"[:120]
    rules = [{"field": field, "operator": "any_of", "value": [str(event.uid)]} for field in RULES[Purpose(purpose)]]
    tree = {"version": 1, "op": "all", "rules": rules}
    known = Segment.objects.filter(name=name, tree=tree, archived_at=None).order_by("pk").first()
    return known or create_segment(name=name, tree=tree, actor=actor)


_INVITE = """
INSERT INTO campaigns_invitation (uid, created_at, updated_at, event_id, person_id, organization_id, post_id, mailing_id, seq,
                                  email, language, answer, came_by, note, answers)
SELECT gen_random_uuid(), %s, %s, %s, d.person_id, d.organization_id, d.post_id, d.mailing_id, d.seq, coalesce(d.address, ''),
       d.language, '', '', '', '{}'::jsonb
  FROM delivery d
 WHERE d.mailing_id = %s AND d.state = 'pending' AND (d.person_id IS NOT NULL OR d.organization_id IS NOT NULL)
   AND NOT EXISTS (SELECT 1 FROM campaigns_invitation i WHERE i.event_id = %s
                      AND (i.person_id = d.person_id OR (d.person_id IS NULL AND i.person_id IS NULL
                                                         AND i.organization_id = d.organization_id)))
 ORDER BY d.seq
ON CONFLICT DO NOTHING
"""


def mailing_moved(mailing: Mailing, before: State, after: State) -> None:
    """Listener of `campaigns.mailings.services.on_move`: in the transaction that freezes it, whoever will get it is invited."""
    if not (before == State.FREEZING and after == State.SENDING):
        return
    row = EventMailing.objects.filter(mailing=mailing, purpose__in=INVITES).first()
    if row is not None:
        now = timezone.now()
        with connection.cursor() as cursor:
            cursor.execute(_INVITE, [now, now, row.event_id, mailing.pk, row.event_id])
