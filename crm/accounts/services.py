"""Who is let in, and with which grants. The last administrator cannot be removed, by anybody."""

from __future__ import annotations

import hashlib
import logging
import secrets
import smtplib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.forms import EmailAwarePasswordResetTokenGenerator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts import browser_sessions
from crm.accounts.models import Grant, Installation, Invitation, User
from crm.accounts.rules import Action, Role
from crm.accounts.session_models import BrowserSession
from crm.audit.models import Door
from crm.audit.services import record
from crm.errors import Conflict, Invalid, NotAllowed

logger = logging.getLogger(__name__)
BETWEEN, EVERYWHERE = " · ", "everywhere"  # a grant in the trail: “planner · ZM, TD”, as undo reads it again


def hash_token(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _scope(countries: Sequence[str], campaigns: Sequence[UUID]) -> dict[str, Any]:
    return {
        "is_everywhere": not countries and not campaigns,
        "countries": sorted(set(countries)),
        "campaigns": sorted(set(campaigns)),
    }


def _words(grant: Grant | Invitation) -> str:
    """A grant as the audit trail tells it."""
    where = ", ".join([*grant.countries, *map(str, grant.campaigns)])
    return f"{grant.role}{BETWEEN}{where or EVERYWHERE}"


def invite(
    *,
    email: str,
    name: str,
    role: str,
    actor: User | None,
    countries: Sequence[str] = (),
    campaigns: Sequence[UUID] = (),
) -> tuple[Invitation, str]:
    """Invite one address with one grant; returns the invitation and its link (shown once: only its hash is kept).

    The mail goes out after the commit. Raises Invalid when the address has an account or an open invitation.
    """
    known = User.objects.filter(email__iexact=email.strip()).first()
    if known is not None and known.is_partner:
        raise Invalid(
            _(
                "%(email)s has a partner’s account, which is never staff’s. Ask them to close it, or invite another address."
            )
            % {"email": email}
        )
    if known is not None:
        raise Invalid(_("%(email)s has an account already. Change its grants instead.") % {"email": email})
    token = secrets.token_urlsafe(32)
    invitation = Invitation(
        email=email.strip().lower(),
        name=name.strip(),
        role=role,
        token_hash=hash_token(token),
        invited_by=actor,
        expires_at=timezone.now() + timedelta(days=settings.INVITATION_DAYS),
        **_scope(countries, campaigns),
    )
    try:
        invitation.full_clean()
    except ValidationError as error:
        raise Invalid(" ".join(error.messages)) from error
    with transaction.atomic():
        invitation.save()
        record(
            verb="invitation.sent",
            target=invitation,
            actor=actor,
            door=None if actor else Door.COMMAND,
            summary=_("Invited %(email)s") % {"email": invitation.email},
            changes=[("grant", None, _words(invitation))],
        )
    link = settings.BASE_URL + reverse("invitation_accept", args=[token])
    return invitation, link


def mail_invitation(*, invitation: Invitation, link: str) -> bool:
    """Mail the link; False when the mail server does not answer (the link can then be handed over by other means)."""
    context = {"invitation": invitation, "link": link, "organization": Installation.current()}
    try:
        send_mail(
            subject=_("Your invitation to Groundswell"),
            message=render_to_string("accounts/mail/invitation.txt", context),
            from_email=settings.DEFAULT_FROM_EMAIL,
            recipient_list=[invitation.email],
        )
    except (OSError, smtplib.SMTPException) as error:
        logger.error("Invitation %s could not be mailed: %s", invitation.uid, error)
        return False
    return True


def revoke_invitation(*, invitation: Invitation, actor: User) -> Invitation:
    """Take an open invitation back. Its link stops working at once."""
    with transaction.atomic():
        invitation = Invitation.objects.select_for_update().get(pk=invitation.pk)
        if invitation.accepted_at:
            raise Conflict(_("This invitation was accepted already; deactivate the account instead."))
        if invitation.revoked_at is None:
            invitation.revoked_at = timezone.now()
            invitation.save(update_fields=["revoked_at", "updated_at"])
            record(verb="invitation.revoked", target=invitation, actor=actor, summary=invitation.email)
    return invitation


def find_invitation(token: str) -> Invitation | None:
    """The invitation that this link opens, if it still does."""
    return Invitation.objects.filter(
        token_hash=hash_token(token),
        accepted_at__isnull=True,
        revoked_at__isnull=True,
        expires_at__gt=timezone.now(),
    ).first()


def accept_invitation(*, token: str, name: str, password: str, time_zone: str) -> User:
    """Make the account, once. Raises Conflict when the link was used, taken back, or is too old."""
    with transaction.atomic():
        invitation = find_invitation(token)
        if invitation is not None:
            invitation = Invitation.objects.select_for_update().get(pk=invitation.pk)
        if invitation is None or invitation.accepted_at:
            raise Conflict(_("This invitation cannot be used any more. Ask for a new one."), code="invitation_closed")
        user = User.objects.create_user(invitation.email, password, name=name.strip(), time_zone=time_zone)
        Grant.objects.create(
            user=user,
            role=invitation.role,
            is_everywhere=invitation.is_everywhere,
            countries=invitation.countries,
            campaigns=invitation.campaigns,
        )
        invitation.accepted_at = timezone.now()
        invitation.save(update_fields=["accepted_at", "updated_at"])
        record(
            verb="user.joined",
            target=user,
            actor=user,
            door="link",
            summary=user.name,
            changes=[("grant", None, _words(invitation))],
        )
    return user


def _require_an_admin() -> None:
    if not Grant.objects.filter(role=Role.ADMIN, is_everywhere=True, user__is_active=True).exists():
        raise Conflict(
            _("Somebody must remain administrator everywhere. Make another administrator first."), code="last_admin"
        )


def add_grant(
    *, user: User, role: str, actor: User, countries: Sequence[str] = (), campaigns: Sequence[UUID] = ()
) -> Grant:
    """Give one role in one scope. Never to a partner's account, which the database holds too."""
    with transaction.atomic():
        grant = _give(user, role, countries, campaigns)
        record(verb="grant.given", target=user, actor=actor, changes=[("grant", None, _words(grant))])
    return grant


def _give(user: User, role: str, countries: Sequence[str], campaigns: Sequence[UUID]) -> Grant:
    if user.is_partner:
        raise Invalid(_("This is a partner’s account, and never gets a role."))
    grant = Grant(user=user, role=role, **_scope(countries, campaigns))
    try:
        grant.full_clean()
    except ValidationError as error:
        raise Invalid(" ".join(error.messages)) from error
    grant.save()
    return grant


def remove_grant(*, grant: Grant, actor: User) -> None:
    """Take one grant away; Conflict when nobody would be administrator any more."""
    with transaction.atomic():
        words = _words(grant)
        _take(grant, actor)
        record(verb="grant.removed", target=grant.user, actor=actor, changes=[("grant", words, None)])


def _take(grant: Grant, actor: User) -> None:
    list(Grant.objects.select_for_update().filter(role=Role.ADMIN))  # two removals at once must see each other
    grant.delete()
    _require_an_admin()
    if grant.role == Role.ADMIN and grant.user_id == actor.pk:
        raise Conflict(
            _("You cannot take your own administration away, or nobody could undo it for you. Ask another one."),
            code="own_admin",
        )


def restore_grant(*, user: User, before: str | None, after: str | None, actor: User) -> None:
    """Undo of a grant that was given (it is taken again) or taken (it is given again), by the words of the trail."""
    if not actor.may(Action.ADMINISTER):
        raise NotAllowed(_("Only an administrator gives and takes rights, so it was left as it is."))
    found = next((grant for grant in user.grants.all() if _words(grant) == (after or before)), None)
    if after:
        if found is None:
            raise Conflict(_("This grant was taken already, so nothing was changed."), code="changed_since")
        _take(found, actor)
        return
    if found is not None:
        raise Conflict(_("They have this grant again already, so nothing was changed."), code="changed_since")
    role, _between, where = str(before).partition(BETWEEN)
    parts = where.split(", ") if where != EVERYWHERE else []
    _give(user, role, [part for part in parts if len(part) == 2], [UUID(part) for part in parts if len(part) > 2])


def set_active(*, user: User, is_active: bool, actor: User) -> User:
    """Let somebody in again, or not any more. Nothing of theirs is deleted."""
    with transaction.atomic():
        list(Grant.objects.select_for_update().filter(role=Role.ADMIN))
        user = User.objects.select_for_update().get(pk=user.pk)
        if user.is_active == is_active:
            return user
        user.is_active = is_active
        user.save(update_fields=["is_active", "updated_at"])
        _require_an_admin()
        if user.pk == actor.pk:
            raise Conflict(_("You cannot close your own account. Ask another administrator."), code="own_account")
        if not is_active:  # else they would come back to life with the account
            every = BrowserSession.objects.all()
            browser_sessions.end(sessions=every, user=user, actor=actor, why=_("All: the account was closed"))
        record(verb="user.edited", target=user, actor=actor, changes=[("is_active", not is_active, is_active)])
    return user


def password_link(*, user: User, actor: User) -> str:
    """A link with which `user` chooses a new password, for an administrator to hand over when mail is down.

    It works once and for as long as a mailed one; making it is in the audit trail, and using it is told to the user by mail.
    """
    if not user.is_active:
        raise Conflict(_("%(name)s cannot sign in. Let them in again first.") % {"name": user.name})
    key = f"{user_pk_to_url_str(user)}-{EmailAwarePasswordResetTokenGenerator().make_token(user)}"
    record(verb="password.link_made", target=user, actor=actor, summary=user.name)
    return get_adapter().get_reset_password_from_key_url(key)


def edit_profile(*, user: User, name: str, time_zone: str, language: str | None = None) -> User:
    """What everybody may change of their own account."""
    before = {"name": user.name, "time_zone": user.time_zone, "language": user.language}
    user.name, user.time_zone, user.language = name.strip(), time_zone, language or user.language
    user.full_clean()
    with transaction.atomic():
        user.save(update_fields=[*before, "updated_at"])
        changes = [(field, old, getattr(user, field)) for field, old in before.items() if old != getattr(user, field)]
        if changes:
            record(verb="user.edited", target=user, actor=user, changes=changes)
    return user


def restore_user(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """Undo of an edited account: one's own name and zone, or (for an administrator) anybody's, whether they may sign in, and grants."""
    with transaction.atomic():
        list(Grant.objects.select_for_update().filter(role=Role.ADMIN))
        user = User.objects.select_for_update().filter(uid=uid).first()
        if user is not None and "grant" in values:
            restore_grant(user=user, before=values["grant"], after=expected["grant"], actor=actor)
            return
        own = user is not None and user.pk == actor.pk and "is_active" not in values
        if user is None or not (own or actor.may(Action.ADMINISTER)):
            raise NotAllowed(_("You may no longer change this, so it was left as it is."))
        if set(values) - {"name", "time_zone", "is_active"} or any(
            getattr(user, field) != value for field, value in expected.items()
        ):
            raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
        for field, value in values.items():
            setattr(user, field, value)
        user.save(update_fields=[*values, "updated_at"])
        _require_an_admin()
