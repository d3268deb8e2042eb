"""Green, yellow or red: one rule, as SQL for lists and counts, and as a sentence for people. A test holds the two together.

red: its day is past, or a milestone is open for more than SLACK_DAYS. yellow: a milestone is open past its day; or it is due within
SOON_DAYS and nobody heard of it for as long; or nobody heard of it for QUIET_DAYS. green: else. *Heard* begins with the promise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Case, CharField, Exists, F, OuterRef, Q, Value, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.ui import formats

SLACK_DAYS, SOON_DAYS, QUIET_DAYS = 14, 30, 90
LIGHTS = {
    "green": (gettext_lazy("green: on track"), "ok"),
    "yellow": (gettext_lazy("yellow: at risk"), "warn"),
    "red": (gettext_lazy("red: late"), "bad"),
    "kept": (gettext_lazy("kept"), "p7"),
    "broken": (gettext_lazy("broken"), "odd"),
    "withdrawn": (gettext_lazy("withdrawn"), "rest"),
}


def light_sql(today: date) -> Case:
    """The light as an expression over commitments."""
    from campaigns.commitments.models import Milestone

    open_ones = Milestone.objects.filter(commitment=OuterRef("pk"), done_on__isnull=True)
    past = Exists(open_ones.filter(due_on__lt=today))
    long_past = Exists(open_ones.filter(due_on__lt=today - timedelta(days=SLACK_DAYS)))
    soon = Q(due_on__lte=today + timedelta(days=SOON_DAYS), last_word__lt=today - timedelta(days=SOON_DAYS))
    quiet = Q(last_word__lt=today - timedelta(days=QUIET_DAYS))
    return Case(
        When(~Q(state="open"), then=F("state")),
        When(Q(due_on__lt=today) | Q(long_past), then=Value("red")),
        When(Q(past) | soon | quiet, then=Value("yellow")),
        default=Value("green"),
        output_field=CharField(),
    )


LAST_WORD = Coalesce(F("heard_on"), F("made_on"))


@dataclass(frozen=True)
class Light:
    """A light and the sentence that says why."""

    code: str
    why: str

    @property
    def label(self) -> str:
        return str(LIGHTS[self.code][0])

    @property
    def colour(self) -> str:
        return LIGHTS[self.code][1]


def light_of(commitment: Any, today: date) -> Light:
    """The same in Python, with its reason. Its milestones should be prefetched."""
    if not commitment.is_open:
        return Light(commitment.state, _settled(commitment))
    late = [m for m in commitment.milestones.all() if m.done_on is None and m.due_on < today]
    if commitment.due_on < today:
        return Light("red", _("It was due on %(day)s and is not settled.") % {"day": formats.day(commitment.due_on)})
    if worst := next((m for m in late if m.due_on < today - timedelta(days=SLACK_DAYS)), None):
        said = _("Its milestone “%(text)s” was due on %(day)s, more than %(n)s days ago.")
        return Light("red", said % {"text": worst.text, "day": formats.day(worst.due_on), "n": SLACK_DAYS})
    if late:
        said = _("Its milestone “%(text)s” was due on %(day)s.")
        return Light("yellow", said % {"text": late[0].text, "day": formats.day(late[0].due_on)})
    return _by_silence(commitment, today)


def _by_silence(commitment: Any, today: date) -> Light:
    silent = (today - (commitment.heard_on or commitment.made_on)).days
    left = (commitment.due_on - today).days
    if left <= SOON_DAYS and silent > SOON_DAYS:
        said = ngettext("It is due in %(left)s day, and nobody has heard of it for %(n)s days.", "It is due in %(left)s days, and nobody has heard of it for %(n)s days.", left)  # fmt: skip
        return Light("yellow", said % {"left": formats.number(left), "n": formats.number(silent)})
    if silent > QUIET_DAYS:
        return Light("yellow", _("Nobody has heard of it for %(n)s days.") % {"n": formats.number(silent)})
    said = _("It is due on %(day)s; no milestone is late, and it was heard of %(n)s days ago.")
    return Light("green", said % {"day": formats.day(commitment.due_on), "n": formats.number(silent)})


def _settled(commitment: Any) -> str:
    day = formats.day(commitment.settled_at)
    who = commitment.verified_by.name if commitment.verified_by else ""
    if commitment.state == "withdrawn":
        return _("Withdrawn on %(day)s.") % {"day": day}
    said = _("Kept, as told on %(day)s.") if commitment.state == "kept" else _("Broken, as told on %(day)s.")
    checked = _("Verified by %(who)s.") % {"who": who} if who else _("Nobody has verified it yet.")
    return f"{said % {'day': day}} {checked}"


def rule_in_words() -> list[tuple[str, str, str]]:
    """(colour, name, rule) for the page that explains it."""
    given = {"slack": SLACK_DAYS, "soon": SOON_DAYS, "quiet": QUIET_DAYS}
    return [
        ("bad", _("red"), _("Its day is past, or a milestone is open more than %(slack)s days after its day.") % given),
        (
            "warn",
            _("yellow"),
            _(
                "A milestone is open after its day; or it is due within %(soon)s days and nobody has heard of it for as long; or nobody has heard of it for %(quiet)s days."
            )
            % given,
        ),
        ("ok", _("green"), _("Everything else. It is heard of when it is promised, updated or talked about.")),
    ]
