"""Registering letters, changing what is said of them, answering, striking out. Each is one transaction with one audit entry of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.correspondence.models import Letter, LetterDocument, NumberCount, Numbering
from campaigns.correspondence.numbering import check_pattern, reference_of
from campaigns.files.sniffing import safe_name, sniff
from campaigns.files.storage import digest, release, store
from campaigns.interactions.services import edit_interaction, log_interaction, remove_interaction
from campaigns.interactions.words import harmless, one_line
from contacts.directory.models import Organization, Person
from contacts.directory.services.editing import edit_row, find_locked, invalid, lock, plain, same
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.services import Change, record
from crm.errors import Conflict, Invalid, NotAllowed
from crm.ids import new_uid
from crm.ui import formats

FIELDS = ("on", "person", "ours", "copies", "subject", "their_reference", "note", "responsible", "answer_due_on")
NEW_FIELDS = ("way", "reference", "organization", *FIELDS, "answered_by")
MOST_NOTE, MOST_DOCUMENTS = 20_000, 10


# --- register -----------------------------------------------------------------------------------------------------------
def register_letter(
    *,
    actor: User,
    way: str,
    organization: Organization,
    on: date,
    subject: str,
    answers: Letter | None = None,
    form_key: UUID | None = None,
    override_reason: str = "",
    **values: Any,
) -> Letter:
    """Give a letter its number, and log that the institution was in touch. values: FIELDS.

    answers: the letter that this one answers. form_key: one form registers one, however often it is sent. Raises Invalid for a day
    that lies ahead, NotAllowed out of scope, Guarded where a contact guard stands against what goes out.
    """
    if form_key and (known := Letter.objects.filter(form_key=form_key, registered_by=actor).first()):
        return known
    if on > timezone.localdate():
        raise Invalid(_("This date lies ahead. Register a letter when it was written."), code="ahead")
    row = Letter(
        way=way, organization=organization, on=on, subject=one_line(subject), registered_by=actor, form_key=form_key or new_uid(),
        year=on.year, number=1, reference="-", **_clean(values),
    )  # fmt: skip
    _check(row)
    try:
        with transaction.atomic():
            row.number, row.reference = _next_number(row.way, row.year)
            row.interaction = _log(row, actor, override_reason)
            row.save()
            changes = [(name, None, plain(getattr(row, name))) for name in NEW_FIELDS if getattr(row, name)]
            event = {"way": way, "reference": row.reference, "organization": str(organization.uid)}
            record(verb="letter.registered", target=row, actor=actor, changes=changes, event=event)
            if answers is not None:
                link_answer(letter=answers, answer=row, actor=actor)
    except IntegrityError:  # the other half of a double click was quicker
        known = Letter.objects.filter(form_key=row.form_key, registered_by=actor).first()
        if known is None:
            raise
        return known
    return row


def _clean(values: dict[str, Any]) -> dict[str, Any]:
    """Texts without what hides or turns them; of one line, or of several."""
    for name in ("ours", "their_reference", "subject"):
        if name in values:
            values[name] = one_line(values[name])
    for name in ("copies", "note"):
        if name in values:
            values[name] = harmless(values[name])[:MOST_NOTE]
    return values


def _check(row: Letter) -> None:
    try:
        row.full_clean(
            exclude=[
                "organization",
                "person",
                "responsible",
                "answered_by",
                "interaction",
                "registered_by",
                "form_key",
                "reference",
                "number",
            ]
        )
    except ValidationError as error:
        raise invalid(error) from error


def _next_number(way: str, year: int) -> tuple[int, str]:
    """The next number of the year and its reference. The count is held to the end of the transaction: without gaps, never twice."""
    NumberCount.objects.get_or_create(way=way, year=year)
    count = NumberCount.objects.select_for_update().get(way=way, year=year)
    rule = Numbering.current()
    pattern = rule.pattern_in if way == Letter.Way.IN else rule.pattern_out
    count.last += 1
    # a pattern that was changed and changed back must not meet what it made before
    while Letter.objects.filter(reference=reference_of(pattern, year=year, number=count.last)).exists():
        count.last += 1
    count.save(update_fields=["last"])
    return count.last, reference_of(pattern, year=year, number=count.last)


def _noon(on: date) -> datetime:
    return min(timezone.make_aware(datetime.combine(on, time(12))), timezone.now())


def _words(row: Letter) -> str:
    return f"{row.reference} · {row.subject}"


def _log(row: Letter, actor: User, override_reason: str) -> Any:
    """The touch that it is. What came in needs nobody's leave: they turned to us."""
    is_in = row.way == Letter.Way.IN
    return log_interaction(
        actor=actor, kind="letter", organizations=[row.organization], people=[row.person] if row.person else [], at=_noon(row.on),
        is_two_way=is_in, text=_words(row), subject=row.subject,
        override_reason=_("They wrote to us.") if is_in else override_reason,
    ).interaction  # fmt: skip


# --- change -------------------------------------------------------------------------------------------------------------
def edit_letter(
    *, letter: Letter, actor: User, changes: Mapping[str, Any], seen: Mapping[str, Any] | None = None
) -> AuditEntry | None:
    """Change FIELDS; the log follows. Raises StaleEdit when somebody changed the same meanwhile."""
    changes = _clean(dict(changes))
    on = changes.get("on")
    if on and on > timezone.localdate():
        raise Invalid(_("This date lies ahead. Register a letter when it was written."), code="ahead")
    if on and on.year != letter.year:
        raise Invalid(
            _("Its number is of %(year)s. Strike it out, and register it anew with the other date.")
            % {"year": letter.year},
            code="year",
        )
    with transaction.atomic():
        _refuse_struck(lock(letter))
        entry = edit_row(target=letter, allowed=FIELDS, changes=changes, seen=seen, actor=actor, verb="letter.edited")
        if entry is not None:
            _follow(letter, actor)
        return entry


def _follow(letter: Letter, actor: User) -> None:
    """The log says the same as the register."""
    logged = letter.interaction
    if logged is not None and logged.removed_at is None:
        people = [letter.person] if letter.person else []
        edit_interaction(interaction=logged, actor=actor, at=_noon(letter.on), text=_words(letter), people=people)


def _refuse_struck(row: Letter) -> None:
    if row.struck_at:
        raise Conflict(_("This entry is struck out, so nothing was changed."), code="struck")


def link_answer(*, letter: Letter, answer: Letter, actor: User) -> AuditEntry | None:
    """Say which letter answered this one: of the same institution, the other way. None when it is said already."""
    with transaction.atomic():
        row: Letter = lock(letter)
        _refuse_struck(row)
        if row.answered_by_id == answer.pk:
            return None
        if answer.struck_at or answer.way == row.way or answer.organization_id != row.organization_id:
            raise Invalid(
                _("An answer goes the other way, with the same institution. Nothing was changed."), code="no_answer"
            )
        before, row.answered_by = row.answered_by, answer
        row.save(update_fields=["answered_by", "updated_at"])
        letter.answered_by = answer
        changes = [("answered_by", plain(before), plain(answer))]
        return record(
            verb="letter.answered", target=row, actor=actor, changes=changes, event={"answer": answer.reference}
        )


def unlink_answer(*, letter: Letter, actor: User) -> AuditEntry | None:
    """It was not the answer: the letter waits again."""
    with transaction.atomic():
        row: Letter = lock(letter)
        if row.answered_by is None:
            return None
        before, row.answered_by = row.answered_by, None
        row.save(update_fields=["answered_by", "updated_at"])
        return record(
            verb="letter.unanswered", target=row, actor=actor, changes=[("answered_by", plain(before), None)], event={}
        )


def strike_letter(*, letter: Letter, actor: User) -> AuditEntry | None:
    """Registered by mistake: it counts nowhere any more, and keeps its number. None when it is struck out already."""
    with transaction.atomic():
        row: Letter = lock(letter)
        if row.struck_at:
            return None
        answered = [str(uid) for uid in row.answers.order_by("pk").values_list("uid", flat=True)]
        _strike(row, actor)
        changes: list[Change] = [("struck_at", None, plain(row.struck_at))]
        changes += [("answers", answered, [])] if answered else []
        return record(verb="letter.struck", target=row, actor=actor, changes=changes, event={})


def _strike(row: Letter, actor: User) -> None:
    Letter.objects.filter(answered_by=row).update(answered_by=None)
    row.struck_at = timezone.now()
    row.save(update_fields=["struck_at", "updated_at"])
    if row.interaction and row.interaction.removed_at is None:
        remove_interaction(interaction=row.interaction, actor=actor)


# --- documents ----------------------------------------------------------------------------------------------------------
def add_document(*, letter: Letter, actor: User, upload: UploadedFile) -> LetterDocument:
    """Keep a scan with the letter. Invalid with a sentence when it is not taken."""
    if (upload.size or 0) > settings.ATTACHMENT_MAX_BYTES:
        limit = formats.size(settings.ATTACHMENT_MAX_BYTES)
        raise Invalid(
            _("This document is larger than %(limit)s, so it was not taken.") % {"limit": limit}, code="too_large"
        )
    content = upload.read()
    kind = sniff(content, upload.name or "")
    name = safe_name(upload.name or "", kind)
    with transaction.atomic():
        row: Letter = lock(letter)
        _refuse_struck(row)
        if row.documents.count() >= MOST_DOCUMENTS:
            raise Invalid(_("A letter has ten documents at most. Remove one first."), code="too_many")
        same_name = row.documents.filter(name=name).select_related("file").first()
        if same_name is not None and same_name.file.sha256 == digest(content):
            return same_name  # the same form, sent twice
        if same_name is not None:
            said = _("“%(name)s” is there already. Remove it first, or give the file another name.")
            raise Conflict(said % {"name": name}, code="attached")
        file = store(content, media_type=kind.media_type)
        document = LetterDocument.objects.create(letter=row, file=file, name=name, added_at=timezone.now())
        record(
            verb="letter.document_added",
            target=row,
            actor=actor,
            changes=[("document", None, [name, file.sha256])],
            event={},
        )
    return document


def remove_document(*, document: LetterDocument, actor: User) -> AuditEntry | None:
    """Its content goes when nobody else keeps it. None when it is gone already."""
    with transaction.atomic():
        row = (
            LetterDocument.objects.select_for_update(of=("self",))
            .select_related("file", "letter")
            .filter(pk=document.pk)
            .first()
        )
        if row is None:
            return None
        file, letter, name = row.file, row.letter, row.name
        row.delete()
        release(file)
        return record(
            verb="letter.document_removed",
            target=letter,
            actor=actor,
            changes=[("document", [name, file.sha256], None)],
            event={},
        )


# --- numbering ----------------------------------------------------------------------------------------------------------
def set_numbering(*, actor: User, pattern_in: str, pattern_out: str) -> AuditEntry | None:
    """From the next letter on."""
    values = {"pattern_in": check_pattern(pattern_in), "pattern_out": check_pattern(pattern_out)}
    if values["pattern_in"].casefold() == values["pattern_out"].casefold():
        raise Invalid(_("Letters in and out need patterns that differ."), code="bad_pattern")
    with transaction.atomic():
        row, _is_new = Numbering.objects.select_for_update().get_or_create(id=1)
        changes = [(name, getattr(row, name), value) for name, value in values.items() if getattr(row, name) != value]
        if not changes:
            return None
        Numbering.objects.filter(id=1).update(**values)
        return record(verb="numbering.set", object_type="numbering", object_uid=new_uid(), actor=actor, changes=changes)


# --- undo ---------------------------------------------------------------------------------------------------------------
def restore_letter(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """Of registering: it is struck out. Of the others: the values before, if they still stand; the log follows."""
    row: Letter = find_locked(Letter, uid)
    if not Letter.objects.visible_to(actor, Action.LOG).filter(pk=row.pk).exists():
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    if "reference" in values:
        if not row.struck_at:
            _strike(row, actor)
        return
    if "document" in values:
        _take_off(row, expected["document"])
        return
    values = dict(values)
    answered = values.pop("answers", [])
    for name in values:
        if not same(getattr(row, name), expected[name]):
            raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
    for name, before in values.items():
        setattr(row, name, _value(name, before))
    _check(row)
    row.save()
    if "struck_at" in values and row.interaction:
        row.interaction = _log(row, actor, _("Put back after it was struck out."))
        row.save(update_fields=["interaction"])
        Letter.objects.filter(uid__in=answered, answered_by=None).update(answered_by=row)
    elif "struck_at" not in values:
        _follow(row, actor)


def _take_off(row: Letter, added: Any) -> None:
    found = row.documents.select_related("file").filter(name=added[0]).first() if added else None
    if found is not None:
        file = found.file
        found.delete()
        release(file)


def _value(name: str, before: Any) -> Any:
    related: dict[str, Any] = {"person": Person, "responsible": User, "answered_by": Letter}
    if name in related:
        return related[name].objects.filter(uid=before).first() if before else None
    column: Any = Letter._meta.get_field(name)
    return column.get_default() if before is None and not column.null else column.to_python(before)


def restore_numbering(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    del uid
    if not actor.may(Action.ADMINISTER):
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    row = Numbering.objects.select_for_update().get(id=1)
    if any(getattr(row, name) != value for name, value in expected.items()):
        raise Conflict(_("Somebody changed this since, so it was left as it is."), code="changed_since")
    Numbering.objects.filter(id=1).update(**values)
