"""The form of a report: a head and any number of meetings, in one <form>. What is typed can be kept at any time, whole or not, and is
looked at when it is filed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.utils import ErrorDict
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.interactions.mentions import find
from campaigns.interactions.picking import KINDS, PartiesField, Picked
from campaigns.interactions.words import MOST
from campaigns.missions.models import Mission
from campaigns.missions.services import MOST_MEETINGS, Heard, Met, Next, Promised
from campaigns.planning.models import Drive
from campaigns.positions.forms import DATE, STANCES, key_field
from campaigns.positions.ladder import Stance
from campaigns.positions.models import Ask
from campaigns.todo.forms import officers
from contacts.directory.forms import LabelledChoice
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.ids import new_uid

KEY = re.compile(r"m\d{1,3}")
MOST_LINES = 6  # of positions, promises or next steps of one meeting
LINES = {"p": ("ask", "stance", "evidence"), "c": ("text", "due_on", "ask"), "s": ("title", "due_on", "who")}


class HeadForm(forms.Form):
    title = forms.CharField(
        label=_("Where to, and why"), max_length=200, help_text=_("Such as: Dakar and Bamako, before the budget")
    )
    starts_on = forms.DateField(label=_("From"), widget=forms.DateInput(DATE))
    ends_on = forms.DateField(label=_("To"), widget=forms.DateInput(DATE))
    drive = LabelledChoice(
        Drive.objects.none(), to_field_name="uid", label=_("Drive"), required=False, empty_label=_("none")
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        drive: Any = self.fields["drive"]
        drive.queryset = Drive.objects.visible_to(user, Action.LOG).filter(archived_at=None).order_by("sort_key", "pk")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        first, last = data.get("starts_on"), data.get("ends_on")
        if first and last and last < first:
            self.add_error("ends_on", _t("It cannot end before it begins."))
        return data


class NewMissionForm(HeadForm):
    key = key_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["starts_on"].initial = self.fields["ends_on"].initial = timezone.localdate


class ReportForm(HeadForm):
    summary = forms.CharField(
        label=_("In short"), required=False, max_length=20_000, widget=forms.Textarea({"rows": 4, "dir": "auto"}),
        help_text=_("What the trip was for, and what came of it: the part that a director reads."),
    )  # fmt: skip
    override_reason = forms.CharField(
        label=_("Why all the same?"), required=False, max_length=300,
        help_text=_("A contact guard stands against one of the meetings. The reason is kept."),
    )  # fmt: skip


@dataclass(frozen=True)
class Offered:
    """Asks and colleagues to choose from: read once for all meetings of the page."""

    asks: dict[str, Ask]
    users: dict[str, User]

    @classmethod
    def to(cls, user: User) -> Offered:
        asks = Ask.objects.visible_to(user, Action.LOG).active().select_related("drive")
        return cls(
            {str(row.uid): row for row in asks.order_by("-drive__starts_on", "drive_id", "place", "pk")[:200]},
            {str(row.uid): row for row in officers(Action.LOG)[:200]},
        )

    def ask_choices(self, empty: Any) -> list[tuple[str, Any]]:
        return [("", empty), *((uid, row.label) for uid, row in self.asks.items())]


class MeetingForm(forms.Form):
    """One meeting; `prefix` is its key. Lines are named p0_ask, p0_stance, …, c0_text, …, s0_title, …"""

    on = forms.DateField(label=_("On"), widget=forms.DateInput(DATE))
    text = forms.CharField(
        label=_("What was heard"), required=False, max_length=MOST, widget=forms.Textarea({"rows": 4, "dir": "auto"})
    )

    def __init__(self, *args: Any, user: User, offered: Offered, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered, self.user = offered, user
        self.fields["parties"] = PartiesField(user=user, label=_("Whom they met: institution and people"))
        self.lines = {kind: list(range(self._count(kind))) for kind in LINES}
        for number in self.lines["p"]:
            self._field(
                f"p{number}_ask",
                forms.ChoiceField(label=_("On the ask"), required=False, choices=offered.ask_choices("–")),
            )
            self._field(
                f"p{number}_stance",
                forms.ChoiceField(label=_("Where they stand"), required=False, choices=[("", "–"), *STANCES]),
            )
            self._field(
                f"p{number}_evidence", forms.CharField(label=_("What shows it"), required=False, max_length=5000)
            )
        for number in self.lines["c"]:
            self._field(f"c{number}_text", forms.CharField(label=_("They promised"), required=False, max_length=2000))
            self._field(
                f"c{number}_due_on", forms.DateField(label=_("Due"), required=False, widget=forms.DateInput(DATE))
            )
            choices = offered.ask_choices(_t("another promise"))
            self._field(f"c{number}_ask", forms.ChoiceField(label=_("On the ask"), required=False, choices=choices))
        for number in self.lines["s"]:
            self._field(f"s{number}_title", forms.CharField(label=_("Next step"), required=False, max_length=300))
            self._field(
                f"s{number}_due_on", forms.DateField(label=_("By"), required=False, widget=forms.DateInput(DATE))
            )
            users = [("", _t("me")), *((uid, row.name) for uid, row in offered.users.items() if row.pk != user.pk)]
            self._field(f"s{number}_who", forms.ChoiceField(label=_("Who"), required=False, choices=users))

    def _field(self, name: str, field: forms.Field) -> None:
        self.fields[name] = field

    def _count(self, kind: str) -> int:
        """Lines to show: those that were filled, and one more."""
        filled = [
            number for number in range(MOST_LINES)
            if any(str(self.data.get(f"{self.prefix}-{kind}{number}_{name}", "")).strip() for name in LINES[kind])
        ]  # fmt: skip
        return min(MOST_LINES, max(filled, default=-1) + 2)

    def rows(self, kind: str) -> list[list[forms.BoundField]]:
        return [[self[f"{kind}{number}_{name}"] for name in LINES[kind]] for number in self.lines[kind]]

    @property
    def positions(self) -> list[list[forms.BoundField]]:
        return self.rows("p")

    @property
    def promises(self) -> list[list[forms.BoundField]]:
        return self.rows("c")

    @property
    def steps(self) -> list[list[forms.BoundField]]:
        return self.rows("s")

    def only_show(self) -> MeetingForm:
        """As it was typed, without a word about what is missing: it is a draft."""
        self._errors, self.cleaned_data = ErrorDict(), {}
        field: Any = self.fields["parties"]
        picked: Picked = field.widget.value_from_datadict(self.data, {}, self.add_prefix("parties"))
        parties = field.chosen(picked.values)
        if parties.organizations:
            field.offer_people_of(parties.organizations)
        if picked.words:
            field.widget.options = find(self.user, picked.words, kinds=KINDS)
        return self

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if (on := data.get("on")) and on > timezone.localdate():
            self.add_error("on", _t("This day lies ahead. File the report when the meeting has been."))
        for number in self.lines["p"]:
            if bool(data.get(f"p{number}_ask")) != bool(data.get(f"p{number}_stance")):
                missing = "ask" if not data.get(f"p{number}_ask") else "stance"
                if data.get(f"p{number}_stance") or data.get(f"p{number}_ask"):
                    self.add_error(
                        f"p{number}_{missing}", _t("A position is on an ask and somewhere on the ladder: say both.")
                    )
            elif data.get(f"p{number}_ask") and not (data.get(f"p{number}_evidence") or data.get("text", "").strip()):
                self.add_error(
                    f"p{number}_evidence", _t("Say what shows it: some words here, or what was heard above.")
                )
        for number in self.lines["c"]:
            if data.get(f"c{number}_text") and f"c{number}_due_on" in data and not data[f"c{number}_due_on"]:
                self.add_error(f"c{number}_due_on", _t("By when?"))
        for number in self.lines["s"]:
            if data.get(f"s{number}_title") and f"s{number}_due_on" in data and not data[f"s{number}_due_on"]:
                self.add_error(f"s{number}_due_on", _t("By when?"))
        return data

    def met(self) -> Met:
        """What the service takes."""
        data, asks, users = self.cleaned_data, self.offered.asks, self.offered.users
        return Met(
            key=str(self.prefix), on=data["on"], people=data["parties"].people, organizations=data["parties"].organizations,
            text=data["text"],
            heard=[
                Heard(asks[data[f"p{n}_ask"]], Stance(int(data[f"p{n}_stance"])), data[f"p{n}_evidence"])
                for n in self.lines["p"] if data[f"p{n}_ask"]
            ],
            promised=[
                Promised(data[f"c{n}_text"], data[f"c{n}_due_on"], asks.get(data[f"c{n}_ask"]))
                for n in self.lines["c"] if data[f"c{n}_text"]
            ],
            following=[
                Next(data[f"s{n}_title"], data[f"s{n}_due_on"], users.get(data[f"s{n}_who"]))
                for n in self.lines["s"] if data[f"s{n}_title"]
            ],
        )  # fmt: skip


@dataclass
class Report:
    """The whole page. data: a QueryDict, of this request or of the draft."""

    mission: Mission
    head: ReportForm
    meetings: list[MeetingForm]
    tab: str

    @classmethod
    def of(cls, mission: Mission, user: User, data: Any, *, keys: list[str]) -> Report:
        offered = Offered.to(user)
        head = ReportForm(data, user=user)
        meetings = [MeetingForm(data, prefix=key, user=user, offered=offered) for key in keys]
        return cls(mission, head, meetings, str(data.get("tab") or new_uid()))

    def only_show(self) -> Report:
        head: Any = self.head
        head._errors, head.cleaned_data = ErrorDict(), {}
        for meeting in self.meetings:
            meeting.only_show()
        return self

    def is_whole(self) -> bool:
        """Looks at all of it, so that everything that is missing is said at once."""
        return all([self.head.is_valid(), *[meeting.is_valid() for meeting in self.meetings]])

    def refuse(self, key: str | None, message: str, *, is_guarded: bool = False) -> None:
        """What a service said, beside the meeting that it is about."""
        if is_guarded:
            self.head.add_error("override_reason", message)
        else:
            form = next((each for each in self.meetings if each.prefix == key), self.head)
            form.add_error(None, message)


def keys_of(data: Any) -> list[str]:
    """Keys of the meetings in a form's data, in their order."""
    found = [key for key in data.getlist("meeting") if KEY.fullmatch(key)]
    return list(dict.fromkeys(found))[:MOST_MEETINGS]


def next_key(keys: list[str]) -> str:
    return f"m{max((int(key[1:]) for key in keys), default=0) + 1}"
