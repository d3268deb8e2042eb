"""The local mailbox over real SMTP and HTTP, in a thread of this process; its characters do not wait."""

import asyncio
import json
import smtplib
import threading
import time
import urllib.error
import urllib.request
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.test import override_settings

from crm.local.mailbox.server import Mailbox
from crm.local.mailbox.store import Store

RETURN_PATH = "b-signed@bounce.test"


@pytest.fixture
def mailbox(tmp_path, settings):
    settings.STATIC_ROOT = str(tmp_path)
    box = Mailbox(
        host="127.0.0.1",
        smtp_port=0,
        web_port=0,
        folder=tmp_path / "mailbox",
        inbound=tmp_path / "inbound",
        domain="bounce.test",
        speed=0,
    )
    yield from serving(box)


def serving(box):
    ready, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(box.run(ready, stop)), daemon=True)
    thread.start()
    assert ready.wait(20)
    yield box
    loop.call_soon_threadsafe(stop.set)
    thread.join(20)
    loop.close()


def send(box, to, html="<p>Hello</p>", sender=RETURN_PATH, **headers):
    message = EmailMessage()
    message["From"] = "Social Security for All <news@campaign.test>"
    message["To"] = f'"Awa Diop" <{to}>'
    message["Subject"] = "Coverage for all"
    message["Message-ID"] = "<1.2@campaign.test>"
    message.set_content("Hello in text\n")
    message.add_alternative(html, subtype="html")
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    with smtplib.SMTP("127.0.0.1", box.smtp_port, timeout=10) as client:
        client.sendmail(sender, [to], message.as_bytes())


def eventually(ask, wanted=True):
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if ask() == wanted:
            return
        time.sleep(0.02)
    assert ask() == wanted


def fetch(box, path, **headers):
    request = urllib.request.Request(f"http://127.0.0.1:{box.web_port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - our own server
        return answer.read().decode(), answer.headers


def came_back(tmp_path):
    found = []
    for path in sorted((tmp_path / "inbound").glob("*.json")):
        raw = path.with_suffix(".eml").read_bytes()
        found.append((json.loads(path.read_text()), message_from_bytes(raw, policy=policy.default)))
    return found


def test_message_is_filed_and_survives_a_restart(mailbox, tmp_path):
    send(mailbox, "awa@ministry.test")

    again = Store(tmp_path / "mailbox")
    [found] = again.page()
    assert (found.recipient, found.sender, found.subject) == ("awa@ministry.test", RETURN_PATH, "Coverage for all")
    assert again.get(found.id).message.get_body(("plain",)).get_content() == "Hello in text\n"
    again.close()


def test_mailbox_keeps_the_newest_only(tmp_path):
    store = Store(tmp_path, kept=3)

    for number in range(5):
        store.add(sender="a@b.test", recipients=[f"{number}@c.test"], raw=b"Subject: x\r\n\r\n")

    assert [row.recipient for row in store.page()] == ["4@c.test", "3@c.test", "2@c.test"]


def test_search_finds_a_recipient(tmp_path):
    store = Store(tmp_path)
    store.add(sender="s@x.test", recipients=["awa@ministry.test", "bo@union.test"], raw=b"Subject: Hi\r\n\r\n")

    assert [row.recipient for row in store.page(search="UNION")] == ["bo@union.test"]
    assert store.page(search="nobody") == []


def test_reject_refuses_and_defer_accepts_the_third_try(mailbox):
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(mailbox, "reject+awa@ministry.test")
    codes = [refused.value.recipients["reject+awa@ministry.test"][0]]
    for _ in range(2):
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            send(mailbox, "defer+awa@ministry.test")
        codes.append(refused.value.recipients["defer+awa@ministry.test"][0])
    send(mailbox, "defer+awa@ministry.test")

    assert codes == [550, 450, 450]
    assert [row.recipient for row in mailbox.store.page()] == ["defer+awa@ministry.test"]


def test_bounce_comes_back_as_a_delivery_status_notification(mailbox, tmp_path):
    send(mailbox, "bounce+awa@ministry.test")

    eventually(lambda: len(came_back(tmp_path)), 1)
    [(envelope, message)] = came_back(tmp_path)
    assert envelope == {"sender": "", "recipient": RETURN_PATH}
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    kinds = [part.get_content_type() for part in message.iter_parts()]
    assert kinds == ["text/plain", "message/delivery-status", "text/rfc822-headers"]
    fields = list(message.iter_parts())[1].get_payload()[1]
    assert (fields["Action"], fields["Status"]) == ("failed", "5.1.1")
    assert fields["Final-Recipient"] == "rfc822; bounce+awa@ministry.test"


def test_nothing_bounces_a_message_without_a_sender(mailbox, tmp_path):
    send(mailbox, "bounce+awa@ministry.test", sender="")
    send(mailbox, "bounce+bo@ministry.test")

    eventually(lambda: len(came_back(tmp_path)), 1)
    time.sleep(0.1)
    assert len(came_back(tmp_path)) == 1


def test_reply_goes_to_reply_to_in_the_language_of_the_message(mailbox, tmp_path):
    send(mailbox, "reply+awa@ministry.test", Reply_To="r-signed@bounce.test", Content_Language="fr")

    eventually(lambda: len(came_back(tmp_path)), 1)
    [(envelope, message)] = came_back(tmp_path)
    assert envelope == {"sender": "reply+awa@ministry.test", "recipient": "r-signed@bounce.test"}
    assert message["In-Reply-To"] == "<1.2@campaign.test>"
    assert message["From"] == "Awa Diop <reply+awa@ministry.test>"
    assert "Merci" in message.get_content()
    assert "Auto-Submitted" not in message


def test_vacation_note_says_that_it_is_automatic(mailbox, tmp_path):
    send(mailbox, "vacation+awa@ministry.test", Reply_To="r-signed@bounce.test")

    eventually(lambda: len(came_back(tmp_path)), 1)
    assert came_back(tmp_path)[0][1]["Auto-Submitted"] == "auto-replied"


def test_answer_to_an_ordinary_address_is_filed_here(mailbox):
    send(mailbox, "reply+awa@ministry.test")

    eventually(
        lambda: [row.recipient for row in mailbox.store.page()], ["news@campaign.test", "reply+awa@ministry.test"]
    )


def test_scanner_looks_at_every_link_of_ours_and_never_posts(mailbox):
    seen = []

    class Site(BaseHTTPRequestHandler):
        def do(self):
            seen.append((self.command, self.path))
            self.send_response(302 if self.path == "/c/1" else 200)
            self.send_header("Location", "/landing")
            self.end_headers()

        do_GET = do_HEAD = do_POST = do

        def log_message(self, *_):
            pass

    site = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    host = f"127.0.0.1:{site.server_port}"
    mailbox.cast.hosts = {host}
    html = (
        f'<a href="http://{host}/c/1">one</a><a href="http://{host}/c/0" aria-hidden="true"></a>'
        f'<img src="http://{host}/o/2?a=1&amp;b=2"><a href="http://elsewhere.invalid/">not ours</a>'
    )

    send(mailbox, "scanner+awa@ministry.test", html=html, List_Unsubscribe=f"<http://{host}/u/3>")

    looks = {(m, p) for m in ("GET", "HEAD") for p in ("/c/1", "/c/0", "/o/2?a=1&b=2", "/u/3")} | {("GET", "/landing")}
    eventually(lambda: set(seen), looks)
    site.shutdown()
    site.server_close()


class Visited:
    """A site on this machine that remembers who asked for what, and by hand or not."""

    def __init__(self):
        seen = self.seen = []

        class Site(BaseHTTPRequestHandler):
            def do_GET(self):
                seen.append((self.path, self.headers.get("Sec-Fetch-User", "")))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def test_click_reads_and_follows_the_first_link_that_can_be_seen(mailbox):
    site = Visited()
    mailbox.cast.hosts = {site.host}
    html = (
        f'<a href="http://{site.host}/c/0" aria-hidden="true" style="display:none">.</a><a href="http://{site.host}/c/9"></a>'
        f'<img src="http://{site.host}/o/2.gif"><a href="http://elsewhere.invalid/c/1">not ours</a>'
        f'<a class="x" href="http://{site.host}/c/3?a=1&amp;b=2"><b>Read how</b></a><a href="http://{site.host}/c/4">More</a>'
    )

    send(mailbox, "click+awa@ministry.test", html=html)

    eventually(lambda: list(site.seen), [("/o/2.gif", ""), ("/c/3?a=1&b=2", "?1")])
    site.close()


def test_slow_takes_its_time_and_accepts(mailbox):
    mailbox.cast.speed = 0.1

    began = time.monotonic()
    send(mailbox, "slow+awa@ministry.test")

    assert time.monotonic() - began > 0.4
    assert [row.recipient for row in mailbox.store.page()] == ["slow+awa@ministry.test"]


def test_web_inbox_lists_searches_and_shows_a_message_in_four_forms(mailbox):
    send(mailbox, "awa@ministry.test", html="<p>Dear <b>Awa</b></p>")
    send(mailbox, "bo@union.test")
    number = mailbox.store.page(search="awa")[0].id

    page, headers = fetch(mailbox, "/?q=awa")
    assert "awa@ministry.test" in page
    assert "bo@union.test" not in page
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    fragment, _ = fetch(mailbox, "/", **{"HX-Request": "true"})
    assert fragment.lstrip().startswith('<div id="mb-list"')
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in fetch(mailbox, f"/m/{number}/")[0]
    assert "Hello in text" in fetch(mailbox, f"/m/{number}/?tab=text")[0]
    assert "&lt;1.2@campaign.test&gt;" in fetch(mailbox, f"/m/{number}/?tab=headers")[0]
    assert "Dear &lt;b&gt;Awa" in fetch(mailbox, f"/m/{number}/?tab=source")[0]


def test_html_is_framed_with_a_policy_of_its_own_and_links_open_elsewhere(mailbox):
    send(mailbox, "awa@ministry.test", html='<head></head><script>alert(1)</script><img src="http://x.test/o/1.gif">')
    number = mailbox.store.page()[0].id

    html, headers = fetch(mailbox, f"/m/{number}/frame")
    policy_text = headers["Content-Security-Policy"]

    assert html.startswith('<head><base target="_blank"></head>')
    assert "default-src 'none'" in policy_text
    assert "img-src data:;" in policy_text
    assert "sandbox allow-popups" in policy_text
    assert "allow-scripts" not in policy_text
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "img-src data: http: https:;" in fetch(mailbox, f"/m/{number}/frame?images=1")[1]["Content-Security-Policy"]


def test_missing_message_is_a_plain_404(mailbox):
    with override_settings(DEBUG=False), pytest.raises(urllib.error.HTTPError) as missing:
        fetch(mailbox, "/m/999/")

    assert missing.value.code == 404
    missing.value.close()


def test_several_commands_may_come_in_one_write(mailbox):
    """RFC 2920: what the sending side does to be fast."""
    import socket

    with (
        socket.create_connection(("127.0.0.1", mailbox.smtp_port), timeout=10) as client,
        client.makefile("rb") as file,
    ):
        assert file.readline().startswith(b"220")
        client.sendall(b"EHLO x\r\n")
        lines = []
        while not (lines and lines[-1].startswith(b"250 ")):
            lines.append(file.readline())
        assert b"250-PIPELINING\r\n" in lines
        client.sendall(b"MAIL FROM:<b@bounce.test>\r\nRCPT TO:<a@x.test>\r\nDATA\r\n")
        assert [file.readline()[:3] for _ in range(3)] == [b"250", b"250", b"354"]
        client.sendall(b"Subject: x\r\n\r\nbody\r\n.\r\nMAIL FROM:<b@bounce.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n")
        assert [file.readline()[:3] for _ in range(4)] == [b"250", b"250", b"250", b"354"]
