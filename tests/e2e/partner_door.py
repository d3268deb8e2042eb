"""How a partner comes in where a test drives a browser: with the code that is in the local mailbox."""

from __future__ import annotations

import re
import time

from playwright.sync_api import Page

from tests.live import Live

PATIENCE_SECONDS = 45
MESSAGE = re.compile(r"/m/\d+/")
CODE = r"(?<!\d)\d{8}(?!\d)"


def found_in_mail(reader: Page, live: Live, address: str, pattern: str) -> str:
    """What the newest message to this address that fits says; waits for it to come."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        listing = reader.request.get(f"{live.mailbox_url}/?q={address}").text()
        for place in dict.fromkeys(MESSAGE.findall(listing)):
            message = reader.request.get(f"{live.mailbox_url}{place}").text()
            message += reader.request.get(f"{live.mailbox_url}{place}frame").text()
            if address in message and (hit := re.search(pattern, message)):
                return hit[0]
        time.sleep(0.5)
    raise AssertionError(f"no mail to {address} with {pattern}")


def come_in(page: Page, live: Live, address: str) -> None:
    page.goto("/partner/")
    page.fill("input[name=email]", address)
    page.locator("form:has(input[name=email]) button").click()
    page.fill("input[name=code]", found_in_mail(page, live, address, CODE))
    page.locator("form:has(input[name=code]) button").click()
    page.wait_for_url("**/partner/")
