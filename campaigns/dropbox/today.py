"""Dropped mail that waits for a click: one line on Today."""

from __future__ import annotations

from collections.abc import Iterable

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.dropbox.models import DroppedMail
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.ui import formats, today
from crm.ui.counting import Countable


def waiting(user: User) -> Iterable[Countable]:
    return [DroppedMail.objects.visible_to(user).waiting()[:1]] if user.may(Action.LOG) else []


def needs(user: User) -> Iterable[today.Need]:
    count = DroppedMail.objects.visible_to(user).waiting().count() if user.may(Action.LOG) else 0
    if count:
        title = ngettext("%(n)s message in your dropbox waits", "%(n)s messages in your dropbox wait", count)
        why = _("With whom it was is not sure. One click files it.")
        yield today.Need("mailbox", title % {"n": formats.number(count)}, why, reverse("dropbox"), _("File"), rank=35)
