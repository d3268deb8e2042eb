"""The first-run assistant: the set-up steps that features register with Today, with what was skipped, and what comes next."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from crm.accounts.installation import UID
from crm.accounts.models import Installation, User
from crm.accounts.rules import Action
from crm.audit.services import record
from crm.errors import Invalid
from crm.ui import today

OVER, OVER_SECONDS = "setup:over:%s", 600  # by user: an installation that is emptied begins with new ones
SESSION = "setup"  # who is at it sees the way back on every page


@dataclass(frozen=True)
class Setup:
    """All steps in their order."""

    steps: list[today.SetupStep]

    @property
    def done(self) -> int:
        return sum(step.is_done for step in self.steps)

    @property
    def current(self) -> today.SetupStep | None:
        """What comes next: the first that is neither done nor skipped."""
        return next((step for step in self.steps if step.is_open), None)

    @property
    def is_over(self) -> bool:
        return self.current is None

    @property
    def is_first_run(self) -> bool:
        """Nothing was done yet: the assistant is what Today is about."""
        return bool(self.steps) and self.current is self.steps[0]

    @property
    def skipped(self) -> list[today.SetupStep]:
        return [step for step in self.steps if step.is_skipped and not step.is_done]


def setup_of(user: User) -> Setup:
    """For administrators; nobody else has steps."""
    if not user.may(Action.ADMINISTER):
        return Setup([])
    found = sorted((step for provider in today.SETUP for step in provider(user)), key=lambda step: step.order)
    skipped = set(Installation.current().setup_skipped) if found else set()
    return Setup([replace(step, is_skipped=bool(step.code) and step.code in skipped) for step in found])


def setup_for_today(user: User) -> Setup:
    """The same, but once all is done it is not asked again each time that somebody begins the day."""
    with suppress(RedisError):
        if cache.get(OVER % user.uid):
            return Setup([])
    found = setup_of(user)
    if found.steps and found.is_over:
        with suppress(RedisError):
            cache.set(OVER % user.uid, True, OVER_SECONDS)
    return found


def skip(*, code: str, is_skipped: bool, actor: User) -> None:
    """Leave a step out for now, or take it up again. Twice is once."""
    if code not in {step.code for step in setup_of(actor).steps if step.code}:
        raise Invalid(_("There is no such step. Reload the page."), code="no_step")
    with transaction.atomic():
        row = Installation.objects.select_for_update().get(id=1)
        before = list(row.setup_skipped)
        after = [name for name in before if name != code] + ([code] if is_skipped else [])
        if set(before) == set(after):
            return
        row.setup_skipped = after
        row.save(update_fields=["setup_skipped"])
        with suppress(RedisError):
            cache.delete(OVER % actor.uid)
        record(
            verb="installation.edited",
            object_type="installation",
            object_uid=UID,
            actor=actor,
            changes=[("setup_skipped", before, after)],
        )


def under_way(request: HttpRequest) -> Setup | None:
    """The set-up that this person is in the middle of, for the way back; None for everybody else, without a query."""
    if not getattr(request, "session", None) or not request.session.get(SESSION):
        return None
    found = setup_of(request.user)  # type: ignore[arg-type]
    if found.is_over:
        del request.session[SESSION]
        return None
    return found
