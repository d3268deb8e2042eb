"""What happened to a mailing, from its audit trail, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from campaigns.mailings.editing import shown_field
from campaigns.mailings.models import Mailing
from crm.audit.models import AuditEntry

SHOWN = 40


@dataclass(frozen=True)
class Item:
    at: datetime
    title: str
    icon: str
    kind: str = ""
    actor: str = ""
    body: str = ""
    url: str = ""


def history(mailing: Mailing) -> list[Item]:
    """Newest first; two queries however long it is."""
    titles = {
        "mailing.created": (_("Created"), "plus", ""),
        "mailing.edited": (_("Changed"), "pencil", ""),
        "mailing.picture_added": (_("Picture uploaded"), "photo-plus", ""),
        "mailing.tested": (_("Test sent to oneself"), "mail-forward", ""),
        "mailing.draft": (_("Back to draft"), "arrow-back-up", "warn"),
        "mailing.in_review": (_("Asked for approval"), "shield", "warn"),
        "mailing.approved": (_("Approved"), "shield-check", "ok"),
        "mailing.scheduled": (_("Scheduled"), "calendar-check", "blue"),
        "mailing.freezing": (_("Freezing the audience"), "snowflake", "blue"),
        "mailing.held": (_("Held"), "hand-stop", "bad"),
        "mailing.sending": (_("Sending"), "send", "ok"),
        "mailing.paused": (_("Paused"), "player-pause", "warn"),
        "mailing.finished": (_("Finished"), "circle-check", "ok"),
        "mailing.cancelled": (_("Cancelled"), "ban", "bad"),
    }
    entries = AuditEntry.objects.filter(object_uid=mailing.uid).select_related("actor").prefetch_related("changes")
    found = []
    for entry in entries.order_by("-pk")[:SHOWN]:
        title, icon, kind = titles.get(entry.verb, (entry.verb.rpartition(".")[2].replace("_", " "), "point", ""))
        body = entry.summary if entry.verb not in ("mailing.created", "mailing.edited") else ""
        if entry.verb == "mailing.edited":
            body = ", ".join(dict.fromkeys(shown_field(change.field) for change in entry.changes.all()))
        found.append(Item(entry.at, title, icon, kind, entry.actor.name if entry.actor else "", body))
    return found
