"""Institutions, the posts in them, and the people who hold those posts for a while (Popolo's terms)."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Collate, Lower
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from contacts.directory.queries import (
    ConstituencyQuerySet,
    ContactPointQuerySet,
    MembershipQuerySet,
    OrganizationQuerySet,
    PersonQuerySet,
    PostQuerySet,
)
from crm.ids import StampedModel, UidModel
from crm.ui.searchtext import acronyms, searchable, sorting


class NamedModel(models.Model):
    """`name` in the default language, `names` for others (language → text), one normalised column for search and one to sort by."""

    name = models.CharField(max_length=300)
    names = models.JSONField(default=dict, blank=True)
    sort_key = models.CharField(max_length=300, editable=False)  # large tables have (sort_key, id)
    search_text = models.TextField(editable=False, default="")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        """The name in the reader's language, else the default one."""
        return str(self.names.get((get_language() or "en").split("-")[0]) or self.name)

    def search_parts(self) -> list[str]:
        return [self.name, *map(str, self.names.values())]

    def short_names(self) -> tuple[str, ...]:
        """Acronyms that nobody wrote down but people will type."""
        return ()

    def index_text(self) -> None:
        """Recompute the stored columns; services call it before they save."""
        self.sort_key = sorting(self.name)[:300]
        self.search_text = searchable(*dict.fromkeys(self.search_parts()), also=self.short_names())

    def save(self, **kwargs: Any) -> None:
        self.index_text()
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "sort_key", "search_text"}
        super().save(**kwargs)


class Region(NamedModel):
    """A UN M49 region or sub-region."""

    code = models.CharField(max_length=3, primary_key=True)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")


class Country(NamedModel):
    """ISO 3166-1; the alpha-2 code is the key, so that scopes and copies carry it without a join."""

    code = models.CharField(max_length=2, primary_key=True)
    alpha3 = models.CharField(max_length=3, unique=True)
    region = models.ForeignKey(Region, null=True, on_delete=models.PROTECT, related_name="countries")
    languages = ArrayField(models.CharField(max_length=8), default=list, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")

    def search_parts(self) -> list[str]:
        return [*super().search_parts(), self.alpha3]


class Constituency(NamedModel, UidModel):
    """A small tree of two levels; the first seven are fixed (GOV EMP WRK SSI CSO IGO DON), staff add children."""

    code = models.CharField(max_length=12, unique=True)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    root_code = models.CharField(max_length=12, editable=False, help_text="code of the top of its branch")
    is_fixed = models.BooleanField(default=False)
    position = models.PositiveSmallIntegerField(default=100)
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = ConstituencyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "constituencies"
        constraints = [
            models.CheckConstraint(
                name="constituency_fixed_stays",
                condition=Q(is_fixed=False) | Q(parent__isnull=True, archived_at__isnull=True),
            ),
            models.CheckConstraint(
                name="constituency_root_is_itself",
                condition=Q(parent__isnull=True, root_code=F("code"))
                | (Q(parent__isnull=False) & ~Q(root_code=F("code"))),
            ),
        ]


class Tag(UidModel):
    """A word on people and institutions. A name that it once had still finds it: segments and files keep saying it."""

    name = models.CharField(max_length=60)
    former_names = ArrayField(models.CharField(max_length=60), default=list, blank=True, help_text="in lower case")
    merged_into = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="merged", help_text="stands for it now"
    )
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("name"), name="tag_once"),
            models.CheckConstraint(
                name="tag_merged_is_archived",
                condition=Q(merged_into__isnull=True) | (Q(archived_at__isnull=False) & ~Q(merged_into=F("id"))),
            ),
        ]

    def __str__(self) -> str:
        return self.name


# A foreign key that stands first in an index or a unique constraint below has no index of its own: every mailing and every
# import would pay for both.
class Organization(NamedModel, StampedModel):
    """An institution. Its constituency decides how its people may be tracked."""

    acronym = models.CharField(max_length=40, blank=True, default="")
    constituency = models.ForeignKey(
        Constituency, on_delete=models.PROTECT, related_name="organizations", db_index=False
    )
    country = models.ForeignKey(
        Country, null=True, blank=True, on_delete=models.PROTECT, related_name="organizations", db_index=False
    )
    countries_of_work = ArrayField(models.CharField(max_length=2), default=list, blank=True)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children")
    language = models.CharField(max_length=8, blank=True, default="")
    website = models.URLField(blank=True, default="")
    note = models.TextField(blank=True, default="")
    tags = models.ManyToManyField(Tag, blank=True, related_name="organizations")
    custom = models.JSONField(default=dict, blank=True)
    is_invented = models.BooleanField(default=False, help_text="made for the demo")
    last_contacted_at = models.DateTimeField(
        null=True, editable=False, help_text="last mailing accepted or interaction"
    )
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["constituency", "country"], name="organization_grid"),
            models.Index(fields=["sort_key", "id"], name="organization_order"),
            models.Index(fields=["country", "sort_key", "id"], name="organization_country"),
            GinIndex(fields=["search_text"], name="organization_search", opclasses=["gin_trgm_ops"]),
            GinIndex(fields=["countries_of_work"], name="organization_works_in"),
            models.Index(fields=["id"], condition=~Q(countries_of_work=[]), name="organization_works_abroad"),
        ]

    def search_parts(self) -> list[str]:
        return [*super().search_parts(), self.acronym]

    def short_names(self) -> tuple[str, ...]:
        return acronyms(self.name, *map(str, self.names.values()))


class Post(NamedModel, StampedModel):
    """A seat in an organization that outlives its holder. `name` is its title."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="posts", db_index=False)
    is_head = models.BooleanField(default=False)
    form_of_address = models.ForeignKey(
        "contacts.FormOfAddress", null=True, blank=True, on_delete=models.SET_NULL, related_name="posts"
    )
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = PostQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="post_once_per_organization")]


class Person(NamedModel, StampedModel):
    """A person. `country` follows the current primary membership unless there is none."""

    class Gender(models.TextChoices):
        UNKNOWN = "", _("not known")
        FEMALE = "female", _("female")
        MALE = "male", _("male")
        OTHER = "other", _("another")

    given_name = models.CharField(max_length=150, blank=True, default="")
    family_name = models.CharField(max_length=150, blank=True, default="")
    honorific_prefix = models.CharField(max_length=60, blank=True, default="")
    gender = models.CharField(max_length=6, choices=Gender.choices, blank=True, default=Gender.UNKNOWN)
    greeting = models.CharField(
        max_length=150,
        blank=True,
        default="",
        db_default="",
        help_text="their own, in the language that they read; empty: by the forms of address",
    )
    pronunciation = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="how the name is said, as its readers would write it",
    )
    language = models.CharField(max_length=8, blank=True, default="", help_text="preferred, BCP 47")
    country = models.ForeignKey(
        Country, null=True, blank=True, on_delete=models.PROTECT, related_name="people", db_index=False
    )
    note = models.TextField(blank=True, default="")
    tags = models.ManyToManyField(Tag, blank=True, related_name="people")
    custom = models.JSONField(default=dict, blank=True)
    is_invented = models.BooleanField(default=False, help_text="made for the demo")
    last_mailed_at = models.DateTimeField(null=True, editable=False)
    last_engaged_at = models.DateTimeField(null=True, editable=False, help_text="last human click or reply")
    archived_at = models.DateTimeField(null=True, blank=True)
    erased_at = models.DateTimeField(null=True, blank=True)

    objects = PersonQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "people"
        indexes = [
            models.Index(fields=["sort_key", "id"], name="person_order"),
            # who is in use is read with it: those of some countries are counted and walked without their rows
            models.Index(
                fields=["country", "sort_key", "id"], include=["archived_at", "erased_at"], name="person_country"
            ),
            # none on last_mailed_at or last_engaged_at: each message and each click would change every index of the row (LastMailed)
            GinIndex(fields=["search_text"], name="person_search", opclasses=["gin_trgm_ops"]),
            # segments count everybody who can be written to at all: an eighth of what the rows themselves would make them read
            models.Index(
                fields=["id"],
                include=["country", "language"],
                condition=Q(archived_at__isnull=True, erased_at__isnull=True),
                name="person_alive",
            ),
            # those of a language: a tenth of that index again, for few languages are written once each for many people
            models.Index(
                Collate("language", "C"),
                condition=Q(archived_at__isnull=True, erased_at__isnull=True),
                name="person_language",
            ),
            # the few who are in neither, for counting that begins elsewhere
            models.Index(
                fields=["id"],
                condition=Q(archived_at__isnull=False) | Q(erased_at__isnull=False),
                name="person_gone",
            ),
        ]

    def index_text(self) -> None:
        super().index_text()
        if self.family_name:
            self.sort_key = sorting(self.family_name, self.given_name)[:300]


class LastMailed(models.Model):
    """When somebody was last mailed, once more: in this order there is an index, which on people each message would pay for.

    Kept by triggers on people (see the migration), so without a foreign key: it is never written here.
    """

    person = models.OneToOneField(
        Person, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="mailed"
    )
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(F("at").desc(nulls_last=True), "person", name="last_mailed_order")]

    def __str__(self) -> str:
        return f"{self.person_id} at {self.at}"


class Membership(UidModel):
    """This person holds this post, or belongs to this organization, from–to. Never overwritten."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="memberships")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="memberships", db_index=False)
    post = models.ForeignKey(
        Post, null=True, blank=True, on_delete=models.PROTECT, related_name="memberships", db_index=False
    )
    role = models.CharField(max_length=200, blank=True, default="", help_text="when there is no post")
    started_on = models.DateField(null=True, blank=True)
    ended_on = models.DateField(null=True, blank=True, help_text="last day; empty while it lasts")
    is_primary = models.BooleanField(default=False)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="membership_ends_after_start",
                condition=Q(ended_on__isnull=True) | Q(started_on__isnull=True) | Q(ended_on__gte=F("started_on")),
                violation_error_message=_("A membership cannot end before it starts."),
            ),
            models.UniqueConstraint(
                fields=["person"],
                name="membership_one_primary",
                include=["organization"],  # most queries want to know no more than where somebody is
                condition=Q(is_primary=True, ended_on__isnull=True),
                violation_error_message=_("This person has a primary membership already."),
            ),
        ]
        indexes = [
            # the last day is read with it: who is in an institution now is asked for every page of a user of some countries; and whether
            # it is the primary one: who is in a constituency is counted from here (is_primary takes no room: entries are padded to 8 bytes)
            models.Index(
                fields=["organization", "person"], include=["ended_on", "is_primary"], name="membership_organization"
            ),
            models.Index(fields=["post", "ended_on"], name="membership_post"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} in {self.organization_id}"


class SeenAlsoIn(models.Model):
    """A country other than their own in which somebody is seen: one in which an organization that they belong to now is, or works.

    Kept by triggers on people, memberships and organizations (see the migration), so without foreign keys: it is never written here.
    """

    pk = models.CompositePrimaryKey("country", "person_id")
    country = models.CharField(max_length=2)
    person_id = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["person_id"], name="seen_also_in_person")]

    def __str__(self) -> str:
        return f"{self.person_id} in {self.country}"


class ContactPoint(StampedModel):
    """An address of a person, a post or an organization, with a status of its own."""

    class Kind(models.TextChoices):
        EMAIL = "email", _("e-mail")
        PHONE = "phone", _("phone")
        POSTAL = "postal", _("postal address")
        MESSAGING = "messaging", _("messaging")

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        BOUNCING = "bouncing", _("bouncing")
        INVALID = "invalid", _("invalid")
        COMPLAINED = "complained", _("complained")

    person = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.CASCADE, related_name="contact_points", db_index=False
    )
    post = models.ForeignKey(
        Post, null=True, blank=True, on_delete=models.CASCADE, related_name="contact_points", db_index=False
    )
    organization = models.ForeignKey(
        Organization, null=True, blank=True, on_delete=models.CASCADE, related_name="contact_points", db_index=False
    )
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.EMAIL)
    value = models.CharField(max_length=320)
    label = models.CharField(max_length=60, blank=True, default="")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    status_reason = models.CharField(max_length=300, blank=True, default="")
    status_at = models.DateTimeField(null=True, blank=True)
    bounce_count = models.PositiveSmallIntegerField(default=0, help_text="soft bounces in a row")
    is_preferred = models.BooleanField(default=False)
    address_key = models.CharField(
        max_length=320,
        blank=True,
        default="",
        editable=False,
        help_text="normal form of an e-mail address; empty for others",
    )
    address_hash = models.BinaryField(max_length=32, null=True, editable=False, help_text="keyed hash of address_key")

    objects = ContactPointQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="contact_point_one_owner",
                condition=Q(person__isnull=False, post__isnull=True, organization__isnull=True)
                | Q(person__isnull=True, post__isnull=False, organization__isnull=True)
                | Q(person__isnull=True, post__isnull=True, organization__isnull=False),
            ),
            models.CheckConstraint(
                name="contact_point_email_has_key",
                condition=~Q(kind="email") | (~Q(address_key="") & Q(address_hash__isnull=False)),
            ),
            models.CheckConstraint(
                name="contact_point_status_known",
                condition=Q(status__in=["active", "bouncing", "invalid", "complained"]),
            ),
            # each address stands in the index of its owner's kind only: an import pays for every index, twice a row
            *(
                models.UniqueConstraint(
                    fields=[owner, "kind", "value"],
                    name=f"contact_point_once_{owner}",
                    condition=Q(**{f"{owner}__isnull": False}),
                    violation_error_message=_("This address is there already."),
                )
                for owner in ("person", "post", "organization")
            ),
        ]
        indexes = [
            models.Index(fields=["address_hash"], name="contact_point_hash", condition=Q(address_hash__isnull=False)),
            models.Index(fields=["address_key"], name="contact_point_key", condition=Q(kind="email")),
        ]

    def __str__(self) -> str:
        return self.value


class ExternalId(models.Model):
    """What another system calls a person or an organization: one key of that system leads to one of ours."""

    system = models.CharField(max_length=40, help_text="the other system, e.g. erp")
    key = models.CharField(max_length=200)
    person = models.ForeignKey(Person, null=True, on_delete=models.CASCADE, related_name="external_ids")
    organization = models.ForeignKey(Organization, null=True, on_delete=models.CASCADE, related_name="external_ids")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="external_id_one_owner",
                condition=Q(person__isnull=False, organization__isnull=True)
                | Q(person__isnull=True, organization__isnull=False),
            ),
            models.CheckConstraint(name="external_id_is_given", condition=~Q(system="") & ~Q(key="")),
            models.UniqueConstraint(
                fields=["system", "key"], name="external_id_person_once", condition=Q(person__isnull=False)
            ),
            models.UniqueConstraint(
                fields=["system", "key"], name="external_id_organization_once", condition=Q(organization__isnull=False)
            ),
            models.UniqueConstraint(fields=["person", "system"], name="external_id_once_per_person"),
            models.UniqueConstraint(fields=["organization", "system"], name="external_id_once_per_organization"),
        ]

    def __str__(self) -> str:
        return f"{self.system}:{self.key}"


class Indicator(NamedModel):
    """A figure about countries, with where it comes from; shown wherever the figure is."""

    code = models.CharField(max_length=40, unique=True)
    unit = models.CharField(max_length=20, default="%")
    source = models.TextField()
    licence = models.CharField(max_length=60)
    url = models.URLField(blank=True, default="")


class IndicatorValue(models.Model):
    """One year of one country, or of one aggregate of the source (kept as an aggregate, never mixed with countries)."""

    indicator = models.ForeignKey(Indicator, on_delete=models.CASCADE, related_name="values")
    country = models.ForeignKey(Country, null=True, on_delete=models.CASCADE, related_name="indicator_values")
    aggregate = models.CharField(
        max_length=80, blank=True, default="", help_text="the source's name of a group of countries"
    )
    aggregate_code = models.CharField(max_length=20, blank=True, default="")
    year = models.PositiveSmallIntegerField()
    value = models.DecimalField(max_digits=12, decimal_places=4, help_text="as measured, in the indicator's unit")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="indicator_value_country_or_aggregate",
                condition=Q(country__isnull=False, aggregate="") | (Q(country__isnull=True) & ~Q(aggregate="")),
            ),
            models.UniqueConstraint(
                fields=["indicator", "country", "year"], name="indicator_value_once", condition=Q(country__isnull=False)
            ),
            models.UniqueConstraint(
                fields=["indicator", "aggregate", "year"],
                name="indicator_aggregate_once",
                condition=Q(country__isnull=True),
            ),
        ]
        indexes = [models.Index(fields=["indicator", "country", "-year"], name="indicator_latest")]

    def __str__(self) -> str:
        return f"{self.country_id or self.aggregate} {self.year}: {self.value}"


class UidAlias(models.Model):
    """A uid that was merged away, and where it went: old links and ids keep working."""

    old_uid = models.UUIDField(primary_key=True)
    new_uid = models.UUIDField(db_index=True)
    object_type = models.CharField(max_length=32)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(name="uid_alias_moves", condition=~Q(old_uid=F("new_uid")))]

    def __str__(self) -> str:
        return f"{self.old_uid} → {self.new_uid}"
