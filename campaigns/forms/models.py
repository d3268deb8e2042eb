"""Forms: what is asked, in which languages, where; and what was answered."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.forms.queries import FormQuerySet, SubmissionQuerySet
from campaigns.planning.models import Campaign
from contacts.directory.models import NamedModel
from crm.ids import StampedModel
from crm.languages import text_in


class Form(NamedModel, StampedModel):
    """`questions` is what `campaigns.forms.questions.parse` reads. `headlines`, `leads` and `thanks` are texts by language."""

    class Purpose(models.TextChoices):
        SURVEY = "survey", _("survey")
        PLEDGE = "pledge", _("pledge")
        REGISTRATION = "registration", _("registration")
        JOINING = "joining", _("joining")

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="forms")
    purpose = models.CharField(max_length=12, choices=Purpose.choices, default=Purpose.SURVEY)
    slug = models.SlugField(max_length=60, unique=True, help_text="in its public address")
    headlines = models.JSONField(default=dict, blank=True)
    leads = models.JSONField(default=dict, blank=True)
    thanks = models.JSONField(default=dict, blank=True)
    questions = models.JSONField(default=list, blank=True)
    is_public = models.BooleanField(default=False, help_text="it has a page of its own, which everybody can answer")
    closes_on = models.DateField(null=True, blank=True, help_text="the last day on which it can be answered")
    origins = ArrayField(
        models.CharField(max_length=200),
        default=list,
        blank=True,
        help_text="sites that may embed it: https://partner.org",
    )
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = FormQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="form_purpose_known", condition=Q(purpose__in=["survey", "pledge", "registration", "joining"])
            ),
        ]

    def text(self, field: str, language: str) -> tuple[str, str]:
        """(text, its language) of `headlines`, `leads` or `thanks`: in `language`, else in the installation's, else in any."""
        return text_in(getattr(self, field), language)


class Submission(StampedModel):
    """One set of answers. `receipt` was minted with the page that it was written on: what is sent twice is one.

    What `tells` of the directory is copied beside the answers; who it is, is decided by `filing` or by staff.
    """

    class State(models.TextChoices):
        RECEIVED = "received", _("arrived")
        KEPT = "kept", _("without a person")
        WAITING = "waiting", _("waits for a decision")
        FILED = "filed", _("with a person")
        ASIDE = "aside", _("set aside")

    MOVES: ClassVar[dict[str, tuple[str, ...]]] = {
        State.RECEIVED: (State.KEPT, State.WAITING, State.FILED),
        State.KEPT: (State.ASIDE,),
        State.WAITING: (State.FILED, State.ASIDE),
        State.FILED: (State.WAITING,),
        State.ASIDE: (State.WAITING, State.KEPT),
    }

    form = models.ForeignKey(Form, on_delete=models.PROTECT, related_name="submissions")
    state = models.CharField(max_length=8, choices=State.choices, default=State.RECEIVED)
    receipt = models.BinaryField(max_length=16)
    answers = models.JSONField(default=dict)
    language = models.CharField(max_length=8)
    source = models.CharField(
        max_length=200, blank=True, default="", help_text="the site on which it was sent; empty: ours"
    )
    name = models.CharField(max_length=300, blank=True, default="")
    email = models.CharField(max_length=320, blank=True, default="")
    address_hash = models.BinaryField(max_length=32, null=True)
    phone = models.CharField(max_length=40, blank=True, default="")
    organization_name = models.CharField(max_length=300, blank=True, default="")
    country = models.ForeignKey("contacts.Country", null=True, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey("contacts.Person", null=True, on_delete=models.SET_NULL, related_name="submissions")
    organization = models.ForeignKey(
        "contacts.Organization", null=True, on_delete=models.SET_NULL, related_name="submissions"
    )
    doubts = models.JSONField(default=list, help_text="why a person has to look at it, in sentences")
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    objects = SubmissionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["form", "receipt"], name="submission_once"),
            models.CheckConstraint(
                name="submission_state_known", condition=Q(state__in=["received", "kept", "waiting", "filed", "aside"])
            ),
        ]
        indexes = [
            models.Index(fields=["form", "-created_at", "-id"], name="submission_list"),
            models.Index(fields=["form", "created_at", "id"], name="submission_queue", condition=Q(state="waiting")),
            models.Index(fields=["id"], name="submission_received", condition=Q(state="received")),
            models.Index(fields=["address_hash"], name="submission_address"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return self.name or self.email or gettext("No name given")


class FormDraft(StampedModel):
    """Answers that somebody will go on with, behind a signed link. It goes when it is sent, or after a while."""

    form = models.ForeignKey(Form, on_delete=models.CASCADE, related_name="drafts")
    answers = models.JSONField(default=dict)
    language = models.CharField(max_length=8)

    class Meta:
        indexes = [models.Index(fields=["updated_at"], name="form_draft_age")]

    def __str__(self) -> str:
        return f"{self.form_id}: {self.uid}"


class AnswerFile(models.Model):
    """A file that somebody sent, of a submission or of a draft. The bytes are a StoredFile's."""

    submission = models.ForeignKey(Submission, null=True, on_delete=models.CASCADE, related_name="files")
    draft = models.ForeignKey(FormDraft, null=True, on_delete=models.CASCADE, related_name="files")
    file = models.ForeignKey("campaigns.StoredFile", on_delete=models.PROTECT, related_name="answer_files")
    key = models.CharField(max_length=40, help_text="the question that it answers")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="answer_file_has_one_owner",
                condition=Q(submission__isnull=False, draft__isnull=True)
                | Q(submission__isnull=True, draft__isnull=False),
            ),
            models.UniqueConstraint(fields=["submission", "key"], name="answer_file_once"),
            models.UniqueConstraint(fields=["draft", "key"], name="draft_file_once"),
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.file_id}"
