"""Answers, on the page of whoever gave them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.forms.models import Form, Submission
from contacts.directory.models import Person
from contacts.directory.timeline import Entry, Subject, TimelineSource, register
from crm.accounts.models import User


def answers(subject: Subject, user: User, before: datetime | None, limit: int) -> Iterable[Entry]:
    if not isinstance(subject, Person):
        return
    rows = Submission.objects.counted().filter(person=subject, form__in=Form.objects.visible_to(user))
    if before is not None:
        rows = rows.filter(created_at__lt=before)
    for row in rows.select_related("form").order_by("-created_at")[:limit]:
        url = reverse("submission_detail", args=[row.uid])
        yield Entry(row.created_at, _("Answered %(form)s") % {"form": row.form.label}, "forms", "ok", url=url)


def register_sources() -> None:
    register(TimelineSource("form", gettext_lazy("Forms"), "forms", answers, order=36))
