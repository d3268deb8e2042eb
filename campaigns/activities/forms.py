"""Shapes of activities, objectives and team members."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.activities.models import Activity, Objective
from campaigns.activities.services import Order, OrderBroken
from campaigns.activities.states import MOVES, Kind, State, TeamRole
from campaigns.events.models import Event
from campaigns.mailings.models import Mailing
from campaigns.planning.forms import DATE, SeenForm
from campaigns.planning.models import Drive
from campaigns.rounds.models import CallRound
from contacts.directory.forms import LabelledChoice
from contacts.directory.models import Country
from crm.accounts.models import User
from crm.accounts.rules import Action

MAILINGS_OFFERED = 100


def colleagues() -> Any:
    return User.objects.staff().filter(is_active=True).order_by("name", "pk")


class ManyActivities(forms.ModelMultipleChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return str(obj.label)


class OrderMixin(forms.Form):
    """`order`: what becomes of days that no longer follow one another; it is asked when that is so."""

    broken: OrderBroken | None = None

    @property
    def order(self) -> Order:
        given = self.data.get("order", "")
        return Order(given) if given in {order.value for order in Order} else Order.ASK

    def ask(self, broken: OrderBroken) -> None:
        """The days no longer follow one another: the page shows why, and the ways on."""
        self.broken = broken
        self.add_error(None, broken.message)


class DatesForm(OrderMixin, SeenForm):
    """First and last day."""

    starts_on = forms.DateField(label=_("From"), widget=forms.DateInput(DATE))
    due_on = forms.DateField(label=_("Due"), widget=forms.DateInput(DATE))

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("starts_on") and data.get("due_on") and data["due_on"] < data["starts_on"]:
            self.add_error("due_on", _t("It cannot be due before it begins."))
        return data


class AfterForm(OrderMixin):
    """What an activity waits for, one more."""

    before = LabelledChoice(
        Activity.objects.none(),
        label=_("It begins when this is finished"),
        to_field_name="uid",
        empty_label=_("choose an activity"),
    )

    def __init__(self, *args: Any, user: User, activity: Activity, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = (
            Activity.objects.visible_to(user).filter(drive=activity.drive, archived_at=None).exclude(pk=activity.pk)
        )
        field: Any = self.fields["before"]
        field.queryset = others.exclude(followed_by__after=activity).order_by("starts_on", "pk")


class ActivityForm(DatesForm):
    name = forms.CharField(label=_("What is done"), max_length=300)
    kind = forms.ChoiceField(label=_("Kind"), choices=Kind.choices)
    owner = forms.ModelChoiceField(
        User.objects.none(), label=_("Owner"), to_field_name="uid", required=False, empty_label=_("nobody yet")
    )
    role = forms.ChoiceField(
        label=_("Whose work it is"), choices=[("", _("not said")), *TeamRole.choices], required=False
    )
    country = LabelledChoice(
        Country.objects.none(),
        label=_("Country"),
        to_field_name="code",
        required=False,
        empty_label=_("all of the drive"),
    )
    mailing = LabelledChoice(
        Mailing.objects.none(),
        label=_("The mailing that it is"),
        to_field_name="uid",
        required=False,
        empty_label=_("none yet"),
        help_text=_("For activities of the kind “mailing”."),
    )
    call_round = LabelledChoice(
        CallRound.objects.none(),
        label=_("The call round that it is"),
        to_field_name="uid",
        required=False,
        empty_label=_("none yet"),
        help_text=_("For activities of the kind “call round”. One can also be begun from the activity’s page."),
    )
    event = LabelledChoice(
        Event.objects.none(),
        label=_("The event that it is"),
        to_field_name="uid",
        required=False,
        empty_label=_("none yet"),
        help_text=_(
            "For activities of the kinds “meeting” and “event”. One can also be planned from the activity’s page."
        ),
    )
    after = ManyActivities(
        Activity.objects.none(),
        label=_("Depends on"),
        to_field_name="uid",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("It begins when these are finished."),
    )
    note = forms.CharField(label=_("Note"), required=False, max_length=10_000, widget=forms.Textarea({"rows": 3}))

    def __init__(self, *args: Any, user: User, drive: Drive, activity: Activity | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        codes = user.scope(Action.DRIVES).countries
        countries = drive.countries.order_by("sort_key")
        fields["country"].queryset = countries if codes is None else countries.filter(code__in=codes)
        fields["owner"].queryset = colleagues()
        mailings = Mailing.objects.visible_to(user).filter(drive=drive).defer("frozen_with").order_by("-created_at")
        newest = mailings.values("pk")[:MAILINGS_OFFERED]
        fields["mailing"].queryset = Mailing.objects.filter(pk__in=newest).defer("frozen_with").order_by("-created_at")
        rounds = CallRound.objects.visible_to(user).order_by("-created_at").values("pk")[:MAILINGS_OFFERED]
        fields["call_round"].queryset = CallRound.objects.filter(pk__in=rounds).order_by("-created_at")
        events = Event.objects.visible_to(user).filter(drive=drive, archived_at=None)
        fields["event"].queryset = events.order_by("-starts_at", "-pk")
        others = Activity.objects.visible_to(user).filter(drive=drive, archived_at=None)
        if activity is not None:
            others = others.exclude(pk=activity.pk)
        fields["after"].queryset = others.order_by("starts_on", "pk")

    @classmethod
    def initial_of(cls, activity: Activity) -> dict[str, Any]:
        names = ("name", "kind", "role", "starts_on", "due_on", "note")
        return {name: getattr(activity, name) for name in names} | {
            "owner": activity.owner.uid if activity.owner else None,
            "country": activity.country_id,
            "mailing": activity.mailing.uid if activity.mailing else None,
            "call_round": activity.call_round.uid if activity.call_round else None,
            "event": activity.event.uid if activity.event else None,
            "after": list(activity.depends_on.values_list("before__uid", flat=True)),
            "seen_at": activity.updated_at.isoformat(),
        }


class ObjectiveForm(SeenForm):
    name = forms.CharField(
        label=_("What is to be reached"), max_length=300, help_text=_("For example: national action plans adopted")
    )
    unit = forms.CharField(
        label=_("Counted in"), max_length=80, required=False, help_text=_("countries, institutions, per cent …")
    )
    baseline = forms.DecimalField(label=_("At the start"), max_digits=16, decimal_places=2, initial=0)
    target = forms.DecimalField(label=_("To reach"), max_digits=16, decimal_places=2)
    due_on = forms.DateField(label=_("By"), widget=forms.DateInput(DATE))
    reached = forms.DecimalField(label=_("Reached so far"), max_digits=16, decimal_places=2, required=False)
    reached_on = forms.DateField(label=_("As of"), required=False, widget=forms.DateInput(DATE))

    @classmethod
    def initial_of(cls, objective: Objective) -> dict[str, Any]:
        names = ("name", "unit", "baseline", "target", "due_on", "reached", "reached_on")
        values = {name: getattr(objective, name) for name in names}
        return values | {"seen_at": objective.updated_at.isoformat()}


class MemberForm(forms.Form):
    user = forms.ModelChoiceField(User.objects.none(), label=_("Who"), to_field_name="uid")
    role = forms.ChoiceField(label=_("Role"), choices=TeamRole.choices)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["user"].queryset = colleagues()


class StateForm(forms.Form):
    state = forms.ChoiceField(choices=State.choices)


class ManyForm(forms.Form):
    """A change of many: one of the three."""

    owner = forms.ModelChoiceField(User.objects.none(), to_field_name="uid", required=False)
    state = forms.ChoiceField(choices=[("", ""), *State.choices], required=False)
    days = forms.IntegerField(required=False, min_value=-3660, max_value=3660)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["owner"].queryset = colleagues()


def moves_of(activity: Activity) -> list[State]:
    """Where it may go from here, in the order of the board."""
    return [state for state in State if state in MOVES[State(activity.state)]]
