"""Changing what a mailing says and to whom. Each change counts the content's version; an approval does not survive one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.forms.models import Form
from campaigns.mailings.answers import form_of, unknown_answers
from campaigns.mailings.body import clean_body
from campaigns.mailings.compiling import own_text, writing_of, writing_problems
from campaigns.mailings.content import Writing
from campaigns.mailings.hours import places_of, span
from campaigns.mailings.models import Approval, Attachment, Mailing, Variant
from campaigns.mailings.services import _move, locked
from campaigns.mailings.states import EDITABLE, State
from campaigns.mailings.templates import TemplateRefused
from campaigns.mailings.times import to_utc
from campaigns.planning.models import Drive
from crm.accounts.models import User
from crm.accounts.rules import Action, Scope
from crm.audit.models import AuditChange
from crm.audit.services import Change, record
from crm.errors import Conflict, Invalid, NotAllowed, StaleEdit, WrongState

SETTINGS = (
    "name drive segment sender topic transport layout reference_pattern fallback_languages send_local send_zone sends_local "  # noqa: SIM905
    "hours_from hours_until skips_weekends skips_holidays max_lateness contact_guard_days copies_to answers_of "
    "tracks_people resends_uncertain".split()
)
TIMES = {"send_local", "send_zone", "sends_local", "hours_from", "hours_until"}  # what `set_time` reads
UNAPPROVED = {"name"}  # what may change without touching an approval: nobody outside reads it
WRITING = ("subject", "preheader", "body_html", "text", "is_text_own")
SHOWN = {
    "subject": "subject",
    "preheader": "preheader",
    "body_html": "body",
    "text": "text part",
    "is_text_own": "text part",
    "segment": "segment",
    "sender": "sender",
    "send_local": "time",
    "sends_local": "whose time it is",
    "hours_from": "hours of the day",
    "hours_until": "hours of the day",
    "skips_weekends": "weekends",
    "skips_holidays": "holidays",
    "copies_to": "who gets copies",
    "answers_of": "whose answers it names",
}


def create_mailing(*, drive: Drive, actor: User, name: str, language: str = "en", **values: Any) -> Mailing:
    """A draft with one empty variant, within the actor's own countries. A segment that is about one form brings its answers along."""
    _check_drive(drive, actor)
    countries = _reach(actor, drive)
    if "answers_of" not in values:
        values["answers_of_id"] = form_of(values.get("segment"))
    with transaction.atomic():
        mailing = Mailing(
            drive=drive,
            name=name,
            written_by=actor,
            edited_since_approval=[actor.pk],
            scope_countries=None if countries is None else sorted(countries),
            **values,
        )
        set_time(mailing)
        mailing.save()
        Variant.objects.create(mailing=mailing, language=language)
        record(verb="mailing.created", target=mailing, actor=actor, summary=name, event={"name": name})
    return mailing


def save_settings(*, mailing: Mailing, actor: User, version: int, values: Mapping[str, Any]) -> Mailing:
    """Change settings (see SETTINGS); StaleEdit when somebody saved since `version`."""
    with transaction.atomic():
        row = _opened(mailing, actor, version)
        if values.get("drive", row.drive) != row.drive:
            move_to_drive(row, values["drive"], actor)
        segment = values.get("segment", row.segment)
        if segment != row.segment and row.answers_of_id is None and values.get("answers_of") is None:
            form = form_of(segment)
            values = {**values, "answers_of": Form.objects.get(pk=form) if form else None}
        changes: list[Change] = []
        for field in SETTINGS:
            if field in values and getattr(row, field) != values[field]:
                changes.append((field, getattr(row, field), values[field]))
                setattr(row, field, values[field])
        if TIMES & {field for field, _before, _after in changes}:
            set_time(row)
        return _changed(row, actor, changes, touches_approval=any(c[0] not in UNAPPROVED for c in changes))


def move_to_drive(row: Mailing, drive: Drive, actor: User) -> None:
    """Check that the actor may, and narrow the mailing's reach to theirs. The drive itself is set with the other settings."""
    _check_drive(drive, actor)
    row.scope_countries = _narrowed(row.scope_countries, _reach(actor, drive))


def _check_drive(drive: Drive, actor: User) -> None:
    if not Drive.objects.visible_to(actor, Action.WRITE).filter(pk=drive.pk).exists():
        raise NotAllowed(_("You may not write mailings for this drive. Choose another one."))


def _reach(actor: User, drive: Drive) -> frozenset[str] | None:
    """Countries that the actor may write to for this drive; None for all. A grant for another campaign adds none."""
    pairs = actor.scope(Action.WRITE).pairs
    return Scope(tuple(p for p in pairs if not p.campaigns or drive.campaign.uid in p.campaigns)).countries


def _narrowed(before: list[str] | None, now: frozenset[str] | None) -> list[str] | None:
    """A mailing keeps the scope that it was built with; moved to another drive it can only lose some of it."""
    if now is None:
        return before
    return sorted(now if before is None else now.intersection(before))


def set_time(row: Mailing) -> None:
    """Compute when it begins to leave; Invalid for times that cannot be, or are over."""
    check_hours(row)
    row.stop_until = None
    if row.send_local is None:
        row.send_at = None
        return
    local = row.send_local.replace(tzinfo=None)
    if row.sends_local:
        row.send_at, last = span(local, places_of(row))
        if last <= timezone.now():
            raise Invalid(_("This time has passed everywhere. Choose a later one."))
        return
    row.send_at = to_utc(local, row.send_zone)
    if row.send_at <= timezone.now():
        raise Invalid(_("This time has passed in %(zone)s. Choose a later one.") % {"zone": row.send_zone})


def check_hours(row: Mailing) -> None:
    """Rules that contradict each other are refused, with what to change."""
    if (row.hours_from is None) != (row.hours_until is None):
        raise Invalid(_("Say both when the hours begin and when they end, or neither."), code="hours_half")
    if row.hours_from and row.hours_until and row.hours_from >= row.hours_until:
        raise Invalid(_("The hours must begin before they end, on the same day."), code="hours_turned")
    if not row.sends_local:
        return
    if row.send_local is None:
        raise Invalid(_("Say at which local time each recipient gets it."), code="no_time")
    clock = row.send_local.time()
    if row.hours_from and row.hours_until and not row.hours_from <= clock < row.hours_until:
        raise Invalid(
            _("%(time)s is not between %(from)s and %(until)s. Change the time or the hours.")
            % {"time": f"{clock:%H:%M}", "from": f"{row.hours_from:%H:%M}", "until": f"{row.hours_until:%H:%M}"},
            code="time_outside_hours",
        )


def save_variant(*, mailing: Mailing, actor: User, version: int, language: str, values: Mapping[str, Any]) -> Mailing:
    """Save one language (see WRITING). Refused templates are not saved (TemplateRefused); older pages neither (StaleEdit).

    The text part is made from the body unless `is_text_own`.
    """
    with transaction.atomic():
        row = _opened(mailing, actor, version)
        variant = row.variants.get(language=language)
        data = {**{name: getattr(variant, name) for name in WRITING}, **values}
        data["subject"] = " ".join(str(data["subject"]).split())
        data["preheader"] = " ".join(str(data["preheader"]).split())
        writing = Writing(language=language, **data)
        problems = writing_problems(writing) or unknown_answers(writing, row)
        if problems:
            raise TemplateRefused(problems)
        data["body_html"] = clean_body(writing.body_html)
        if not data["is_text_own"]:
            data["text"] = own_text(Writing(language=language, body_html=data["body_html"]))
        # a text part that is made follows the body: it is no change of its own
        compared = WRITING if data["is_text_own"] else [name for name in WRITING if name != "text"]
        changes: list[Change] = [
            (f"{language}.{name}", getattr(variant, name), data[name])
            for name in compared
            if getattr(variant, name) != data[name]
        ]
        for name in WRITING:
            setattr(variant, name, data[name])
        variant.save(update_fields=list(WRITING))
        return _changed(row, actor, changes)


def add_variant(*, mailing: Mailing, actor: User, version: int, language: str, copy_from: str = "") -> Mailing:
    """Add a language, empty or as a copy of another one to translate."""
    with transaction.atomic():
        row = _opened(mailing, actor, version)
        if row.variants.filter(language=language).exists():
            raise Conflict(_("This mailing is written in that language already."), code="variant_exists")
        source = row.variants.filter(language=copy_from).first()
        values = {name: getattr(source, name) for name in WRITING} if source else {}
        Variant.objects.create(mailing=row, language=language, position=row.variants.count() + 1, **values)
        return _changed(row, actor, [("languages", None, language)])


def remove_variant(*, mailing: Mailing, actor: User, version: int, language: str) -> Mailing:
    with transaction.atomic():
        row = _opened(mailing, actor, version)
        if row.variants.count() == 1:
            raise Conflict(_("A mailing needs at least one language. Add another one first."), code="last_variant")
        variant = row.variants.get(language=language)
        changes: list[Change] = [("languages", language, None)]
        changes += [(f"{language}.{name}", getattr(variant, name), None) for name in WRITING]
        variant.delete()
        row.fallback_languages = [code for code in row.fallback_languages if code != language]
        return _changed(row, actor, changes)


def duplicate(*, mailing: Mailing, actor: User, name: str) -> Mailing:
    """A new draft with the same content and settings, without time, approval or history."""
    with transaction.atomic():
        kept = [field for field in SETTINGS if field not in ("name", "drive", "send_local", "sends_local")]
        copy = create_mailing(
            drive=mailing.drive, actor=actor, name=name, **{field: getattr(mailing, field) for field in kept}
        )
        copy.variants.all().delete()
        for variant in mailing.variants.all():
            writing = writing_of(variant)
            Variant.objects.create(
                mailing=copy,
                language=variant.language,
                position=variant.position,
                **{field: getattr(writing, field) for field in WRITING},
            )
        for row in mailing.attachments.all():
            Attachment.objects.create(
                mailing=copy, file_id=row.file_id, name=row.name, language=row.language, position=row.position
            )
    return copy


def who_changed(mailing: Mailing, since: int) -> tuple[str, list[str]]:
    """(name of the last who saved, what changed since version `since`), for whoever saved too late."""
    rows = AuditChange.objects.filter(
        object_uid=mailing.uid, entry__verb__in=["mailing.edited", "mailing.undone"]
    ).select_related("entry__actor")
    newest = list(rows.order_by("-entry_id", "pk")[:60])
    recent, entries = [], []
    for row in newest:
        if row.entry_id not in entries:
            entries.append(row.entry_id)
        if len(entries) > max(mailing.content_version - since, 1):
            break
        recent.append(row)
    who = recent[0].entry.actor if recent else None
    return (who.name if who else ""), list(dict.fromkeys(shown_field(row.field) for row in recent))


def shown_field(field: str) -> str:
    """A changed field as people call it: “body (fr)”."""
    language, dot, name = field.rpartition(".")
    label = SHOWN.get(name, name.replace("_", " "))
    return f"{label} ({language})" if dot else label


def _opened(mailing: Mailing, actor: User, version: int) -> Mailing:
    """The locked row, if it may be edited by `actor` from a page that showed `version`."""
    if not Mailing.objects.visible_to(actor, Action.WRITE).filter(pk=mailing.pk).exists():
        raise NotAllowed(_("Your role does not allow writing this mailing."))
    row = locked(mailing)
    if row.state not in EDITABLE:
        raise WrongState(
            _("“%(name)s” is %(state)s and can no longer be changed. Duplicate it to write a new one.")
            % {"name": row.name, "state": State(row.state).label}
        )
    if row.content_version != version:
        who, what = who_changed(row, version)
        raise StaleEdit(
            _(
                "%(who)s changed this mailing while you were writing (%(what)s). Nothing of yours is lost: it stands below."
            )
            % {"who": who or _("Somebody"), "what": ", ".join(what) or _("its content")},
            who=who,
            what=what,
            version=row.content_version,
        )
    return row


def _changed(row: Mailing, actor: User, changes: list[Change], *, touches_approval: bool = True) -> Mailing:
    """Count the version, note who edited, and take the approval away. Nothing happens without a change."""
    if not changes:
        return row
    count_change(row, actor, touches_approval=touches_approval)
    record(verb="mailing.edited", target=row, actor=actor, changes=changes, summary=row.name)
    return row


def count_change(row: Mailing, actor: User, *, touches_approval: bool) -> None:
    """Save a changed row as the next version; an approval that read what changed lapses."""
    if row.state != State.DRAFT and touches_approval:
        if row.approval_id:
            Approval.objects.filter(pk=row.approval_id, lapsed_at=None).update(lapsed_at=timezone.now())
        before = State(row.state).label
        _move(
            row,
            State.DRAFT,
            actor=actor,
            reason=_("%(who)s changed it when it was %(state)s, so it must be approved again.")
            % {"who": actor.name, "state": before},
            approval=None,
            stop_until=None,
        )
    row.content_version += 1
    if touches_approval and actor.pk not in row.edited_since_approval:
        row.edited_since_approval = [*row.edited_since_approval, actor.pk]
    row.save()
