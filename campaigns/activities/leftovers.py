"""What the texts of a copied drive still say of the old one: names of its countries, dates, links and addresses.

Nothing is stored but what somebody kept on purpose: a text that was mended is no leftover any more.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from babel import Locale
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.activities.models import Activity, Objective
from campaigns.activities.saving import hold, may_plan
from campaigns.planning.models import Drive
from campaigns.positions.models import Ask
from contacts.directory.models import Country
from crm.accounts.models import User
from crm.audit.models import AuditEntry
from crm.audit.services import record

AROUND = 48  # letters of a text shown on either side
LONGEST = 20_000  # of a text that is looked through
MOST = 400
KINDS = {
    "country": gettext_lazy("name of an old country"),
    "date": gettext_lazy("date"),
    "link": gettext_lazy("link or address"),
}
LINK = re.compile(r"https?://[^\s<>\"]+|\bwww\.[^\s<>\"]+|[\w.+-]+@[\w-]+\.[\w.-]+")
_MONTHS = sorted({name for width in ("wide", "abbreviated") for name in Locale("en").months["format"][width].values()}, key=len, reverse=True)  # fmt: skip
_MONTH = "|".join(map(re.escape, _MONTHS))
DATE = re.compile(
    rf"\b\d{{4}}-\d{{2}}-\d{{2}}\b|\b\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}}\b|\b\d{{1,2}}\.? (?:{_MONTH})\b(?: \d{{4}})?"
    rf"|\b(?:{_MONTH}) \d{{1,2}}\b(?:,? \d{{4}})?|\b(?:{_MONTH}) \d{{4}}\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Leftover:
    """One place in one text. where: whose text and which field, in words; url: where it is mended."""

    kind: str
    where: str
    before: str
    found: str
    after: str
    url: str
    key: str

    @property
    def in_dialog(self) -> bool:
        """Whether its form is small enough for a dialog over the page."""
        return self.url.startswith(("/drives/activities/", "/drives/objectives/"))

    @property
    def label(self) -> str:
        return str(KINDS[self.kind])


def leftovers_of(drive: Drive) -> list[Leftover]:
    """In the order of the plan. Empty for a drive that is no copy."""
    if drive.copied_from_id is None or drive.copied_from is None:
        return []
    names = _old_names(drive.copied_from, drive)
    kept = set(drive.kept_leftovers)
    found: list[Leftover] = []
    for where, text, url in _texts(drive):
        for kind, match in _matches(text, names):
            one = _leftover(kind, where, text, match, url)
            if one.key not in kept:
                found.append(one)
            if len(found) >= MOST:
                return found
    return found


def keep(*, drive: Drive, actor: User, key: str) -> AuditEntry | None:
    """It is meant as it stands: it is not pointed out again. None if it is gone, or was kept."""
    with transaction.atomic():
        row = hold(drive)
        may_plan(actor, row)
        if key not in {one.key for one in leftovers_of(row)}:
            return None
        before = list(row.kept_leftovers)
        row.kept_leftovers = [*before, key]
        row.save(update_fields=["kept_leftovers", "updated_at"])
        changes = [("kept_leftovers", before, row.kept_leftovers)]
        return record(verb="drive.leftover_kept", target=row, actor=actor, changes=changes)


def _old_names(source: Drive, drive: Drive) -> re.Pattern[str] | None:
    """Names of countries that only the old drive has, in all languages, the longest first."""
    old = Country.objects.filter(drives=source).exclude(pk__in=drive.countries.values("pk"))
    names = {name for country in old for name in (country.name, *map(str, country.names.values())) if len(name) > 2}
    if not names:
        return None
    words = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)


def _texts(drive: Drive) -> Iterator[tuple[str, str, str]]:
    edit = reverse("drive_edit", args=[drive.uid])
    yield _("Drive: name"), drive.name, edit
    yield _("Drive: goal"), drive.goal, edit
    for goal in Objective.objects.live().filter(drive=drive).order_by("due_on", "pk"):
        yield _("Objective"), goal.name, reverse("objective_edit", args=[goal.uid])
    for ask in Ask.objects.filter(drive=drive, archived_at=None).order_by("place", "pk"):
        for text in (ask.name, ask.description, ask.done_when):
            yield _("Ask: %(name)s") % {"name": ask.name}, text, reverse("ask_list", args=[drive.uid])
    for row in Activity.objects.filter(drive=drive, archived_at=None).order_by("starts_on", "pk")[:MOST]:
        url = reverse("activity_edit", args=[row.uid])
        yield _("Activity"), row.name, url
        yield _("Activity: %(name)s, note") % {"name": row.name}, row.note, url


def _matches(text: str, names: re.Pattern[str] | None) -> Iterable[tuple[str, re.Match[str]]]:
    text = text[:LONGEST]
    if names is not None:
        yield from (("country", match) for match in names.finditer(text))
    yield from (("date", match) for match in DATE.finditer(text))
    yield from (("link", match) for match in LINK.finditer(text))


def _leftover(kind: str, where: str, text: str, match: re.Match[str], url: str) -> Leftover:
    start, end = match.span()
    before = ("…" if start > AROUND else "") + text[max(0, start - AROUND) : start]
    after = text[end : end + AROUND] + ("…" if len(text) > end + AROUND else "")
    key = hashlib.sha256(f"{url}|{kind}|{match[0]}|{before}|{after}".encode()).hexdigest()[:32]
    return Leftover(kind, where, before, match[0], after, url, key)


def proposed_start(source: Drive, today: dt.date) -> dt.date:
    """The Monday after next, or the old beginning if that is still ahead."""
    return max(source.starts_on, today + dt.timedelta(14 - today.weekday()))
