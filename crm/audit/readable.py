"""Changes as people read them: what was done, and before → after without codes and ids.

reads("country", names_of_countries)                   values → {value: words}, one query for a page
refers("owner", "user")                                the field holds the uid of an object of that kind
words_of("segment.tree", lambda tree: sentence(…))     one value → words
choices_of("mailing.state", State.choices)             one of a few codes → its label
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils.dateparse import parse_date, parse_datetime
from django.utils.html import strip_tags
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.accounts.models import User
from crm.audit.models import AuditChange, AuditEntry
from crm.audit.subjects import kind_label, names_of
from crm.ui import formats

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

LONGEST = 160
_RESOLVE: dict[str, Callable[[set[str]], dict[str, str]]] = {}
_REFERS: dict[str, str] = {"owner": "user", "answered_by": "user"}
_WORDS: dict[str, Callable[[Any], str]] = {}
# by the whole verb where its words fit that kind of thing alone, else by what stands behind the dot
DONE: dict[str, StrOrPromise] = {
    "created": gettext_lazy("Added"),
    "edited": gettext_lazy("Changed"),
    "saved": gettext_lazy("Changed"),
    "renamed": gettext_lazy("Renamed"),
    "archived": gettext_lazy("Archived"),
    "unarchived": gettext_lazy("Brought back"),
    "restored": gettext_lazy("Brought back"),
    "deleted": gettext_lazy("Deleted"),
    "undone": gettext_lazy("Took back"),
    "tagged": gettext_lazy("Changed tags"),
    "bulk_edited": gettext_lazy("Changed many"),
    "contact_point_added": gettext_lazy("Added an address"),
    "contact_point_edited": gettext_lazy("Changed an address"),
    "contact_point_removed": gettext_lazy("Removed an address"),
    "primary_changed": gettext_lazy("Changed which institution they stand for"),
    "membership_started": gettext_lazy("Began a membership"),
    "membership_ended": gettext_lazy("Ended a membership"),
    "members_added": gettext_lazy("Added to the list"),
    "members_removed": gettext_lazy("Took off the list"),
    "exported": gettext_lazy("Exported"),
    "applied": gettext_lazy("Applied"),
    "consent.granted": gettext_lazy("Permission given"),
    "consent.withdrawn": gettext_lazy("Permission withdrawn"),
    "withdrawn": gettext_lazy("Withdrew"),
    "suppressed": gettext_lazy("Suppressed an address"),
    "answered": gettext_lazy("Took care of a reply"),
    "replied": gettext_lazy("Reply came in"),
    "cancelled": gettext_lazy("Cancelled"),
    "tested": gettext_lazy("Sent a test"),
    "grant.given": gettext_lazy("Gave a grant"),
    "grant.removed": gettext_lazy("Took a grant away"),
    "removed": gettext_lazy("Removed"),
    "joined": gettext_lazy("Joined"),
    "sent": gettext_lazy("Sent"),
    "invitation.revoked": gettext_lazy("Took back an invitation"),
    "revoked": gettext_lazy("Revoked"),
    "made": gettext_lazy("Made"),
    "set": gettext_lazy("Set"),
    "left": gettext_lazy("Left"),
    "unsuppressed": gettext_lazy("Lifted a suppression"),
    "hard_bounce": gettext_lazy("Bounced for good"),
    "soft_bounce": gettext_lazy("Bounced for now"),
    "external_ids_set": gettext_lazy("Changed what other systems call it"),
    "consented": gettext_lazy("Signed in by consent"),
    "consent_forgotten": gettext_lazy("Forgot the consent"),
    "uncertain_settled": gettext_lazy("Settled what was uncertain"),
    "written_to": gettext_lazy("Wrote to them"),
    "sign_in.done": gettext_lazy("Signed in"),
    "sign_in.failed": gettext_lazy("Could not sign in"),
    "sign_in.rule_changed": gettext_lazy("Changed the rule for two-step sign-in"),
    "session.ended": gettext_lazy("Signed a browser out"),
    "password.link_made": gettext_lazy("Made a link for a new password"),
    "two_step.added": gettext_lazy("Added a second step"),
    "two_step.failed": gettext_lazy("The second step was wrong"),
    "two_step.reset": gettext_lazy("Reset the second step"),
    "recovery_codes.made": gettext_lazy("Made recovery codes"),
    "retention.asked": gettext_lazy("Asked for a run of retention"),
    "retention.done": gettext_lazy("Let go what was kept long enough"),
    "audit.asked": gettext_lazy("Asked for an audit"),
    "permission.asked": gettext_lazy("Asked for a permission"),
    "permission.request_revoked": gettext_lazy("Took back the question for a permission"),
    "person.export_requested": gettext_lazy("Asked for a file with their data"),
    "person.export_downloaded": gettext_lazy("Took the file with their data"),
    "partneraccount.erasure_asked": gettext_lazy("Asked to be erased"),
    "mailing.draft": gettext_lazy("Back to draft"),
    "mailing.in_review": gettext_lazy("Asked for a review"),
    "contactguard.set": gettext_lazy("Changed what is agreed"),
    "contactguard.owner_set": gettext_lazy("Said who looks after it"),
    "digestchoice.set": gettext_lazy("Changed the weekly mail"),
    "numbering.set": gettext_lazy("Changed how letters are numbered"),
    "commitmentoffer.made": gettext_lazy("Offered a commitment"),
}
FIELDS: dict[str, StrOrPromise] = {
    "name": gettext_lazy("Name"),
    "names": gettext_lazy("Names"),
    "given_name": gettext_lazy("Given name"),
    "family_name": gettext_lazy("Family name"),
    "honorific_prefix": gettext_lazy("Title"),
    "pronunciation": gettext_lazy("How the name is said"),
    "ground": gettext_lazy("Why it may be written to them"),
    "acronym": gettext_lazy("Acronym"),
    "language": gettext_lazy("Language"),
    "country": gettext_lazy("Country"),
    "countries": gettext_lazy("Countries"),
    "countries_of_work": gettext_lazy("Countries of work"),
    "constituency": gettext_lazy("Constituency"),
    "constituencies": gettext_lazy("Constituencies"),
    "parent": gettext_lazy("Part of"),
    "tags": gettext_lazy("Tags"),
    "tag": gettext_lazy("Tag"),
    "note": gettext_lazy("Note"),
    "website": gettext_lazy("Website"),
    "archived_at": gettext_lazy("Archived"),
    "archived": gettext_lazy("Archived"),
    "created": gettext_lazy("Added"),
    "membership": gettext_lazy("Membership"),
    "contact_point": gettext_lazy("Address"),
    "members": gettext_lazy("Members"),
    "tree": gettext_lazy("Rules"),
    "owner": gettext_lazy("Owner"),
    "state": gettext_lazy("State"),
    "status": gettext_lazy("Status"),
    "starts_on": gettext_lazy("From"),
    "ends_on": gettext_lazy("Until"),
    "goal": gettext_lazy("Goal"),
    "dkim_selector": gettext_lazy("DKIM selector"),
    "dkim_record": gettext_lazy("DKIM key"),
    "leaves_from": gettext_lazy("Mail leaves from"),
    "messages_per_connection": gettext_lazy("Messages per connection"),
    "subject": gettext_lazy("Subject"),
    "body_html": gettext_lazy("Text"),
    "segment": gettext_lazy("Segment"),
    "host": gettext_lazy("Server"),
    "security": gettext_lazy("Encryption"),
    "folder": gettext_lazy("Folder"),
    "after": gettext_lazy("What was read"),
    "move_to": gettext_lazy("Move it to"),
    "bounces": gettext_lazy("Soft bounces to bouncing"),
    "days": gettext_lazy("Within days"),
    "sender": gettext_lazy("Sender"),
    "topic": gettext_lazy("Topic"),
    "transport": gettext_lazy("Transport"),
    "service": gettext_lazy("Mailing service"),
    "consent": gettext_lazy("Permission"),
    "grant": gettext_lazy("Grant"),
    "rows": gettext_lazy("Rows"),
}
_DATE = re.compile(r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?$")


def reads(field: str, resolve: Callable[[set[str]], dict[str, str]]) -> None:
    """Codes of this field become words."""
    _RESOLVE[field] = resolve


def refers(field: str, kind: str) -> None:
    """This field holds uids of objects of that kind."""
    _REFERS[field] = kind


def words_of(field: str, words: Callable[[Any], str]) -> None:
    """Values of this field ("type.field") are told by a function."""
    _WORDS[field] = words


def choices_of(field: str, choices: Iterable[tuple[Any, StrOrPromise]]) -> None:
    """field: "kind.field". A code that is none of them any more stays as it is."""
    labels = dict(choices)
    words_of(field, lambda value: str(labels.get(value, value)))


@dataclass(frozen=True)
class Line:
    """One change as it is shown."""

    label: str
    before: str
    after: str
    object_uid: UUID | None = None

    @property
    def text(self) -> str:
        return f"{self.label}: {self.before or '–'} → {self.after or '–'}"


def done(verb: str) -> str:
    """A verb as words without a subject."""
    last = verb.partition(".")[2] or verb
    return str(DONE.get(verb) or DONE.get(last) or last.replace("_", " ").capitalize())


class Reader:
    """Reads the changes of some entries: what they refer to is looked up once for all of them."""

    def __init__(self, changes: Iterable[AuditChange], user: User) -> None:
        coded: dict[str, set[str]] = {}
        referred: dict[str, set[UUID]] = {}
        for change in changes:
            for field, value in _parts(change):
                for item in value if isinstance(value, list) else [value]:
                    if field in _RESOLVE and item:
                        coded.setdefault(field, set()).add(str(item))
                    elif (kind := _REFERS.get(field)) and (uid := _uid(item)):
                        referred.setdefault(kind, set()).add(uid)
        self.codes = {field: _RESOLVE[field](values) for field, values in coded.items()}
        self.names = names_of(user, referred)

    def line(self, change: AuditChange) -> Line:
        base, _colon, key = change.field.partition(":")
        if base == "tag":
            before, after = (key if value is True else "" for value in (change.before, change.after))
            return Line(str(FIELDS["tag"]), before, after, change.object_uid)
        return Line(
            self._label(base, key),
            self._words(change, change.before),
            self._words(change, change.after),
            change.object_uid,
        )

    def _label(self, field: str, key: str) -> str:
        language, dot, name = field.rpartition(".")
        label = str(FIELDS.get(name) or name.replace("_", " ").capitalize())
        if field == "consent" and key:
            return f"{label} ({key})"
        return f"{label} ({language})" if dot else label

    def _words(self, change: AuditChange, value: Any) -> str:
        field = change.field.partition(":")[0]
        told = _WORDS.get(f"{change.object_type}.{field}")
        if told and value not in (None, ""):
            return _short(told(value))
        if field == "members" and isinstance(value, list):
            return (
                ngettext("%(n)s member", "%(n)s members", len(value)) % {"n": formats.number(len(value))}
                if value
                else ""
            )
        if field == "contact_point" and isinstance(value, dict):
            extra = [value.get("label", ""), "" if value.get("status", "active") == "active" else value["status"]]
            return " · ".join(filter(None, [str(value.get("value", "")), *extra]))
        if field == "membership" and isinstance(value, dict):
            return self._membership(value)
        if field == "created" and isinstance(value, dict):  # all that a new row came with, in one line
            said = {name: self._label(*name.partition(":")[::2]) for name in value}
            return _short("; ".join(f"{said[name]}: {self._one(name, item)}" for name, item in value.items()))
        if isinstance(value, dict):
            return _short("; ".join(f"{key}: {text}" for key, text in value.items()))
        return self._one(field, value)

    def _membership(self, state: dict[str, Any]) -> str:
        place = [self._one(name, state.get(name)) for name in ("post", "role", "organization")]
        dates = [self._one("", state.get(name)) for name in ("started_on", "ended_on")]
        span = " – ".join(dates).strip(" –") if any(dates) else ""
        return " · ".join(
            filter(None, [", ".join(filter(None, place)), span, _("primary") if state.get("is_primary") else ""])
        )

    def _one(self, field: str, value: Any) -> str:
        if value in (None, "", []):
            return ""
        if isinstance(value, list):
            return _short(formats.listing([self._one(field, item) for item in value]))
        if isinstance(value, bool):
            return _("yes") if value else _("no")
        if field in self.codes:
            return self.codes[field].get(str(value), str(value))
        if field in _REFERS and (uid := _uid(value)):
            return self.names.get(uid, (_("something that is not yours to see, or is gone"), ""))[0]
        text = str(value)
        return _moment(text) if _DATE.match(text) else _short(strip_tags(text) if "<" in text else text)


def _parts(change: AuditChange) -> Iterable[tuple[str, Any]]:
    field = change.field.partition(":")[0]
    for value in (change.before, change.after):
        if isinstance(value, dict):
            yield from value.items()
        else:
            yield field, value


def _uid(value: Any) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None


def _moment(text: str) -> str:
    moment: datetime | None = parse_datetime(text) if len(text) > 10 else None
    if moment is not None:
        return formats.moment(localtime(moment) if is_aware(moment) else moment)
    day = parse_date(text[:10])
    return formats.day(day) if day else text


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def attach_words(entries: list[AuditEntry], user: User) -> None:
    """`words`, `lines`, `object_name` and `object_url` for entries whose `shown` changes are attached."""
    reader = Reader([change for entry in entries for change in vars(entry)["shown"]], user)
    wanted: dict[str, set[UUID]] = {}
    for entry in entries:
        if entry.object_uid:
            wanted.setdefault(entry.object_type, set()).add(entry.object_uid)
    names = names_of(user, wanted)
    for entry in entries:
        name, url = names.get(entry.object_uid, ("", "")) if entry.object_uid else ("", "")
        lines = [reader.line(change) for change in vars(entry)["shown"]]
        if entry.object_uid is None:  # of many: what was changed, once for all of them
            lines = list({(line.label, line.before, line.after): line for line in lines}.values())[:3]
        vars(entry).update(
            words=done(entry.verb),
            kind_label=kind_label(entry.object_type),
            lines=[line for line in lines if line.before or line.after],
            object_name=name or entry.summary,
            object_url=url,
        )
