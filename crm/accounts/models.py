"""Users and what they may do. A grant is one role in one scope; grants never multiply with one another."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from crm.accounts.rules import Action, Role, Scope, scope_of
from crm.ids import StampedModel
from crm.languages import FIRST
from crm.zones import zones


def validate_time_zone(value: str) -> None:
    if value not in zones():
        raise ValidationError(
            _("%(value)s is not a time zone. Use a name such as Africa/Dakar."), params={"value": value}
        )


class UserManager(BaseUserManager["User"]):
    def staff(self) -> models.QuerySet[User]:
        """Who works here: everybody who is no partner."""
        return self.filter(is_partner=False)

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.full_clean()
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class User(StampedModel, AbstractBaseUser):
    """A member of staff; or, with `is_partner`, somebody outside who wanted an account: they never have a grant, which the database holds
    (trigger `grant_is_for_staff`), and see the partners' pages only."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    language = models.CharField(max_length=8, default="en")
    is_active = models.BooleanField(default=True)
    is_partner = models.BooleanField(default=False, db_default=False, editable=False)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]
    objects = UserManager()
    # what this request may do at most, whatever the grants say: the scopes of an API token. None: as the grants say
    limited_to: frozenset[Action] | None = None

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_once")]

    def __str__(self) -> str:
        return self.name

    @cached_property
    def grant_rows(self) -> list[Grant]:
        """This user's grants, read once per request."""
        return list(self.grants.all()) if self.is_active and not self.is_partner else []

    def scope(self, action: Action) -> Scope:
        """Where this user may do `action`; an empty scope means nowhere."""
        if self.limited_to is not None and action not in self.limited_to:
            return Scope()
        return scope_of(action, self.grant_rows)

    def may(self, action: Action) -> bool:
        """Whether the user may do `action` anywhere at all. Rows are then narrowed by `visible_to`."""
        return bool(self.scope(action))

    @property
    def roles(self) -> list[str]:
        return sorted({str(Role(grant.role).label) for grant in self.grant_rows})


class Grant(models.Model):
    """`role` everywhere, or only in these campaigns and countries (an empty list of one means all of it)."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="grants")
    role = models.CharField(max_length=16, choices=Role.choices)
    is_everywhere = models.BooleanField(default=True)
    campaigns = ArrayField(models.UUIDField(), default=list, blank=True, help_text="uids of campaigns")
    countries = ArrayField(models.CharField(max_length=2), default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="grant_scope_is_clear",
                condition=Q(is_everywhere=True, campaigns=[], countries=[])
                | (Q(is_everywhere=False) & ~Q(campaigns=[], countries=[])),
                violation_error_message=_("Choose everything, or at least one campaign or country."),
            ),
            models.CheckConstraint(
                name="grant_admin_is_everywhere",
                condition=~Q(role="admin") | Q(is_everywhere=True),
                violation_error_message=_(
                    "An administrator is one everywhere: whoever gives grants could widen his own."
                ),
            ),
            models.CheckConstraint(name="grant_role_is_known", condition=Q(role__in=Role.values)),
            models.UniqueConstraint(fields=["user", "role", "campaigns", "countries"], name="grant_once"),
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()} · {'everywhere' if self.is_everywhere else 'limited'}"


class Invitation(StampedModel):
    """A way in for one address, once, until it expires. Only a hash of its token is kept."""

    email = models.EmailField()
    name = models.CharField(max_length=120, blank=True)
    role = models.CharField(max_length=16, choices=Role.choices)
    is_everywhere = models.BooleanField(default=True)
    campaigns = ArrayField(models.UUIDField(), default=list, blank=True)
    countries = ArrayField(models.CharField(max_length=2), default=list, blank=True)
    token_hash = models.BinaryField(max_length=32, unique=True)
    invited_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="invitations_sent"
    )
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="invitation_open_once",
                condition=Q(accepted_at__isnull=True, revoked_at__isnull=True),
                violation_error_message=_("This address has an open invitation already."),
            ),
            models.CheckConstraint(
                name="invitation_admin_is_everywhere",
                condition=~Q(role="admin") | Q(is_everywhere=True),
                violation_error_message=_(
                    "An administrator is one everywhere: whoever gives grants could widen his own."
                ),
            ),
            models.CheckConstraint(
                name="invitation_accepted_or_revoked",
                condition=Q(accepted_at__isnull=True) | Q(revoked_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.email


def offered_at_first() -> list[str]:
    return list(FIRST)


class Installation(models.Model):
    """The one organization that this installation belongs to. Exactly one row, with key 1."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    name = models.CharField(max_length=200, default="", blank=True)
    postal_address = models.TextField(default="", blank=True, help_text=_("Stands in the footer of every mailing."))
    default_language = models.CharField(max_length=8, default="en")
    languages = ArrayField(
        models.CharField(max_length=8),
        default=offered_at_first,
        help_text=_("Mailings and names are offered in these."),
    )
    allow_self_approval = models.BooleanField(default=False)
    is_demo = models.BooleanField(default=False)
    setup_skipped = ArrayField(
        models.CharField(max_length=32), default=list, blank=True, editable=False, help_text="steps left out for now"
    )
    two_step_roles = ArrayField(models.CharField(max_length=16), default=list, blank=True)
    two_step_since = models.DateTimeField(null=True, blank=True, editable=False)
    two_step_grace_days = models.PositiveSmallIntegerField(default=14)
    backed_up_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(name="installation_is_single", condition=Q(id=1)),
            models.CheckConstraint(
                name="installation_two_step_roles_known", condition=Q(two_step_roles__contained_by=Role.values)
            ),
            models.CheckConstraint(
                name="installation_two_step_has_begun",
                condition=Q(two_step_roles=[], two_step_since__isnull=True)
                | (~Q(two_step_roles=[]) & Q(two_step_since__isnull=False)),
            ),
            models.CheckConstraint(
                name="installation_two_step_grace_is_short", condition=Q(two_step_grace_days__lte=90)
            ),
        ]

    def __str__(self) -> str:
        return self.name or "Groundswell"

    @classmethod
    def current(cls) -> Installation:
        return cls.objects.get_or_create(id=1)[0]
