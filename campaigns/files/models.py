"""One row for each content that is kept; who uses it points here with a protected foreign key."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from crm.ids import StampedModel


class StoredFile(StampedModel):
    """A content under MEDIA_ROOT, named by its SHA-256. The row goes when nobody uses it any more, the bytes with it."""

    sha256 = models.CharField(max_length=64, unique=True)
    size = models.PositiveBigIntegerField()
    media_type = models.CharField(max_length=100)
    # pictures in the body: messages that have left show them for ever, so they are never removed
    is_public = models.BooleanField(default=False)
    kept_until = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="nobody uses it any more, but who took it off may still undo that",
    )
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="stored_file_is_named_by_hash", condition=Q(sha256__regex=r"^[0-9a-f]{64}$")),
            models.CheckConstraint(
                name="stored_file_public_is_a_picture",
                condition=Q(is_public=False) | Q(media_type__in=["image/png", "image/jpeg"], width__gt=0, height__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.media_type} {self.sha256[:12]}"
