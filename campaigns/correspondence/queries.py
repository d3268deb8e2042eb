"""Letters of the register: who may see them, which wait for an answer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

from contacts.directory.models import Organization
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.ui.searchtext import normalise

if TYPE_CHECKING:
    from campaigns.correspondence.models import Letter, LetterDocument  # noqa: F401  type parameters

MOST_WORDS = 6


class LetterQuerySet(models.QuerySet["Letter"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        if user.scope(action).countries is None:
            return self
        return self.filter(organization__in=Organization.objects.visible_to(user, action))

    def standing(self) -> Self:
        return self.filter(struck_at__isnull=True)

    def open(self) -> Self:
        """An answer is waited for: from us to what came in, from them to what went out."""
        return self.standing().filter(answer_due_on__isnull=False, answered_by__isnull=True)

    def of(self, user_ids: Iterable[int]) -> Self:
        return self.filter(responsible__in=list(user_ids))

    def due(self, until: date) -> Self:
        return self.open().filter(answer_due_on__lte=until)

    def search(self, text: str) -> Self:
        """Every word in a reference, the subject, the note, or the name of the institution or the person."""
        rows = self
        for word in text.split()[:MOST_WORDS]:
            rule = Q(reference__icontains=word) | Q(their_reference__icontains=word)
            rule |= Q(subject__icontains=word) | Q(note__icontains=word) | Q(ours__icontains=word)
            if name := normalise(word):
                rule |= Q(organization__search_text__contains=name) | Q(person__search_text__contains=name)
            rows = rows.filter(rule)
        return rows


class LetterDocumentQuerySet(models.QuerySet["LetterDocument"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """Those of letters that the user reaches."""
        from campaigns.correspondence.models import Letter  # it uses this module

        return self.filter(letter__in=Letter.objects.visible_to(user, action))
