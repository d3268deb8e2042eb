"""What the bench of freezing measures is what it says: whole freezes, and the plain insert of their rows, in pairs."""

import pytest

from campaigns.delivery import benches
from campaigns.mailings.models import Mailing
from campaigns.mailings.states import State


@pytest.mark.django_db(transaction=True)
def test_seven_freezes_of_everybody_beside_seven_plain_inserts():
    found = benches.freeze(300)

    assert (found.figures["rows"], len(found.figures["ratios"])) == (300, 7)
    assert all(ratio > 0 for ratio in found.figures["ratios"])
    assert [mailing.audience_count for mailing in Mailing.objects.filter(state=State.SENDING)] == [300] * 7
    (bar,) = found.bars
    assert bar.limit == 1.5 and bar.value == pytest.approx(sorted(found.figures["ratios"])[3], abs=0.01)
