"""Forms: what is asked, in which languages, where."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.forms.queries import FormQuerySet
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
