"""What mailings add to the shell: menu, "New", Today, search, settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.mailings import (
    lists,  # noqa: F401  registers the lists
    presenting,
)
from campaigns.mailings.models import Mailing, Sender, Transport
from campaigns.mailings.queries import (
    approved,
    awaiting_approval,
    late,
    needing_attention,
    paused,
    progress,
    returned,
    senders_in_use,
    transports_in_use,
)
from campaigns.mailings.states import State
from campaigns.mailings.undo import restore_mailing, restore_sender, restore_transport
from contacts.consent.models import Topic
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api.registry import serve
from crm.audit import readable, subjects
from crm.audit.verbs import final, undoable
from crm.ui import menu, search, settings_pages, shell, today

ROWS = 20  # of a kind that stand singly on Today


def mailings_waiting(user: User) -> Iterable[today.Need]:
    """Approvals, held and paused mailings, and drafts that came back. One query."""
    asked = Q(pk__in=[])
    for rows in _waiting(user):
        asked |= Q(pk__in=rows.values("pk"))
    for row in Mailing.objects.filter(asked).select_related("review_asked_by", "drive").order_by("pk"):
        yield _NEEDS[State(row.state)](row)


def _waiting(user: User) -> list[QuerySet[Mailing]]:
    """What mailings_waiting makes needs of."""
    asked = [
        (Action.APPROVE, awaiting_approval),
        (Action.APPROVE, late),
        (Action.SEND, paused),
        (Action.WRITE, returned),
        (Action.WRITE, approved),
    ]
    return [rows(user).order_by("pk")[:ROWS] for action, rows in asked if user.may(action)]


today.register_needs(mailings_waiting, _waiting)


def _paused_need(row: Mailing) -> today.Need:
    url, title = reverse("mailing_detail", args=[row.uid]), _("“%(name)s” is paused") % {"name": row.name}
    return today.Need("player-pause", title, row.state_reason, url, _("Look"), row.updated_at, "warn", 10)


def _returned_need(row: Mailing) -> today.Need:
    url, title = reverse("mailing_detail", args=[row.uid]), _("“%(name)s” came back") % {"name": row.name}
    return today.Need("arrow-back-up", title, row.state_reason, url, _("Change"), row.updated_at, "warn", 30)


def _approved_need(row: Mailing) -> today.Need:
    url, title = reverse("mailing_detail", args=[row.uid]), _("“%(name)s” is approved") % {"name": row.name}
    return today.Need("send", title, _("It waits for somebody to send it."), url, _("Send"), row.updated_at, "ok", 20)


def _approval_need(row: Mailing) -> today.Need:
    url = presenting.page_url("mailing_preflight", row) or reverse("mailing_detail", args=[row.uid])
    if row.state == State.HELD:
        title = _("“%(name)s” is held") % {"name": row.name}
        return today.Need("hand-stop", title, row.state_reason, url, _("Decide"), row.updated_at, "bad", 5)
    asked = row.review_asked_by
    why = _("%(who)s asked · %(drive)s") % {"who": asked.name if asked else _("Somebody"), "drive": row.drive.name}
    title = _("Approve “%(name)s”") % {"name": row.name}
    due = row.send_at if row.send_at and row.send_at > timezone.now() else None
    at = due or row.review_asked_at
    return today.Need("shield-check", title, why, url, _("Check"), at, "blue", 15, is_due=due is not None)


_NEEDS: dict[State, Callable[[Mailing], today.Need]] = {
    State.IN_REVIEW: _approval_need,
    State.HELD: _approval_need,
    State.PAUSED: _paused_need,
    State.DRAFT: _returned_need,
    State.APPROVED: _approved_need,
}


@today.register_card
def sending_now(user: User) -> today.Card | None:
    """What is going out, with its progress."""
    moving = [State.FREEZING, State.SENDING, State.PAUSED]
    rows = list(Mailing.objects.visible_to(user).filter(state__in=moving).order_by("-started_at", "-pk")[:6])
    if not rows:
        return None
    found = progress(rows)
    for row in rows:
        row.progress = found.get(row.pk)  # type: ignore[attr-defined]
        row.colour = presenting.colour(row.state)  # type: ignore[attr-defined]
    return today.Card(
        _("Going out"),
        "campaigns/mailings/_sending_card.html",
        {"rows": rows},
        order=10,
        url=reverse("mailing_list") + "?tab=sending",
        refresh=any(row.state != State.PAUSED for row in rows),
    )


@today.register_setup
def sending_set_up(user: User) -> Iterable[today.SetupStep]:
    yield today.SetupStep(
        _("Add a transport"),
        _("The road by which mail leaves."),
        reverse("transport_list"),
        transports_in_use().exists(),
        order=20,
        code="transport",
    )
    senders = list(senders_in_use()[:50])
    asked = next((row.email for row in senders if not row.is_confirmed), "")
    yield today.SetupStep(
        _("Have your sender confirmed") if asked else _("Add a sender"),
        _("Whoever reads %(email)s must say yes by the link in the mail.") % {"email": asked}
        if asked
        else _("Whom your mailings come from. A mail proves the address."),
        reverse("sender_list"),
        any(row.is_confirmed for row in senders),
        order=30,
        code="sender",
    )
    has_topic = Topic.objects.filter(archived_at__isnull=True).exists()
    yield today.SetupStep(
        _("Add a topic"), _("What people subscribe to."), presenting.topics_url(), has_topic, order=40, code="topic"
    )


def find_mailings(user: User, words: str, limit: int) -> list[search.Hit]:
    rows = Mailing.objects.visible_to(user).search(words).select_related("drive").order_by("-created_at", "-pk")
    rows = rows.only("uid", "name", "state", "drive__name")[:limit]
    return [
        search.Hit(row.name, reverse("mailing_detail", args=[row.uid]), f"{State(row.state).label} · {row.drive.name}")
        for row in rows
    ]


menu.register(
    menu.MenuItem(
        gettext_lazy("Mailings"),
        "mail",
        "mailing_list",
        order=20,
        group=2,
        count=needing_attention,
        prefix="/mailings/",
    )
)
shell.register_new(shell.NewItem(gettext_lazy("Mailing"), "mail-plus", "mailing_create", (Action.WRITE,), order=20))
search.register(
    search.SearchSource(
        "mailing",
        gettext_lazy("Mailings"),
        "mail",
        find_mailings,
        order=40,
        list_url=lambda words: f"{reverse('mailing_list')}?{urlencode({'q': words})}",
    )
)
settings_pages.register(
    settings_pages.SettingsPage(
        label=gettext_lazy("Senders"),
        description=gettext_lazy("Whom mailings come from, and where replies go."),
        icon="user-share",
        url_name="sender_list",
        order=40,
    )
)
settings_pages.register(
    settings_pages.SettingsPage(
        label=gettext_lazy("Transports"),
        description=gettext_lazy(
            "The roads out: the local mailbox, an SMTP server, a mailing service. Test a connection."
        ),
        icon="route",
        url_name="transport_list",
        order=50,
    )
)

undoable("mailing", restore_mailing)
undoable("sender", restore_sender)
undoable("transport", restore_transport)
final("mailing.*", gettext_lazy("A mailing moves by its own buttons: withdraw, unschedule, pause, cancel."))
final("mailing.picture_added", gettext_lazy("A picture changes nothing until the text that shows it is saved."))
final("mailing.tested", gettext_lazy("Mail that has left cannot be called back."))
final("mailing.created", gettext_lazy("A draft is taken back by cancelling it on its page."))
final("mailing.edited", "")
final("form_of_address.removed", gettext_lazy("Its row is gone. Make the form anew; since then, forms are archived."))
final(
    "transport.consent*",
    gettext_lazy("Tokens come from the service: sign in there again, or take the consent back there."),
)
final("sender.confirm*", gettext_lazy("Whoever reads that mailbox said yes; archive the sender instead."))

readable.choices_of("mailing.state", State.choices)
subjects.register(
    subjects.Kind("mailing", gettext_lazy("Mailing"), "mail", Mailing.objects.visible_to, "mailing_detail")
)
subjects.register(
    subjects.Kind(
        "sender", gettext_lazy("Sender"), "send", lambda user: Sender.objects.all(), "sender_edit",
        (Action.ADMINISTER,), can_search=False,
    )
)  # fmt: skip
subjects.register(
    subjects.Kind(
        "transport", gettext_lazy("Transport"), "route", lambda user: Transport.objects.all(), "transport_edit",
        (Action.ADMINISTER,), can_search=False,
    )
)  # fmt: skip
for name in ("sender", "transport"):
    readable.refers(name, name)

serve("campaigns.mailings.api")
