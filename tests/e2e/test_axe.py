"""Every page that a person opens, in a real browser: axe-core finds nothing serious in light and in dark, and 390 px are enough.

`make axe` walks all of them. `make test` walks those for visitors and a fifth of those for staff, by their names, because a page takes
two seconds.

The pages are the resolver's routes with the rows of tests/crm/accounts/places.py, so a new one is walked by itself. A route
that answers with no page is named in NO_PAGE with its reason; one that is neither fails.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zlib import crc32

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings as django_settings
from django.urls import resolve, reverse
from playwright.sync_api import Page, Response, ViewportSize
from playwright.sync_api import TimeoutError as TookTooLong

from crm.accounts.demo_users import PASSWORD
from crm.accounts.rules import PARTNER, PUBLIC, TOKEN
from crm.ui.public import LANGUAGES
from tests.crm.accounts.places import ARGUMENT, Placed
from tests.crm.accounts.test_routes import patterns, rule_of
from tests.e2e.axe_rows import ADMIN, forms_to_send, partner_rows, password_path, public_paths, rows
from tests.e2e.partner_door import come_in
from tests.e2e.test_passkey import add_passkey, sign_out
from tests.factories import GrantFactory, UserFactory

EVERY_PAGE = os.environ.get("AXE") == "all"
AXE = Path(django_settings.BASE_DIR, "frontend/node_modules/axe-core/axe.min.js")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# never serious, so nothing is lost by not asking them: each walks the whole page
LIGHTER = ["region", "heading-order", "landmark-unique", "landmark-one-main", "page-has-heading-one", "skip-link",
           "landmark-no-duplicate-main", "landmark-no-duplicate-banner", "landmark-no-duplicate-contentinfo",
           "landmark-main-is-top-level", "landmark-banner-is-top-level", "landmark-contentinfo-is-top-level",
           "landmark-complementary-is-top-level", "aria-allowed-role", "empty-heading", "empty-table-header",
           "image-redundant-alt", "presentation-role-conflict", "table-duplicate-name", "scope-attr-valid"]  # fmt: skip
EVERY_RULE = {"runOnly": RULES, "rules": {name: {"enabled": False} for name in LIGHTER}}
SETTLED_MS = 5000
WIDE: ViewportSize = {"width": 1440, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}
# htmx has put in what it fetches after the page, and charts are drawn
SETTLED = "() => !document.querySelector('.htmx-request, [data-chart]:not(.drawn)')"
# the theme follows the system in the next frame; colours that others inherit may take a frame for each step down
FEWER_ROWS = "() => document.querySelectorAll('tbody tr:nth-child(n+9)').forEach(row => row.remove())"  # all are alike
AT_REST = """async () => {
  const frame = () => new Promise(done => requestAnimationFrame(done));
  await frame();
  for (let still = 0, n = 0; still < 3 && n < 120; n++) {
    await frame();
    still = document.getAnimations().some(a => a instanceof CSSTransition) ? 0 : still + 1;
  }
}"""
LOOK = """async options => {
  const {violations} = await axe.run(document, {...options, iframes: false, resultTypes: ['violations']});
  return violations.filter(rule => ['serious', 'critical'].includes(rule.impact)).flatMap(rule => rule.nodes.map(
    node => `${rule.id}: ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ''}`));
}"""
TOO_WIDE = """() => document.scrollingElement.scrollWidth <= innerWidth ? [] : [`${document.scrollingElement.scrollWidth} px wide: `
  + [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)
    .slice(0, 3).map(e => e.outerHTML.slice(0, 120)).join(' | ')]"""

TAKES = "only takes a POST"
FRAGMENT, FILE, AWAY = "a fragment that a page fetches", "a download", "leads to another page"
NO_PAGE: dict[str, str] = {
    "mfa_list_webauthn": AWAY,
    "drive_activities": AWAY,
    "drive_windows": AWAY,
    "plan_begin": "begins with a template, which its address names",
    "drive_report_file": FILE,
    "campaign_report_file": FILE,
    "snapshot_file": FILE,
    "mfa_download_recovery_codes": FILE,
    "account_email": AWAY,
    "session_end": TAKES,
    "components_toast": TAKES,
    "export_file": FILE,
    "person_duplicates": FRAGMENT,
    "person_options": FRAGMENT,
    "organization_options": FRAGMENT,
    "data_export_file": FILE,
    "import_rejected": FILE,
    "import_rejected_xlsx": FILE,
    "import_kept_csv": FILE,
    "import_kept_xlsx": FILE,
    "submission_file": FILE,
    "party_options": FRAGMENT,
    "mention_options": FRAGMENT,
    "drives_today": FRAGMENT,
    "coming_today": FRAGMENT,
    "reports_today": FRAGMENT,
    "mailing_preview": "the message itself, in a sandbox where no script runs",
    "mailing_preview_members": FRAGMENT,
    "attachment_download": FILE,
    "mailing_progress": FRAGMENT,
    "mailing_when": FRAGMENT,
    "mailing_report_live": FRAGMENT,
    "mailing_report_file": FILE,
    "mailing_report_pdf": FILE,
    "meeting_brief_pdf": FILE,
    "mission_print": FILE,
    "public_page_detail": AWAY,
    "letter_document": FILE,
    "dropped_file_download": FILE,
    "own_address_confirm": "asks for what a mail says",
    "event_badges": FILE,
    "nomination_letter": FILE,
    "delegation_letters": FILE,
    "delegation_participants": FILE,
    "event_door_list": "rows for the door’s page",
    "calendar_feed": FILE,
    "mission_edit": AWAY,
    "service_events": "for a mailing service's calls",
    "segment_choices": FRAGMENT,
    "consent_back": "opens with what a mail service says, in the session that asked it",
    "subscribe": "is opened with a selection of rows",
}
# answer only somebody who has a second step: looked at in a walk of their own
SECOND_STEP = {
    "mfa_reauthenticate", "mfa_deactivate_totp", "mfa_view_recovery_codes", "mfa_generate_recovery_codes",
    "mfa_reauthenticate_webauthn", "mfa_edit_webauthn", "mfa_remove_webauthn",
}  # fmt: skip
FULLER_WITH_IT = {"mfa_index", "mfa_add_webauthn"}
# pages that are opened with something in the address, from the page that knows it
QUERY = {
    "question_create": "?kind=choice",
    "export_new": "?list=people",
    "view_new": "?list=people",
    "search": "?q=chad",
}
# open to everybody, and no page of ours in the walk for visitors
NO_PUBLIC_PAGE = {
    **dict.fromkeys(["public_page_feed", "public_page_share", "sitemap", "robots", "picture", "delegate_letter", "calendar_feed"], FILE),
    **dict.fromkeys(["healthz", "readyz", "metrics", "api_schema", "service_events", "event_door_worker", "fresh_token"], "for programs"),
    **dict.fromkeys(["unsubscribe_page", "account_email", "account_email_verification_sent", "account_confirm_email"], AWAY),
    **dict.fromkeys(["account_change_password", "account_set_password", "account_logout", "account_reauthenticate"], "asks for an account: walked signed in, or shut"),
    "mfa_authenticate": "in the walk of the second step",
    "mfa_login_webauthn": FRAGMENT,
    "account_confirm_login_code": "opens after an address was given: looked at with the answers of forms",
}  # fmt: skip
ANSWERS_NO_PAGE = {"partner_mail_frame", "partner_mail_file"}  # a mail as it was written, and a file of it
ONES_OWN = ["/accounts/reauthenticate/", "/accounts/password/change/", "/accounts/logout/"]


def test_every_page_is_accessible_in_both_themes_and_fits_a_phone(page: Page, live: Any, settings: Any) -> None:
    settings.MEDIA_ROOT = live.folder / "media"
    placed = rows()
    page.context.add_init_script(path=AXE)
    page.emulate_media(reduced_motion="reduce")
    wrong = []
    open_to_all = [*public_paths(placed), password_path(placed)]
    for path in [*in_languages(open_to_all[:-1]), open_to_all[-1], f"{live.mailbox_url}/"]:
        wrong += complaints(page, path)
    names = {resolve(urlsplit(path).path).url_name for path in open_to_all}
    assert {route.name for _, route in patterns() if rule_of(route) == PUBLIC} - names == NO_PUBLIC_PAGE.keys()
    sign_in(page)
    for path in ONES_OWN:
        wrong += complaints(page, path)
    walked = 0
    for name, path in routes(placed):
        if EVERY_PAGE or crc32(name.encode()) % 5 == 0:
            wrong += complaints(page, path, name=name)
            walked += 1

    assert wrong == [], "\n".join(wrong)
    assert walked > (150 if EVERY_PAGE else 50)


def in_languages(paths: list[str], first: int = 0) -> list[str]:
    """Each page in all four languages, or in one, in turn."""
    found = []
    for number, path in enumerate(paths, first):
        codes = list(LANGUAGES) if EVERY_PAGE else [list(LANGUAGES)[number % len(LANGUAGES)]]
        is_chosen = "lang=" in path or path.startswith("/api/")
        found += [path] if is_chosen else [f"{path}{'&' if '?' in path else '?'}lang={code}" for code in codes]
    return found


def test_pages_of_the_second_step_are_accessible_too(
    page: Page, sign_in_page: Any, authenticator: Any, live: Any
) -> None:
    """Of somebody who has an app, codes and a passkey; and where they are asked for when signing in."""
    user = GrantFactory(user=UserFactory(name="Ana Ferreira", email="ana@example.org"), role="planner").user
    page.context.add_init_script(path=AXE)
    page.emulate_media(reduced_motion="reduce")
    sign_in_page(user)
    add_passkey(page)
    TOTP.activate(user, generate_totp_secret())
    passkey = Authenticator.objects.get(user=user, type=Authenticator.Type.WEBAUTHN)

    wrong: list[str] = []
    walked: set[str] = set()
    for path, route in patterns():
        if (name := route.name or "") in SECOND_STEP | FULLER_WITH_IT:
            wrong += complaints(page, ARGUMENT.sub(str(passkey.pk), path), name=name)
            walked.add(name)
    sign_out(page)
    sign_in_page(user)
    wrong += complaints(page, reverse("mfa_authenticate"), name="mfa_authenticate")

    assert wrong == [], "\n".join(wrong)
    assert walked == SECOND_STEP | FULLER_WITH_IT


def test_partners_pages_are_accessible_too(page: Page, live: Any) -> None:
    """Of somebody who has one of everything; in a language that reads right to left once."""
    user, own = partner_rows()
    page.context.add_init_script(path=AXE)
    page.emulate_media(reduced_motion="reduce")
    come_in(page, live, user.email)
    wrong: list[str] = []
    walked = 0
    for path, route in patterns():
        if rule_of(route) == PARTNER:
            shown = path.replace("<int:number>", "0")
            shown = ARGUMENT.sub(own.get(route.name or "", ""), shown)
            if route.name not in ANSWERS_NO_PAGE:
                for there in in_languages([shown], walked):
                    wrong += complaints(page, there, name=route.name or "")
            walked += 1

    assert wrong == [], "\n".join(wrong)
    assert walked >= 8


def test_what_public_forms_answer_is_accessible_too(page: Page, live: Any) -> None:
    """With mistakes marked, and with thanks: pages that only a POST shows. Each in another language, in turn."""
    page.context.add_init_script(path=AXE)
    page.emulate_media(reduced_motion="reduce")
    wrong: list[str] = []
    for number, (path, marked, button) in enumerate(forms_to_send()):
        language = list(LANGUAGES)[number % len(LANGUAGES)]
        page.set_viewport_size(WIDE)
        page.emulate_media(color_scheme="light")
        page.goto(f"{path}{'&' if '?' in path else '?'}lang={language}")
        if marked:
            page.locator(marked).check()
        before = page.locator("main").inner_html()
        with page.expect_navigation():
            page.locator(button).first.evaluate("element => element.click()")  # some stand in a part that is closed
        assert page.locator("main").inner_html() != before, path
        wrong += [f"{path} after {button} in {language}: {line}" for line in faults(page)]
    page.goto("/accounts/login/code/")
    page.fill("input[name=email]", "nobody@people.test")
    page.locator("form:has(input[name=email]) button").click()
    page.locator("input[name=code]").wait_for()
    wrong += [f"the code: {line}" for line in faults(page)]

    assert wrong == [], "\n".join(wrong)


def test_what_is_said_to_be_no_page_is_a_route() -> None:
    assert NO_PAGE.keys() | NO_PUBLIC_PAGE.keys() | QUERY.keys() | SECOND_STEP <= {
        route.name for _, route in patterns()
    }


def routes(placed: Placed) -> Iterator[tuple[str, str]]:
    """(name, path) of every route for staff that may be a page: those that only take a POST show it when they are opened."""
    for path, route in patterns():
        name = route.name or ""
        if rule_of(route) not in {PARTNER, PUBLIC, TOKEN} and name not in NO_PAGE.keys() | SECOND_STEP:
            yield name, (placed.path(path) if ARGUMENT.search(path) else path) + QUERY.get(name, "")


def sign_in(page: Page) -> None:
    """And once more, as pages about the account itself ask for the password again."""
    page.goto("/accounts/login/")
    page.fill("input[name=login]", ADMIN)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "/accounts/login" not in url)
    page.goto("/accounts/reauthenticate/?next=/accounts/2fa/")
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/accounts/2fa/")


def complaints(page: Page, path: str, *, name: str = "") -> list[str]:
    """What is wrong with the page, as readable lines. `name` is its route's, for staff; visitors also see pages that say no."""
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")
    response = page.goto(path)
    assert response is not None
    if response.status == 405:
        return []
    if response.status >= 500:
        return [f"{path} answered {response.status}"]
    if name and (no := _no_page(page, response, path)):
        return [f"{name} is no page ({no}): say so in NO_PAGE, with the reason, or mend it"]
    try:
        page.wait_for_function(SETTLED, timeout=SETTLED_MS)
    except TookTooLong:
        return [f"{path}: still fetching or drawing after 5 s"]
    return [f"{path}: {line}" for line in faults(page)]


def faults(page: Page) -> list[str]:
    """Of the page that is shown: in light and in dark by axe, and whether a phone is wide enough."""
    page.evaluate(FEWER_ROWS)
    found = page.evaluate(LOOK, EVERY_RULE)
    if found:  # a part that is fetched anew is dim for a moment: only what stays is wrong
        page.wait_for_timeout(700)
        page.wait_for_function(SETTLED, timeout=SETTLED_MS)
        found = page.evaluate(LOOK, EVERY_RULE)
    page.emulate_media(color_scheme="dark")
    page.evaluate(AT_REST)
    found += [
        f"dark: {line}" for line in page.evaluate(LOOK, {"runOnly": {"type": "rule", "values": ["color-contrast"]}})
    ]
    page.set_viewport_size(NARROW)
    return [*found, *page.evaluate(TOO_WIDE)]


def _no_page(page: Page, response: Response, path: str) -> str:
    if response.status != 200:
        return f"{path} answered {response.status}"
    there = urlsplit(page.url)
    if there.path != urlsplit(path).path:
        return f"{path} led to {there.path}"
    if not page.title():
        return f"{path} has no title: a fragment"
    return ""
