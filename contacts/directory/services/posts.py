"""Posts: seats in an organization that outlive their holders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from contacts.directory.models import Organization, Post
from contacts.directory.services.editing import archive_row, created, edit_row
from contacts.greetings.models import FormOfAddress
from contacts.greetings.queries import form_for_title
from crm.accounts.models import User
from crm.audit.models import AuditEntry
from crm.errors import Conflict, Invalid

FIELDS = ("name", "names", "is_head", "form_of_address")


def create_post(
    *,
    actor: User | None,
    organization: Organization,
    name: str,
    names: Mapping[str, str] | None = None,
    is_head: bool = False,
    form_of_address: FormOfAddress | None = None,
) -> Post:
    """Add a post; its form of address is found by its title when none is given. Raises Conflict when the organization has one of that name already."""
    if not name.strip():
        raise Invalid(_("A post needs a title."), code="no_name")
    form = form_of_address or form_for_title([name, *(names or {}).values()])
    with transaction.atomic():
        post, is_new = Post.objects.get_or_create(
            organization=organization,
            name=name.strip(),
            defaults={"names": dict(names or {}), "is_head": is_head, "form_of_address": form},
        )
        if not is_new:
            raise Conflict(
                _("%(organization)s has a post called “%(name)s” already.")
                % {"organization": organization.name, "name": post.name},
                code="post_exists",
                uid=str(post.uid),
            )
        created(target=post, fields=("organization", *FIELDS), actor=actor)
    return post


def edit_post(
    *, post: Post, actor: User | None, changes: Mapping[str, Any], seen: Mapping[str, Any] | None = None
) -> AuditEntry | None:
    """Change a post's title, its form of address, or whether it heads its organization. Its holders stay."""
    if "name" in changes and not str(changes["name"]).strip():
        raise Invalid(_("A post needs a title. The old one was kept."), code="no_name")
    return edit_row(target=post, allowed=FIELDS, changes=changes, seen=seen, actor=actor, verb="post.edited")


def archive_post(*, post: Post, actor: User | None) -> AuditEntry | None:
    """The post exists no more. Raises Conflict while somebody holds it."""
    if post.memberships.current().exists():
        raise Conflict(_("Somebody holds this post. End that membership first; nothing was changed."), code="post_held")
    return archive_row(target=post, actor=actor, verb="post.archived")
