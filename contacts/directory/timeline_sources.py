"""What the directory itself knows of a person's or an organization's past: memberships, permissions, changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from django.db.models import Case, DateField, F, Prefetch, Q, QuerySet, Value, When
from django.urls import reverse
from django.utils.translation import gettext as _

from contacts.consent.models import ConsentAction, ConsentEvent, LawfulBasis
from contacts.directory.models import Membership, Organization, Person
from contacts.directory.timeline import Entry, Subject
from crm.accounts.models import User
from crm.audit.models import AuditChange, AuditEntry
from crm.ui import formats

# told by a source of their own
QUIET = ("person.membership_started", "person.membership_ended", "consent.granted", "consent.withdrawn")


# --- memberships ----------------------------------------------------------------------------------------------------------
def memberships(subject: Subject, user: User, before: datetime | None, limit: int) -> list[Entry]:
    """Beginnings and ends. A person has few; of an organization the newest ones of each are read."""
    of = {"person": subject} if isinstance(subject, Person) else {"organization": subject}
    day = before.date() if before else date.max
    # a membership's latest beginning or end up to that day: the newest `limit` entries are among the newest `limit` of these.
    # Where no beginning is known, the entry tells when it was recorded, which is never before the day is asked for.
    latest = Case(
        When(ended_on__lte=day, then=F("ended_on")),
        When(started_on__lte=day, then=F("started_on")),
        When(started_on=None, then=Value(day)),
        output_field=DateField(),
    )
    rows = Membership.objects.filter(**of).annotate(latest=latest).exclude(latest=None)
    rows = rows.select_related("person", "organization", "post").order_by("-latest", "-pk")[: limit + 1]
    found = [_begun(subject, m) for m in rows if m.started_on is None or m.started_on <= day]
    found += [_over(subject, m) for m in rows if m.ended_on and m.ended_on <= day]
    found = [entry for entry in found if before is None or entry.at < before]
    return sorted(found, key=lambda entry: entry.at, reverse=True)[:limit]


def _begun(subject: Subject, membership: Membership) -> Entry:
    what = _place(subject, membership)
    known = membership.started_on is not None
    title = _("Began: %(what)s") if known else _("Recorded: %(what)s")
    at = _noon(membership.started_on) if membership.started_on else _minted(membership.uid)
    return Entry(at, title % {"what": what}, "user-plus", "blue", url=_other_url(subject, membership))


def _over(subject: Subject, membership: Membership) -> Entry:
    title = _("Ended: %(what)s") % {"what": _place(subject, membership)}
    return Entry(_noon(membership.ended_on), title, "user-minus", "rest", url=_other_url(subject, membership))


def _place(subject: Subject, membership: Membership) -> str:
    seat = membership.post.label if membership.post else membership.role
    whom = membership.organization.label if isinstance(subject, Person) else membership.person.name
    if not seat:
        return whom
    return f"{seat}, {whom}" if isinstance(subject, Person) else f"{whom}, {seat}"


def _other_url(subject: Subject, membership: Membership) -> str:
    if isinstance(subject, Person):
        return reverse("organization_detail", args=[membership.organization.uid])
    return reverse("person_detail", args=[membership.person.uid])


def _noon(day: date | None) -> datetime:
    return datetime.combine(day or date.min, time(12), UTC)  # at noon the day is the same in nearly every zone


def _minted(uid: UUID) -> datetime:
    """When a UUIDv7 was made."""
    return datetime.fromtimestamp((uid.int >> 80) / 1000, UTC)


# --- permissions ----------------------------------------------------------------------------------------------------------
def consent_of(subject: Subject) -> list[QuerySet[ConsentEvent]]:
    return [ConsentEvent.objects.filter(subject_uid=subject.uid)]


def consent_events(subject: Subject, user: User, before: datetime | None, limit: int) -> Iterator[Entry]:
    rows = ConsentEvent.objects.filter(subject_uid=subject.uid).select_related("topic")
    if before:
        rows = rows.filter(at__lt=before)
    found = list(rows.order_by("-at", "-pk")[:limit])
    vars(subject)["_ledger"] = found  # the page's card of permissions need not read them again
    for event in found:
        given = event.action == ConsentAction.GRANT
        title = _("Permission given: %(topic)s") if given else _("Permission withdrawn: %(topic)s")
        basis = str(LawfulBasis(event.lawful_basis).label) if event.lawful_basis else ""
        body = " · ".join(filter(None, [basis, event.source, event.evidence]))
        yield Entry(
            event.at,
            title % {"topic": event.topic.label},
            "circle-check" if given else "ban",
            "ok" if given else "bad",
            body,
        )


# --- changes --------------------------------------------------------------------------------------------------------------
def changes(subject: Subject, user: User, before: datetime | None, limit: int) -> Iterator[Entry]:
    """Audit entries about the subject, and about an organization's posts."""
    uids = [subject.uid]
    if isinstance(subject, Organization):
        uids += [post.uid for post in subject.posts.all()]
    mine = AuditChange.objects.filter(object_uid__in=uids)
    entries = AuditEntry.objects.filter(Q(object_uid__in=uids) | Q(pk__in=mine.values("entry_id"))).exclude(
        verb__in=QUIET
    )
    if before:
        entries = entries.filter(at__lt=before)
    entries = entries.select_related("actor", "undone_by").prefetch_related(
        Prefetch("changes", mine.order_by("pk"), to_attr="mine")
    )
    for entry in entries.order_by("-at", "-pk")[:limit]:
        body = "; ".join(filter(None, (_change(change, entry.verb) for change in entry.mine)))
        if hasattr(entry, "undone_by"):
            body = f"{body} ({_('undone')})" if body else _("undone")
        who = entry.actor.name if entry.actor else _doors().get(entry.door, "")
        yield Entry(entry.at, title_of(entry), "pencil", "", body, actor=who)


def _doors() -> dict[str, str]:
    return {"import": _("import"), "task": _("Groundswell"), "command": _("command"), "link": _("by themselves")}


def title_of(entry: AuditEntry) -> str:
    """An audit entry as a short sentence without a subject."""
    known = {
        "created": _("Added"),
        "edited": _("Changed"),
        "archived": _("Archived"),
        "undone": _("Taken back"),
        "tagged": _("Tags changed"),
        "contact_point_added": _("Address added"),
        "contact_point_edited": _("Address changed"),
        "contact_point_removed": _("Address removed"),
        "primary_changed": _("Stands for another institution"),
        "membership_started": _("Membership begun"),
        "membership_ended": _("Membership ended"),
        "applied": _("Imported"),
    }
    kind, _dot, verb = entry.verb.partition(".")
    title = known.get(verb, entry.verb.replace(".", " ").replace("_", " ").capitalize())
    return _("Post: %(what)s") % {"what": title.lower()} if kind == "post" else title


def _change(change: AuditChange, verb: str) -> str:
    field, _colon, key = change.field.partition(":")
    if field in {"membership", "consent"}:
        return ""  # memberships and permissions have entries of their own
    if field == "created" and isinstance(change.after, dict):
        shown = [
            f"{name}: {_text(value)}" for name, value in change.after.items() if name in {"email", "phone", "tags"}
        ]
        return "; ".join(shown)
    if field == "contact_point":
        return _pair(_address(change.before), _address(change.after))
    if field == "tag":
        return key
    if field == "archived_at":
        return ""
    words = field.replace("_", " ")
    if verb.endswith(".created") or (verb == "import.applied" and field == "name"):
        return f"{words}: {_text(change.after)}" if field not in {"name", "names"} else ""
    return f"{words}: {_pair(_text(change.before), _text(change.after))}"


def _pair(before: str, after: str) -> str:
    if before and after and before != after:
        return f"{before} → {after}"
    return after or (_("%(value)s removed") % {"value": before} if before else _("emptied"))


def _address(state: Any) -> str:
    if not isinstance(state, dict):
        return ""
    status = state.get("status", "active")
    return str(state.get("value", "")) + (f" ({status})" if status != "active" else "")


def _text(value: Any) -> str:
    if isinstance(value, list):
        return formats.listing([str(item) for item in value])
    text = "" if value is None else str(value)
    return text if len(text) <= 120 else text[:119] + "…"
