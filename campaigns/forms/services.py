"""Forms are made, changed and closed, and so are their questions. Each is one transaction with one audit entry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import CharField, Func
from django.utils.translation import gettext as _

from campaigns.forms.models import Form, FormDraft, Submission
from campaigns.forms.questions import dump, parse
from campaigns.planning.models import Campaign
from contacts.directory.services.editing import (
    archive_row,
    find_locked,
    invalid,
    lock,
    plain,
    put,
    restore_fields,
    same,
)
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditChange, AuditEntry
from crm.audit.services import Change, record
from crm.errors import Conflict, Invalid, NotAllowed, StaleEdit

FIELDS = (
    "campaign", "name", "purpose", "slug", "headlines", "leads", "thanks", "questions", "is_public", "closes_on",
    "origins",
)  # fmt: skip


def create_form(*, actor: User | None, **values: Any) -> Form:
    """Begin a form. values: FIELDS. Raises Invalid for an address that another one has, and for questions that cannot be."""
    form = Form(**values)
    with transaction.atomic():
        _check(form)
        form.save()
        changes: list[Change] = [(f, None, plain(getattr(form, f))) for f in FIELDS if getattr(form, f)]
        record(verb="form.created", target=form, actor=actor, changes=changes, event={})
    return form


def edit_form(*, form: Form, actor: User | None, seen_at: datetime | None = None, **values: Any) -> AuditEntry | None:
    """Change a form; None when nothing is different. seen_at: its `updated_at` as the page was opened; else StaleEdit."""
    with transaction.atomic():
        row: Form = lock(form)
        if seen_at is not None and row.updated_at != seen_at:
            raise StaleEdit(
                _("Somebody changed this form while you were editing. Your input is kept here; save again to replace theirs."),
                updated_at=row.updated_at,
            )  # fmt: skip
        changed = {field: value for field, value in values.items() if not same(getattr(row, field), value)}
        if not changed:
            return None
        if "questions" in changed:
            changed["questions"] = dump(parse(changed["questions"]))
            _keep_keys(row, changed["questions"])
        changes: list[Change] = [(f, plain(getattr(row, f)), plain(value)) for f, value in changed.items()]
        for field, value in changed.items():
            setattr(row, field, value)
        _check(row)
        row.save()
        return record(verb="form.edited", target=row, actor=actor, changes=changes, event={})


def archive_form(*, form: Form, actor: User) -> AuditEntry | None:
    """Close a form: nobody can answer it any more. What was answered stays."""
    return archive_row(target=form, actor=actor, verb="form.archived")


def _check(form: Form) -> None:
    form.questions = dump(parse(form.questions))
    try:
        form.full_clean(exclude=["sort_key", "search_text"])
    except ValidationError as error:
        raise invalid(error) from error


# --- single questions -------------------------------------------------------------------------------------------------
def put_question(
    *, form: Form, actor: User, question: Mapping[str, Any], seen_at: datetime | None = None
) -> AuditEntry | None:
    """Add a question at the end, or replace the one that has its key. Raises Invalid as `parse` does."""
    with transaction.atomic():
        row: Form = lock(form)
        keys = [each["key"] for each in row.questions]
        questions = list(row.questions)
        if question["key"] in keys:
            questions[keys.index(question["key"])] = dict(question)
        else:
            questions.append(dict(question))
        return edit_form(form=row, actor=actor, seen_at=seen_at, questions=questions)


def used_keys(form: Form) -> set[str]:
    """Keys of questions that it asks or ever asked, and of answers and drafts: one given again would read them as its own."""
    keys: set[str] = set()
    for model in (Submission, FormDraft):
        rows = model._default_manager.filter(form=form).order_by()
        keys.update(rows.annotate(key=_Keys("answers")).values_list("key", flat=True).distinct())
    for change in AuditChange.objects.filter(object_uid=form.uid, field="questions").only("before", "after"):
        for questions in (change.before, change.after):
            keys.update(each["key"] for each in questions or [] if isinstance(each, dict) and "key" in each)
    return keys


def _keep_keys(form: Form, questions: list[dict[str, Any]]) -> None:
    """A key stands for one question for ever: under a new one it would show the answers of the old. form: as it was."""
    kinds = {each["key"]: each["kind"] for each in form.questions}
    fresh = {each["key"] for each in questions} - set(kinds)
    if taken := fresh and fresh & used_keys(form):
        raise Invalid(
            _("“%(key)s” was the key of another question of this form, and answers may stand under it. Choose another key. Nothing was changed.")
            % {"key": min(taken)}, code="key_used", field="questions",
        )  # fmt: skip
    if moved := [each["key"] for each in questions if kinds.get(each["key"], each["kind"]) != each["kind"]]:
        raise Invalid(
            _("The question “%(key)s” cannot become one of another kind: answers may stand under it. Take it out and add another. Nothing was changed.")
            % {"key": moved[0]}, code="kind_changed", field="questions",
        )  # fmt: skip


class _Keys(Func):
    function = "jsonb_object_keys"
    output_field = CharField()
    set_returning = True


def move_question(*, form: Form, actor: User, key: str, by: int) -> AuditEntry | None:
    """Up (-1) or down (1); at the edge nothing happens."""
    with transaction.atomic():
        row: Form = lock(form)
        questions = list(row.questions)
        at = _index(questions, key)
        to = min(max(at + by, 0), len(questions) - 1)
        questions.insert(to, questions.pop(at))
        return edit_form(form=row, actor=actor, questions=questions)


def remove_question(*, form: Form, actor: User, key: str) -> AuditEntry | None:
    """Take a question out; answers that were given to it stay. Invalid while another one hangs on it."""
    with transaction.atomic():
        row: Form = lock(form)
        questions = list(row.questions)
        del questions[_index(questions, key)]
        return edit_form(form=row, actor=actor, questions=questions)


def _index(questions: list[dict[str, Any]], key: str) -> int:
    for number, question in enumerate(questions):
        if question["key"] == key:
            return number
    raise Conflict(_("This question is not there any more."), code="question_gone")


def restore_form(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    row = find_locked(Form, uid)
    if not Form.objects.visible_to(actor, Action.DRIVES).filter(pk=row.pk).exists():
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    if "name" in values and values["name"] is None:  # it was made by this entry
        archive_row(target=row, actor=actor, verb="form.archived")
        return
    if "campaign" in values:
        if not same(row.campaign, expected["campaign"]):
            raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
        put(row, {"campaign": Campaign.objects.get(uid=values["campaign"])})
    restore_fields(row, {f: v for f, v in values.items() if f != "campaign"}, expected)
