"""What the addresses below one mailing have in common: whose it is, how it is told, how it is held while it is changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from campaigns.mailings import services
from campaigns.mailings.api.serializers import VERBS, MailingDetail, MailingOut
from campaigns.mailings.models import Mailing
from campaigns.mailings.states import State
from crm.accounts.rules import Action
from crm.api.views import Resource
from crm.errors import WrongState


class MailingActions(Resource):
    serializer_class = MailingOut

    def rows(self, action: Action = Action.SEE) -> Any:
        return Mailing.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.with_parts().prefetch_related("variants").defer("frozen_with", "review_snapshot")

    def represent(self, row: Any) -> Any:
        return MailingDetail(row, context=self.get_serializer_context()).data

    def _locked(self, uid: UUID, action: Action) -> Mailing:
        """Held until the transaction ends, and still as the client read it (`If-Match`)."""
        row = self.find(uid, action)
        services.locked(row)
        fresh: Mailing = self.full(Mailing.objects.filter(pk=row.pk)).get()
        self.require_match(fresh)
        return fresh

    @contextmanager
    def _told(self, mailing: Mailing | None = None) -> Iterator[None]:
        """A refusal because of its state says what can be done instead."""
        try:
            yield
        except WrongState as error:
            state = error.data.get("state") or (mailing.state if mailing else "")
            if state:
                error.data |= {"state": state, "allowed": list(VERBS[State(state)])}
            raise

    def _where(self, mailing: Mailing) -> dict[str, Any]:
        return {"state": mailing.state, "allowed": list(VERBS[State(mailing.state)])}
