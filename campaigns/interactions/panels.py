"""The log on the page of a person or an institution: its button, how contact stands, and entries of the timeline."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

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

LOOKED_AT = 20


def _of(subject: Subject) -> dict[str, Subject]:
    return {"person" if isinstance(subject, Person) else "organization": subject}


def log_button(subject: Subject, user: User) -> Action | None:
    if not user.may(May.LOG) or getattr(subject, "erased_at", None):
        return None
    [(kind, row)] = _of(subject).items()
    return Action(
        _("Log"), "message-plus", f"{reverse('log')}?{kind}={row.uid}", "primary", modal=True, key="l", order=10
    )


def contact_card(subject: Subject, user: User) -> Card:
    """When they last talked with us, when we last turned to them, and who of us did."""
    rows = Party.objects.took_part().filter(**_of(subject)).select_related("interaction__logged_by").order_by("-at")
    latest = list(rows[:LOOKED_AT])
    two_way = next((party for party in latest if party.is_two_way), None)
    if two_way is None and len(latest) == LOOKED_AT:
        two_way = rows.filter(is_two_way=True).first()
    people = list(dict.fromkeys(p.interaction.logged_by.name for p in latest if p.interaction.logged_by))
    context = {"two_way": two_way, "latest": latest[0] if latest else None, "people": people[:4]}
    return Card(_("Contact"), "campaigns/interactions/_contact_card.html", "contact", context, order=10)


# --- timeline -----------------------------------------------------------------------------------------------------------------
def entries(subject: Subject, user: User, before: datetime | None, limit: int) -> Iterable[Entry]:
    """Calls, meetings, letters and messages in which they took part, or whose notes name them."""
    parties = Party.objects.filter(**_of(subject)).exclude(interaction__kind="reply")
    parties = parties.filter(at__lt=before) if before else parties
    parties = parties.select_related("interaction__logged_by").order_by("-at", "-pk")[:limit]
    found = [(party.interaction, party.is_mention) for party in parties]
    shown = present([row for row, _named in found], user)
    return [_entry(one, is_named=named) for one, (_row, named) in zip(shown, found, strict=True)]


def _entry(shown: Shown, *, is_named: bool) -> Entry:
    row: Interaction = shown.row
    title = _("Named in: %(what)s") % {"what": shown.title} if is_named else shown.title
    actor = row.logged_by.name if row.logged_by else ""
    url = reverse("interaction_detail", args=[row.uid])
    kind = "ok" if row.is_two_way and not is_named else "rest"
    return Entry(row.at, title, shown.icon, kind, first_words(row.text), url, actor)


def register_timeline() -> None:
    register(TimelineSource("contact", gettext_lazy("Contacts"), "phone", entries, order=15))
