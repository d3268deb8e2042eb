"""The directory's verbs: every change of a person, an institution, a post or an address goes through one of these.

Each is one transaction with one audit entry, returns what it made or the audit entry of what it changed, and can be undone.
"""

from contacts.directory.services.contact_points import (
    add_contact_point,
    edit_contact_point,
    remove_contact_point,
)
from contacts.directory.services.external_ids import set_external_ids
from contacts.directory.services.memberships import (
    end_membership,
    set_primary,
    start_membership,
)
from contacts.directory.services.organizations import (
    archive_organization,
    create_organization,
    edit_organization,
    unarchive_organization,
)
from contacts.directory.services.people import archive_person, create_person, edit_person, unarchive_person
from contacts.directory.services.posts import archive_post, create_post, edit_post
from contacts.directory.services.tags import set_tags, tag_rows, untag_rows

__all__ = [
    "add_contact_point",
    "archive_organization",
    "archive_person",
    "archive_post",
    "create_organization",
    "create_person",
    "create_post",
    "edit_contact_point",
    "edit_organization",
    "edit_person",
    "edit_post",
    "end_membership",
    "remove_contact_point",
    "set_external_ids",
    "set_primary",
    "set_tags",
    "start_membership",
    "tag_rows",
    "unarchive_organization",
    "unarchive_person",
    "untag_rows",
]
