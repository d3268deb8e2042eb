"""How changes of mailings, senders and transports are taken back. A mailing's moves have verbs of their own instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.mailings.attaching import put_back
from campaigns.mailings.compiling import own_text
from campaigns.mailings.content import Writing
from campaigns.mailings.editing import SETTINGS, TIMES, WRITING, count_change, move_to_drive, set_time
from campaigns.mailings.models import Mailing, Sender, Transport, Variant
from campaigns.mailings.services import locked
from campaigns.mailings.states import EDITABLE, State
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditChange
from crm.audit.services import as_json
from crm.errors import Conflict, NotAllowed, WrongState

Values = Mapping[str, Any]


def _changed_since() -> Conflict:
    return Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")


def _back(model: Any, field: str, value: Any) -> Any:
    """A value of the audit trail as the model's value."""
    column = model._meta.get_field(field)
    if column.is_relation:
        return column.related_model._default_manager.get(uid=value) if value else None
    return value if value is None or isinstance(value, list | dict) else column.to_python(value)


# --- mailings -----------------------------------------------------------------------------------------------------------
def restore_mailing(*, uid: UUID, values: Values, expected: Values, actor: User) -> None:
    """Settings and texts of a draft as they were; it counts as an edit, so an approval does not survive it."""
    mailing = Mailing.objects.filter(uid=uid).first()
    if mailing is None or not Mailing.objects.visible_to(actor, Action.WRITE).filter(pk=mailing.pk).exists():
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    row = locked(mailing)
    if row.state not in EDITABLE:
        raise WrongState(
            _("“%(name)s” is %(state)s and can no longer be changed.")
            % {"name": row.name, "state": State(row.state).label}
        )
    if "drive" in values:
        move_to_drive(row, _back(Mailing, "drive", values["drive"]), actor)
    touched = [_put(row, field, before, expected[field], values) for field, before in values.items()]
    if TIMES & set(values):
        set_time(row)
    count_change(row, actor, touches_approval=any(touched))


def _put(row: Mailing, field: str, before: Any, after: Any, values: Values) -> bool:
    """Put one field back; whether an approval would have read it."""
    if field == "attachments":
        put_back(row, before, after)
        return True
    if field == "languages":
        return _put_language(row, before, after, values)
    if field in SETTINGS:
        if as_json(getattr(row, field)) != after:
            raise _changed_since()
        setattr(row, field, _back(Mailing, field, before))
        return field != "name"
    language, _dot, name = field.rpartition(".")
    if values.get("languages") == language or name not in WRITING:
        return True  # it comes back with its language
    variant = row.variants.filter(language=language).first()
    if variant is None or getattr(variant, name) != after:
        raise _changed_since()
    setattr(variant, name, before)
    if not variant.is_text_own:
        variant.text = own_text(Writing(language=language, body_html=variant.body_html))
    variant.save(update_fields=[name, "text"])
    return True


def _put_language(row: Mailing, before: str | None, after: str | None, values: Values) -> bool:
    if before:  # it was removed: it comes back with its text
        if row.variants.filter(language=before).exists():
            raise _changed_since()
        text = {name: values.get(f"{before}.{name}") for name in WRITING}
        Variant.objects.create(
            mailing=row, language=before, position=row.variants.count() + 1,
            **{name: value for name, value in text.items() if value is not None},
        )  # fmt: skip
        return True
    trail = AuditChange.objects.filter(object_uid=row.uid, entry__verb__in=["mailing.edited", "mailing.undone"])
    added = trail.filter(field="languages", after=after).order_by("-pk").first()
    if added is None or trail.filter(pk__gt=added.pk, field__startswith=f"{after}.").exists():
        raise Conflict(_("Somebody wrote in that language since, so it was kept."), code="changed_since")
    if row.variants.count() == 1:
        raise Conflict(_("A mailing needs at least one language. Add another one first."), code="last_variant")
    row.variants.filter(language=after).delete()
    row.fallback_languages = [code for code in row.fallback_languages if code != after]
    return True


# --- roads --------------------------------------------------------------------------------------------------------------
def restore_sender(*, uid: UUID, values: Values, expected: Values, actor: User) -> None:
    _restore_road(Sender, uid, values, expected, actor)


def restore_transport(*, uid: UUID, values: Values, expected: Values, actor: User) -> None:
    by_secret = {
        "url",
        "password",
        "client_secret",
        "sign_in",
        "token_grant",
        "token_url",
        "client_id",
        "scope",
        "consented_at",
    }
    if values.keys() & by_secret and values.get("name", "") is not None:
        raise Conflict(
            _(
                "The trail does not keep passwords and keys, so these cannot be put back. Write them again on the transport's"
                " page."
            ),
            code="not_undoable",
        )
    _restore_road(Transport, uid, values, expected, actor)


def _restore_road(model: Any, uid: UUID, values: Values, expected: Values, actor: User) -> None:
    if not actor.may(Action.ADMINISTER):
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    row = model.objects.select_for_update().filter(uid=uid).first()
    if row is None:
        raise Conflict(_("This is not there any more, so nothing was undone."), code="gone")
    if "name" in values and values["name"] is None:  # the entry that made it; mailings that have it keep it
        if getattr(row, "is_default", False):
            raise Conflict(_("It is the default by now. Make another one the default first."), code="is_default")
        row.archived_at = row.archived_at or timezone.now()
        if model is Transport:
            model.objects.filter(pk=row.pk).update(takes_own_mail=False)
        row.save(update_fields=["archived_at", "updated_at"])
        return
    if any(as_json(getattr(row, field)) != value for field, value in expected.items()):
        raise _changed_since()
    for only_one in ("is_default", "takes_own_mail"):
        if values.get(only_one) is True:
            model.objects.filter(**{only_one: True}).exclude(pk=row.pk).update(**{only_one: False})
    for field, value in values.items():
        setattr(row, field, _back(model, field, value))
    row.save(update_fields=[*values, "updated_at"])
