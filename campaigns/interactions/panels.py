"""The log on the page of a person or an institution: its button, how contact stands, and entries of the timeline."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.interactions.models import Party
from campaigns.interactions.presenting import Shown, first_words, present
from campaigns.outreach.models import Interaction
from contacts.directory.models import Person
from contacts.directory.panels import Action, Card, Subject
from contacts.directory.timeline import Entry, TimelineSource, register
from crm.accounts.models import User
from crm.accounts.rules import Action as May

LOOKED_AT = 60


def _of(subject: Subject) -> dict[str, Subject]:
    return {"person" if isinstance(subject, Person) else "organization": subject}


def log_button(subject: Subject, user: User) -> Action | None:
    if not user.may(May.LOG) or getattr(subject, "erased_at", None):
        return None
    [(kind, row)] = _of(subject).items()
    return Action(
        _("Log"), "message-plus", f"{reverse('log')}?{kind}={row.uid}", "primary", modal=True, key="l", order=10
    )


def latest_of(subject: Subject) -> list[Party]:
    """Their latest contacts, those that only name them among them: read once a page, by the card and by two kinds of the timeline."""
    known = vars(subject).get("_parties")
    if known is None:
        known = vars(subject)["_parties"] = list(_parties(subject)[:LOOKED_AT])
    return list(known)


def _parties(subject: Subject) -> QuerySet[Party]:
    rows = Party.objects.filter(**_of(subject)).select_related("interaction__logged_by", "interaction__person")
    return rows.order_by("-at", "-pk")


def contact_card(subject: Subject, user: User) -> Card:
    """When they last talked with us, when we last turned to them, and who of us did."""
    read = latest_of(subject)
    latest = [party for party in read if not party.is_mention]
    two_way = next((party for party in latest if party.is_two_way), None)
    if two_way is None and len(read) == LOOKED_AT:
        two_way = _parties(subject).filter(is_two_way=True, is_mention=False).first()
    people = list(dict.fromkeys(p.interaction.logged_by.name for p in latest if p.interaction.logged_by))
    context = {"two_way": two_way, "latest": latest[0] if latest else None, "people": people[:4]}
    return Card(_("Contact"), "campaigns/interactions/_contact_card.html", "contact", context, order=10)


# --- timeline -----------------------------------------------------------------------------------------------------------------
def entries(subject: Subject, user: User, before: datetime | None, limit: int) -> Iterable[Entry]:
    """Calls, meetings, letters and messages in which they took part, or whose notes name them."""
    found = [party for party in latest_of(subject) if party.interaction.kind != "reply"] if before is None else []
    if before is not None or (len(found) < limit and len(latest_of(subject)) == LOOKED_AT):
        rows = _parties(subject).exclude(interaction__kind="reply")
        found = list((rows.filter(at__lt=before) if before else rows)[:limit])
    found = found[:limit]
    shown = present([party.interaction for party in found], user, subject) if found else []
    return [_entry(one, is_named=party.is_mention) for one, party in zip(shown, found, strict=True)]


def _entry(shown: Shown, *, is_named: bool) -> Entry:
    row: Interaction = shown.row
    title = _("Named in: %(what)s") % {"what": shown.title} if is_named else shown.title
    actor = row.logged_by.name if row.logged_by else ""
    url = reverse("interaction_detail", args=[row.uid])
    kind = "ok" if row.is_two_way and not is_named else "rest"
    return Entry(row.at, title, shown.icon, kind, first_words(row.text), url, actor)


def register_timeline() -> None:
    register(TimelineSource("contact", gettext_lazy("Contacts"), "phone", entries, order=15))
