"""Pictures for a mailing's body. They change nothing until the text that shows them is saved."""

from __future__ import annotations

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.files.models import StoredFile
from campaigns.files.pictures import redraw
from campaigns.files.storage import publish
from campaigns.mailings.models import Mailing
from campaigns.mailings.states import EDITABLE
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.services import record
from crm.errors import Invalid, NotAllowed, WrongState
from crm.ui import formats


def add_picture(*, mailing: Mailing, actor: User, upload: UploadedFile) -> StoredFile:
    """Take one picture, drawn again; Invalid with a sentence when it is none, or too large."""
    if not Mailing.objects.visible_to(actor, Action.WRITE).filter(pk=mailing.pk).exists():
        raise NotAllowed(_("Your role does not allow writing this mailing."))
    if mailing.state not in EDITABLE:
        raise WrongState(_("It can no longer be changed. Duplicate it to write a new one."))
    if (upload.size or 0) > settings.ATTACHMENT_MAX_BYTES:
        raise Invalid(
            _("This picture is larger than %(limit)s. Make it smaller.")
            % {"limit": formats.size(settings.ATTACHMENT_MAX_BYTES)},
            code="too_large",
        )
    picture = redraw(upload.read())
    with transaction.atomic():
        row = publish(picture)
        record(verb="mailing.picture_added", target=mailing, actor=actor, summary=(upload.name or "")[:100])
    return row
