"""The audit trail and the outbox. Both are written in the transaction of the change that they tell of."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.ids import UidModel


class Door(models.TextChoices):
    SCREEN = "screen", _("screen")
    TOKEN = "token", _("API token")
    IMPORT = "import", _("import")
    TASK = "task", _("task")
    LINK = "link", _("signed link")
    PARTNER = "partner", _("partner’s account")
    COMMAND = "command", _("command")


class AuditEntry(UidModel):
    """One change by one actor through one door; its rows say what was and what is."""

    verb = models.CharField(max_length=64, help_text="noun.past_participle, e.g. person.edited")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    door = models.CharField(max_length=8, choices=Door.choices)
    # no index: tokens are revoked, not deleted
    token = models.ForeignKey("crm.ApiToken", null=True, db_index=False, on_delete=models.SET_NULL, related_name="+")
    request_id = models.CharField(max_length=64, blank=True, default="")
    object_type = models.CharField(max_length=32, help_text="model name in lower case, e.g. person")
    object_uid = models.UUIDField(null=True)
    summary = models.CharField(max_length=300, blank=True, default="")
    undoes = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="undone_by")
    at = models.DateTimeField(auto_now_add=True)

    kept = 0  # of an undo just made: objects left as they are, because they were edited since

    class Meta:
        indexes = [
            models.Index(fields=["object_uid", "-at", "-id"], name="audit_entry_object"),
            models.Index(fields=["actor", "-at", "-id"], name="audit_entry_actor"),
            # the page of all activity, whole or narrowed by one of its filters
            models.Index(fields=["-at", "-id"], name="audit_entry_order"),
            models.Index(fields=["object_type", "-at", "-id"], name="audit_entry_type"),
            models.Index(fields=["verb", "-at", "-id"], name="audit_entry_verb"),
            models.Index(fields=["door", "-at", "-id"], name="audit_entry_door"),
        ]
        constraints = [models.CheckConstraint(name="audit_entry_door_known", condition=models.Q(door__in=Door.values))]

    def __str__(self) -> str:
        return f"{self.verb} {self.object_uid}"


class AuditChange(models.Model):
    """One field of one object, before and after (JSON scalars; None before means created, None after means removed)."""

    entry = models.ForeignKey(AuditEntry, on_delete=models.CASCADE, related_name="changes")
    object_type = models.CharField(max_length=32)
    object_uid = models.UUIDField()
    field = models.CharField(max_length=64)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        indexes = [models.Index(fields=["object_uid", "-entry"], name="audit_change_object")]

    def __str__(self) -> str:
        return f"{self.object_type}.{self.field}"


class OutboxEvent(models.Model):
    """What happened, for webhooks and feeds. `seq` is given by the publisher, so that cursors follow commit order."""

    seq = models.BigIntegerField(null=True, unique=True, editable=False)
    type = models.CharField(max_length=64)
    object_uid = models.UUIDField()
    actor_uid = models.UUIDField(null=True)
    at = models.DateTimeField()
    payload = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["id"], name="outbox_unpublished", condition=models.Q(seq__isnull=True))]

    def __str__(self) -> str:
        return self.type
