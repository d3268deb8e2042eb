"""What outreach adds to the shell, to Today, to undo and to timelines."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Count, OuterRef, QuerySet, Subquery, Window
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.delivery.models import Feedback
from campaigns.mailings.models import Mailing
from campaigns.outreach import (
    lists,  # noqa: F401  registers the list
    tabs,
    timeline,
)
from campaigns.outreach.bounces import restore_rule
from campaigns.outreach.models import Interaction
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.services import undoable
from crm.audit.verbs import final
from crm.ui import formats, settings_pages, today
from crm.ui.counting import Countable

SHOWN_SINGLY = 3
BOUNCES_SINCE = timedelta(days=2)


def to_answer(user: User) -> Iterable[Countable]:
    return [Interaction.objects.to_answer().visible_to(user, few=True)]


def _waiting(user: User) -> Iterable[Countable]:
    """What replies_to_answer makes needs of: the newest, and one for all the others."""
    may = user.may(Action.EDIT_DIRECTORY) or user.may(Action.LOG)
    return [Interaction.objects.to_answer().visible_to(user, few=True)[: SHOWN_SINGLY + 1]] if may else []


def replies_to_answer(user: User) -> Iterable[today.Need]:
    """The newest replies by name, the others as one line."""
    if not (user.may(Action.EDIT_DIRECTORY) or user.may(Action.LOG)):
        return
    replies = Interaction.objects.to_answer().visible_to(user, few=True).select_related("person", "organization")
    rows = list(replies.annotate(all_of_them=Window(Count("pk"))).order_by("-at")[: SHOWN_SINGLY + 1])
    for row in rows[:SHOWN_SINGLY]:
        yield today.Need(
            icon="message-circle",
            title=_("%(who)s replied") % {"who": _name_of(row)},
            why=first_words(row.text) or row.subject,
            url=f"{reverse('reply_list')}#reply-{row.uid}",
            step=_("Answer"),
            at=row.at,
            rank=30,
        )
    if len(rows) > SHOWN_SINGLY:
        rest = rows[0].all_of_them - SHOWN_SINGLY
        yield today.Need(
            icon="messages",
            title=ngettext("%(n)s more reply", "%(n)s more replies", rest) % {"n": formats.number(rest)},
            why=_("Nobody has taken care of them yet."),
            url=reverse("reply_list"),
            step=_("Read"),
            at=rows[-1].at,
            rank=31,
        )


def _name_of(row: Interaction) -> str:
    if row.person:
        return row.person.label
    return row.organization.label if row.organization else _("Somebody")


def first_words(text: str) -> str:
    """The first line that says something: a salutation ends in a comma or a colon."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    line = next((line for line in lines if not line.endswith((",", "،", ":"))), " ".join(lines))
    return line[:110] + "…" if len(line) > 110 else line


def _bounced() -> QuerySet[Feedback, int]:
    """A row for each hard bounce of the last days: its mailing."""
    since = timezone.now() - BOUNCES_SINCE
    hard = Feedback.objects.filter(at__gte=since, kind=Feedback.Kind.HARD_BOUNCE).order_by()
    return hard.values_list("mailing_id", flat=True)[:5000]


def _bouncing(user: User) -> Iterable[Countable]:
    """What bounces() makes needs of."""
    may = user.may(Action.EDIT_DIRECTORY)
    return [Mailing.objects.visible_to(user).filter(pk__in=_bounced())[:SHOWN_SINGLY]] if may else []


def bounces(user: User) -> Iterable[today.Need]:
    """Mailings whose messages bounced in the last days, where the user may repair addresses."""
    if not user.may(Action.EDIT_DIRECTORY):
        return
    sums = (
        Feedback.objects.filter(mailing_id=OuterRef("pk"), kind=Feedback.Kind.HARD_BOUNCE, at__gte=timezone.now() - BOUNCES_SINCE)
        .order_by()
        .values("mailing_id")
    )  # fmt: skip
    rows = Mailing.objects.visible_to(user).filter(pk__in=_bounced()).defer("frozen_with", "review_snapshot")
    for mailing in rows.annotate(bounced=Subquery(sums.annotate(n=Count("*")).values("n"))).order_by("-pk")[
        :SHOWN_SINGLY
    ]:
        n = mailing.bounced
        yield today.Need(
            icon="mail-x",
            title=ngettext(
                "%(n)s address of “%(mailing)s” does not exist", "%(n)s addresses of “%(mailing)s” do not exist", n
            )
            % {"n": formats.number(n), "mailing": mailing.label},
            why=_("Their messages bounced. Nothing more is sent there until somebody enters a new address."),
            url=f"{reverse('mailing_report', args=[mailing.uid])}people/?who=bounced",
            step=_("Repair"),
            kind="warn",
            rank=45,
        )


tabs.register(tabs.Tab(gettext_lazy("Replies"), "reply_list", "message-circle", 40))
today.register_needs(replies_to_answer, _waiting)
today.register_needs(bounces, _bouncing)
settings_pages.register(
    settings_pages.SettingsPage(
        label=gettext_lazy("Mail that comes back"),
        description=gettext_lazy("Bounces, complaints and replies: how they come in, and when an address is given up."),
        icon="mail-down",
        url_name="returned_mail",
        order=55,
    )
)
undoable("bounce_rule", restore_rule)
final("inbox.*", gettext_lazy("The trail keeps no passwords; change a mailbox on its own page."))
timeline.register_sources()

final("interaction.replied", gettext_lazy("Somebody wrote to us; that happened."))
final("contact_point.*", gettext_lazy("A mail server said so; set the address's state on its owner's page."))
