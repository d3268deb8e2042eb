"""/event-delegations and /event-nominations: read, and decided as staff do."""

import pytest

from campaigns.delegations.models import Nomination
from tests.factories import DelegationFactory, NominationFactory, PersonFactory

pytestmark = pytest.mark.django_db


def test_names_are_read_accepted_sent_back_and_withdrawn(api, planner, viewer):
    row = DelegationFactory()
    ada, ben, cy = (NominationFactory(delegation=row, name=name) for name in ("Ada", "Ben", "Cy"))
    person, client = PersonFactory(), api(planner)

    found = client.get(f"/event-nominations?delegation={row.uid}").json()["data"]
    assert {one["uid"] for one in found} == {str(one.uid) for one in (ada, ben, cy)} and "passport_name" not in found[0]
    api(viewer).post(f"/event-nominations/{ada.uid}/accept", {}, status=403)
    assert client.post(f"/event-nominations/{ada.uid}/accept", {"person": str(person.uid)}, status=200).json()[
        "person"
    ] == str(person.uid)
    client.post(f"/event-nominations/{ada.uid}/accept", {}, status=409)
    client.post(f"/event-nominations/{ben.uid}/send-back", {"reason": ""}, status=422)
    assert (
        client.post(f"/event-nominations/{ben.uid}/send-back", {"reason": "Full"}, status=200).json()["state"]
        == "returned"
    )
    assert client.post(f"/event-nominations/{cy.uid}/accept", {"add": True}, status=200).json()["person"]
    assert client.post(f"/event-nominations/{cy.uid}/withdraw", status=200).json()["state"] == "withdrawn"
    assert Nomination.objects.accepted().count() == 1
    [told] = client.get("/event-delegations?complete=false").json()["data"]
    assert {(one["constituency"], one["role"], one["taken"]) for one in told["seats"]} >= {("GOV", "delegate", 1)}
