"""Logging what happened: each verb is one transaction with one audit entry, and can be taken back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.guard.models import GuardOverride
from campaigns.guard.queries import conflicts_of
from campaigns.guard.services import override_for
from campaigns.interactions import mentions as naming
from campaigns.interactions.models import Party
from campaigns.interactions.words import notes, one_line
from campaigns.outreach.models import Interaction
from campaigns.todo.services import add_task
from contacts.directory.models import Membership, Organization, Person
from contacts.directory.services.editing import find_locked, plain, same
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.services import Change, record
from crm.errors import Conflict, Invalid, NotAllowed, StaleEdit

FIELDS = ("kind", "at", "is_two_way", "text")
SLACK = timedelta(minutes=10)  # clocks of phones
NOW_IS = timedelta(hours=18)  # what is logged of an earlier day can only be written down
MOST_PARTIES = 60
LOGGED_KINDS = ("call", "meeting", "letter", "message", "other")


class Guarded(Conflict):
    """A contact guard stands against it; with a reason it is done all the same, and the reason is kept."""

    code = "guarded"


@dataclass(frozen=True)
class Logged:
    """entry is None when the same form was sent before: it was logged once."""

    interaction: Interaction
    entry: AuditEntry | None

    @property
    def is_new(self) -> bool:
        return self.entry is not None


# --- log ----------------------------------------------------------------------------------------------------------------------
def log_interaction(
    *,
    actor: User,
    kind: str,
    people: Iterable[Person] = (),
    organizations: Iterable[Organization] = (),
    at: datetime | None = None,
    is_two_way: bool = True,
    text: str = "",
    subject: str = "",
    mentions: Sequence[Mapping[str, str]] = (),
    form_key: UUID | None = None,
    next_step: str = "",
    next_on: date | None = None,
    override_reason: str = "",
) -> Logged:
    """Log a call, meeting, letter or message, and its next step as a task of the actor.

    Without an institution, those that the people stand for took part. form_key: of the form; the same one again gives what was
    logged the first time. Raises Invalid for nobody, a time that lies ahead, or notes without end; NotAllowed out of scope; Guarded
    where a contact guard stands against it and no `override_reason` says why it was done all the same.
    """
    people, organizations = list(people), list(organizations)
    if form_key is not None and (known := _by_form(form_key, actor)):
        return Logged(known, None)
    organizations = organizations or _places_of(people)
    values = _checked(kind=kind, at=at, text=text, people=people, organizations=organizations)
    may_log(actor, people, organizations)
    guarded = ask_guard(organizations, at=values["at"], reason=override_reason)
    try:
        with transaction.atomic():
            interaction = Interaction.objects.create(
                **values,
                is_two_way=is_two_way,
                subject=one_line(subject),
                mentions=naming.known(actor, mentions),
                form_key=form_key,
                logged_by=actor,
                person=people[0] if people else None,
                organization=organizations[0] if organizations else None,
            )
            _set_parties(interaction, people, organizations)
            _add_step(interaction, next_step, next_on, actor)
            for row, conflict in guarded.items():
                override_for(
                    door=GuardOverride.Door.LOG, organization=row, about=interaction.uid, conflict=conflict,
                    reason=override_reason, actor=actor,
                )  # fmt: skip
            entry = _record_logged(interaction, people, organizations, actor)
    except IntegrityError:
        # the other half of a double click was quicker: its row is there by now
        if form_key is not None and (known := _by_form(form_key, actor)):
            return Logged(known, None)
        raise
    return Logged(interaction, entry)


def _add_step(interaction: Interaction, title: str, due_on: date | None, actor: User) -> None:
    """What comes next, as a task of whoever logged it: in a week, unless they said when."""
    if title.strip():
        add_task(
            actor=actor,
            title=title,
            due_on=due_on or timezone.localdate() + timedelta(days=7),
            organization=interaction.organization,
            person=interaction.person,
            interaction=interaction,
        )


def _record_logged(
    interaction: Interaction, people: list[Person], organizations: list[Organization], actor: User
) -> AuditEntry:
    changes: list[Change] = [
        (name, None, plain(getattr(interaction, name))) for name in FIELDS if getattr(interaction, name)
    ]
    changes += [("people", None, _uids(people)), ("organizations", None, _uids(organizations))]
    event = {"kind": interaction.kind, "is_two_way": interaction.is_two_way, "organizations": _uids(organizations)}
    return record(verb="interaction.logged", target=interaction, actor=actor, changes=changes, event=event)


def ask_guard(organizations: list[Organization], *, at: datetime, reason: str) -> dict[Organization, str]:
    """What stands against turning to these now, for whom it does. What is written down of an earlier day is not held up any more."""
    now = timezone.now()
    found = conflicts_of([row.pk for row in organizations], now=now) if at > now - NOW_IS else {}
    hard = {key: " · ".join(each.words for each in rows if each.is_hard) for key, rows in found.items()}
    guarded = {row: hard[row.pk] for row in organizations if hard.get(row.pk)}
    if guarded and not reason.strip():
        said = " ".join(f"{row.label}: {words}." for row, words in guarded.items())
        raise Guarded(said, conflicts={str(row.uid): words for row, words in guarded.items()})
    return guarded


def _by_form(form_key: UUID, actor: User) -> Interaction | None:
    return Interaction.objects.filter(form_key=form_key, logged_by=actor).first()


def _uids(rows: Iterable[Any]) -> list[str]:
    return sorted(str(row.uid) for row in rows)


def _places_of(people: list[Person]) -> list[Organization]:
    places = Membership.objects.current().primary().filter(person__in=people).select_related("organization")
    by_person = {place.person_id: place.organization for place in places}
    return list(dict.fromkeys(by_person[person.pk] for person in people if person.pk in by_person))


def _checked(
    *, kind: str, at: datetime | None, text: str, people: list[Person], organizations: list[Organization]
) -> dict[str, Any]:
    if kind not in LOGGED_KINDS:
        raise Invalid(_("Say what it was: a call, a meeting, a letter or a message."), code="no_kind")
    if not people and not organizations:
        raise Invalid(_("Say with whom: at least one person or institution."), code="nobody")
    if len(people) + len(organizations) > MOST_PARTIES:
        raise Invalid(
            _("More than sixty took part. Log the institutions, and name the people in the notes."), code="too_many"
        )
    if any(person.erased_at for person in people):
        raise Invalid(_("One of these people was erased. Take the name out; the rest is kept here."), code="erased")
    now = timezone.now()
    if at is not None and at > now + SLACK:
        raise Invalid(_("This lies ahead. Log it when it has happened, or make it a task."), code="ahead")
    return {"kind": kind, "at": min(at or now, now), "text": notes(text)}


def may_log(actor: User, people: Iterable[Person], organizations: Iterable[Organization]) -> None:
    """Raises NotAllowed unless all of them are in the actor's scope for logging."""
    for model, rows in ((Person, people), (Organization, organizations)):
        keys = {row.pk for row in rows}
        manager: Any = model
        found = manager.objects.visible_to(actor, Action.LOG).filter(pk__in=keys).count() if keys else 0
        if found != len(keys):
            raise NotAllowed(_("Your role does not let you log contacts with all of these. Nothing was saved."))


def may_change(interaction: Interaction, actor: User) -> bool:
    """Whether the actor may edit it: what they logged, or anything in their scope for logging."""
    return Interaction.objects.visible_to(actor, Action.LOG).filter(pk=interaction.pk).exists()


# --- who took part ----------------------------------------------------------------------------------------------------------
def _set_parties(interaction: Interaction, people: list[Person], organizations: list[Organization]) -> None:
    """Write all parties anew, those that the notes name among them, and move the institutions' last contact."""
    Party.objects.filter(interaction=interaction).delete()
    common = {"interaction": interaction, "at": interaction.at, "is_two_way": interaction.is_two_way}
    # locked in the order of their keys, as delivery's roll-up does: two officers at one institution wait, and never for each other
    keys = sorted(row.pk for row in organizations)
    before = dict(
        Organization.objects.select_for_update(no_key=True)
        .filter(pk__in=keys)
        .order_by("pk")
        .values_list("pk", "last_contacted_at")
    )
    rows = [Party(**common, person=person) for person in {row.pk: row for row in people}.values()]
    rows += [
        Party(**common, organization=row, contacted_before=before.get(row.pk))
        for row in {row.pk: row for row in organizations}.values()
    ]
    rows += _named_parties(interaction, common, rows)
    Party.objects.bulk_create(rows)
    earlier = [key for key in keys if before.get(key) is None or before[key] < interaction.at]  # type: ignore[operator]
    Organization.objects.filter(pk__in=earlier).update(last_contacted_at=interaction.at)


def _named_parties(interaction: Interaction, common: dict[str, Any], taken: list[Party]) -> list[Party]:
    """Rows for people and institutions that only the notes name, so that it stands on their page too."""
    made = []
    for kind, model, field in (("person", Person, "person_id"), ("organization", Organization, "organization_id")):
        uids = [row["uid"] for row in interaction.mentions if row["kind"] == kind]
        have = {getattr(party, field) for party in taken}
        manager: Any = model
        keys = manager.objects.filter(uid__in=uids).values_list("pk", flat=True) if uids else []
        made += [Party(**common, is_mention=True, **{field: key}) for key in keys if key not in have]
    return made


def _forget_contact(interaction: Interaction) -> None:
    """Put back the institutions' last contact where this interaction is what it says."""
    parties = Party.objects.took_part().filter(interaction=interaction, organization__isnull=False)
    for party in parties.select_related("organization").order_by("organization_id"):
        row = party.organization
        if row is None:
            continue
        others = Party.objects.took_part().filter(organization=row).exclude(interaction=interaction)
        last = others.aggregate(last=Max("at"))["last"]
        known = [moment for moment in (last, party.contacted_before) if moment]
        Organization.objects.filter(pk=row.pk, last_contacted_at=interaction.at).update(
            last_contacted_at=max(known, default=None)
        )


def parties_of(interaction: Interaction) -> tuple[list[Person], list[Organization]]:
    parties = Party.objects.took_part().filter(interaction=interaction).select_related("person", "organization")
    rows = list(parties.order_by("pk"))
    return [row.person for row in rows if row.person], [row.organization for row in rows if row.organization]


# --- change and take away ---------------------------------------------------------------------------------------------------
def edit_interaction(
    *,
    interaction: Interaction,
    actor: User,
    seen: Mapping[str, Any] | None = None,
    people: Iterable[Person] | None = None,
    organizations: Iterable[Organization] | None = None,
    mentions: Sequence[Mapping[str, str]] | None = None,
    **changes: Any,
) -> AuditEntry | None:
    """Correct what was logged. changes: FIELDS; seen: what the form showed of them. Raises StaleEdit when that is not so any more."""
    if unknown := set(changes) - set(FIELDS):
        raise ValueError(f"interactions have no editable field {unknown.pop()}")
    with transaction.atomic():
        row = find_locked(Interaction, interaction.uid)
        if row.kind == Interaction.Kind.REPLY or row.removed_at:
            raise Conflict(_("This cannot be changed: it came by mail, or it was taken away."), code="not_editable")
        _refuse_stale(row, seen or {})
        had_people, had_organizations = parties_of(row)
        now_people = had_people if people is None else list(people)
        now_organizations = had_organizations if organizations is None else list(organizations)
        values = {name: changes.get(name, getattr(row, name)) for name in FIELDS}
        values |= _checked(
            kind=values["kind"],
            at=values["at"],
            text=values["text"],
            people=now_people,
            organizations=now_organizations,
        )
        may_log(
            actor,
            [p for p in now_people if p not in had_people],
            [o for o in now_organizations if o not in had_organizations],
        )
        made: list[Change] = [
            (name, plain(getattr(row, name)), plain(value))
            for name, value in values.items()
            if not same(getattr(row, name), value)
        ]
        for name, had, now in (
            ("people", had_people, now_people),
            ("organizations", had_organizations, now_organizations),
        ):
            if _uids(had) != _uids(now):
                made.append((name, _uids(had), _uids(now)))
        named = row.mentions if mentions is None else naming.known(actor, mentions)
        if not made and named == row.mentions:
            return None
        _put(row, values, now_people, now_organizations, mentions=named)
        event = {"fields": [name for name, _before, _after in made]}
        return record(verb="interaction.edited", target=row, actor=actor, changes=made, event=event)


def _put(
    row: Interaction,
    values: Mapping[str, Any],
    people: list[Person],
    organizations: list[Organization],
    *,
    mentions: list[dict[str, str]] | None = None,
) -> None:
    _forget_contact(row)
    for name, value in values.items():
        setattr(row, name, value)
    row.mentions = row.mentions if mentions is None else mentions
    row.person = people[0] if people else None
    row.organization = organizations[0] if organizations else None
    row.save(update_fields=[*values, "mentions", "person", "organization"])
    _set_parties(row, people, organizations)


def _refuse_stale(row: Interaction, seen: Mapping[str, Any]) -> None:
    for name, value in seen.items():
        if name in FIELDS and not same(plain(getattr(row, name)), value):
            raise StaleEdit(
                _(
                    "Somebody changed this while you were editing. Your input is kept here; save again to replace theirs."
                ),
                field=name,
                current=plain(getattr(row, name)),
            )


def remove_interaction(*, interaction: Interaction, actor: User) -> AuditEntry | None:
    """Take away what was logged by mistake: it counts nowhere any more. None when it was taken away already."""
    with transaction.atomic():
        row = find_locked(Interaction, interaction.uid)
        if row.removed_at:
            return None
        if row.kind == Interaction.Kind.REPLY:
            raise Conflict(_("A reply came by mail; it cannot be taken away."), code="not_editable")
        people, organizations = parties_of(row)
        _take_away(row)
        changes = [
            ("removed_at", None, plain(row.removed_at)),
            ("people", _uids(people), []),
            ("organizations", _uids(organizations), []),
        ]
        return record(verb="interaction.removed", target=row, actor=actor, changes=changes, event={})


def _take_away(row: Interaction) -> None:
    _forget_contact(row)
    Party.objects.filter(interaction=row).delete()
    row.removed_at = timezone.now()
    row.save(update_fields=["removed_at"])
