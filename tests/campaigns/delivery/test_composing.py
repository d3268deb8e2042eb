"""A message is the same bytes by the quick way and by the general one, and ready for the wire whatever its fields hold."""

import re
from datetime import UTC, datetime

import pytest

from campaigns.delivery import composing
from campaigns.delivery.composing import Item, plan_of
from campaigns.mailings.models import Variant
from tests.campaigns.delivery.building import subscriber, to_sending

DATE = datetime(2026, 11, 26, 12, tzinfo=UTC)
BODY = (
    "<p>{{ person.name }}: <a href='https://example.net/a'>one</a> <a href='https://example.net/b?c=d&amp;e=f'>two</a></p>"
    "<p>{% if country.name %}<a href='https://example.net/a'>one</a>{% endif %}</p>"
)
AWKWARD = [
    ".",
    ".dot",
    "x" * 74 + ".x",
    "a\r\nb",
    "a\r\n.\r\nb",
    "=2E",
    "ñ" * 60,
    "." * 200,
    "x" * 75 + "=\r\n.",
    "<&>",
]


def an_item(plan, seq=7, *, is_tracked=True, **fields):
    values = {"person.name": "Fatou", "country.name": "Zambia"} | fields
    return Item(
        seq, "p@people.test", "p@people.test", next(iter(plan.variants)), values, is_tracked, None, 0, "pending", None
    )


@pytest.fixture
def frozen(mailing):
    Variant.objects.filter(mailing=mailing).update(subject="To {{ person.name }}", body_html=BODY)
    subscriber(mailing.topic, 1)
    return to_sending(mailing)


@pytest.mark.django_db(transaction=True)
def test_both_ways_make_the_same_bytes_and_what_they_make_is_ready_for_the_wire(frozen, settings, monkeypatch):
    for number in range(30, 62):  # the pixel's dot comes to stand at every place of a line
        settings.TRACKING_URL = f"https://{'t' * number}.net"
        plan = plan_of(frozen.pk)
        items = [an_item(plan), an_item(plan, 70_000), an_item(plan, is_tracked=False)]
        quick = [plan.message(item, DATE) for item in items]
        with monkeypatch.context() as patched:
            patched.setattr(composing, "is_plain", lambda url: False)
            general = plan_of(frozen.pk)
            assert [general.message(item, DATE) for item in items] == quick
        assert not [message for message in quick if re.search(rb"\r\n\.|\r(?!\n)|(?<!\r)\n", message)]


@pytest.mark.django_db(transaction=True)
def test_no_field_ends_a_message_or_begins_a_line_with_a_dot(frozen):
    plan = plan_of(frozen.pk)

    for value in AWKWARD:
        message = plan.message(an_item(plan, **{"person.name": value, "country.name": value}), DATE)
        assert not re.search(rb"\r\n\.|\r(?!\n)|(?<!\r)\n", message), value
        assert max(map(len, message.split(b"\r\n\r\n", 1)[1].split(b"\r\n"))) <= 76, value
