"""Who must have two-step sign-in, and a way back for somebody who lost the second step."""

from __future__ import annotations

from collections.abc import Sequence

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.utils.translation import gettext as _

from crm.accounts import browser_sessions
from crm.accounts.installation import UID, begin_days
from crm.accounts.models import Installation, User
from crm.accounts.session_models import BrowserSession
from crm.audit.models import Door
from crm.audit.services import record
from crm.errors import Conflict


def set_policy(*, roles: Sequence[str], grace_days: int, actor: User) -> Installation:
    """Say which roles must have two-step sign-in. The days of grace begin anew when a role is added, not otherwise."""
    with transaction.atomic():
        Installation.current()
        rule = Installation.objects.select_for_update().get()
        before = {"two_step_roles": rule.two_step_roles, "two_step_grace_days": rule.two_step_grace_days}
        chosen = sorted(set(roles))
        begin_days(rule, chosen)
        rule.two_step_roles, rule.two_step_grace_days = chosen, grace_days
        rule.full_clean()
        rule.save(update_fields=["two_step_roles", "two_step_since", "two_step_grace_days"])
        changes = [(name, old, getattr(rule, name)) for name, old in before.items() if old != getattr(rule, name)]
        if changes:
            record(
                verb="sign_in.rule_changed",
                object_type="installation",
                object_uid=UID,
                actor=actor,
                changes=changes,
                summary=_("Two-step sign-in for: %(roles)s") % {"roles": ", ".join(chosen) or "–"},
            )
    return rule


def reset_two_step(*, user: User, actor: User | None) -> int:
    """Take app, passkeys and recovery codes of `user` away and sign every browser out; returns how many means went.

    actor: an administrator, or None for the command on the server. Nobody resets one's own so: whoever took over an
    administrator's open browser would get rid of the second step with it.
    """
    if actor is not None and actor.pk == user.pk:
        raise Conflict(_("Change your own two-step sign-in on your account page."), code="own_two_step")
    with transaction.atomic():
        means = Authenticator.objects.filter(user=user)
        kinds = sorted(means.values_list("type", flat=True))
        means.delete()
        browser_sessions.end(
            sessions=BrowserSession.objects.all(), user=user, actor=actor, why=_("All, after a reset of two-step")
        )
        record(
            verb="two_step.reset",
            target=user,
            actor=actor,
            door=None if actor else Door.COMMAND,
            changes=[("means", kinds, [])],
            summary=user.name,
        )
    return len(kinds)
