"""What events add to the platform: menu, a drive's tab, timelines, segments, mailings, replies, undo, erasure and the API."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.events import (
    deciding,
    holdings,
    mailings,
    replies,
    segment_fields,
    services,
    signing_up,
    timeline,
)  # noqa: F401  registers the lists
from campaigns.events.models import Event, Invitation, Registration, SignUp
from campaigns.forms.given import also as answers_of_people
from campaigns.forms.given import named_by
from campaigns.mailings.bound import register_binder
from campaigns.mailings.services import on_move
from campaigns.outreach.services import on_reply
from campaigns.planning import tabs
from crm import gate
from crm.accounts.rules import Action
from crm.api.registry import serve
from crm.audit import readable, subjects
from crm.audit.services import undoable
from crm.audit.verbs import final
from crm.ui import menu, shell, today

menu.register(
    menu.MenuItem(
        _("Events"), "calendar-event", "event_list", order=38, group=2, count=deciding.waiting, prefix="/events/"
    )
)
today.register_needs(deciding.sign_ups_to_decide, deciding.waiting)
gate.guard("/meet/")
shell.register_new(shell.NewItem(_("Event"), "calendar-event", "event_create", (Action.DRIVES,), 58))
tabs.register(tabs.DriveTab(_("Events"), "calendar-event", "drive_events", order=40))
register_binder(mailings.event_of)
on_move(mailings.mailing_moved)
on_reply(replies.hear)

undoable("event", services.restore_event)
undoable("signup", signing_up.restore_sign_up)
final("signup.confirmed", _("They pressed the button themselves; that happened."))
final("signup.accepted", _("They have been told. Give the seat back on the list of those who take part."))
final("event.cancelled", _("Letters have gone out and calendars have dropped it. Plan it anew instead."))
final("event.asks", _("Take the questions out of its form instead."))
final("invitation.answered", _("They said it; that happened. Note another answer instead."))
final("invitation.made", _("They stand on the list. Note their answer instead."))
final("registration.checked_in", _("Take it back at the door’s page."))
final("registration.adopted", _("They stand in the directory. Archive the person there."))
final("registration.left", _("The seat may be somebody else's by now. Note another answer instead."))
subjects.register(subjects.Kind("event", _("Event"), "calendar-event", Event.objects.visible_to, "event_detail"))
subjects.register(
    subjects.Kind("invitation", _("Invitation"), "mail-plus", Invitation.objects.visible_to, words="", can_search=False)
)
subjects.register(
    subjects.Kind(
        "registration",
        _("Seat at an event"),
        "armchair",
        Registration.objects.visible_to,
        words="name",
        can_search=False,
    )
)
subjects.register(
    subjects.Kind(
        "signup", _("Sign-up for an event"), "user-plus", SignUp.objects.visible_to, words="name", can_search=False
    )
)
readable.refers("event", "event")
readable.choices_of("signup.state", SignUp.State.choices)
readable.choices_of("event.sign_ups", Event.SignUps.choices)
readable.choices_of("event.kind", Event.Kind.choices)
readable.choices_of("invitation.answer", Invitation.Answer.choices)
readable.choices_of("registration.state", Registration.State.choices)
readable.FIELDS.update(
    {
        "starts_local": _("Begins"), "ends_local": _("Ends"), "zone": _("Time zone"), "place": _("Place"),
        "online_url": _("Link of the meeting"), "capacity": _("Seats"), "guests_each": _("Guests that each may bring"),
        "allows_delegate": _("May send somebody else"), "answer_by": _("Answers until"), "abouts": _("What it is about"),
        "quotas": _("Seats set aside"), "sessions": _("Sessions"), "answer": _("Answer"), "cancelled_at": _("Called off"), "sign_ups": _("Who can sign up"),
    }
)  # fmt: skip
readable.DONE.update(
    {
        "answered": _("Answered"),
        "asks": _("Asks those who come"),
        "invitation.made": _("Invited"),
        "registration.left": _("Gave the seat back"),
        "checked_in": _("Noted at the door"),
        "adopted": _("Put into the directory"),
    }
)
timeline.register_sources()
segment_fields.register_fields()
for _field in segment_fields.ASKED:
    named_by(
        _field, lambda uids: Event.objects.filter(uid__in=uids, form__isnull=False).values_list("form_id", flat=True)
    )
answers_of_people(
    "SELECT e.form_id, i.person_id, i.organization_id, coalesce(i.answered_at, i.updated_at) AS at, i.answers FROM campaigns_invitation i JOIN campaigns_event e ON e.id = i.event_id"
    " WHERE e.form_id IS NOT NULL AND i.answers <> '{}'"
)
answers_of_people(
    "SELECT e.form_id, r.person_id, r.organization_id, s.created_at AS at, s.answers FROM campaigns_signup s JOIN campaigns_registration r ON r.id = s.registration_id"
    " JOIN campaigns_event e ON e.id = s.event_id WHERE e.form_id IS NOT NULL AND s.answers <> '{}'"
)
holdings.register()
serve("campaigns.events.api")
