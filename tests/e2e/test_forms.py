"""A form in a real browser: without a script, kept and gone on with by its link, a file that lies; and on partners' sites of other origins."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, expect

from campaigns.forms import embedding
from campaigns.forms.answering import offers_for
from campaigns.forms.engine import questions_of
from campaigns.forms.models import FormDraft, Submission
from tests import factories
from tests.e2e.test_events import until
from tests.live import Live

expect.set_options(timeout=20_000)
QUICKEST = 2.2  # seconds that the form asks of a person


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def partner_site(tmp_path: Path) -> Iterator[tuple[Path, str, str]]:
    """(folder, address, the same site under an address that staff did not name)"""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_port
    yield tmp_path, f"http://127.0.0.1:{port}", f"http://[::1]:{port}".replace("[::1]", "partner.localhost")
    server.shutdown()
    server.server_close()


def test_answered_without_a_script_kept_and_gone_on_with_and_a_lying_file_is_refused(
    live: Live, browser: Browser
) -> None:
    form = factories.FormFactory(slug="needs")
    form.questions = [*form.questions, {"key": "plan", "kind": "file", "labels": {"en": "Your plan"}}]
    form.save()
    window = browser.new_context(
        base_url=live.url, java_script_enabled=False, viewport={"width": 390, "height": 844}, locale="en-GB"
    )
    page = window.new_page()

    # a condition: the question opens by a button, then the answers are kept
    page.goto("/answer/needs/")
    page.get_by_label("Your name").fill("Hery Rakoto")
    page.get_by_label("Money").check()
    expect(page.get_by_label("What for?")).to_have_count(0)
    page.get_by_role("button", name="Show the questions that follow").click()
    expect(page.get_by_label("What for?")).to_be_visible()
    expect(page.get_by_label("Your name")).to_have_value("Hery Rakoto")
    page.get_by_role("button", name="Keep my answers").click()
    link = page.locator("main a[href*='/answer/go-on/']").get_attribute("href")
    assert FormDraft.objects.count() == 1 and not Submission.objects.exists()

    # on another device, by the link alone; a file is not what its name says
    other = browser.new_context(base_url=live.url, java_script_enabled=False, locale="en-GB")
    page = other.new_page()
    page.goto(str(link))
    expect(page.get_by_label("Your name")).to_have_value("Hery Rakoto")
    page.get_by_label("What for?").fill("A costing")
    page.get_by_label("Your plan").set_input_files(
        {"name": "plan.pdf", "mimeType": "application/pdf", "buffer": b"MZ\x90\x00 a program"}
    )
    time.sleep(QUICKEST)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("main")).to_contain_text("of no type")
    expect(page.get_by_label("What for?")).to_have_value("A costing")
    page.get_by_label("Your plan").set_input_files(
        {"name": "plan.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7\n%%EOF\n"}
    )
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("main h1")).to_contain_text("Thank you")
    row = Submission.objects.get()
    assert (row.name, row.answers["why"], row.answers["plan"]["name"]) == ("Hery Rakoto", "A costing", "plan.pdf")
    assert not FormDraft.objects.exists() and window.cookies() == other.cookies() == []
    window.close()
    other.close()


def test_a_partner_s_site_sends_a_form_of_its_own_and_shows_the_sandboxed_frame(
    live: Live, browser: Browser, partner_site: tuple[Path, str, str]
) -> None:
    folder, named, other = partner_site
    form = factories.FormFactory(slug="needs", origins=[named])
    questions = questions_of(form)
    code = embedding.plain_form(f"{live.url}/answer/needs/", questions, offers_for(questions), "en", "Send")
    (folder / "form.html").write_text(f"<!doctype html><title>Partner</title>{code}")
    (folder / "frame.html").write_text(
        f"<!doctype html><title>Partner</title>{embedding.frame(f'{live.url}/answer/needs/frame/', 'Needs')}"
    )
    window = browser.new_context(locale="en-GB")
    page = window.new_page()

    # a form of their own, sent from their origin: taken; from a site that nobody named: shown here once more, with what was written
    for site, name in ((named, "Partner Visitor"), (other, "Stranger")):
        page.goto(f"{site}/form.html")
        page.get_by_label("Your name").fill(name)
        page.get_by_role("button", name="Send").click()
        page.wait_for_url(re.compile(r"/answer/needs/"))
    expect(page.get_by_label("Your name")).to_have_value("Stranger")
    assert list(Submission.objects.values_list("name", "source")) == [("Partner Visitor", "127.0.0.1")]

    # the frame: sandboxed, answered inside, and refused to others by the browser
    page.goto(f"{named}/frame.html")
    frame = page.frame_locator("iframe")
    frame.get_by_label("Your name").fill("Framed Visitor")
    time.sleep(QUICKEST)
    frame.get_by_role("button", name="Send", exact=True).click()
    expect(frame.locator("h1")).to_contain_text("Thank you")
    until(lambda: Submission.objects.filter(name="Framed Visitor", source="frame").exists(), "the answer")
    assert (
        page.evaluate("(() => { try { return top.frames[0].document.title } catch { return 'closed' } })()") == "closed"
    )
    page.goto(f"{other}/frame.html")
    page.wait_for_load_state("networkidle")
    assert page.frame_locator("iframe").get_by_label("Your name").count() == 0
    assert window.cookies() == []
    window.close()
