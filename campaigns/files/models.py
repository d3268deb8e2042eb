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

    class Meta:
        constraints = [
            models.CheckConstraint(name="stored_file_is_named_by_hash", condition=Q(sha256__regex=r"^[0-9a-f]{64}$")),
        ]

    def __str__(self) -> str:
        return f"{self.media_type} {self.sha256[:12]}"
