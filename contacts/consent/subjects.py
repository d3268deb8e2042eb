"""Whose permission it is: a person or an organization, known by uid, so that the ledger outlives the row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from uuid import UUID

from contacts.consent.models import SubjectKind
from contacts.directory.models import ContactPoint, Organization, Person, UidAlias

_LONGEST_CHAIN = 20  # merges of merges; a longer chain would be a loop


@dataclass(frozen=True)
class Subject:
    uid: UUID
    kind: SubjectKind

    @classmethod
    def of(cls, thing: Person | Organization | Subject) -> Subject:
        if isinstance(thing, Subject):
            return thing
        return cls(thing.uid, SubjectKind.PERSON if isinstance(thing, Person) else SubjectKind.ORGANIZATION)

    def current(self) -> Self:
        """The subject that this one was merged into, else itself: old links keep working."""
        uid = self.uid
        for _step in range(_LONGEST_CHAIN):
            moved_to = UidAlias.objects.filter(old_uid=uid).values_list("new_uid", flat=True).first()
            if moved_to is None:
                break
            uid = moved_to
        return type(self)(uid, self.kind)

    def row(self) -> Person | Organization | None:
        """The directory's row; None when it was erased or removed."""
        if self.kind == SubjectKind.PERSON:
            return Person.objects.filter(uid=self.uid, erased_at__isnull=True).first()
        return Organization.objects.filter(uid=self.uid).first()

    def address_keys(self) -> list[str]:
        """The subject's own e-mail addresses. A post's address is the seat's, not its holder's."""
        owner = {"person__uid": self.uid} if self.kind == SubjectKind.PERSON else {"organization__uid": self.uid}
        found = ContactPoint.objects.emails().filter(**owner)
        return list(found.order_by("id").values_list("address_key", flat=True))


def all_uids(uid: UUID) -> list[UUID]:
    """A subject's uid, and those that were merged into it, and into those: what was said stands under each of them."""
    found = [uid]
    for _step in range(_LONGEST_CHAIN):
        older = list(
            UidAlias.objects.filter(new_uid__in=found).exclude(old_uid__in=found).values_list("old_uid", flat=True)
        )
        if not older:
            break
        found += older
    return found
