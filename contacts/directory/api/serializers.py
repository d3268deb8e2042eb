"""Shapes of the directory's rows, as they are read and as they are written."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from contacts.directory.models import Constituency, ContactPoint, Country, Organization, Person, Post
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api.fields import CodeField, Names, RowField, language, text

SYSTEM = r"^[a-z0-9_-]{1,40}$"


def editable_people(user: User) -> Any:
    return Person.objects.active().visible_to(user, Action.EDIT_DIRECTORY)


def editable_organizations(user: User) -> Any:
    return Organization.objects.active().visible_to(user, Action.EDIT_DIRECTORY).select_related("country")


def editable_posts(user: User) -> Any:
    return Post.objects.active().visible_to(user, Action.EDIT_DIRECTORY).select_related("organization__country")


def editable_countries(user: User) -> Any:
    codes = user.scope(Action.EDIT_DIRECTORY).countries
    return Country.objects.all() if codes is None else Country.objects.filter(code__in=codes)


def constituencies(user: User) -> Any:
    return Constituency.objects.active().of_institutions()


class ExternalIds(serializers.DictField):
    """System → key. Written: null takes a system's key away, and systems that are not named keep theirs."""

    child = serializers.CharField(max_length=200, allow_null=True)

    def to_internal_value(self, data: Any) -> Any:
        import re

        found = super().to_internal_value(data)
        if len(found) > 20 or any(not re.fullmatch(SYSTEM, str(name)) for name in found):
            raise serializers.ValidationError(
                _("At most 20 systems; their names are lower-case letters, digits, - and _.")
            )
        return found

    def to_representation(self, value: Any) -> dict[str, str]:
        return {row.system: row.key for row in sorted(value.all(), key=lambda row: str(row.system))}


class Tags(serializers.ListField):
    child = serializers.CharField(max_length=60)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=50, **kwargs)

    def to_representation(self, data: Any) -> list[str]:
        return sorted((tag.name for tag in data.all()), key=str.casefold)


class ContactPointOut(serializers.Serializer[ContactPoint]):
    uid = serializers.UUIDField()
    kind = serializers.ChoiceField(ContactPoint.Kind.choices)
    value = serializers.CharField()
    label = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(ContactPoint.Status.choices, help_text="What the mail servers said of it last.")
    status_reason = serializers.CharField(allow_blank=True)
    is_preferred = serializers.BooleanField()


class OwnedPointOut(ContactPointOut):
    """With whose it is: exactly one of the three."""

    person = serializers.UUIDField(source="person.uid", allow_null=True, default=None)
    post = serializers.UUIDField(source="post.uid", allow_null=True, default=None)
    organization = serializers.UUIDField(source="organization.uid", allow_null=True, default=None)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class PostRef(serializers.Serializer[Post]):
    uid = serializers.UUIDField()
    name = serializers.CharField()


class OrganizationRef(serializers.Serializer[Organization]):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    constituency = serializers.CharField(source="constituency.code")
    country = serializers.CharField(source="country_id", allow_null=True)


class PersonRef(serializers.Serializer[Person]):
    uid = serializers.UUIDField()
    name = serializers.CharField()


class SeatOut(serializers.Serializer[Any]):
    """A membership as it stands on a person."""

    uid = serializers.UUIDField()
    organization = OrganizationRef()
    post = PostRef(allow_null=True)
    role = serializers.CharField(allow_blank=True, help_text="When there is no post.")
    started_on = serializers.DateField(allow_null=True)
    ended_on = serializers.DateField(allow_null=True, help_text="The last day; null while it lasts.")
    is_primary = serializers.BooleanField(help_text="What the person stands for: country and constituency follow it.")


class MembershipOut(SeatOut):
    person = PersonRef()


class PersonOut(serializers.Serializer[Person]):
    """`shown.people` writes it out."""

    uid = serializers.UUIDField()
    name = serializers.CharField()
    given_name = serializers.CharField(allow_blank=True)
    family_name = serializers.CharField(allow_blank=True)
    honorific_prefix = serializers.CharField(allow_blank=True)
    gender = serializers.ChoiceField(Person.Gender.choices)
    greeting = serializers.CharField(allow_blank=True, help_text="How letters address them, when they want it so.")
    pronunciation = serializers.CharField(allow_blank=True, help_text="How the name is said.")
    language = serializers.CharField(allow_blank=True, help_text="Preferred, BCP 47; empty when it is not known.")
    country = serializers.CharField(source="country_id", allow_null=True, help_text="ISO 3166-1 alpha-2.")
    note = serializers.CharField(allow_blank=True)
    tags = Tags()
    external_ids = ExternalIds()
    contact_points = ContactPointOut(many=True)
    memberships = SeatOut(many=True, source="present", help_text="The present ones, the primary one first.")
    custom = serializers.DictField()
    last_mailed_at = serializers.DateTimeField(allow_null=True)
    last_engaged_at = serializers.DateTimeField(allow_null=True, help_text="Last human click or reply.")
    archived_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class PersonIn(serializers.Serializer[Any]):
    """What can be changed of a person. `name` follows given and family name unless it is given itself."""

    name = text(300)
    given_name = text(150)
    family_name = text(150)
    honorific_prefix = text(60)
    gender = serializers.ChoiceField(Person.Gender.choices, required=False, allow_blank=True)
    greeting = text(120)
    pronunciation = text(200)
    language = language()
    country = CodeField(
        editable_countries, required=False, allow_null=True, help_text="Follows the primary membership."
    )
    note = text(20_000)
    tags = Tags(required=False, help_text="All of them: what is not named is taken away.")
    external_ids = ExternalIds(required=False)


class NewPersonIn(PersonIn):
    """A person, with an address and a first membership if you have them."""

    email = text(254, help_text="A first e-mail address.")
    organization = RowField(editable_organizations, required=False, help_text="Where they belong.")
    post = RowField(
        editable_posts, required=False, help_text="The post that they hold; its organization is theirs then."
    )
    role = text(200, help_text="What they are there, when there is no post.")
    started_on = serializers.DateField(required=False)


class OrganizationOut(serializers.Serializer[Organization]):
    """`shown.organizations` writes it out."""

    uid = serializers.UUIDField()
    name = serializers.CharField()
    names = Names(help_text="In other languages.")
    acronym = serializers.CharField(allow_blank=True)
    constituency = serializers.CharField(source="constituency.code")
    country = serializers.CharField(source="country_id", allow_null=True)
    countries_of_work = serializers.ListField(child=serializers.CharField())
    parent = serializers.UUIDField(source="parent.uid", allow_null=True, default=None)
    language = serializers.CharField(allow_blank=True)
    website = serializers.CharField(allow_blank=True)
    note = serializers.CharField(allow_blank=True)
    tags = Tags()
    external_ids = ExternalIds()
    contact_points = ContactPointOut(many=True)
    custom = serializers.DictField()
    last_contacted_at = serializers.DateTimeField(allow_null=True)
    archived_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class OrganizationIn(serializers.Serializer[Any]):
    name = text(300)
    names = Names(required=False)
    acronym = text(40)
    constituency = CodeField(constituencies, required=False)
    country = CodeField(editable_countries, required=False, allow_null=True)
    countries_of_work = serializers.ListField(
        child=serializers.RegexField(r"^[A-Z]{2}$"), required=False, max_length=250, help_text="ISO 3166-1 alpha-2."
    )
    parent = RowField(editable_organizations, required=False, allow_null=True)
    language = language()
    website = serializers.URLField(max_length=200, required=False, allow_blank=True)
    note = text(20_000)
    tags = Tags(required=False)
    external_ids = ExternalIds(required=False)

    def validate_countries_of_work(self, value: list[str]) -> list[str]:
        known = set(Country.objects.filter(code__in=value).values_list("code", flat=True))
        if unknown := sorted(set(value) - known):
            raise serializers.ValidationError(_("“%(code)s” is no country.") % {"code": unknown[0]})
        return sorted(known)


class NewOrganizationIn(OrganizationIn):
    name = text(300, required=True)
    constituency = CodeField(constituencies)
    email = text(254, help_text="Its own address, such as an info@.")


class PostOut(serializers.Serializer[Post]):
    uid = serializers.UUIDField()
    name = serializers.CharField(help_text="Its title: Minister of Labour.")
    names = Names()
    organization = OrganizationRef()
    is_head = serializers.BooleanField(help_text="Whoever holds it heads the organization.")
    contact_points = ContactPointOut(many=True)
    archived_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class PostIn(serializers.Serializer[Any]):
    name = text(300)
    names = Names(required=False)
    is_head = serializers.BooleanField(required=False)


class NewPostIn(PostIn):
    name = text(300, required=True)
    organization = RowField(editable_organizations)


class NewMembershipIn(serializers.Serializer[Any]):
    """Begin a membership in an organization, or in a post (whose organization it then is)."""

    person = RowField(editable_people)
    organization = RowField(editable_organizations, required=False)
    post = RowField(editable_posts, required=False)
    role = text(200)
    started_on = serializers.DateField(required=False, allow_null=True)
    is_primary = serializers.BooleanField(required=False, help_text="By default so when there is no other primary one.")
    ends_previous = serializers.BooleanField(required=False, help_text="The post's present holders end the day before.")


class EndIn(serializers.Serializer[Any]):
    ended_on = serializers.DateField(required=False, help_text="The last day; today by default, never in the future.")


class PointIn(serializers.Serializer[Any]):
    value = text(320)
    label = text(60)
    is_preferred = serializers.BooleanField(required=False)
    status = serializers.ChoiceField(
        [(code, code) for code in ("active", "invalid")], required=False, help_text="A new value starts as active."
    )


class NewPointIn(serializers.Serializer[Any]):
    """An address of exactly one owner."""

    person = RowField(editable_people, required=False)
    post = RowField(editable_posts, required=False)
    organization = RowField(editable_organizations, required=False)
    kind = serializers.ChoiceField(ContactPoint.Kind.choices, required=False)
    value = text(320, required=True)
    label = text(60)
    is_preferred = serializers.BooleanField(required=False)

    def validate(self, attrs: Any) -> Any:
        if sum(attrs.get(name) is not None for name in ("person", "post", "organization")) != 1:
            raise serializers.ValidationError(_("Say whose it is: one of person, post and organization."))
        return attrs


@extend_schema_field({"type": "object", "additionalProperties": True})
class Tree(serializers.JSONField):
    """Rules, as segments have them."""


class PeopleQuery(serializers.Serializer[Any]):
    """The rules of a segment, sent along."""

    filter = Tree(help_text='{"version": 1, "op": "all", "rules": […]}; the fields are those of GET /segment-fields.')
    limit = serializers.IntegerField(min_value=1, max_value=200, required=False)
    after = serializers.CharField(
        required=False, allow_blank=True, max_length=2000, help_text="`next_cursor` of the page before."
    )
    count = serializers.ChoiceField(["exact", "estimate"], required=False)


class UpsertRow(PersonIn):
    email = text(254)
    organization = RowField(editable_organizations, required=False)
    role = text(200)


class UpsertIn(serializers.Serializer[Any]):
    """People by what another system calls them, or by e-mail address."""

    match = serializers.CharField(
        max_length=40, help_text="`email`, or the name of a system in `external_ids` that every row then has."
    )
    rows = serializers.ListField(child=serializers.DictField(), min_length=1, max_length=500)


class UpsertResult(serializers.Serializer[Any]):
    index = serializers.IntegerField(help_text="Place in `rows`, from 0.")
    status = serializers.ChoiceField(["created", "updated", "unchanged", "failed"])
    uid = serializers.UUIDField(allow_null=True)
    code = serializers.CharField(required=False, help_text="Why it failed.")
    detail = serializers.CharField(required=False)
    fields = serializers.DictField(child=serializers.ListField(child=serializers.CharField()), required=False)


class UpsertOut(serializers.Serializer[Any]):
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    failed = serializers.IntegerField()
    results = UpsertResult(many=True)


class PeoplePage(serializers.Serializer[Any]):
    data = PersonOut(many=True)
    next = serializers.CharField(allow_null=True)
    next_cursor = serializers.CharField(allow_null=True)
    count = serializers.IntegerField(required=False)
    count_is_estimate = serializers.BooleanField(required=False)
