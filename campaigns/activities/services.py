"""Activities made, changed, moved in time and from state to state. Each is one transaction with one audit entry.

Days and dependencies: whoever moves an activity so that it would begin before what it depends on is due, or so that what follows
would begin too early, gets OrderBroken and chooses: carry the others along, or leave them where they are.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.activities.models import Activity, Dependency
from campaigns.activities.ordering import Days, Plan, broken_at, carried, leads_to
from campaigns.activities.saving import check, differences, hold, may_plan, put, refuse_stale, told
from campaigns.activities.states import MOVES, OPEN, State
from campaigns.events.models import Event
from campaigns.planning.models import Drive
from campaigns.rounds.models import CallRound
from contacts.directory.services.editing import lock
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditChange, AuditEntry
from crm.audit.services import Change, record
from crm.errors import Conflict, Invalid, NotAllowed, WrongState
from crm.ui import formats

FIELDS = ("name", "kind", "owner", "role", "starts_on", "due_on", "country", "mailing", "call_round", "event", "note")
NAMED = 3  # activities that a sentence names; the others are counted
MANY = 500


class Order(Enum):
    """What becomes of the others when days no longer follow one another."""

    ASK = "ask"  # refuse, and say which
    CARRY = "carry"  # later ones later, earlier ones earlier, each as little as needed
    LEAVE = "leave"  # they stay; the plan shows that one begins too early


class OrderBroken(Conflict):
    """data: `early` and `late`, the activities on either side; `others`: how many would have to move along."""

    code = "order_broken"


# --- made and changed -------------------------------------------------------------------------------------------------
def create_activity(
    *, actor: User, drive: Drive, after: Iterable[Activity] = (), order: Order = Order.ASK, **values: Any
) -> Activity:
    """Plan one. values: FIELDS; after: what it depends on. Raises OrderBroken, NotAllowed, Invalid."""
    with transaction.atomic():
        held = hold(drive)
        may_plan(actor, held, values.get("country"))
        activity = Activity(drive=held, **values)
        _check_place(activity)
        check(activity)
        activity.save()
        links = _set_after(activity, list(after))
        carried_along = _follow(activity, (activity.starts_on, activity.due_on), order, actor)
        entry = record(
            verb="activity.created", target=activity, actor=actor, changes=[*told(activity, FIELDS), *links], event={}
        )
        _tell_of(entry, carried_along)
    return activity


def edit_activity(
    *,
    activity: Activity,
    actor: User,
    seen_at: datetime | None = None,
    after: Iterable[Activity] | None = None,
    order: Order = Order.ASK,
    **values: Any,
) -> AuditEntry | None:
    """Change one. values: FIELDS. Raises OrderBroken, StaleEdit, NotAllowed, Invalid; then nothing is saved."""
    with transaction.atomic():
        row = _held(activity, actor)
        refuse_stale(row, seen_at)
        may_plan(actor, row.drive, values.get("country", row.country))
        changed, changes = differences(row, values, FIELDS)
        days = (changed.get("starts_on", row.starts_on), changed.get("due_on", row.due_on))
        for field, value in changed.items():
            setattr(row, field, value)
        _check_place(row)
        if after is not None:
            changes += _set_after(row, list(after))
        moves = {"starts_on", "due_on"} & set(changed) or any(field == "depends_on" for field, _b, _a in changes)
        along = _follow(row, days, order, actor) if moves else []
        if not changes:
            return None
        put(row, changed)
        fields = [field for field, _before, _after in changes]
        entry = record(verb="activity.edited", target=row, actor=actor, changes=changes, event={"fields": fields})
        return _tell_of(entry, along)


def move_days(
    *, activity: Activity, actor: User, starts_on: dt.date, due_on: dt.date | None = None, order: Order = Order.ASK
) -> AuditEntry | None:
    """To other days; without `due_on` it stays as long as it is."""
    ends = due_on or starts_on + (activity.due_on - activity.starts_on)
    return edit_activity(activity=activity, actor=actor, order=order, starts_on=starts_on, due_on=ends)


def wait_for(*, activity: Activity, before: Activity, actor: User, order: Order = Order.ASK) -> AuditEntry | None:
    """It begins when `before` is finished, besides what it waits for already. None when it does so already.

    Where it would begin too early, OrderBroken asks; Order.CARRY then moves it to the day on which `before` is due, and what follows it along.
    """
    days: dict[str, Any] = {}
    if order is Order.CARRY and activity.starts_on < before.due_on:
        days = {"starts_on": before.due_on, "due_on": before.due_on + (activity.due_on - activity.starts_on)}
    known = [link.before for link in activity.depends_on.select_related("before").filter(before__archived_at=None)]
    return edit_activity(
        activity=activity, actor=actor, after={row.pk: row for row in [*known, before]}.values(), order=order, **days
    )


def archive_activity(*, activity: Activity, actor: User) -> AuditEntry | None:
    """Take it out of the plan. What depended on it does not wait for it any more."""
    with transaction.atomic():
        row = _held(activity, actor)
        if row.archived_at:
            return None
        row.archived_at = timezone.now()
        row.save(update_fields=["archived_at"])
        return record(
            verb="activity.archived",
            target=row,
            actor=actor,
            changes=[("archived_at", None, str(row.archived_at))],
            event={},
        )


# --- states -----------------------------------------------------------------------------------------------------------
def move_state(*, activity: Activity, actor: User, to: State) -> AuditEntry | None:
    """By the table of moves. Who plans may, and who owns it. None if it is there already."""
    with transaction.atomic():
        row = _held(activity, actor, also_owner=True)
        if row.state == to:
            return None
        changes = _to_state(row, State(to))
        put(row, {"state": row.state, "done_on": row.done_on})
        entry = record(verb="activity.moved", target=row, actor=actor, changes=changes, event={"state": str(to)})
    activity.state, activity.done_on = row.state, row.done_on
    return entry


def _to_state(row: Activity, to: State) -> list[Change]:
    if to not in MOVES[State(row.state)]:
        words = _("“%(name)s” is %(state)s; from there it does not become %(to)s. Nothing was changed.")
        names = {"name": row.label, "state": State(row.state).label, "to": to.label}
        raise WrongState(words % names)
    changes: list[Change] = [("state", row.state, str(to))]
    done_on = timezone.localdate() if to == State.DONE else None
    if done_on != row.done_on:
        changes.append(("done_on", str(row.done_on) if row.done_on else None, str(done_on) if done_on else None))
    row.state, row.done_on = to, done_on
    return changes


def become_round(*, activity: Activity, call_round: CallRound, actor: User) -> AuditEntry | None:
    """The call round that was begun for it. Who plans may, and who owns it. What was planned only is under way from then on."""
    return _become(activity, actor, "call_round", call_round, begins=True)


def become_event(*, activity: Activity, event: Event, actor: User) -> AuditEntry | None:
    """The event that was planned for it, with its invitations and seats. It stays planned: the day is still ahead."""
    return _become(activity, actor, "event", event, begins=False)


def _become(activity: Activity, actor: User, field: str, value: Any, *, begins: bool) -> AuditEntry | None:
    with transaction.atomic():
        row = _held(activity, actor, also_owner=True)
        changed, changes = differences(row, {field: value}, (field,))
        setattr(row, field, value)
        _check_place(row)
        check(row)
        if begins and row.state == State.PLANNED:
            changes += _to_state(row, State.UNDER_WAY)
            changed |= {"state": row.state, "done_on": row.done_on}
        put(row, changed)
        event = {"fields": [field for field, _before, _after in changes]}
        return record(verb="activity.edited", target=row, actor=actor, changes=changes, event=event)


# --- many at once -----------------------------------------------------------------------------------------------------
def change_many(
    *, rows: Iterable[Activity], actor: User, owner: User | None = None, state: State | None = None, days: int = 0
) -> tuple[AuditEntry | None, int]:
    """Give many an owner, or a state, or shift them by days; one entry, undone as far as each is as it was left.

    Those that cannot (a state that the table does not allow) are left alone. Shifting many together keeps what is between
    them; others are not carried along. Returns the entry and how many changed.
    """
    with transaction.atomic():
        found = Activity.objects.visible_to(actor, Action.DRIVES).filter(pk__in=[row.pk for row in rows])
        held = list(found.filter(archived_at=None).select_for_update(of=("self",)).order_by("pk")[:MANY])
        told_of = [(row, changes) for row in held if (changes := _change_one(row, owner, state, days))]
        if not told_of:
            return None, 0
        for row, _changes in told_of:
            row.save(update_fields=["owner", "state", "done_on", "starts_on", "due_on", "updated_at"])
        entry = record(verb="activity.changed_many", object_type="activity", actor=actor)
        _tell_of(entry, told_of)
        return entry, len(told_of)


def _change_one(row: Activity, owner: User | None, state: State | None, days: int) -> list[Change]:
    changes: list[Change] = []
    if owner is not None and row.owner_id != owner.pk:
        changes.append(("owner", str(row.owner.uid) if row.owner else None, str(owner.uid)))
        row.owner = owner
    if state is not None and state in MOVES[State(row.state)]:
        changes += _to_state(row, state)
    if days:
        try:
            changes += _shift(row, (row.starts_on + dt.timedelta(days), row.due_on + dt.timedelta(days)))
        except OverflowError as error:
            raise Invalid(_("That is beyond what a calendar holds. Nothing was moved.")) from error
    return changes


# --- days and dependencies --------------------------------------------------------------------------------------------
def plan_of(drive_id: int) -> tuple[Plan, dict[int, Activity]]:
    """The live activities of a drive with what each depends on: two queries."""
    rows = {
        row.pk: row for row in Activity.objects.filter(drive_id=drive_id, archived_at=None).select_related("country")
    }
    pairs = Dependency.objects.filter(before__drive_id=drive_id).values_list("before_id", "after_id")
    settled = frozenset(pk for pk, row in rows.items() if row.state not in OPEN)
    return Plan({pk: (row.starts_on, row.due_on) for pk, row in rows.items()}, list(pairs), settled), rows


def foresee(activity: Activity, days: Days) -> OrderBroken | None:
    """What moving it to these days would break, in words; None if nothing."""
    plan, rows = plan_of(activity.drive_id)
    early, late = broken_at(plan, activity.pk, days)
    if not early and not late:
        return None
    return OrderBroken(
        _sentence(activity, days, [rows[pk] for pk in early], [rows[pk] for pk in late]),
        early=[rows[pk] for pk in early],
        late=[rows[pk] for pk in late],
        others=len(carried(plan, activity.pk, days)),
    )


def _follow(activity: Activity, days: Days, order: Order, actor: User) -> list[tuple[Activity, list[Change]]]:
    """What else moves when `activity` lies on `days`. Raises OrderBroken when that has not been decided yet."""
    if order is Order.LEAVE:
        return []
    if order is Order.ASK:
        if broken := foresee(activity, days):
            raise broken
        return []
    plan, rows = plan_of(activity.drive_id)
    moves = carried(plan, activity.pk, days)
    reach = set(Activity.objects.visible_to(actor, Action.DRIVES).filter(pk__in=moves).values_list("pk", flat=True))
    if set(moves) - reach:
        raise NotAllowed(
            _("One that would have to move along lies outside of your role's countries. Nothing was moved.")
        )
    along = [(rows[pk], _shift(rows[pk], to)) for pk, to in moves.items()]
    for row, _changes in along:
        row.save(update_fields=["starts_on", "due_on", "updated_at"])
    return along


def _shift(row: Activity, days: Days) -> list[Change]:
    before = {"starts_on": row.starts_on, "due_on": row.due_on}
    row.starts_on, row.due_on = days
    now = {"starts_on": row.starts_on, "due_on": row.due_on}
    return [(field, str(before[field]), str(now[field])) for field in before if before[field] != now[field]]


def _sentence(activity: Activity, days: Days, early: list[Activity], late: list[Activity]) -> str:
    parts = []
    if early:
        words = _("“%(name)s” would begin on %(day)s, before what it depends on is due: %(others)s.")
        others = _listed(early, lambda row: row.due_on)
        parts.append(words % {"name": activity.label, "day": formats.day(days[0]), "others": others})
    if late:
        words = _("It would be due on %(day)s, and what depends on it begins before that: %(others)s.")
        parts.append(words % {"day": formats.day(days[1]), "others": _listed(late, lambda row: row.starts_on)})
    return " ".join([*parts, _("Nothing was moved yet.")])


def _listed(rows: list[Activity], day: Any) -> str:
    named = [f"“{row.label}” ({formats.day(day(row))})" for row in rows[:NAMED]]
    return formats.listing([*named, *([_("%(n)s more") % {"n": len(rows) - NAMED}] if len(rows) > NAMED else [])])


def _set_after(activity: Activity, before: list[Activity]) -> list[Change]:
    """What it depends on from now on. Raises Invalid for a circle, or for one of another drive."""
    if any(row.drive_id != activity.drive_id or row.archived_at for row in before):
        raise Invalid(_("An activity depends on others of its own drive only. Nothing was saved."), code="other_drive")
    wanted = {row.pk: row for row in before}
    old = {link.before_id: link for link in activity.depends_on.select_related("before")}
    if set(old) == set(wanted):
        return []
    pairs = Dependency.objects.filter(before__drive_id=activity.drive_id).exclude(after=activity)
    known = list(pairs.values_list("before_id", "after_id"))
    for pk, row in wanted.items():
        if leads_to(known, activity.pk, pk):
            words = _("“%(one)s” cannot wait for “%(other)s”, which waits for it already. Nothing was saved.")
            raise Invalid(words % {"one": activity.label, "other": row.label}, code="circle")
    was, now = (sorted(str(row.uid) for row in side) for side in ([link.before for link in old.values()], before))
    activity.depends_on.exclude(before__in=wanted).delete()
    Dependency.objects.bulk_create(
        Dependency(before=row, after=activity) for pk, row in wanted.items() if pk not in old
    )
    return [("depends_on", was, now)]


# --- shared -----------------------------------------------------------------------------------------------------------
def _held(activity: Activity, actor: User, *, also_owner: bool = False) -> Activity:
    """The row, locked after its drive, if the actor may change it."""
    drive = hold(activity.drive)
    row: Activity = lock(activity)
    row.drive = drive
    if also_owner and row.owner_id == actor.pk and actor.may(Action.LOG):
        return row
    if not Activity.objects.visible_to(actor, Action.DRIVES).filter(pk=row.pk).exists():
        raise NotAllowed(_("You may see this activity, but your role does not let you change it."))
    return row


def _check_place(activity: Activity) -> None:
    country = activity.country
    if country is not None and not activity.drive.countries.filter(pk=country.pk).exists():
        words = _("%(country)s is no country of this drive. Nothing was saved.")
        raise Invalid(words % {"country": country.label}, code="other_country")
    if activity.mailing is not None and activity.mailing.drive_id != activity.drive_id:
        raise Invalid(_("That mailing belongs to another drive. Nothing was saved."), code="other_drive")
    if activity.event is not None and activity.event.drive_id != activity.drive_id:
        raise Invalid(_("That event belongs to another drive. Nothing was saved."), code="other_drive")


def _tell_of(entry: AuditEntry, changed: Iterable[tuple[Activity, list[Change]]]) -> AuditEntry:
    """Lines of the entry about others than its own object."""
    AuditChange.objects.bulk_create(
        AuditChange(entry=entry, object_type="activity", object_uid=row.uid, field=field, before=before, after=after)
        for row, changes in changed
        for field, before, after in changes
    )
    return entry


def values_of(activity: Activity) -> Mapping[str, Any]:
    """What a form begins with, and what a copy takes over."""
    return {field: getattr(activity, field) for field in FIELDS}
