"""Many messages in one call: each keeps its own text, links, headers and id, and hears its own answer."""

import asyncio
import json
from types import SimpleNamespace

import pytest
import requests

from campaigns.delivery.addresses import read_address, return_path
from campaigns.delivery.queries import counts
from campaigns.delivery.smtp import Reply, TransportDown
from campaigns.delivery.tasks import deliver
from campaigns.esp.batching import BATCHES, BY_VARIABLES, hand_over_all, most_of
from campaigns.esp.catalogue import SERVICES
from campaigns.esp.client import Calls, ServiceClient, lanes_of
from campaigns.esp.handing import backend_of, message_of
from campaigns.mailings.models import Transport
from tests.campaigns.esp.test_sending import row, sending  # noqa: F401  five people, and a fixture

AN_ID = "0192f0c1"


def raw(number, *, attachment=False):
    lines = [
        f"Subject: Hello {number}",
        "From: Us <us@campaign.example.org>",
        f"To: Ada {number} <p{number}@people.labour-office.net>",
        f"Reply-To: <reply-{number}@campaign.example.org>",
        f"List-Unsubscribe: <https://campaign.example.org/u/{number}>",
        f"Message-ID: <m{number}@campaign.example.org>",
        "MIME-Version: 1.0",
        'Content-Type: multipart/alternative; boundary="b"',
        "",
        f"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nText {number}\r\n",
        f"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Text {number}</p>\r\n--b--\r\n",
    ]
    return "\r\n".join(lines).encode()


def messages_for(service, n=3):
    return [
        message_of(raw(number), return_path=return_path(7, number), ties=SERVICES[service].ties)
        for number in range(1, n + 1)
    ]


class Session(requests.Session):
    """What was posted, and an answer to it."""

    def __init__(self, answer):
        super().__init__()
        self.answer, self.posted = answer, []

    def request(self, method, url, **params):
        self.posted.append((url, params))
        status, value = self.answer(len(self.posted))
        response = requests.Response()
        response.status_code, response._content = status, json.dumps(value).encode()
        response.headers["content-type"] = "application/json"
        return response


def by(service, answer):
    values = {
        each.name: "https://api.example.org/" if each.name == "api_url" else "x1"
        for each in SERVICES[service].all_settings
    }
    backend = backend_of(Transport(kind="service", service=service, service_settings=json.dumps(values)))
    backend.session = Session(answer)
    return backend


ANSWERS = {
    "brevo": (201, {"messageIds": ["a1", "a2", "a3"]}, [250, 250, 250]),
    "mailgun": (200, {"id": "<a1@mg>", "message": "Queued. Thank you."}, [250, 250, 250]),
    "mailjet": (
        400,
        {
            "Messages": [
                {"Status": "success", "To": [{"Email": "p1@people.labour-office.net", "MessageID": 11}]},
                {"Status": "error", "Errors": [{"ErrorCode": "mj-0013"}]},
                {"Status": "success", "To": [{"Email": "p3@people.labour-office.net", "MessageID": 13}]},
            ]
        },
        [250, 550, 250],
    ),
    "mailtrap": (
        200,
        {
            "success": True,
            "responses": [
                {"success": True, "message_ids": ["a1"]},
                {"success": False, "errors": ["'to' is invalid"]},
                {"success": True, "message_ids": ["a3"]},
            ],
        },
        [250, 554, 250],
    ),
    "postmark": (
        200,
        [
            {"ErrorCode": 0, "Message": "OK", "MessageID": "a1", "To": "p1@people.labour-office.net"},
            {"ErrorCode": 300, "Message": "Invalid 'To' address: 'p2@people.labour-office.net'."},
            {"ErrorCode": 0, "Message": "OK", "MessageID": "a3", "To": "p3@people.labour-office.net"},
        ],
        [250, 553, 250],
    ),
    "resend": (200, {"data": [{"id": "a1"}, {"id": "a2"}, {"id": "a3"}]}, [250, 250, 250]),
}


@pytest.mark.parametrize("service", sorted([*BATCHES, *BY_VARIABLES]))
def test_each_keeps_what_is_its_own_and_hears_its_own_answer(service):
    status, value, codes = ANSWERS[service]
    backend = by(service, lambda number: (status, value))

    words = hand_over_all(backend, service, messages_for(service))

    assert [word.code for word in words] == codes
    assert len(backend.session.posted) == 1
    url, params = backend.session.posted[0]
    assert url.startswith("https://api.example.org/")
    sent = json.dumps(params["data"]) if isinstance(params["data"], dict) else params["data"]
    sent = sent.replace("\\\\", "\\").replace('\\"', '"')
    for number in (1, 2, 3):
        for own in (
            f"Hello {number}", f"Text {number}", f"<p>Text {number}</p>", f"p{number}@people.labour-office.net",
            f"reply-{number}@campaign.example.org", f"https://campaign.example.org/u/{number}",
            f"m{number}@campaign.example.org", return_path(7, number).partition("@")[0],
        ):  # fmt: skip
            assert sent.count(own) >= 1, own
    if service != "mailgun":  # which gives one id for all
        assert [word.text.rpartition(" ")[2] for word in words if word.code == 250][-1] in {"a3", "13"}


def test_an_answer_about_all_is_the_word_on_each():
    for status, expected in [(401, 421), (429, 421), (503, 421), (500, None), (504, None)]:
        backend = by("postmark", lambda number, status=status: (status, {"Message": "no"}))
        words = hand_over_all(backend, "postmark", messages_for("postmark"))
        assert len(backend.session.posted) == 1
        assert [getattr(word, "code", None) for word in words] == [expected] * 3
        assert all(isinstance(word, Reply if expected else TransportDown) for word in words)
    backend = by("resend", lambda number: (200, {"data": [{"id": "a1"}]}))  # one word for three messages
    assert all(isinstance(word, TransportDown) for word in hand_over_all(backend, "resend", messages_for("resend")))


@pytest.mark.parametrize("service", ["resend", "mailgun"])
def test_a_call_that_is_refused_for_one_is_made_again_by_halves(service):
    good = {"resend": {"id": "a"}, "mailgun": {"id": "<a@mg>", "message": "Queued. Thank you."}}[service]
    poisoned = "p5@people"

    def answer(number):
        posted = json.dumps(str(backend.session.posted[-1]))
        if poisoned in posted:
            return 422, {"message": "invalid"}
        n = sum(f"p{each}@people" in posted for each in range(1, 9))
        return 200, good if n == 1 or service == "mailgun" else {"data": [{"id": f"a{i}"} for i in range(n)]}

    backend = by(service, answer)

    words = hand_over_all(backend, service, messages_for(service, 8))

    assert [word.code for word in words] == [250] * 4 + [554] + [250] * 3
    assert len(backend.session.posted) == 7  # eight, two fours, two twos, two ones


def test_a_message_that_no_form_takes_fails_alone():
    backend = by("postmark", lambda number: (200, [ANSWERS["postmark"][1][0]] * 2))
    messages = messages_for("postmark")
    messages[1].to = ["nobody at all <"]

    words = hand_over_all(backend, "postmark", messages)

    assert [word.code for word in words] == [250, 554, 250]


def test_lanes_are_a_full_call_each_but_no_more_than_leave_in_a_second():
    assert lanes_of("postmark", 2, None) == 200
    assert lanes_of("postmark", 8, None) == 400
    assert lanes_of("postmark", 2, 30) == 30
    assert lanes_of("postmark", 4, 1) == 4
    assert lanes_of("mandrill", 4, None) == 4
    assert {code for code in SERVICES if most_of(code) > 1} == {*BATCHES, *BY_VARIABLES}


def test_clients_share_calls_and_a_connection_is_closed_when_the_last_one_leaves():
    made = []

    def make():
        backend = SimpleNamespace(closed=0, opened=0)
        backend.open = lambda: setattr(backend, "opened", backend.opened + 1)
        backend.close = lambda: setattr(backend, "closed", backend.closed + 1)
        made.append(backend)
        return backend

    class Counting(Calls):
        sizes: list[int] = []

        def _call(self, batch):
            self.sizes.append(len(batch))
            return super()._call(batch)

    async def talk():
        calls = Counting("postmark", make, "metadata", 2)
        clients = [ServiceClient("By Postmark", make, "metadata", calls) for _number in range(130)]

        async def one(client):
            await client.connect()
            await client.envelope(return_path(1, 1), "a@b.example.org")
            client.write(b"Subject: x\r\nContent-Type: text/plain; charset=no-such\r\n\r\n\xff\r\n")
            answer = await client.message_reply()
            await client.quit()
            return answer.code

        assert await asyncio.gather(*map(one, clients)) == [554] * 130  # none has a form; so nothing is posted
        assert sorted(calls.sizes) == [30, 100]

    asyncio.run(talk())
    assert made
    assert all(backend.closed for backend in made)


@pytest.mark.django_db(transaction=True)
def test_a_mailing_leaves_in_one_call_and_one_that_is_refused_fails_alone(sending, postmark):  # noqa: F811
    postmark.refuse(
        "p2@people.labour-office.net",
        406,
        "Inactive.\nFound inactive addresses: p2@people.labour-office.net.\nInactive recipients are …",
    )
    postmark.poison = "p4@people"

    deliver(sending.pk)

    found = counts(sending.pk)
    assert (found["accepted"], found["failed"], found["uncertain"]) == (3, 2, 0)
    assert "rejected" in row(sending, 2).reply_text
    assert "Invalid JSON" in row(sending, 4).reply_text
    assert postmark.calls[0] == 5
    assert sum(postmark.calls) > 5  # again by halves
    ids = {row(sending, number).reply_text.rpartition(" ")[2] for number in (1, 3, 5)}
    assert len(ids) == 3
    for payload in postmark.messages:
        seq = read_address(f"{payload['Metadata']['groundswell']}@{return_path(1, 1).rpartition('@')[2]}").seq
        assert read_address(payload["ReplyTo"]).seq == seq


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"status": "success", "data": {"messages": {"p1@people.labour-office.net": {"id": 5, "token": "x"}}}}, 250),
        ({"status": "parameter-error", "data": {"message": "`to` is invalid"}}, 554),
        ({"status": "error", "data": {"code": "FromAddressMissing"}}, 554),
        ({"status": "error", "data": {"code": "InvalidServerAPIKey"}}, 421),
        ({"status": "error", "data": None}, None),
    ],
)
def test_postal_says_no_with_a_yes(answer, code):
    backend = by("postal", lambda number: (200, answer))

    (word,) = hand_over_all(backend, "postal", messages_for("postal", 1))

    assert getattr(word, "code", None) == code
    assert return_path(7, 1).partition("@")[0] in backend.session.posted[0][1]["data"]
