"""Numbers of many questions in one statement, and that the menu says what the pages behind it hold."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from campaigns.mailings import services
from campaigns.todo.models import Task
from contacts.directory.models import Organization, Person
from crm.accounts.models import User
from crm.accounts.rules import Role
from crm.ui import today
from crm.ui.counting import counts
from crm.ui.menu import counts_for, items_for
from tests.campaigns.ledger import delivery, finish, sent_mailing
from tests.campaigns.ledger import feedback as came_back
from tests.campaigns.outreach.test_views import reply_of
from tests.factories import GrantFactory, MailingFactory, OrganizationFactory, PersonFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def busy(editor, approver):
    """Something of each kind that Today knows, more of some than it shows singly."""
    for _ in range(5):
        reply_of(sent_mailing())
    for _ in range(4):
        came_back(delivery(finish(sent_mailing())))
    for state in ("approved", "paused"):
        MailingFactory(state=state)
    services.ask_review(mailing=MailingFactory(name="Waiting"), actor=editor)
    back = services.ask_review(mailing=MailingFactory(name="Returned", written_by=editor), actor=editor)
    services.reject(mailing=back, actor=approver, comment="Too long.")


def at_entries(user):
    items = items_for(user)
    return {item.url_name: number for item, number in zip(items, counts_for(user, items)[1:], strict=True)}


def test_each_group_is_counted_and_all_in_one_statement(django_assert_num_queries):
    for name in "abcd":
        UserFactory(name=name)
    everybody = User.objects.filter(name__in="abcd")

    with django_assert_num_queries(1):
        found = counts([[everybody], [], [everybody[:3], everybody.filter(name="a"), 2], [everybody.none()]])

    assert found == [4, 0, 6, 0]


def test_numbers_alone_ask_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert counts([[1, 2], []]) == [3, 0]


@pytest.mark.parametrize(
    ("role", "is_everywhere"),
    [(role, everywhere) for role in Role for everywhere in (True, False) if everywhere or role != Role.ADMIN],
)
def test_the_menu_counts_as_many_as_today_shows(busy, role, is_everywhere):
    user = UserFactory()
    GrantFactory(user=user, role=role, is_everywhere=is_everywhere, countries=[] if is_everywhere else ["ZM"])

    counted = sum(counts([today.waiting_for(user)]))

    assert counted == len(today.needs_of(user))


def test_writer_and_approver_have_something_in_the_menu(busy, editor, approver):
    for user in (editor, approver):
        at = at_entries(user)
        assert at["today"] == len(today.needs_of(user)) > 0
    assert at["mailing_list"] == 1  # the approver's yes
    assert at["outreach_queue"] == 5


def test_what_was_counted_holds_for_a_moment(busy, approver, django_assert_num_queries):
    first = at_entries(approver)
    MailingFactory(state="in_review")

    with django_assert_num_queries(1):
        again = at_entries(approver)

    assert again["today"] == first["today"]
    assert again["mailing_list"] == first["mailing_list"] + 1


def test_kept_questions_end_with_the_grants_and_the_day_that_they_were_made_for(monkeypatch):
    user = GrantFactory(role=Role.PLANNER, is_everywhere=False, countries=["ZM"]).user
    for country in ("ZM", "KE"):
        row, _reply = reply_of(sent_mailing())
        Organization.objects.filter(pk=row.organization_id).update(country=country)
        Person.objects.filter(pk=row.person_id).update(country=country)
    tomorrow = timezone.localdate() + timedelta(days=1)
    Task.objects.create(title="Call back", assignee=user, due_on=tomorrow)
    assert at_entries(user)["outreach_queue"] == 1

    user.grants.update(countries=["ZM", "KE"])
    assert at_entries(User.objects.get(pk=user.pk))["outreach_queue"] == 2

    monkeypatch.setattr(timezone, "localdate", lambda *args: tomorrow)
    assert at_entries(User.objects.get(pk=user.pk))["outreach_queue"] == 3


@pytest.mark.parametrize("page", ["person_detail", "organization_detail", "person_list", "organization_list"])
@pytest.mark.parametrize("countries", [[], ["ZM"]])
def test_a_page_with_nothing_counted_yet_keeps_the_bar(busy, sign_in, page, countries, django_assert_max_num_queries):
    user = UserFactory()
    GrantFactory(user=user, role=Role.PLANNER, is_everywhere=not countries, countries=countries)
    shown = {"person_detail": PersonFactory, "organization_detail": OrganizationFactory}.get(page)
    url = reverse(page, args=[shown(country__code="ZM").uid] if shown else [])
    client = sign_in(user)
    cache.clear()

    with django_assert_max_num_queries(25):
        assert client.get(url).status_code == 200
