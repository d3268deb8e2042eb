"""A public page is made, changed, switched on and off. Each is one transaction with one audit entry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.face.models import PublicPage
from campaigns.planning.models import Campaign, Drive
from contacts.directory.services.editing import find_locked, invalid, lock, plain, restore_fields, same
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.services import Change, record
from crm.errors import NotAllowed, StaleEdit

FIELDS = ("slug", "headlines", "leads", "stories", "facts", "parts", "is_public")


def page_of(subject: Campaign | Drive) -> PublicPage:
    """The page of a campaign or drive, saved or not."""
    if isinstance(subject, Drive):
        return PublicPage.objects.filter(drive=subject).first() or PublicPage(campaign=subject.campaign, drive=subject)
    return PublicPage.objects.filter(campaign=subject, drive=None).first() or PublicPage(campaign=subject)


def save_page(
    *, subject: Campaign | Drive, actor: User, seen_at: datetime | None = None, **values: Any
) -> AuditEntry | None:
    """Make or change the page of a campaign or drive; None when nothing is different. values: FIELDS.

    seen_at: its `updated_at` as the form was opened; StaleEdit when somebody saved it meanwhile. Raises Invalid for an address
    that another page has, and for a page that is switched on without a headline.
    """
    with transaction.atomic():
        subject = lock(subject)  # two tabs that both make it: the second changes what the first made
        page = page_of(subject)
        is_new = page.pk is None
        if not is_new and seen_at is not None and page.updated_at != seen_at:
            raise StaleEdit(
                _("Somebody changed this page while you were editing. Your input is kept here; save again to replace theirs."),
                updated_at=page.updated_at,
            )  # fmt: skip
        changes: list[Change] = [
            (f, None if is_new else plain(getattr(page, f)), plain(value))
            for f, value in values.items()
            if is_new or not same(getattr(page, f), value)
        ]
        if not changes:
            return None
        for field, value in values.items():
            setattr(page, field, value)
        _check(page)
        page.save()
        verb = "publicpage.created" if is_new else "publicpage.edited"
        return record(verb=verb, target=page, actor=actor, changes=changes, event={})


def _check(page: PublicPage) -> None:
    try:
        page.full_clean()
    except ValidationError as error:
        raise invalid(error) from error


def restore_page(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """Undo. Of what made it: the page is switched off, and its texts stay for the next time."""
    row = find_locked(PublicPage, uid)
    if not PublicPage.objects.visible_to(actor, Action.DRIVES).filter(pk=row.pk).exists():
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    if "slug" in values and values["slug"] is None:
        values, expected = {"is_public": False}, {"is_public": expected.get("is_public", row.is_public)}
    restore_fields(row, values, expected)
