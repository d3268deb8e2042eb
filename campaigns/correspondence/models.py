"""Letters of the register, their documents, and how they are numbered."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from campaigns.correspondence.numbering import DEFAULT_IN, DEFAULT_OUT
from campaigns.correspondence.queries import LetterDocumentQuerySet, LetterQuerySet
from crm.ids import StampedModel, UidModel, new_uid


class Numbering(models.Model):
    """The two patterns. One row, with key 1; without it the defaults hold."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    pattern_in = models.CharField(max_length=60, default=DEFAULT_IN)
    pattern_out = models.CharField(max_length=60, default=DEFAULT_OUT)

    class Meta:
        constraints = [
            models.CheckConstraint(name="numbering_is_single", condition=Q(id=1)),
            models.CheckConstraint(
                name="numbering_tells_in_from_out",
                condition=~Q(pattern_in=F("pattern_out")),
                violation_error_message=_("Letters in and out need patterns that differ."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pattern_in} · {self.pattern_out}"

    @classmethod
    def current(cls) -> Numbering:
        return cls.objects.filter(id=1).first() or cls()


class NumberCount(models.Model):
    """The last number that was given, by way and year; held while the next one is."""

    way = models.CharField(max_length=3)
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["way", "year"], name="number_count_once")]

    def __str__(self) -> str:
        return f"{self.way} {self.year}: {self.last}"


class Letter(StampedModel):
    """One entry of the register. Its number stays its own for ever: what was registered by mistake is struck out, not removed."""

    class Way(models.TextChoices):
        IN = "in", _("in")
        OUT = "out", _("out")

    way = models.CharField(max_length=3, choices=Way.choices)
    year = models.PositiveSmallIntegerField()
    number = models.PositiveIntegerField()
    reference = models.CharField(max_length=80, unique=True)
    on = models.DateField(help_text="the date that it bears")
    organization = models.ForeignKey("contacts.Organization", on_delete=models.PROTECT, related_name="letters")
    person = models.ForeignKey(
        "contacts.Person", null=True, blank=True, on_delete=models.SET_NULL, related_name="letters", help_text="theirs"
    )
    ours = models.CharField(
        max_length=200, blank=True, default="", help_text="who of us signed it, or whom it is addressed to"
    )
    copies = models.TextField(blank=True, default="", help_text="who has a copy, one a line")
    subject = models.CharField(max_length=300)
    their_reference = models.CharField(max_length=80, blank=True, default="")
    note = models.TextField(blank=True, default="")
    responsible = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="letters"
    )
    answer_due_on = models.DateField(null=True, blank=True)
    answered_by = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="answers")
    interaction = models.OneToOneField(
        "campaigns.Interaction", null=True, on_delete=models.SET_NULL, related_name="letter", editable=False
    )
    registered_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    struck_at = models.DateTimeField(
        null=True, editable=False, help_text="registered by mistake; the number is not used again"
    )
    form_key = models.UUIDField(default=new_uid, unique=True, editable=False, help_text="one form registers one letter")

    objects = LetterQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="letter_way_known", condition=Q(way__in=["in", "out"])),
            models.UniqueConstraint(fields=["way", "year", "number"], name="letter_number_once_a_year"),
            models.CheckConstraint(
                name="letter_has_a_subject",
                condition=~Q(subject=""),
                violation_error_message=_("Say what it is about."),
            ),
            models.CheckConstraint(
                name="letter_answer_due_after_its_date",
                condition=Q(answer_due_on__isnull=True) | Q(answer_due_on__gte=F("on")),
                violation_error_message=_("An answer cannot be due before the letter was written."),
            ),
            models.CheckConstraint(
                name="letter_answered_by_another",
                condition=Q(answered_by__isnull=True) | ~Q(answered_by=F("id")),
                violation_error_message=_("A letter cannot answer itself."),
            ),
        ]
        indexes = [
            models.Index(fields=["-on", "-id"], name="letter_order"),
            models.Index(
                fields=["answer_due_on"],
                name="letter_open",
                condition=Q(answered_by__isnull=True, struck_at__isnull=True, answer_due_on__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.subject}"

    @property
    def label(self) -> str:
        return str(self)

    @property
    def is_in(self) -> bool:
        return self.way == self.Way.IN

    @property
    def is_open(self) -> bool:
        """Whether an answer is waited for."""
        return bool(self.answer_due_on) and self.answered_by_id is None and self.struck_at is None


class LetterDocument(UidModel):
    """A scan or a file of a letter; the content is kept once however often it is used."""

    letter = models.ForeignKey(Letter, on_delete=models.CASCADE, related_name="documents")
    file = models.ForeignKey("campaigns.StoredFile", on_delete=models.PROTECT, related_name="letter_documents")
    name = models.CharField(max_length=200)
    added_at = models.DateTimeField()

    objects = LetterDocumentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["letter", "name"],
                name="letter_document_once",
                violation_error_message=_("This document is there already."),
            )
        ]

    def __str__(self) -> str:
        return self.name
