"""What the lists of people and of organizations show in their cells. `attach_places` and others have put `place_label`, `email` … on the rows."""

from __future__ import annotations

from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from contacts.directory.models import ContactPoint, Organization
from crm.ui.cells import badge, breakable, counted, dim, format_html, link, when, who
from crm.ui.links import query_of, url_of


def person(row: Any) -> SafeString:
    return who(row.name, url_of("person_detail", row.uid), below=row.title)


def place(row: Any) -> SafeString:
    """The institution that a person stands for now."""
    return link(url_of("organization_detail", row.place_uid), row.place_label) if row.place_uid else dim()


def constituency_of_person(row: Any) -> SafeString:
    return badge(row.constituency_root.lower(), row.constituency_name)


def country(row: Any) -> SafeString:
    return link(url_of("country_detail", row.country_id), row.country.label) if row.country else dim()


def country_of_person(row: Any) -> SafeString:
    return link(url_of("country_detail", row.country_id), row.country_name) if row.country_id else dim()


def email(row: Any) -> SafeString:
    """The preferred address, with what is wrong with it."""
    if not row.email:
        return dim(_("none"))
    shown = format_html("<span>{}</span>", breakable(row.email))
    if row.email_status == ContactPoint.Status.ACTIVE:
        return shown
    kind = "warn" if row.email_status == ContactPoint.Status.BOUNCING else "bad"
    return format_html("{} {}", shown, badge(kind, str(ContactPoint.Status(row.email_status).label)))


def mailed(row: Any) -> str:
    return when(row.last_mailed_at, never=_("never"))


def organization(row: Any) -> SafeString:
    return who(row.label, organization_url(row), below=row.acronym, square=True)


def constituency(row: Any) -> SafeString:
    return badge(row.constituency.root_code.lower(), row.constituency.label)


def people(row: Any) -> SafeString:
    return counted(row.people_count, query_of("person_list", organization=row.uid))


def contacted(row: Any) -> str:
    return when(row.last_contacted_at, never=_("never"))


def organization_url(row: Organization) -> str:
    return url_of("organization_detail", row.uid)
