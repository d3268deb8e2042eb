"""Stories in a real browser against the whole product: web, track, workers, beat and the local mailbox.

`live` is started once; `page` is a fresh browser window. Inside these tests the ORM talks to the product's database.
On a failure a picture and the page's source are left in .local/test/failures/.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import global_settings
from django.db import connections
from django.test import override_settings
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from crm.local.chromium import find_chromium
from tests import ground
from tests import live as product
from tests.environment import HOME

# Playwright's synchronous interface runs an event loop in this thread; the ORM is used between its calls, never in them.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

FAILURES = HOME / "failures"


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.xdist_group("e2e"))  # one product, so one worker for all of them


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report: Any = yield
    setattr(item, f"report_{report.when}", report)
    return report  # type: ignore[return-value]


@pytest.fixture(scope="package")
def live(django_db_blocker) -> Iterator[product.Live]:  # type: ignore[no-untyped-def]
    """The running product."""
    running = product.start()
    with django_db_blocker.unblock(), _connected_to(running):
        ground.remember()
    yield running
    assert running.stop() == 0, running.log()


@pytest.fixture(autouse=True)
def live_database(live: product.Live, django_db_blocker) -> Iterator[None]:  # type: ignore[no-untyped-def]
    """Empty the product's database and let this test's ORM use it."""
    # the product does not know the other tests' fast hasher
    real_hashers = override_settings(PASSWORD_HASHERS=global_settings.PASSWORD_HASHERS)
    with django_db_blocker.unblock(), _connected_to(live), real_hashers:
        live.reset()
        yield


class _connected_to:  # noqa: N801 - reads as a verb
    """Point the default connection at the product's database for a while."""

    def __init__(self, running: product.Live) -> None:
        self._name = running.database

    def __enter__(self) -> None:
        connection = connections["default"]
        connection.close()
        self._before = connection.settings_dict["NAME"]
        connection.settings_dict["NAME"] = self._name

    def __exit__(self, *exc_info: object) -> None:
        connection = connections["default"]
        connection.close()
        connection.settings_dict["NAME"] = self._before


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of this folder. It goes with them: while Playwright runs, its event loop counts as running in
    this thread, and tests of ours that start a loop and come after them in this worker would be refused."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(**find_chromium().launch_options())
        yield chromium
        chromium.close()


@pytest.fixture
def context(browser: Browser, live: product.Live, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A window of its own: 1440 × 900, cookies of nobody. Errors in the page's scripts and CSP refusals fail the test."""
    # a browser that calls itself headless is a machine to the tracker, and its clicks would not count
    agent = (
        f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{browser.version} Safari/537.36"
    )
    window = browser.new_context(
        base_url=live.url, viewport={"width": 1440, "height": 900}, locale="en-GB", user_agent=agent
    )
    window.set_default_timeout(15_000)
    complaints: list[str] = []
    window.on("weberror", lambda error: complaints.append(str(error.error)))
    window.on(
        "console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None
    )
    yield window
    report = getattr(request.node, "report_call", None)
    if report is not None and report.failed:
        _keep_evidence(window, request.node.name)
    window.close()
    assert complaints == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A page of this test's window."""
    return context.new_page()


@pytest.fixture
def sign_in_page(page: Page) -> Any:
    """`sign_in_page(user)`: through the sign-in form, with the password that UserFactory gives."""

    def sign_in(user: Any, password: str = "password") -> Page:
        page.goto("/accounts/login/")
        page.fill("input[name=login]", user.email)
        page.fill("input[name=password]", password)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda url: "/accounts/login" not in url)
        return page

    return sign_in


@pytest.fixture
def authenticator(context: BrowserContext, page: Page) -> Any:
    """A device that keeps passkeys and recognises its owner."""
    devtools = context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return devtools


def _keep_evidence(window: BrowserContext, name: str) -> None:
    FAILURES.mkdir(parents=True, exist_ok=True)
    for number, page in enumerate(window.pages):
        page.screenshot(path=FAILURES / f"{name}-{number}.png", full_page=True)
        (FAILURES / f"{name}-{number}.html").write_text(page.content())
