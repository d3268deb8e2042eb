"""The ground of the browser tests: the product runs, the browser opens it, and each test begins with an empty database."""

from playwright.sync_api import Page, expect

from crm.accounts.models import User
from tests.factories import UserFactory


def test_visitor_is_asked_to_sign_in(page: Page) -> None:
    page.goto("/")

    expect(page.locator("input[name=login]")).to_be_visible()


def test_rows_made_by_a_test_are_seen_by_the_product(sign_in_page) -> None:  # type: ignore[no-untyped-def]
    assert not User.objects.exists()
    user = UserFactory(name="Awa Ndiaye")

    page = sign_in_page(user)

    expect(page.locator("body")).to_contain_text("Awa Ndiaye")
