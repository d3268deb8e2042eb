"""What the log holds about a person: that an institution was spoken to stays; with whom, and what was said with nobody else, goes."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from campaigns.interactions.models import Party
from campaigns.outreach.models import Interaction
from contacts.consent.erasure.registry import PersonalData, register_erasure
from contacts.consent.erasure.texts import BLANK, count_where, like, pattern, replace_names
from crm.audit.models import AuditChange


def _theirs(data: PersonalData) -> QuerySet[Interaction]:
    """In which they took part."""
    took_part = Party.objects.took_part().filter(interaction=OuterRef("pk"), person__in=data.person_ids)
    return Interaction.objects.filter(Q(person__in=data.person_ids) | Q(Exists(took_part)))


def count(data: PersonalData) -> int:
    """Those with them, and those whose words name them."""
    keys = list(_theirs(data).values_list("pk", flat=True))
    named = Party.objects.filter(person__in=data.person_ids, is_mention=True).exclude(interaction__in=keys).count()
    if not data.needles:
        return len(keys) + named
    words, found = pattern(data.needles), like(data.needles)
    return (
        len(keys)
        + named
        + count_where(
            "campaigns_interaction i",
            "id <> ALL (%s) AND NOT EXISTS (SELECT 1 FROM campaigns_party p WHERE p.interaction_id = i.id AND p.person_id = ANY (%s))"
            " AND ((text ILIKE ANY (%s) AND text ~* %s) OR (subject ILIKE ANY (%s) AND subject ~* %s))",
            [keys, list(data.person_ids), found, words, found, words],
        )
    )


def erase(data: PersonalData) -> int:
    """Where somebody else took part as well, the notes stay without their name; else the notes go as a whole."""
    others = (
        Party.objects.took_part()
        .filter(interaction=OuterRef("pk"), person__isnull=False)
        .exclude(person__in=data.person_ids)
    )
    rows = _theirs(data)
    alone = list(rows.filter(~Exists(others)).values_list("pk", flat=True))
    shared = list(rows.filter(Exists(others)).values_list("pk", flat=True))
    touched = Interaction.objects.filter(pk__in=alone).update(person=None, subject="", text="", mentions=[])
    touched += Interaction.objects.filter(pk__in=shared, person__in=data.person_ids).update(person=None)
    _blank_trail(alone)
    _forget_names(data)
    Party.objects.filter(person__in=data.person_ids).delete()
    return (
        touched
        + replace_names("campaigns_interaction", "text", data)
        + replace_names("campaigns_interaction", "subject", data)
    )


def _blank_trail(keys: list[int]) -> None:
    """The trail keeps that they were logged, and no words any more."""
    uids = list(Interaction.objects.filter(pk__in=keys).values_list("uid", flat=True))
    changes = AuditChange.objects.filter(object_type="interaction", object_uid__in=uids, field__in=["text", "subject"])
    changes.update(before=None, after=None)


def _forget_names(data: PersonalData) -> None:
    """Notes that named them with @: the name and its link go, whatever it was called there."""
    uids = {str(uid) for uid in data.uids}
    named = Party.objects.filter(person__in=data.person_ids).values("interaction_id")
    for row in Interaction.objects.filter(pk__in=named).exclude(mentions=[]).only("text", "mentions").iterator():
        gone = [mention for mention in row.mentions if mention.get("uid") in uids]
        if gone:
            for mention in gone:
                row.text = row.text.replace(f"@{mention['label']}", BLANK)
            row.mentions = [mention for mention in row.mentions if mention not in gone]
            row.save(update_fields=["text", "mentions"])


def export(data: PersonalData) -> list[dict[str, Any]]:
    rows = _theirs(data).select_related("organization", "logged_by").order_by("at", "pk")
    return [
        {
            "kind": row.kind, "at": row.at.isoformat(), "two_way": row.is_two_way, "subject": row.subject, "text": row.text,
            "organization": row.organization.name if row.organization else "",
            "logged_by": row.logged_by.name if row.logged_by else "",
        }
        for row in rows
    ]  # fmt: skip


def register() -> None:
    register_erasure(
        "interactions", _("Replies, calls, meetings, letters"), count=count, erase=erase, export=export, order=90,
        goes=_("With whom, subject and notes; of what was said with others as well, their name."),
        stays=_("That the institution was spoken to, and when."),
    )  # fmt: skip
