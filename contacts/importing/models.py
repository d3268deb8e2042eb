"""An import: the file, how it was read, what would happen, what did; and the staging rows."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from contacts.importing.queries import ImportRowQuerySet, ImportRunQuerySet
from contacts.importing.reading import Format
from crm.ids import StampedModel


class ImportRun(StampedModel):
    class State(models.TextChoices):
        UPLOADED = "uploaded", _("uploaded")
        REFUSED = "refused", _("refused")
        MAPPED = "mapped", _("mapped")
        CHECKING = "checking", _("dry run under way")
        CHECKED = "checked", _("dry run done")
        APPLYING = "applying", _("being applied")
        APPLIED = "applied", _("applied")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="imports")
    file_name = models.CharField(max_length=255)
    file = models.FileField(upload_to="imports/")
    size_bytes = models.BigIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.UPLOADED)
    encoding = models.CharField(max_length=40, blank=True, default="")
    delimiter = models.CharField(max_length=2, blank=True, default="")
    has_header = models.BooleanField(default=True)
    columns = models.JSONField(default=list, help_text="header cells in order")
    mapping = models.JSONField(default=dict, help_text="column index → target field")
    options = models.JSONField(default=dict, help_text="defaults for country, constituency, language …")
    first_permission = models.JSONField(default=dict, help_text="basis, source, evidence, topic; empty for none")
    counts = models.JSONField(default=dict, help_text="created, updated, unchanged, rejected …")
    error = models.TextField(blank=True, default="")
    job = models.ForeignKey("crm.Job", null=True, on_delete=models.SET_NULL, related_name="+")
    applied_at = models.DateTimeField(null=True)

    objects = ImportRunQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="import_refused_says_why", condition=~Q(state__in=["refused", "failed"], error="")
            ),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def format(self) -> Format:
        """How the file is read."""
        return Format(
            self.encoding,
            self.delimiter,
            has_header=self.has_header,
            separator_line=bool(self.options.get("separator_line")),
        )

    @property
    def is_busy(self) -> bool:
        return self.state in {self.State.CHECKING, self.State.APPLYING}


class ImportRow(models.Model):
    """One line of the file in staging, filled by COPY."""

    class Outcome(models.TextChoices):
        CREATED = "created", _("created")
        UPDATED = "updated", _("updated")
        UNCHANGED = "unchanged", _("unchanged")
        REJECTED = "rejected", _("rejected")

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="rows", db_constraint=False)
    line = models.PositiveIntegerField(help_text="line of the file where the row starts, counted from 1")
    raw = models.JSONField(help_text="cells as they stood in the file")
    values = models.JSONField(default=dict, help_text="normalised values by target field")
    outcome = models.CharField(max_length=10, choices=Outcome.choices, blank=True, default="")
    reason = models.CharField(max_length=300, blank=True, default="")
    person_id = models.BigIntegerField(null=True)
    organization_id = models.BigIntegerField(null=True)

    objects = ImportRowQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "line"], name="import_row_once")]
        indexes = [models.Index(fields=["run", "outcome", "line"], name="import_row_outcome")]

    def __str__(self) -> str:
        return f"{self.run_id}:{self.line}"
