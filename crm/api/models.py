"""Tokens, of which only a keyed hash is kept, and the answers that an Idempotency-Key repeats."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from crm.api.scopes import READ
from crm.ids import StampedModel


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def usable(self) -> ApiTokenQuerySet:
        """Neither revoked nor expired, of users who may sign in."""
        return self.filter(revoked_at__isnull=True, user__is_active=True).filter(
            Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now())
        )


class ApiToken(StampedModel):
    """A key to the API that acts as its user. It is shown once; afterwards only its prefix is known."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=16, help_text="the beginning of the token, to tell tokens apart")
    token_hash = models.BinaryField(max_length=32, unique=True)
    scopes = ArrayField(models.CharField(max_length=16))
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="api_token_reads", condition=Q(scopes__contains=[READ])),
            models.CheckConstraint(name="api_token_has_name", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}… {self.name}"

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()


class KeptAnswer(models.Model):
    """One POST with an Idempotency-Key, and (once it is done) the answer that a repetition gets."""

    token = models.ForeignKey(ApiToken, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    request_hash = models.BinaryField(max_length=32, help_text="of method, path and content")
    claim = models.UUIDField(help_text="the request that works on it")
    claimed_at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True, help_text="null while it is being worked on")
    body = models.TextField(blank=True, default="")
    headers = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="kept_answer_once")]
        indexes = [models.Index(fields=["claimed_at"], name="kept_answer_age")]

    def __str__(self) -> str:
        return self.key
