"""What a campaign or a drive shows to everybody."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.face.queries import PublicPageQuerySet
from campaigns.planning.models import Campaign, Drive
from crm.ids import StampedModel
from crm.languages import text_in


class Part(models.TextChoices):
    """In the order in which a page shows them."""

    FACTS = "facts", _("facts with their sources")
    MAP = "map", _("the map of coverage, and its figures")
    COMMITMENTS = "commitments", _("commitments that institutions made public")
    EVENTS = "events", _("events whose page is open")
    NETWORKS = "networks", _("networks that can be joined")
    DRIVES = "drives", _("public pages of its drives")


def all_parts() -> list[str]:
    return [*Part.values]


class PublicPage(StampedModel):
    """The page of a campaign (no drive) or of one of its drives. `headlines`, `leads` and `stories` are texts by language, `facts`
    are lists of {text, source} by language; without any, the page shows those of its campaign."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="pages")
    drive = models.OneToOneField(Drive, null=True, blank=True, on_delete=models.PROTECT, related_name="page")
    slug = models.SlugField(max_length=60, unique=True, help_text="in its public address")
    headlines = models.JSONField(default=dict, blank=True)
    leads = models.JSONField(default=dict, blank=True)
    stories = models.JSONField(default=dict, blank=True)
    facts = models.JSONField(default=dict, blank=True, help_text="language → list of {text, source}")
    parts = ArrayField(models.CharField(max_length=11, choices=Part.choices), default=all_parts, blank=True)
    is_public = models.BooleanField(default=False, help_text="everybody can see it")

    objects = PublicPageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign"], condition=Q(drive__isnull=True), name="public_page_once_a_campaign"
            ),
            models.CheckConstraint(name="public_page_parts_known", condition=Q(parts__contained_by=[*Part.values])),
            models.CheckConstraint(
                name="public_page_says_something",
                condition=Q(is_public=False) | ~Q(headlines={}),
                violation_error_message=_("A page that everybody sees needs a headline in one language at least."),
            ),
        ]

    def __str__(self) -> str:
        return self.slug

    @property
    def subject(self) -> Campaign | Drive:
        """Whose page it is."""
        return self.drive or self.campaign

    @property
    def label(self) -> str:
        return self.subject.label

    def text(self, field: str, language: str) -> tuple[str, str]:
        """(text, its language) of `headlines`, `leads` or `stories`: in `language`, else in the installation's, else in any."""
        return text_in(getattr(self, field), language)

    def facts_in(self, language: str) -> tuple[list[dict[str, str]], str]:
        """(facts, their language): in `language`, else in the installation's, which the campaign's own are in, else in any."""
        own = settings.LANGUAGE_CODE
        known = {own: [fact for fact in self.campaign.facts if fact.get("text")], **self.facts}
        found = next((code for code in (language, own, *known) if known.get(code)), own)
        return known.get(found) or [], found
