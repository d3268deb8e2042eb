"""`make screenshots`: every main page of the demo, wide and narrow, light and dark, into docs/screenshots/.

Runs the whole product with the demo loaded, in a database of its own, and waits until its first mailing has gone out, so
that the pictures show what somebody sees ten minutes after `make run`. `python -m tests.e2e.screenshots board calendar` takes
those two only.
"""

import sys
import time
from pathlib import Path
from typing import Any

from tests import environment

environment.prepare()

import django  # noqa: E402

django.setup()

import psycopg  # noqa: E402
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

from crm.accounts.demo_users import PASSWORD, USERS  # noqa: E402
from crm.accounts.rules import Role  # noqa: E402
from crm.local.chromium import find_chromium  # noqa: E402
from tests import live  # noqa: E402
from tests.e2e.partner_door import come_in  # noqa: E402

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
SIZES = {"wide": (1440, 900), "narrow": (390, 844)}
SENT_WITHIN_SECONDS = 180
TALLEST = 1700
_signed_in: dict[str | None, Any] = {}
PARTNER = "partner"
# name, who looks, path; {…} are uids that the database knows
PAGES = [
    ("sign-in", None, "/accounts/login/"),
    ("sending", Role.EDITOR, "/sending/"),  # early: the demo's deferred messages still wait
    ("today", Role.APPROVER, "/"),
    ("people", Role.PLANNER, "/directory/people/"),
    ("person", Role.PLANNER, "/directory/people/{person}/"),
    ("organizations", Role.PLANNER, "/directory/organizations/?country=TD"),
    ("organization", Role.PLANNER, "/directory/organizations/{organization}/"),
    ("country", Role.PLANNER, "/directory/countries/TD/"),
    ("import", Role.PLANNER, "/directory/imports/"),
    ("segments", Role.PLANNER, "/segments/"),
    ("segment-builder", Role.PLANNER, "/segments/{segment}/edit/"),
    ("drive", Role.PLANNER, "/drives/{drive}/"),
    ("plan", Role.PLANNER, "/drives/{drive}/plan/"),
    ("board", Role.PLANNER, "/drives/{drive}/board/"),
    ("calendar", Role.PLANNER, "/drives/{drive}/calendar/"),
    ("activities", Role.PLANNER, "/drives/activities/?drive={drive}"),
    ("templates", Role.PLANNER, "/drives/templates/"),
    ("windows", Role.PLANNER, "/drives/windows/?when=ahead"),
    ("window-import", Role.PLANNER, "/drives/windows/import/"),
    ("results", Role.PLANNER, "/drives/campaigns/{campaign}/results/"),
    ("drive-report", Role.PLANNER, "/drives/{drive}/report/"),
    ("frozen-report", Role.PLANNER, "/drives/snapshots/{snapshot}/"),
    ("week", Role.PLANNER, "/profile/week/"),
    ("campaign", Role.PLANNER, "/drives/campaigns/{campaign}/"),
    ("drive-position", Role.PLANNER, "/drives/{drive}/?colour=position"),
    ("drive-next", Role.OUTREACH, "/drives/{drive}/next/"),
    ("drive-map", Role.PLANNER, "/drives/{drive}/map/?measure=position"),
    ("asks", Role.PLANNER, "/drives/{drive}/asks/"),
    ("positions", Role.OUTREACH, "/directory/organizations/{moved}/positions/"),
    ("commitments", Role.PLANNER, "/commitments/"),
    ("commitment", Role.PLANNER, "/commitments/{commitment}/"),
    ("promise", None, "{promise}"),
    ("matrix", Role.PLANNER, "/drives/{drive}/matrix/"),
    ("mailings", Role.EDITOR, "/mailings/"),
    ("mailing-editor", Role.EDITOR, "/mailings/{waiting}/edit/"),
    ("pre-flight", Role.APPROVER, "/mailings/{waiting}/pre-flight/"),
    ("report", Role.PLANNER, "/mailings/{sent}/report/"),
    ("settings", Role.ADMIN, "/settings/"),
    ("replies", Role.PLANNER, "/outreach/replies/"),
    ("queue", Role.OUTREACH, "/outreach/"),
    ("away", Role.OUTREACH, "/outreach/away/"),
    ("call-rounds", Role.OUTREACH, "/outreach/rounds/"),
    ("contacts", Role.OUTREACH, "/outreach/contacts/"),
    ("tasks", Role.OUTREACH, "/outreach/tasks/"),
    ("brief", Role.OUTREACH, "/directory/organizations/{met}/brief/"),
    ("missions", Role.OUTREACH, "/outreach/missions/"),
    ("mission", Role.OUTREACH, "/outreach/missions/{mission}/"),
    ("mission-form", Role.OUTREACH, "/outreach/missions/{draft_mission}/edit/"),
    ("letters", Role.OUTREACH, "/outreach/letters/"),
    ("letter", Role.OUTREACH, "/outreach/letters/{letter}/"),
    ("dropbox", Role.OUTREACH, "/outreach/dropbox/"),
    ("write", Role.OUTREACH, "/directory/people/{person}/write/"),
    ("calendar-feeds", Role.OUTREACH, "/profile/calendars/"),
    ("log", Role.OUTREACH, "/outreach/log/?organization={organization}"),
    ("form", Role.PLANNER, "/forms/{form}/"),
    ("form-results", Role.PLANNER, "/forms/{form}/?tab=results"),
    ("networks", Role.PLANNER, "/networks/"),
    ("network", Role.PLANNER, "/networks/{network}/"),
    ("application", Role.PLANNER, "/networks/applications/{application}/"),
    ("events", Role.PLANNER, "/events/"),
    ("event", Role.PLANNER, "/events/{event}/"),
    ("event-people", Role.PLANNER, "/events/{event}/?tab=people"),
    ("event-form", Role.PLANNER, "/events/{event}/edit/"),
    ("event-page", None, "/meet/dialogue-dakar/"),
    ("event-answer", None, "{answer}"),
    ("to-decide", Role.PLANNER, "/events/{event}/?tab=asked"),
    ("sign-up", None, "/meet/dialogue-dakar/sign-up/"),
    ("door", Role.OUTREACH, "/events/{event}/door/"),
    ("delegations", Role.PLANNER, "/events/{conference}/delegations/"),
    ("delegation-setup", Role.PLANNER, "/events/{conference}/delegations/set-up/"),
    ("delegation", Role.PLANNER, "/events/delegations/{delegation}/"),
    ("delegates", Role.PLANNER, "/events/{conference}/delegations/names/"),
    ("delegate-steps", Role.PLANNER, "/events/{conference}/delegations/steps/"),
    ("nomination", Role.PLANNER, "/events/nominations/{named}/"),
    ("nominate", None, "{nominate}"),
    ("delegate", None, "{delegate}"),
    ("join", None, "/join/social-security-for-all/?country=MG"),
    ("public-page", None, "/about/social-security-for-all/"),
    ("public-page-ar", None, "/about/ten-countries/?lang=ar"),
    ("public-page-form", Role.PLANNER, "/drives/campaigns/{campaign}/page/"),
    ("reports", Role.PLANNER, "/reports/"),
    ("people-and-grants", Role.ADMIN, "/settings/users/"),
    ("components", Role.ADMIN, "/settings/components/"),
    ("permissions", Role.PLANNER, "/directory/permissions/person/{person}/"),
    ("erase", Role.ADMIN, "/directory/people/{person}/erase/"),
    ("segment", Role.PLANNER, "/segments/{segment}/"),
    ("activity", Role.PLANNER, "/activity/"),
    ("senders", Role.ADMIN, "/settings/senders/"),
    ("retention", Role.ADMIN, "/settings/retention/"),
    ("profile", Role.PLANNER, "/profile/"),
    ("api", Role.PLANNER, "/api/v1/docs"),
    ("preferences", None, "{preferences}"),
    ("network-growth", Role.PLANNER, "/networks/{network}/?tab=growth"),
    ("network-map", Role.PLANNER, "/networks/{network}/?tab=map"),
    ("network-member", Role.PLANNER, "/networks/members/{represented}/"),
    ("partner-sign-in", None, "/accounts/login/code/"),
    ("partner-home", PARTNER, "/partner/"),
    ("partner-network", PARTNER, "/partner/networks/{represented}/"),
    ("partner-events", PARTNER, "/partner/events/"),
    ("partner-commitments", PARTNER, "/partner/commitments/"),
    ("partner-mail", PARTNER, "/partner/mailings/{received}/"),
    ("partner-data", PARTNER, "/partner/data/"),
    ("offers", Role.PLANNER, "/commitments/offers/"),
    ("directory", None, "/join/social-security-for-all/members/"),
]
UIDS = {
    "person": "SELECT p.uid FROM contacts_person p JOIN delivery d ON d.person_id = p.id JOIN campaigns_interaction i"
    " ON i.person_id = p.id WHERE d.state = 'accepted' ORDER BY p.id LIMIT 1",
    "organization": "SELECT uid FROM contacts_organization WHERE country_id = 'TD' ORDER BY id LIMIT 1",
    "moved": "SELECT o.uid FROM contacts_organization o JOIN campaigns_positionstep s ON s.organization_id = o.id"
    " GROUP BY o.id ORDER BY count(*) DESC, o.id LIMIT 1",
    "commitment": "SELECT c.uid FROM campaigns_commitment c JOIN campaigns_commitmentupdate u ON u.commitment_id = c.id"
    " WHERE u.state = 'waiting' ORDER BY c.id LIMIT 1",
    "met": "SELECT o.uid FROM contacts_organization o JOIN campaigns_party p ON p.organization_id = o.id"
    " GROUP BY o.id ORDER BY count(*) DESC, o.id LIMIT 1",
    "mission": "SELECT uid FROM campaigns_mission WHERE filed_at IS NOT NULL LIMIT 1",
    "draft_mission": "SELECT uid FROM campaigns_mission WHERE filed_at IS NULL LIMIT 1",
    "letter": "SELECT uid FROM campaigns_letter ORDER BY id LIMIT 1",
    "form": "SELECT uid FROM campaigns_form",
    "network": "SELECT uid FROM campaigns_network",
    "partner": "SELECT email FROM crm_user WHERE is_partner ORDER BY id LIMIT 1",
    "received": "SELECT m.uid FROM campaigns_mailing m JOIN delivery d ON d.mailing_id = m.id JOIN campaigns_partneraccount a"
    " ON a.person_id = d.person_id JOIN crm_user u ON u.id = a.user_id WHERE d.state = 'accepted' ORDER BY u.id, m.id LIMIT 1",
    "represented": "SELECT m.uid FROM campaigns_member m JOIN campaigns_representative r ON r.member_id = m.id"
    " JOIN campaigns_partneraccount a ON a.person_id = r.person_id LIMIT 1",
    "event": "SELECT uid FROM campaigns_event WHERE slug = 'dialogue-dakar'",
    "invitation": "SELECT uid FROM campaigns_invitation WHERE answer = 'yes' AND event_id ="
    " (SELECT id FROM campaigns_event WHERE slug = 'dialogue-dakar') ORDER BY id LIMIT 1",
    "conference": "SELECT uid FROM campaigns_event WHERE slug = 'conference-geneva'",
    "delegation": "SELECT d.uid FROM campaigns_delegation d JOIN campaigns_nomination n ON n.delegation_id = d.id"
    " WHERE n.state = 'returned' ORDER BY d.id LIMIT 1",
    "named": "SELECT uid FROM campaigns_nomination WHERE state = 'proposed' ORDER BY id LIMIT 1",
    "accepted": "SELECT n.uid FROM campaigns_nomination n JOIN campaigns_step s ON s.nomination_id = n.id"
    " WHERE n.state = 'accepted' ORDER BY n.id LIMIT 1",
    "nominator": "SELECT o.uid FROM campaigns_nominator o JOIN campaigns_nomination n ON n.named_by_id = o.id"
    " WHERE n.state = 'returned' ORDER BY o.id LIMIT 1",
    "application": "SELECT uid FROM campaigns_application WHERE kind = 'institution' ORDER BY id LIMIT 1",
    "segment": "SELECT uid FROM contacts_segment WHERE name LIKE 'Low coverage%'",
    "drive": "SELECT uid FROM campaigns_drive ORDER BY id",
    "snapshot": "SELECT uid FROM campaigns_snapshot ORDER BY id",
    "campaign": "SELECT uid FROM campaigns_campaign",
    "sent": "SELECT uid FROM campaigns_mailing WHERE name LIKE 'Who is covered%'",
    "waiting": "SELECT uid FROM campaigns_mailing WHERE name LIKE 'An action plan%'",
}


def main() -> int:
    """Take them all, or those that were named; returns 1 when a page did not answer with 200."""
    only = set(sys.argv[1:])
    FOLDER.mkdir(parents=True, exist_ok=True)
    product = live.start()
    try:
        product.manage("demo")
        with psycopg.connect(product._environment["DATABASE_URL"], autocommit=True) as connection:
            _wait_until_sent(connection)
            known = _known(connection)
        known["preferences"] = _preferences(product, known["person"])
        known["answer"] = _answer(product, known["invitation"])
        known["nominate"] = _delegation(product, "Nominator", known["nominator"], "nominate_url")
        known["delegate"] = _delegation(product, "Nomination", known["accepted"], "delegate_url")
        known["promise"] = _promise(product, known["commitment"])
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(**find_chromium().launch_options())
            _signed_in[PARTNER] = _partner(browser, product, known["partner"])
            failed = [
                name
                for name, role, path in PAGES
                if (not only or name in only) and not _take(browser, product, name, role, path.format(**known))
            ]
            if not only:
                _take_mailbox(browser, product)
            if not only or "door-refused" in only:
                _take_refused(browser, product, known["event"])
            browser.close()
    finally:
        product.stop()
        environment.release()
    sys.stdout.write(
        f"{len(PAGES) - len(failed)} pages in {FOLDER.relative_to(Path.cwd())}; failed: {failed or 'none'}\n"
    )
    return 1 if failed else 0


def _wait_until_sent(connection: psycopg.Connection) -> None:
    limit = time.monotonic() + SENT_WITHIN_SECONDS
    while time.monotonic() < limit:
        query = (
            "SELECT count(*) FILTER (WHERE state = 'accepted'), count(*) FILTER (WHERE state = 'pending') FROM delivery"
        )
        accepted, pending = connection.execute(query).fetchone() or (0, 0)
        replies = connection.execute("SELECT count(*) FROM campaigns_interaction").fetchone()
        if accepted and not pending and replies and replies[0]:
            time.sleep(20)  # scanners and bounces are still coming in; deferred mail may wait for minutes
            return
        time.sleep(1)
    raise SystemExit("The demo's first mailing did not go out in time.")


def _known(connection: psycopg.Connection) -> dict[str, str]:
    known = {}
    for name, query in UIDS.items():
        row = connection.execute(query).fetchone()
        if row is None:
            raise SystemExit(f"The demo has no {name} to show.")
        known[name] = str(row[0])
    return known


def _preferences(product: live.Live, person: str) -> str:
    """Signed by the product's own keys."""
    code = f"from uuid import UUID; from contacts.consent.links import preference_url; print(preference_url(UUID('{person}')))"
    address = product.manage("shell", "-v", "0", "-c", code).strip().splitlines()[-1]
    return "/" + address.split("/", 3)[3]


def _promise(product: live.Live, commitment: str) -> str:
    """The institution's own page, by its link."""
    code = (
        "from campaigns.commitments.models import CommitmentLink; from campaigns.commitments.linking import url_of;"
        f"print(url_of(CommitmentLink.objects.get(commitment__uid='{commitment}')))"
    )
    address = product.manage("shell", "-v", "0", "-c", code).strip().splitlines()[-1]
    return "/" + address.split("/", 3)[3]


def _partner(browser: Browser, product: live.Live, email: str) -> Any:
    """The cookies of the demo's partner."""
    window = browser.new_context(base_url=product.url)
    come_in(window.new_page(), product, email)
    state = window.storage_state()
    window.close()
    return state


def _answer(product: live.Live, invitation: str) -> str:
    """The page on which somebody answers, by the link of their invitation."""
    code = (
        "from campaigns.events.models import Invitation; from campaigns.events.links import invitation_url;"
        f"print(invitation_url(Invitation.objects.get(uid='{invitation}')))"
    )
    address = product.manage("shell", "-v", "0", "-c", code).strip().splitlines()[-1]
    return "/" + address.split("/", 3)[3]


def _delegation(product: live.Live, model: str, uid: str, url_of: str) -> str:
    """The page of who names people, or of who was named, by their link."""
    code = (
        f"from campaigns.delegations.models import {model}; from campaigns.delegations.links import {url_of};"
        f"print({url_of}({model}.objects.get(uid='{uid}')))"
    )
    address = product.manage("shell", "-v", "0", "-c", code).strip().splitlines()[-1]
    return "/" + address.split("/", 3)[3]


def _open(browser: Browser, product: live.Live, role: str | None, size: str, scheme: str) -> Page:
    width, height = SIZES[size]
    window = browser.new_context(
        base_url=product.url,
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        reduced_motion="reduce",
        storage_state=_signed_in.get(role),  # signing in for each picture would meet the sign-in limits
    )
    page = window.new_page()
    if role is not None and role not in _signed_in:
        email = next(email for known, _, email, _ in USERS if known == role)
        page.goto("/accounts/login/")
        page.fill("input[name=login]", email)
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda url: "/accounts/login" not in url)
        _signed_in[role] = window.storage_state()
    return page


def _take(browser: Browser, product: live.Live, name: str, role: str | None, path: str) -> bool:
    good = True
    for size in SIZES:
        for scheme in ("light", "dark"):
            page = _open(browser, product, role, size, scheme)
            answer = page.goto(path)
            page.wait_for_load_state("networkidle")
            good = good and answer is not None and answer.status == 200
            _picture(page, FOLDER / f"{name}-{size}-{scheme}.png")
            page.context.close()
    return good


def _picture(page: Page, path: Path) -> None:
    """The page as far as somebody scrolls who wants to know what it is."""
    width = page.viewport_size["width"] if page.viewport_size else 0
    height = page.evaluate("document.documentElement.scrollHeight")
    page.screenshot(path=path, full_page=True, clip={"x": 0, "y": 0, "width": width, "height": min(height, TALLEST)})


def _take_refused(browser: Browser, product: live.Live, event: str) -> None:
    """The door after somebody came whose seat was taken out meanwhile: what the server did not take stays on the device."""
    shell = (
        "from django.utils import timezone; from campaigns.events.models import Event, Registration; now = timezone.now();"
        f"event = Event.objects.get(uid='{event}');"
    )
    made = "Registration.objects.create(event=event, role='invited', state='seat', name='Aminata Diop', asked_at=now, seated_at=now)"
    product.manage("shell", "-v", "0", "-c", shell + made)
    doors = []
    for size in SIZES:
        for scheme in ("light", "dark"):
            page = _open(browser, product, Role.OUTREACH, size, scheme)
            page.goto(f"/events/{event}/door/")
            page.get_by_role("button", name="Came: Aminata Diop").wait_for()
            doors.append((page, size, scheme))
    product.manage("shell", "-v", "0", "-c", shell + "event.registrations.filter(name='Aminata Diop').delete()")
    for page, size, scheme in doors:
        page.get_by_role("button", name="Came: Aminata Diop").click()
        page.locator("[data-door-refusals] li").wait_for()
        _picture(page, FOLDER / f"door-refused-{size}-{scheme}.png")
        page.context.close()


def _take_mailbox(browser: Browser, product: live.Live) -> None:
    for size in SIZES:
        for scheme in ("light", "dark"):
            page = _open(browser, product, None, size, scheme)
            page.goto(product.mailbox_url)
            page.wait_for_load_state("load")
            page.screenshot(path=FOLDER / f"mailbox-{size}-{scheme}.png")
            page.context.close()


if __name__ == "__main__":
    sys.exit(main())
