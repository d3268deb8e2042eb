"""What people, organizations and posts have in common over REST."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Prefetch
from django.http import Http404
from django.utils.translation import gettext as _

from contacts.directory import services
from contacts.directory.aliases import resolve
from contacts.directory.models import ContactPoint
from contacts.directory.services.editing import lock
from crm.accounts.rules import Action
from crm.api.problems import Problem
from crm.api.views import Resource
from crm.errors import Invalid

# Only what is shown: making the objects is what takes the time.
POINTS = Prefetch(
    "contact_points",
    ContactPoint.objects.only(
        "uid", "person", "post", "organization", "kind", "value", "label", "status", "status_reason", "is_preferred"
    ).order_by("kind", "-is_preferred", "pk"),
)


class DirectoryResource(Resource):
    """Rows that may have been merged: an old uid leads to the row that it became part of."""

    needs = {
        "create": (Action.EDIT_DIRECTORY,),
        "partial_update": (Action.EDIT_DIRECTORY,),
        "destroy": (Action.EDIT_DIRECTORY,),
    }

    def resolve(self, rows: Any, uid: UUID) -> Any:
        try:
            return resolve(rows, uid)
        except Http404:
            raise Problem(404, _("No such thing, or nothing that this token may see.")) from None

    def locked(self, uid: UUID) -> Any:
        """The row to change, held until the transaction ends, and still as the client read it (`If-Match`)."""
        row = self.find(uid, Action.EDIT_DIRECTORY)
        lock(row)
        fresh = self.full(type(row)._default_manager.filter(pk=row.pk)).get()
        self.require_match(fresh)
        return fresh

    def extras(self, row: Any, data: dict[str, Any]) -> None:
        """Tags and external ids, which have services of their own."""
        if (tags := data.pop("tags", None)) is not None:
            services.set_tags(target=row, names=tags, actor=self.user)
        if keys := data.pop("external_ids", None):
            services.set_external_ids(target=row, keys=keys, actor=self.user)

    def stay_in_reach(self, country: Any, organization: Any = None) -> None:
        """Whoever is limited to countries must say one of them, or the new row would be out of his own sight."""
        limited = self.user.scope(Action.EDIT_DIRECTORY).countries is not None
        if limited and country is None and organization is None:
            sentence = _("Your grants are for some countries: say which one this belongs to.")
            raise Invalid(sentence, code="country_missing", errors=[("country", sentence)])
