"""The mail server is away, and what is in flight or suppressed meanwhile. `make faults` runs these; each ends with the audit."""

from django.db import connection

from campaigns.delivery.queries import counts
from contacts.consent.services import suppress_address

CONNECTIONS = 4  # of one task; two tasks run side by side


def test_without_a_policy_to_resend_what_was_in_flight_waits_for_a_person(ground):
    mailing = ground.send(2000, connections=CONNECTIONS, resends_uncertain=False)
    ground.wait_for(lambda: ground.accepted(mailing) > 500, "some are sent")

    ground.kill9("worker")
    ground.start_worker()
    ground.finished(mailing)

    found = ground.audit(mailing)
    assert found["duplicates"] == 0
    assert found["lost"] == 0
    assert found["counts"]["accepted"] + found["counts"]["uncertain"] == 2000
    assert found["counts"]["uncertain"] <= 2 * CONNECTIONS


def test_a_mail_server_that_is_down_at_the_start_pauses_the_mailing_until_it_is_back(ground):
    ground.kill9("sink")
    mailing = ground.send(200)

    ground.wait_for(lambda: ground.state(mailing) == "paused", "it is paused")
    assert "does not take mail" in mailing.state_reason
    assert counts(mailing.pk)["pending"] == 200
    ground.start_sink()
    ground.finished(mailing)

    found = ground.audit(mailing)
    assert (found["lost"], found["duplicates"], found["counts"]["accepted"]) == (0, 0, 200)


def test_a_mail_server_that_goes_down_half_way_loses_nothing(ground):
    mailing = ground.send(2500, connections=CONNECTIONS)
    ground.wait_for(lambda: ground.accepted(mailing) > 500, "some are sent")

    ground.kill9("sink")
    ground.wait_for(lambda: ground.state(mailing) == "paused", "it is paused")
    assert sum(counts(mailing.pk).values()) == 2500
    ground.start_sink()
    ground.finished(mailing)

    found = ground.audit(mailing)
    assert found["lost"] == 0
    assert found["duplicates"] <= 2 * CONNECTIONS
    assert found["counts"]["accepted"] == 2500


def test_an_address_suppressed_while_sending_is_not_written_to(ground):
    mailing = ground.send(2000, per_second=500)
    ground.wait_for(lambda: ground.accepted(mailing) > 50, "some are sent")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT address FROM delivery WHERE mailing_id = %s AND state = 'pending' ORDER BY seq DESC LIMIT 300",
            [mailing.pk],
        )
        addresses = [address for (address,) in cursor.fetchall()]

    for address in addresses:
        suppress_address(address=address, reason="manual", source="test")
    ground.finished(mailing)

    found = ground.audit(mailing)
    assert found["suppressed_and_sent"] == 0
    assert found["counts"]["cancelled"] + found["counts"]["accepted"] == 2000
    assert found["counts"]["cancelled"] > 0
