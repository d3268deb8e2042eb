"""Merged rows: an old uid leads to the row that it became part of."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from django.db import models
from django.db.models import QuerySet
from django.http import Http404

from contacts.directory.models import UidAlias

Row = TypeVar("Row", bound=models.Model)
LONGEST_CHAIN = 20  # a row merged into one that was merged, and so on


def resolve(rows: QuerySet[Row], uid: UUID) -> Row:
    """The row of this uid, or of the one that it was merged into; Http404 if `rows` has neither.

    rows: a model's queryset, narrowed to what the reader may see. A view compares the row's uid with the one it was asked
    for and redirects, so that old links keep working.
    """
    for _step in range(LONGEST_CHAIN):
        row = rows.filter(uid=uid).first()
        if row is not None:
            return row
        alias = UidAlias.objects.filter(old_uid=uid).first()
        if alias is None:
            break
        uid = alias.new_uid
    raise Http404("no such row, or not for this user")
