"""The public page: answered by POST only, once, without telling who is known; kept to go on; embedded by those who may."""

import io
import os
import re
import threading
import zipfile
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from campaigns.files.models import StoredFile
from campaigns.forms import links, taking
from campaigns.forms.models import AnswerFile, FormDraft, Submission
from crm.gate import Gate
from tests.factories import FormFactory

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"


@pytest.fixture(autouse=True)
def unlimited():
    cache.clear()


@pytest.fixture
def form():
    return FormFactory(slug="needs", origins=["https://partner.org"])


@pytest.fixture
def with_file(form):
    form.questions = [*form.questions[:1], {"key": "plan", "kind": "file", "labels": {"en": "Your plan"}, "most": 2000}]
    form.save()
    return form


def token(form, monkeypatch, *, seconds=10, receipt=None):
    import time

    now = time.time()
    with monkeypatch.context() as patch:
        patch.setattr(links.time, "time", lambda: now - seconds)
        return links.page_token(form.pk, links.Page(receipt, True, int(now - seconds)) if receipt else None)


@pytest.fixture
def send(form, monkeypatch):
    def send(*, path="/answer/needs/", seconds=10, receipt=None, headers=None, **said):
        values = {"q-name": "Rakoto Hery", "q-email": "hery@people.test", "q-need": "people", "website": ""}
        values |= {"t": token(form, monkeypatch, seconds=seconds, receipt=receipt)} | said
        return Client().post(path, {k: v for k, v in values.items() if v is not None}, headers=headers or {})

    return send


def test_page_is_in_the_visitors_language_without_cookie_or_third_party(form):
    page = Client().get("/answer/needs/?lang=fr")
    html = page.content.decode()

    assert "De quoi avez-vous besoin" in html and '<html lang="fr"' in html and "Argent" in html
    assert "What for?" not in html and "Set-Cookie" not in page.headers
    assert not re.search(r'(src|href)="https?://(?!localhost)', html) and len(html) < 30_000
    assert page["X-Frame-Options"] == "DENY" and "frame-ancestors 'none'" in page["Content-Security-Policy"]
    assert 'dir="rtl"' in Client().get("/answer/needs/?lang=ar").content.decode()


def test_a_page_that_is_kept_has_a_token_of_its_own_and_follows_its_form(form, send):
    first, second = (Client().get("/answer/needs/").content.decode() for _turn in range(2))
    tokens = [re.search(r'name="t" value="([^"]+)"', page)[1] for page in (first, second)]

    assert tokens[0] != tokens[1] and first.replace(tokens[0], "") == second.replace(tokens[1], "")
    assert all(links.read_page(token, form.pk) for token in tokens)
    assert "Argent" in Client().get("/answer/needs/", headers={"Accept-Language": "fr"}).content.decode()
    form.headlines = {"en": "Something else?"}
    form.save()
    assert "Something else?" in Client().get("/answer/needs/").content.decode()


def test_answers_arrive_once_however_often_the_button_is_pressed(send):
    receipt = os.urandom(16)
    for _turn in range(2):
        page = send(receipt=receipt)
        assert page.status_code == 200 and "have arrived" in page.content.decode()

    row = Submission.objects.get()
    assert row.answers == {"name": "Rakoto Hery", "email": "hery@people.test", "need": "people"}
    assert (row.state, row.name, row.email, row.language) == ("received", "Rakoto Hery", "hery@people.test", "en")
    send()
    assert Submission.objects.count() == 2


def test_without_script_a_question_comes_when_it_is_asked_for(form, send):
    more = send(**{"q-need": "money", "q-seen": "name email need"})
    assert (
        more.status_code == 422
        and "opened more questions" in more.content.decode()
        and "What for?" in more.content.decode()
    )
    look = send(**{"q-need": "money", "q-seen": "name email need", "q-look": "1", "q-name": ""})
    assert (
        look.status_code == 200
        and "What for?" in look.content.decode()
        and "Please answer" not in look.content.decode()
    )
    assert not Submission.objects.exists()
    assert send(**{"q-need": "money", "q-seen": "name email need why", "q-why": "Cash"}).status_code == 200
    assert Submission.objects.get().answers["why"] == "Cash"


def test_robots_and_what_is_wrong_leave_nothing(form, send):
    assert send(website="http://spam").status_code == 200  # thanked, and nothing kept
    for given in (
        {"seconds": 0},
        {"t": "forged"},
        {"t": None},
        {"q-name": ""},
        {"q-need": "gold"},
        {"seconds": 3 * 86_400},
    ):
        assert send(**given).status_code == 422
    assert not Submission.objects.exists()
    other = FormFactory(slug="other")
    assert send(path="/answer/other/").status_code == 422  # a page of one form sends no other
    other.closes_on = timezone.localdate() - timedelta(days=1)
    other.save()
    assert Client().get("/answer/other/").status_code == 410
    other.is_public = False
    other.save()
    assert Client().get("/answer/other/").status_code == Client().get("/answer/nothing/").status_code == 404


def test_a_network_that_sends_too_many_waits_and_loses_nothing(form, send, monkeypatch):
    monkeypatch.setattr("campaigns.forms.public_views.TRIES", 1)

    assert send().status_code == 200
    late = send(**{"q-name": "Late"})
    assert late.status_code == 429 and late["Retry-After"] and 'value="Late"' in late.content.decode()


def test_a_partners_own_form_is_taken_and_anybody_elses_is_shown_once_more(form, send):
    partner = {"Origin": "https://partner.org"}
    for _turn in range(2):
        assert send(t=None, headers=partner).status_code == 200
    assert [row.source for row in Submission.objects.all()] == ["partner.org"]
    assert send(t=None, headers={"Origin": "https://evil.org"}).status_code == 422
    assert send(t=None, headers={"Origin": "null"}).status_code == 422
    assert Submission.objects.count() == 1


def test_only_named_sites_may_frame_it_and_only_its_frame(form, send):
    framed = Client().get("/answer/needs/frame/")
    assert "X-Frame-Options" not in framed
    assert "frame-ancestors https://partner.org;" in framed["Content-Security-Policy"] + ";"
    assert "script-src 'self'" in framed["Content-Security-Policy"]
    assert send(path="/answer/needs/frame/").status_code == 200
    assert Submission.objects.get().source == "frame"
    form.origins = []
    form.save()
    assert "frame-ancestors 'none'" in Client().get("/answer/needs/frame/")["Content-Security-Policy"]


def test_answers_are_kept_behind_a_link_and_sent_later(with_file, send):
    upload = SimpleUploadedFile("plan.pdf", PDF)
    kept = send(save="1", **{"q-name": "", "q-plan": upload})
    path = re.search(r'href="[^"]*(/answer/go-on/[^"]+)"', kept.content.decode())[1]
    assert kept.status_code == 200 and not Submission.objects.exists()
    assert FormDraft.objects.get().answers["plan"]["name"] == "plan.pdf"

    page = Client().get(path)
    assert "We have plan.pdf" in page.content.decode() and page["Cache-Control"] == "no-store"
    assert send(path=path, save="1").status_code == 200 and FormDraft.objects.count() == 1
    assert send(path=path).status_code == 200
    row = Submission.objects.get()
    assert (row.name, row.answers["plan"]["media_type"]) == ("Rakoto Hery", "application/pdf")
    assert row.files.get().file.size == len(PDF) and not FormDraft.objects.exists()
    assert Client().get(path).status_code == 404 == Client().get("/answer/go-on/forged/").status_code
    taking.forget_submissions([row.pk])
    assert not AnswerFile.objects.exists() and not StoredFile.objects.exists()


def archive():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("evil.exe", b"MZ")
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("photo.png", PDF, "does not say what the file is"),
        ("plan.pdf", b"MZ\x90\x00 not a pdf", "of no type"),
        ("plan.pdf", archive(), "of no type"),
        ("plan.pdf", PDF + archive(), "archive"),
        ("page.txt", b"<html><script>alert(1)</script></html>", "of no type"),
        ("plan.pdf", PDF + b"\n" * 3000, "larger than"),
        ("plan.pdf", b"", "empty"),
    ],
)
def test_an_upload_that_lies_is_refused_in_words(with_file, send, name, content, words):
    page = send(**{"q-plan": SimpleUploadedFile(name, content)})

    assert page.status_code == 422 and words in page.content.decode()
    assert not Submission.objects.exists() and not StoredFile.objects.exists()


def test_a_rush_is_told_to_try_later_and_pages_stay():
    inside = threading.Event(), threading.Event()
    seen = []

    def app(environ, start_response):
        if environ["REQUEST_METHOD"] == "POST":
            inside[0].set()
            inside[1].wait(10)
        return [b"through", environ["wsgi.input"].read()]

    gate = Gate(app, 1)

    def ask(method, path, language="en", body=b""):
        environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "HTTP_ACCEPT_LANGUAGE": language}
        environ |= {"CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
        return b"".join(gate(environ, lambda status, headers: seen.append((status, dict(headers)))))

    first = threading.Thread(target=ask, args=("POST", "/answer/needs/"))
    first.start()
    inside[0].wait(10)
    late = ask("POST", "/answer/needs/", "fr-CH,fr;q=0.9").decode()

    assert (
        seen == [("503 Service Unavailable", seen[0][1])]
        and seen[0][1]["Retry-After"] == "5"
        and '<html lang="fr"' in late
    )
    assert ask("GET", "/answer/needs/") == b"through"
    inside[1].set()
    first.join()
    assert ask("POST", "/answer/needs/") == ask("POST", "/people/") == b"through"
    assert ask("POST", "/answer/needs/", body=b"x" * 100_000) == b"through" + b"x" * 100_000
