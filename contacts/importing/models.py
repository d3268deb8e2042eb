"""An import: the file, how it was read, what would happen, what did; and the staging rows."""

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from contacts.importing.queries import ImportMappingQuerySet, ImportRowQuerySet, ImportRunQuerySet
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
        UNDOING = "undoing", _("being undone")
        UNDONE = "undone", _("undone")

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
    planned = models.JSONField(default=dict, help_text="when and for which countries the rows were decided")
    first_permission = models.JSONField(default=dict, help_text="basis, source, evidence, topic; empty for none")
    counts = models.JSONField(default=dict, help_text="created, updated, unchanged, rejected …")
    error = models.TextField(blank=True, default="")
    job = models.ForeignKey("crm.Job", null=True, on_delete=models.SET_NULL, related_name="+")
    applied_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)

    objects = ImportRunQuerySet.as_manager()
    APPLIED_STATES = (State.APPLIED, State.UNDOING, State.UNDONE)
    BUSY_STATES = (State.CHECKING, State.APPLYING, State.UNDOING)

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
            begins=int(self.options.get("begins") or 1),
        )

    @property
    def is_busy(self) -> bool:
        return self.state in self.BUSY_STATES

    @property
    def was_applied(self) -> bool:
        """The directory holds, or held, what it brought: its file may go, its history stays."""
        return self.state in self.APPLIED_STATES


class ImportLine(models.Model):
    """What stands in one line of the file and what was read of it, written once by COPY: a column for each value, none set is NULL."""

    # by the names of targets; what a query or an index needs is computed where the line is read
    VALUES = ("name", "given_name", "family_name", "honorific", "pronunciation", "gender", "language", "sort_key", "search_text", "words",
              "email", "email_key", "email_hash", "phone", "organization", "organization_key", "organization_search", "acronym",
              "constituency", "country", "website", "post", "post_key", "started_on", "tags", "note")  # fmt: skip

    pk = models.CompositePrimaryKey("run_id", "line")
    run = models.ForeignKey(
        ImportRun, on_delete=models.CASCADE, related_name="lines", db_constraint=False, db_index=False
    )
    line = models.PositiveIntegerField(help_text="line of the file where the row starts, counted from 1")
    raw = models.JSONField(default=list, help_text="cells as they stood in the file")
    refused = models.CharField(max_length=300, blank=True, default="", help_text="why it could not be read")
    name = models.TextField(null=True)  # noqa: DJ001
    given_name = models.TextField(null=True)  # noqa: DJ001
    family_name = models.TextField(null=True)  # noqa: DJ001
    honorific = models.TextField(null=True)  # noqa: DJ001
    pronunciation = models.TextField(null=True)  # noqa: DJ001
    gender = models.TextField(null=True)  # noqa: DJ001
    language = models.TextField(null=True)  # noqa: DJ001
    sort_key = models.TextField(null=True)  # noqa: DJ001
    search_text = models.TextField(null=True)  # noqa: DJ001
    words = models.TextField(null=True, help_text="of the name, in order and each once")  # noqa: DJ001
    email = models.TextField(null=True)  # noqa: DJ001
    email_key = models.TextField(null=True)  # noqa: DJ001
    email_hash = models.BinaryField(null=True)
    phone = models.TextField(null=True)  # noqa: DJ001
    organization = models.TextField(null=True)  # noqa: DJ001
    organization_key = models.TextField(null=True)  # noqa: DJ001
    organization_search = models.TextField(null=True)  # noqa: DJ001
    acronym = models.TextField(null=True)  # noqa: DJ001
    constituency = models.BigIntegerField(null=True)
    country = models.TextField(null=True)  # noqa: DJ001
    website = models.TextField(null=True)  # noqa: DJ001
    post = models.TextField(null=True)  # noqa: DJ001
    post_key = models.TextField(null=True)  # noqa: DJ001
    started_on = models.DateField(null=True)
    tags = ArrayField(models.TextField(), null=True)
    note = models.TextField(null=True)  # noqa: DJ001

    def __str__(self) -> str:
        return f"{self.run_id}:{self.line}"

    @property
    def values(self) -> dict[str, Any]:
        """Those that the line has, by target."""
        found = {name: getattr(self, name) for name in self.VALUES if name != "email_hash"}
        return {name: value for name, value in found.items() if value is not None}


class ImportRow(models.Model):
    """What becomes of one line: decided by the dry run, done by applying."""

    class Outcome(models.TextChoices):
        CREATED = "created", _("created")
        UPDATED = "updated", _("updated")
        UNCHANGED = "unchanged", _("unchanged")
        REJECTED = "rejected", _("rejected")

    # no index of its own: it stands first in the key. Nor has what the import sets: setting it is cheap
    pk = models.CompositePrimaryKey("run_id", "line")
    run = models.ForeignKey(
        ImportRun, on_delete=models.CASCADE, related_name="rows", db_constraint=False, db_index=False
    )
    line = models.PositiveIntegerField(help_text="line of the file where the row starts, counted from 1")
    outcome = models.CharField(max_length=10, choices=Outcome.choices, blank=True, default="")
    reason = models.CharField(max_length=300, blank=True, default="")
    # whom it leads to; also of those that applying will make
    person_id = models.BigIntegerField(null=True)
    organization_id = models.BigIntegerField(null=True)
    post_id = models.BigIntegerField(null=True)
    # the plan: ids, or minus the line that makes it, and a bit for each thing that is done (planning.DOES)
    org_ref = models.BigIntegerField(null=True)
    person_ref = models.BigIntegerField(null=True)
    post_ref = models.BigIntegerField(null=True)
    does = models.IntegerField(default=0)

    objects = ImportRowQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.run_id}:{self.line}"


class ImportMade(models.Model):
    """What an import added, by the ids of one kind of rows: undoing it takes back exactly these."""

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="made")
    kind = models.CharField(max_length=20, help_text="person, membership, contact_point …")
    ids = ArrayField(models.BigIntegerField())
    detail = models.JSONField(default=dict, help_text="of rows that were filled in: id → before and after")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "kind"], name="import_made_once")]

    def __str__(self) -> str:
        return f"{self.run_id}: {len(self.ids)} {self.kind}"


class ImportKept(models.Model):
    """What undoing an import left as it is, because somebody else built on it since."""

    class Reason(models.TextChoices):
        EDITED = "edited", _("edited since")
        USED = "used", _("used by something else since")
        WRITTEN = "written", _("written to since")
        MAILING = "mailing", _("a mailing to them is under way")
        PERMISSION = "permission", _("gave or withdrew a permission since")
        HOLDS = "holds", _("holds somebody or something that was kept")

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="kept")
    object_type = models.CharField(max_length=12, help_text="person, organization or post")
    object_id = models.BigIntegerField()
    object_uid = models.UUIDField()
    name = models.CharField(max_length=300)
    field = models.CharField(max_length=64, blank=True, default="", help_text="empty: the whole of it")
    reason = models.CharField(max_length=10, choices=Reason.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "object_type", "object_id", "field"], name="import_kept_once"),
            models.CheckConstraint(
                name="import_kept_reason_known",
                condition=Q(reason__in=["edited", "used", "written", "mailing", "permission", "holds"]),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ImportMapping(StampedModel):
    """What the columns of a header meant last time: one's own, or shared with all who import."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    signature = models.CharField(max_length=64, help_text="digest of the header's names")
    columns = models.JSONField(default=list)
    mapping = models.JSONField(default=dict, help_text="column index → target field, empty for one that is left out")
    options = models.JSONField(default=dict)
    is_shared = models.BooleanField(default=False)

    objects = ImportMappingQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "signature"], name="import_mapping_once")]
        indexes = [models.Index(fields=["signature", "-updated_at"], name="import_mapping_header")]

    def __str__(self) -> str:
        return ", ".join(self.columns)[:80]
