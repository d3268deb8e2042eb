"""People, institutions and their parts over REST: the same querysets and services as the screens."""

from contacts.directory.api.organizations import OrganizationResource
from contacts.directory.api.parts import ContactPointResource, MembershipResource, PostResource
from contacts.directory.api.people import PersonResource
from contacts.directory.api.reference import ConstituencyResource, CountryResource, TagResource
from crm.api.registry import Section

SECTIONS = [
    Section(
        "People",
        "Somebody whom the campaign knows, with addresses and present memberships. Filter by words, country, constituency, "
        "tag or change; or by the rules of a segment, saved (`segment=`) or sent along (`filter=`, `POST /people/query`).",
        [("people", PersonResource)],
        order=10,
    ),
    Section(
        "Institutions",
        "Organizations, the posts in them, and who holds those posts from when to when. History is never overwritten: "
        "a new minister is a new membership.",
        [
            ("organizations", OrganizationResource),
            ("posts", PostResource),
            ("memberships", MembershipResource),
            ("contact-points", ContactPointResource),
        ],
        order=20,
    ),
    Section(
        "Reference",
        "Countries (ISO 3166-1), constituencies and tags: the codes that everything else refers to.",
        [("countries", CountryResource), ("constituencies", ConstituencyResource), ("tags", TagResource)],
        order=90,
    ),
]
