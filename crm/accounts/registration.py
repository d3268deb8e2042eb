"""What accounts add to the shell."""

from collections.abc import Iterable

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crm import encryption
from crm.accounts import security_events, two_step
from crm.accounts import sign_in_retention as sign_in_retention
from crm.accounts.installation import restore_installation
from crm.accounts.models import Installation, Invitation, User
from crm.accounts.rules import Action
from crm.accounts.services import restore_user
from crm.audit import subjects
from crm.audit.verbs import final, undoable
from crm.ui import menu, settings_pages, today

security_events.connect()
encryption.also_reencrypt(two_step.reencrypt)

menu.register(
    menu.MenuItem(
        label=_("Settings"),
        icon="settings",
        url_name="settings",
        order=90,
        group=3,
        actions=(Action.ADMINISTER,),
        prefix="/settings/",
    )
)
settings_pages.register(
    settings_pages.SettingsPage(
        label=_("Organization"),
        description=_("Name and postal address, as they stand in the footer of every mailing."),
        icon="building",
        url_name="installation",
        order=10,
    )
)
settings_pages.register(
    settings_pages.SettingsPage(
        label=_("Sign-in"),
        description=_("Which roles must have two-step sign-in, and who has it."),
        icon="shield-lock",
        url_name="sign_in_policy",
        order=25,
    )
)
settings_pages.register(
    settings_pages.SettingsPage(
        label=_("People and grants"),
        description=_("Who can sign in, in which role, and where. Invitations."),
        icon="users",
        url_name="user_list",
        order=20,
    )
)
settings_pages.register(
    settings_pages.SettingsPage(
        label=_("Languages"),
        description=_("What mailings and names are offered in, and the default."),
        icon="language",
        url_name="language_settings",
        order=60,
    )
)


def two_step_is_missing(user: User) -> Iterable[today.Need]:
    """A role needs two-step sign-in and there is none yet: until when, and the way there."""
    until = two_step.missing_until(user)
    if until is not None:
        yield today.Need(
            icon="shield-lock",
            title=gettext("Set up two-step sign-in"),
            why=gettext("Your role needs it; after this day, signing in leads there first"),
            url=reverse("mfa_index"),
            step=gettext("Set it up"),
            at=until,
            kind="warn",
        )


today.register_needs(two_step_is_missing, lambda user: [int(two_step.missing_until(user) is not None)])


@today.register_setup
def organization_set_up(user: User) -> Iterable[today.SetupStep]:
    installation = Installation.current()
    yield today.SetupStep(
        gettext("Say who you are"),
        gettext("Name, postal address and default language: they stand in the footer of every mailing."),
        reverse("installation"),
        bool(installation.name and installation.postal_address),
        order=10,
        code="organization",
    )


undoable("user", restore_user)
undoable("installation", restore_installation)
final("password.*", _("A link that was made works until it is used or too old."))
final("user.joined", _("Somebody accepted an invitation; close the account instead."))
final("invitation.sent", _("The mail has left; take the invitation back instead."))
final("invitation.revoked", _("Its link is dead for ever; send a new invitation."))
final("two_step.*", _("How somebody proves who they are is theirs to set up again."))
final("recovery_codes.*", _("Codes are shown once; make new ones."))
final("session.*", _("Whoever was signed out signs in again."))
final("sign_in.failed", _("Somebody tried; that happened."))

subjects.register(
    subjects.Kind(
        "user",
        _("Member of staff"),
        "user-shield",
        lambda user: User.objects.staff(),
        "user_detail",
        (Action.ADMINISTER,),
        can_search=False,
    )
)
subjects.register(
    subjects.Kind(
        "invitation", _("Invitation"), "mail-forward", lambda user: Invitation.objects.all(),
        actions=(Action.ADMINISTER,), words="email", can_search=False,
    )
)  # fmt: skip
