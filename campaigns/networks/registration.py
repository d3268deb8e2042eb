"""What networks add to the shell, to Today, to undo, activity, timelines, segments, erasure and the API."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Case, CharField, Count, F, Min, When
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.forms.given import also as answers_of_people
from campaigns.forms.given import named_by
from campaigns.networks import holdings, lists, segment_fields, services, timeline  # noqa: F401  lists register themselves
from campaigns.networks.models import Application, Member, Network, Representative
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api.registry import serve
from crm.audit import readable, subjects
from crm.audit.services import undoable
from crm.audit.verbs import final
from crm.ui import formats, menu, shell, today
from crm.ui.counting import Countable


def _applicants(user: User) -> Iterable[Countable]:
    return [Application.objects.visible_to(user, Action.DRIVES).waiting()] if user.may(Action.DRIVES) else []


def _named(user: User) -> Iterable[Countable]:
    return [Representative.objects.visible_to(user, Action.DRIVES).to_decide()] if user.may(Action.DRIVES) else []


def _waiting(user: User) -> Iterable[Countable]:
    return [*_applicants(user), *_named(user)]


def representatives_to_decide(user: User) -> Iterable[today.Need]:
    """One line for each network whose institutions named somebody."""
    if not user.may(Action.DRIVES):
        return
    rows = Representative.objects.visible_to(user, Action.DRIVES).to_decide().order_by()
    of_networks = rows.values("member__network__uid", "member__network__name").annotate(
        n=Count("pk"), first=Min("created_at")
    )
    for found in of_networks.order_by("first", "member__network__uid"):
        n = found["n"]
        yield today.Need(
            icon="affiliate",
            title=ngettext(
                "%(n)s representative to decide in %(network)s", "%(n)s representatives to decide in %(network)s", n
            )
            % {"n": formats.number(n), "network": found["member__network__name"]},
            why=_("Institutions named them, and wait for your answer."),
            url=f"{reverse('network_detail', args=[found['member__network__uid']])}?tab=waiting",
            step=_("Decide"),
            at=found["first"],
            rank=36,
        )


def applications_to_decide(user: User) -> Iterable[today.Need]:
    """One line for each network whose applicants wait."""
    if not user.may(Action.DRIVES):
        return
    rows = Application.objects.visible_to(user, Action.DRIVES).waiting().order_by()
    label = Case(When(kind="institution", then=F("organization_name")), default=F("name"))
    of_networks = rows.values("network__uid", "network__name").annotate(
        n=Count("pk"), who=Min(label), one=Min(Cast("uid", CharField())), first=Min("confirmed_at")
    )
    for found in of_networks.order_by("first", "network__uid"):
        n = found["n"]
        yield today.Need(
            icon="affiliate",
            title=ngettext("%(n)s wants to join %(network)s", "%(n)s want to join %(network)s", n)
            % {"n": found["who"] if n == 1 else formats.number(n), "network": found["network__name"]},
            why=_("They confirmed their address, and wait for your answer."),
            url=reverse("application_detail", args=[found["one"]])
            if n == 1
            else f"{reverse('network_detail', args=[found['network__uid']])}?tab=waiting",
            step=_("Decide"),
            at=found["first"],
            rank=35,
        )


menu.register(
    menu.MenuItem(
        gettext_lazy("Networks"), "affiliate", "network_list", order=40, group=2, count=_waiting, prefix="/networks/"
    )
)
shell.register_new(shell.NewItem(gettext_lazy("Network"), "affiliate", "network_create", (Action.DRIVES,), 60))
today.register_needs(applications_to_decide, _applicants)
today.register_needs(representatives_to_decide, _named)
undoable("network", services.restore_network)
undoable("application", services.restore_application)
undoable("member", services.restore_member)
final("application.confirmed", gettext_lazy("They pressed the button themselves; that happened."))
final("network.asks", gettext_lazy("Take the questions out of its form instead."))
final("member.joined", gettext_lazy("A welcome has gone out. End the membership on the network’s page instead."))
for _verb, _why in (
    ("application.voted", gettext_lazy("A member answered by themselves; that happened.")),
    ("member.renewed", gettext_lazy("They answered by themselves; that happened.")),
    ("member.lapsed", gettext_lazy("They have been told. They can join again by their own link.")),
    ("representative.proposed", gettext_lazy("An institution named somebody; decline it instead.")),
    ("representative.accepted", gettext_lazy("They have been told. End it on the member’s page instead.")),
    ("representative.declined", gettext_lazy("Name them anew on the member’s page instead.")),
    ("representative.ended", gettext_lazy("Name them anew on the member’s page instead.")),
    ("representative.end_asked", gettext_lazy("Their institution asked for it; that happened.")),
    ("representative.kept", gettext_lazy("End it on the member’s page instead.")),
    ("representative.trusted", gettext_lazy("Change it back on the member’s page; what they did meanwhile stays.")),
):
    final(_verb, _why)
subjects.register(
    subjects.Kind(
        "representative",
        gettext_lazy("Representative"),
        "affiliate",
        Representative.objects.visible_to,
        words="name",
        can_search=False,
    )
)
subjects.register(
    subjects.Kind("network", gettext_lazy("Network"), "affiliate", Network.objects.visible_to, "network_detail")
)
subjects.register(
    subjects.Kind(
        "application", gettext_lazy("Application"), "affiliate", Application.objects.visible_to, "application_detail",
        words="name", can_search=False,
    )
)  # fmt: skip
subjects.register(
    subjects.Kind(
        "member",
        gettext_lazy("Member of a network"),
        "affiliate",
        Member.objects.visible_to,
        "member_detail",
        words="",
        can_search=False,
    )
)
readable.refers("network", "network")
readable.choices_of("application.state", Application.State.choices)
readable.choices_of("network.rule", Network.Rule.choices)
readable.choices_of("representative.state", Representative.State.choices)
timeline.register_sources()
segment_fields.register_fields()
named_by(
    "network", lambda uids: Network.objects.filter(uid__in=uids, form__isnull=False).values_list("form_id", flat=True)
)
for _who in ("person_id", "contact_id"):
    answers_of_people(
        f"SELECT n.form_id, m.{_who} AS person_id, m.organization_id, a.created_at AS at, a.answers FROM campaigns_application a JOIN campaigns_member m ON m.id = a.member_id"  # noqa: S608 our own words
        " JOIN campaigns_network n ON n.id = a.network_id WHERE n.form_id IS NOT NULL AND jsonb_typeof(a.answers) = 'object'"
    )
holdings.register()
serve("campaigns.networks.api")
