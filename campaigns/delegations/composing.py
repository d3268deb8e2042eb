"""What staff set for all delegations of an event, and for one: seats, days, who takes part. One transaction, one entry each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.delegations.models import (
    ROLES,
    Composition,
    Delegation,
    DelegationSeats,
    Nomination,
    SeatRule,
    StepTemplate,
)
from campaigns.delegations.presets import STEPS, Asked, Seats
from campaigns.events.models import Event
from campaigns.events.seats import lock_event
from campaigns.interactions.words import one_line
from campaigns.mailings.models import Sender
from contacts.directory.models import Constituency, Country, Organization
from contacts.directory.services.editing import find_locked, plain
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.services import Change, record
from crm.errors import Conflict, Invalid, NotAllowed, StaleEdit

MOST_DELEGATIONS = 400
FIRST_DAY = date(2000, 1, 1)  # `composition_has_a_sensible_day`


def lock(delegation: Delegation) -> Delegation:
    """The delegation as it is now, held to the end of the transaction; its event first, as everything that moves seats does."""
    event = lock_event(delegation.event)
    row = (
        Delegation.objects.select_for_update(of=("self",))
        .select_related("country", "organization__constituency")
        .get(pk=delegation.pk)
    )
    row.event = event
    return row


def set_composition(
    *,
    event: Event,
    actor: User,
    seats: Seats,
    nominate_by: date,
    countries: Iterable[Country] = (),
    institutions: Iterable[Organization] = (),
    asks_passport: bool = False,
    sender: Any = None,
    officer: User | None = None,
    steps: Sequence[Asked] | None = None,
    letter_texts: Mapping[str, str] | None = None,
    seen_at: datetime | None = None,
) -> AuditEntry | None:
    """Say for all delegations at once who comes, and whom we ask. Seats that a delegation has of its own stay as they are.

    countries, institutions: all that take part; one that is no longer named is left out, unless somebody was accepted for it.
    steps, letter_texts (what letters also say, by language): None to leave them. Raises Invalid where more were accepted than there would be
    seats, StaleEdit when somebody else set it since `seen_at`.
    """
    wanted = {key: count for key, count in seats.items() if count}
    if nominate_by < FIRST_DAY:
        raise Invalid(
            _("Give a day after the year 2000."),
            code="day",
            errors=[("nominate_by", _("Give a day after the year 2000."))],
        )
    if not any(role == "delegate" for _code, role in wanted):
        raise Invalid(_("Give at least one constituency a seat for a delegate."), code="no_seats")
    with transaction.atomic():
        locked = lock_event(event)
        row = Composition.objects.filter(event=locked).first()
        _refuse_stale(row, seen_at)
        before = _told(row)
        is_new = row is None
        row = row or Composition(event=locked)
        row.nominate_by, row.asks_passport = nominate_by, asks_passport
        row.sender, row.officer = sender, officer or actor
        if letter_texts is not None:
            row.letter_texts = dict(letter_texts)
        row.save()
        event.composition = locked.composition = row
        _set_rules(row, wanted)
        if steps is not None or is_new:
            _set_steps(row, STEPS if steps is None else steps)
        _set_delegations(locked, list(countries), list(institutions))
        _follow_rules(locked, wanted)
        after = _told(row)
        changes: list[Change] = [
            (name, before.get(name), value) for name, value in after.items() if before.get(name) != value
        ]
        if not changes:
            return None
        return record(
            verb="composition.created" if is_new else "composition.edited", target=row, actor=actor, changes=changes,
            summary=locked.label, event={"event": str(locked.uid)},
        )  # fmt: skip


def create_composition(*, event: Event, actor: User, **values: Any) -> Composition:
    """`set_composition` where there is none yet; Conflict (`composed_already`) else."""
    with transaction.atomic():
        locked = lock_event(event)
        if Composition.objects.filter(event=locked).exists():
            raise Conflict(
                _("The delegations of this event are composed already. Change that instead."), code="composed_already"
            )
        set_composition(event=locked, actor=actor, **values)
        return Composition.objects.get(event=locked)


def edit_composition(*, composition: Composition, actor: User, changes: Mapping[str, Any]) -> AuditEntry | None:
    """Some of what `set_composition` takes; the rest stays. Who takes part and is beyond the actor's reach stays, too."""
    with transaction.atomic():
        event = lock_event(composition.event)
        row = Composition.objects.select_related("sender", "officer").get(pk=composition.pk)
        countries, institutions = part_takers(event)
        other_countries, other_institutions = part_takers(event, beyond=actor)
        values: dict[str, Any] = {
            "seats": rules_of(row), "nominate_by": row.nominate_by, "asks_passport": row.asks_passport, "sender": row.sender,
            "officer": row.officer, **changes,
            "countries": [*changes.get("countries", countries), *other_countries],
            "institutions": [*changes.get("institutions", institutions), *other_institutions],
        }  # fmt: skip
        return set_composition(event=event, actor=actor, **values)


def part_takers(event: Event, *, beyond: User | None = None) -> tuple[list[Country], list[Organization]]:
    """Countries and institutions with a delegation of their own; `beyond`: only those that this user may not change."""
    here = event.delegations.taking_part()
    countries = Country.objects.filter(code__in=here.exclude(country=None).values("country"))
    institutions = Organization.objects.filter(pk__in=here.exclude(organization=None).values("organization"))
    if beyond is not None:
        mine = Delegation.objects.visible_to(beyond, Action.DRIVES).filter(event=event)
        countries = countries.exclude(code__in=mine.exclude(country=None).values("country"))
        institutions = institutions.exclude(pk__in=mine.exclude(organization=None).values("organization"))
    return list(countries.order_by("code")), list(institutions.order_by("pk"))


def _refuse_stale(row: Composition | None, seen_at: datetime | None) -> None:
    if row is not None and seen_at is not None and row.updated_at != seen_at:
        raise StaleEdit(
            _("Somebody changed this while you were editing. Your input is kept here; save again to replace theirs."),
            updated_at=row.updated_at,
        )


def _told(row: Composition | None) -> dict[str, Any]:
    if row is None:
        return {}
    part = Delegation.objects.taking_part().filter(event=row.event_id)
    return {
        "seats": seats_in_words(row),
        "nominate_by": plain(row.nominate_by),
        "asks_passport": row.asks_passport,
        "sender": plain(row.sender),
        "officer": plain(row.officer),
        "letter_texts": row.letter_texts,
        "countries": sorted(part.exclude(country=None).values_list("country_id", flat=True)),
        "institutions": sorted(part.exclude(organization=None).values_list("organization__name", flat=True)),
        "steps": [f"{one.days_before}: {one.text('en')}" for one in row.templates.all()],
    }


def seats_in_words(row: Composition) -> list[str]:
    rules = row.rules.select_related("constituency").order_by("constituency__position", "constituency_id")
    found = sorted(rules, key=lambda rule: ROLES.index(rule.role))
    return [f"{rule.constituency.code} {rule.role} {rule.seats}" for rule in found]


def rules_of(row: Composition) -> Seats:
    return {(rule.constituency.code, rule.role): rule.seats for rule in row.rules.select_related("constituency")}


def _set_rules(row: Composition, wanted: Seats) -> None:
    known = {c.code: c for c in Constituency.objects.filter(code__in={code for code, _role in wanted})}
    row.rules.all().delete()
    SeatRule.objects.bulk_create(
        SeatRule(composition=row, constituency=known[code], role=role, seats=count)
        for (code, role), count in wanted.items()
    )


def _set_steps(row: Composition, steps: Sequence[Asked]) -> None:
    """Steps whose words stay keep their row, so that who has them already has them once."""
    known = {one.text("en"): one for one in row.templates.all()}
    for place, asked in enumerate(steps):
        words = asked.titles.get("en") or next(iter(asked.titles.values()))
        one = known.pop(words, None) or StepTemplate(composition=row)
        one.titles, one.days_before, one.place, one.paper = dict(asked.titles), asked.days, place, asked.paper
        one.save()
    for gone in known.values():
        gone.delete()


def _set_delegations(event: Event, countries: list[Country], institutions: list[Organization]) -> None:
    rows = {
        (row.country_id, row.organization_id): row
        for row in event.delegations.select_related("country", "organization")
    }
    wanted: dict[tuple[Any, Any], Any] = {(c.code, None): c for c in countries} | {
        (None, o.pk): o for o in institutions
    }
    if len(wanted) > MOST_DELEGATIONS:
        raise Invalid(_("At most %(n)s delegations come to one event.") % {"n": MOST_DELEGATIONS}, code="too_many")
    for key, subject in wanted.items():
        row = rows.pop(key, None)
        if row is None:
            Delegation.objects.create(
                event=event, country_id=key[0], organization_id=key[1], language=language_for(subject)
            )
        elif row.left_out_at:
            Delegation.objects.filter(pk=row.pk).update(left_out_at=None)
    gone = [row for row in rows.values() if row.left_out_at is None]
    busy = set(
        Nomination.objects.accepted()
        .filter(delegation__in=[r.pk for r in gone])
        .values_list("delegation_id", flat=True)
    )
    if named := [row.label for row in gone if row.pk in busy]:
        raise Invalid(
            _("Somebody was accepted for %(names)s. Withdraw them first; nothing was changed.")
            % {"names": ", ".join(named[:5])},
            code="has_delegates",
        )
    Delegation.objects.filter(pk__in=[row.pk for row in gone]).update(left_out_at=timezone.now())


def language_for(subject: Any) -> str:
    """What is read there, of the languages of public pages."""
    from crm.ui.public import LANGUAGES  # it reads settings as it loads

    known = [subject.language] if isinstance(subject, Organization) else subject.languages
    return next((code.split("-")[0] for code in known if code and code.split("-")[0] in LANGUAGES), "en")


def _follow_rules(event: Event, wanted: Seats) -> None:
    """Each delegation's seats as the event asks, but for those of its own. An institution's are all of its own constituency."""
    known = {c.code: c for c in Constituency.objects.filter(code__in={code for code, _role in wanted})}
    rows = event.delegations.taking_part().select_related("organization__constituency", "country")
    for delegation in rows.prefetch_related("seats__constituency"):
        asked = asked_of(delegation, wanted)
        _put_seats(delegation, {(known[code], role): n for (code, role), n in asked.items()}, keep_own=True)


def asked_of(delegation: Delegation, rules: Seats) -> Seats:
    """What the event asks of this one; an institution's seats are all of its own constituency."""
    if (of := delegation.organization) is None:
        return rules
    return {key: n for key, n in rules.items() if key[0] in (of.constituency.code, of.constituency.root_code)}


def _put_seats(
    delegation: Delegation, wanted: Mapping[tuple[Constituency, str], int], *, keep_own: bool, is_own: bool = False
) -> None:
    rows = {(row.constituency.code, row.role): row for row in delegation.seats.select_related("constituency")}
    for (constituency, role), count in wanted.items():
        row = rows.pop((constituency.code, role), None)
        if row is not None and keep_own and row.is_own:
            continue
        row = row or DelegationSeats(delegation=delegation, constituency=constituency, role=role)
        if row.taken > count:
            raise _too_few(delegation, row)
        if (row.seats, row.is_own) != (count, is_own):
            row.seats, row.is_own = count, is_own
            row.save()
    for row in rows.values():
        if keep_own and row.is_own:
            continue
        if row.taken:
            raise _too_few(delegation, row)
        row.delete()


def _too_few(delegation: Delegation, row: DelegationSeats) -> Invalid:
    return Invalid(
        _("%(delegation)s: %(n)s accepted for %(side)s already, so there cannot be fewer seats. Nothing was changed.")
        % {"delegation": delegation.label, "n": row.taken, "side": row.constituency.label},
        code="seats_taken",
    )


# --- one delegation ---------------------------------------------------------------------------------------------------
def edit_delegation(
    *,
    delegation: Delegation,
    actor: User,
    seats: Seats | None = None,
    nominate_by: date | None = None,
    language: str = "",
    note: str = "",
) -> AuditEntry | None:
    """Its own seats, day, language and note. seats: None to leave them; the same as the event asks to follow it again."""
    with transaction.atomic():
        row = lock(delegation)
        before = {"nominate_by": row.nominate_by, "language": row.language, "note": row.note, "seats": own_seats(row)}
        row.nominate_by, row.language, row.note = nominate_by, language, one_line(note, most=1000)
        row.save(update_fields=["nominate_by", "language", "note", "updated_at"])
        if seats is not None:
            _set_own(row, {key: count for key, count in seats.items() if count})
        after = {"nominate_by": row.nominate_by, "language": row.language, "note": row.note, "seats": own_seats(row)}
        changes: list[Change] = [(k, plain(v), plain(after[k])) for k, v in before.items() if v != after[k]]
        if not changes:
            return None
        return record(
            verb="delegation.edited", target=row, actor=actor, changes=changes, summary=row.label, event={"event": str(row.event.uid)}
        )  # fmt: skip


def own_seats(row: Delegation) -> dict[str, int]:
    return {f"{one.constituency.code} {one.role}": one.seats for one in row.seats.select_related("constituency")}


def _set_own(row: Delegation, seats: Seats) -> None:
    asked = asked_of(row, rules_of(row.event.composition))
    known = {c.code: c for c in Constituency.objects.filter(code__in={code for code, _role in {**seats, **asked}})}
    # what the event asks and this delegation does not send is a row with no seat, so that it stays its own
    every = {key: seats.get(key, 0) for key in {**asked, **seats}}
    _put_seats(row, {(known[code], role): n for (code, role), n in every.items()}, keep_own=False, is_own=True)
    for one in row.seats.select_related("constituency"):
        if asked.get((one.constituency.code, one.role)) == one.seats:
            one.is_own = False
            one.save(update_fields=["is_own"])


def restore_delegation(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    found = Delegation.objects.visible_to(actor, Action.DRIVES).filter(uid=uid).select_related("event").first()
    if found is None:
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    row = lock(found)  # not before: the event's lock comes first
    current: dict[str, Any] = {
        "nominate_by": plain(row.nominate_by), "language": row.language, "note": row.note, "seats": own_seats(row)
    }  # fmt: skip
    for name in values:
        if current.get(name) != expected[name]:
            raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
    if "seats" in values:
        _set_own(row, {(k.split(" ")[0], k.split(" ")[1]): n for k, n in values["seats"].items() if n})
    day = values.get("nominate_by", current["nominate_by"])
    row.nominate_by = date.fromisoformat(day) if day else None
    row.language, row.note = values.get("language", row.language) or "", values.get("note", row.note) or ""
    row.save(update_fields=["nominate_by", "language", "note", "updated_at"])


def restore_composition(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """Undo of an edit: seats, day and what is asked are as before. Who takes part is set by hand: they may have been asked."""
    row: Composition = find_locked(Composition, uid)
    if not Event.objects.visible_to(actor, Action.DRIVES).filter(pk=row.event_id).exists():
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    if {"countries", "institutions", "steps"} & set(values):
        raise Conflict(
            _("Delegations may have been asked since, so it was left as it is. Change it on its page."), code="asked"
        )
    told = _told(row)
    if any(told.get(name) != expected[name] for name in values):
        raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
    event = lock_event(row.event)
    if "seats" in values:
        wanted = {(code, role): int(n) for code, role, n in (line.rsplit(" ", 2) for line in values["seats"])}
        _set_rules(row, wanted)
        event.composition = row
        _follow_rules(event, wanted)
    if "nominate_by" in values:
        row.nominate_by = date.fromisoformat(values["nominate_by"])
    if "asks_passport" in values:
        row.asks_passport = values["asks_passport"]
    if "letter_texts" in values:
        row.letter_texts = values["letter_texts"] or {}
    for name, rows in (("sender", Sender.objects), ("officer", User.objects)):
        if name in values:
            setattr(row, name, rows.filter(uid=values[name]).first() if values[name] else None)
    row.save(update_fields=["nominate_by", "asks_passport", "letter_texts", "sender", "officer", "updated_at"])
