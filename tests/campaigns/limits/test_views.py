"""Recipient limits on their screen: set, changed, removed, each with undo."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.limits.models import RecipientLimit
from campaigns.limits.queries import recipient_rates
from crm.audit.models import AuditEntry
from crm.audit.services import undo

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def test_limit_is_made_changed_and_removed_and_each_is_undone(admin, sign_in) -> None:
    client = sign_in(admin)
    client.post(reverse("recipient_limit_create"), {"domain": " Info@Ministry.EU ", "per_minute": "30"})
    limit = RecipientLimit.objects.get()
    assert (limit.domain, limit.per_minute, recipient_rates()) == ("ministry.eu", 30, {"ministry.eu": 0.5})

    client.post(reverse("recipient_limit_edit", args=[limit.uid]), {"domain": "ministry.eu", "per_minute": "60"})
    undo(entry=AuditEntry.objects.get(verb="recipient_limit.edited"), actor=admin)
    assert RecipientLimit.objects.get().per_minute == 30

    client.post(reverse("recipient_limit_remove", args=[limit.uid]))
    assert not RecipientLimit.objects.exists()
    undo(entry=AuditEntry.objects.get(verb="recipient_limit.removed"), actor=admin)
    back = RecipientLimit.objects.get()
    assert (back.uid, back.domain, back.per_minute) == (limit.uid, "ministry.eu", 30)

    undo(entry=AuditEntry.objects.get(verb="recipient_limit.created"), actor=admin)
    assert not RecipientLimit.objects.exists()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"domain": "ministry", "per_minute": "5"}, "Write a domain"),
        ({"domain": "a b.eu", "per_minute": "5"}, "Write a domain"),
        ({"domain": "ministry.eu", "per_minute": "0"}, "greater than or equal to 1"),
        ({"domain": "taken.eu", "per_minute": "5"}, "has a limit already"),
    ],
)
def test_wrong_limit_is_refused_in_a_sentence(admin, sign_in, data, says) -> None:
    RecipientLimit.objects.create(domain="taken.eu", per_minute=1)

    answer = sign_in(admin).post(reverse("recipient_limit_create"), data)

    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert RecipientLimit.objects.count() == 1


def test_database_keeps_the_rules() -> None:
    for values in ({"domain": "a.eu", "per_minute": 0}, {"domain": "A.eu", "per_minute": 1}):
        with pytest.raises(IntegrityError), transaction.atomic():
            RecipientLimit.objects.create(**values)


def test_list_asks_as_much_with_one_as_with_three(admin, sign_in) -> None:
    client = sign_in(admin)

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert client.get(reverse("recipient_limits")).status_code == 200
        return len(asked)

    queries()
    RecipientLimit.objects.create(domain="one.eu", per_minute=1)
    one = queries()
    RecipientLimit.objects.create(domain="two.eu", per_minute=1)
    RecipientLimit.objects.create(domain="three.eu", per_minute=1)
    assert queries() == one
