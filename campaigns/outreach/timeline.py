"""What people did with what we sent them, on their page and on their institution's: clicks, replies, bounces."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.delivery.history import MOST_MAILINGS, mailings_sent
from campaigns.delivery.models import Delivery, Feedback
from campaigns.engagement.models import DeliveryEngagement
from campaigns.interactions.panels import LOOKED_AT, latest_of
from campaigns.mailings.models import Mailing
from campaigns.outreach.models import Interaction
from contacts.directory.models import Person
from contacts.directory.timeline import Entry, Subject, TimelineSource, reached_through, register
from crm.accounts.models import User

# A timeline looks this many deliveries back: a person gets some dozens of mailings a year.
DELIVERIES = 500
CANDIDATES = 2000


def deliveries_to(subject: Subject) -> list[tuple[int, int]]:
    """(mailing, seq) of what was sent to a person or an institution, newest mailing first. Several kinds ask: read once a page."""
    known = vars(subject).get("_sent")
    if known is None:
        known = vars(subject)["_sent"] = _read_deliveries(subject)
    return list(known)


def _read_deliveries(subject: Subject) -> list[tuple[int, int]]:
    sent = Delivery.objects.exclude(state="skipped").order_by("-mailing_id", "-seq")
    if isinstance(subject, Person):
        mine = sent.filter(person_id=subject.pk)
    else:
        # the ledger is indexed by person and by address, and an institution is reached through its people or its own addresses
        people, own = reached_through(subject)
        mine = sent.filter(Q(person_id__in=people, organization_id=subject.pk) | Q(address_hash__in=own))
    return list(mine.values_list("mailing_id", "seq")[:DELIVERIES])


def _mailings(subject: Subject, user: User) -> dict[int, Mailing]:
    """The mailings of all those deliveries that the user may see, read once per page."""
    known = vars(subject).get("_sent_mailings")
    if known is None:
        latest = mailings_sent(subject, user)
        missing = {mailing_id for mailing_id, _seq in deliveries_to(subject)} - latest.keys()
        if missing and len(latest) == MOST_MAILINGS:  # else those are of mailings that he may not see
            rows = Mailing.objects.visible_to(user).only("uid", "name", "names")
            latest = latest | rows.in_bulk(missing)
        known = vars(subject)["_sent_mailings"] = latest
    return dict(known)


def _link(mailing: Mailing | None) -> dict[str, str]:
    return {"body": mailing.label, "url": reverse("mailing_report", args=[mailing.uid])} if mailing else {}


def clicks(subject: Subject, user: User, before: datetime | None, limit: int) -> Iterable[Entry]:
    """First human clicks. Nothing of people who are not tracked, since nothing of theirs is kept."""
    found = _latest(_engaged(subject), "first_click_at", before, limit)
    known = _mailings(subject, user) if found else {}
    for row in found:
        links = _("clicked a link") if row.human_clicks == 1 else _("clicked %(n)s times") % {"n": row.human_clicks}
        yield Entry(row.first_click_at, links.capitalize(), "click", "blue", **_link(known.get(row.mailing_id)))


def unsubscribes(subject: Subject, user: User, before: datetime | None, limit: int) -> Iterable[Entry]:
    found = _latest(_engaged(subject), "unsubscribed_at", before, limit)
    known = _mailings(subject, user) if found else {}
    for row in found:
        yield Entry(row.unsubscribed_at, _("Unsubscribed"), "mail-off", "warn", **_link(known.get(row.mailing_id)))


def feedback(subject: Subject, user: User, before: datetime | None, limit: int) -> Iterable[Entry]:
    found = _narrowed(Feedback.objects.all(), "at", subject, before, limit)
    known = _mailings(subject, user) if found else {}
    for row in found:
        mailing = known.get(row.mailing_id)
        said = " · ".join(filter(None, [row.reason, mailing.label if mailing else ""]))
        url = reverse("mailing_report", args=[mailing.uid]) if mailing else ""
        title = row.get_kind_display().capitalize()
        yield Entry(row.at, title, "mail-x", "bad" if row.kind != Feedback.Kind.SOFT_BOUNCE else "warn", said, url)


def replies(subject: Subject, user: User, before: datetime | None, limit: int) -> Iterable[Entry]:
    for row in _replies(subject, user, before, limit):
        who = row.person.label if row.person and not isinstance(subject, Person) else ""
        text = row.text[:400] + ("…" if len(row.text) > 400 else "")
        url = f"{reverse('reply_list')}#reply-{row.uid}" if row.answered_at is None else ""
        yield Entry(
            row.at, _("Replied: %(subject)s") % {"subject": row.subject}, "message-circle", "ok", text, url, who
        )


def _replies(subject: Subject, user: User, before: datetime | None, limit: int) -> Iterable[Interaction]:
    """Newest first. The latest contacts, which the page has read, hold all of them where there are few."""
    if before is None and len(read := latest_of(subject)) < LOOKED_AT:
        rows = (party.interaction for party in read if not party.is_mention)
        return [row for row in rows if row.kind == Interaction.Kind.REPLY][:limit]
    of = Q(person=subject) if isinstance(subject, Person) else Q(organization=subject)
    found = Interaction.objects.visible_to(user).replies().filter(of).select_related("person")
    return (found.filter(at__lt=before) if before else found).order_by("-at")[:limit]


def _engaged(subject: Subject) -> list[DeliveryEngagement]:
    """What they clicked and what they unsubscribed from, of those deliveries: two kinds ask, and it is read once a page."""
    known = vars(subject).get("_engaged")
    if known is None:
        pairs = set(deliveries_to(subject))
        rows = DeliveryEngagement.objects.filter(mailing_id__in={p[0] for p in pairs}, seq__in={p[1] for p in pairs})
        rows = rows.filter(Q(first_click_at__isnull=False) | Q(unsubscribed_at__isnull=False))
        found = rows.order_by("-mailing_id", "-seq")[:CANDIDATES] if pairs else []
        known = vars(subject)["_engaged"] = [row for row in found if (row.mailing_id, row.seq) in pairs]
    return list(known)


def _latest(rows: list[Any], field: str, before: datetime | None, limit: int) -> list[Any]:
    """Those that have this moment, newest first."""
    moments = [(at, row) for row in rows if (at := getattr(row, field)) and (before is None or at < before)]
    return [row for _at, row in sorted(moments, key=lambda pair: pair[0], reverse=True)[:limit]]


def _narrowed(queryset: QuerySet[Any], field: str, subject: Subject, before: datetime | None, limit: int) -> list[Any]:
    """The rows of the subject's deliveries, newest first."""
    pairs = set(deliveries_to(subject))
    if not pairs:
        return []
    rows = queryset.filter(mailing_id__in={p[0] for p in pairs}, seq__in={p[1] for p in pairs})
    if before is not None:
        rows = rows.filter(**{f"{field}__lt": before})
    # the two lists leave a few rows of others, which go here
    return [row for row in rows.order_by(f"-{field}")[:CANDIDATES] if (row.mailing_id, row.seq) in pairs][:limit]


def register_sources() -> None:
    register(TimelineSource("click", gettext_lazy("Clicks"), "click", clicks, order=40))
    register(TimelineSource("reply", gettext_lazy("Replies"), "message-circle", replies, order=30))
    register(TimelineSource("unsubscribe", gettext_lazy("Unsubscribes"), "mail-off", unsubscribes, order=50))
    register(TimelineSource("feedback", gettext_lazy("Bounces and complaints"), "mail-x", feedback, order=60))
