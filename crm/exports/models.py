"""A file that somebody took of a list."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.ids import StampedModel


class ExportFile(StampedModel):
    """What was asked for, and the file while it is kept. The row stays when the file is gone: it says who took how much."""

    class Format(models.TextChoices):
        CSV = "csv", _("CSV")
        XLSX = "xlsx", _("Excel (XLSX)")

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="exports")
    source = models.CharField(max_length=40, help_text="name in crm.ui.sources")
    arguments = models.JSONField(default=dict)
    query = models.TextField(blank=True, default="", help_text="the list's state: filters, words, order")
    columns = models.JSONField(default=list, help_text="names of the columns, in order")
    title = models.CharField(max_length=200)
    format = models.CharField(max_length=4, choices=Format.choices)
    zone = models.CharField(max_length=64, default="UTC")
    language = models.CharField(max_length=12, default="en")
    job = models.ForeignKey("crm.Job", null=True, on_delete=models.SET_NULL, related_name="+")
    file = models.FileField(upload_to="exports/", max_length=200)
    row_count = models.BigIntegerField(null=True, help_text="null until the file is whole")
    size_bytes = models.BigIntegerField(null=True)
    expires_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="export_owner"),
            models.Index(fields=["expires_at"], name="export_due", condition=Q(removed_at__isnull=True)),
        ]
        constraints = [
            models.CheckConstraint(name="export_format_known", condition=Q(format__in=["csv", "xlsx"])),
            models.CheckConstraint(
                name="export_removed_has_no_file", condition=Q(removed_at__isnull=True) | Q(file="")
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_ready(self) -> bool:
        return self.row_count is not None and self.removed_at is None

    @property
    def download_name(self) -> str:
        from django.utils.text import slugify

        return f"{slugify(self.title)[:60] or 'list'}-{self.created_at.date().isoformat()}.{self.format}"
