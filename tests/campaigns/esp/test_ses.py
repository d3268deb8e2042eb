"""Amazon SES without Amazon's library: the signature, the whole message, what its refusals mean, and what SNS tells."""

import base64
import datetime as dt
import json
import pkgutil

import anymail.backends
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from django.urls import reverse

from campaigns.delivery.addresses import return_path
from campaigns.delivery.models import Feedback
from campaigns.esp import ses, sns
from campaigns.esp.catalogue import SERVICES
from campaigns.esp.handing import Refused, backend_of, hand_over, message_of
from campaigns.esp.models import ServiceEvent
from campaigns.esp.tasks import handle_events
from campaigns.mailings.models import Transport
from tests.campaigns.esp.test_batching import raw
from tests.campaigns.ledger import delivery, sent_mailing
from tests.factories import TransportFactory

SETTINGS = json.dumps(
    {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "secret", "region": "eu-west-1", "webhook": "hook-password"}
)


def test_each_service_of_django_anymail_has_a_form():
    theirs = {module.name for module in pkgutil.iter_modules(anymail.backends.__path__)}
    assert theirs - {"base", "base_requests", "console", "test", "sendinblue"} == SERVICES.keys()


def test_signature_is_that_of_amazons_own_example():
    made = ses.signature(
        method="GET",
        url="https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
        headers={
            "content-type": "application/x-www-form-urlencoded; charset=utf-8",
            "host": "iam.amazonaws.com",
            "x-amz-date": "20150830T123600Z",
        },
        body=b"",
        key_id="AKIDEXAMPLE",
        secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        region="us-east-1",
        service="iam",
    )
    assert made.endswith("Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7")


class Amazon(requests.adapters.BaseAdapter):
    """What was asked of it, and one answer."""

    def __init__(self, status, answer, kind=""):
        super().__init__()
        self.status, self.answer, self.kind, self.asked = status, answer, kind, []

    def send(self, request, **_options):
        self.asked.append(request)
        response = requests.Response()
        response.status_code, response._content = self.status, json.dumps(self.answer).encode()
        response.request, response.url = request, request.url
        if self.kind:
            response.headers["x-amzn-ErrorType"] = self.kind
        return response

    def close(self):
        pass


def said_by(amazon):
    backend = backend_of(Transport(kind="service", service="amazon_ses", service_settings=SETTINGS))
    backend.open()
    backend.session.mount("https://email.eu-west-1.amazonaws.com/", amazon)
    return hand_over(backend, message_of(raw(1), return_path=return_path(7, 1), ties="metadata"))


def test_the_message_leaves_as_it_is_signed_and_with_our_id():
    amazon = Amazon(200, {"MessageId": "0102-a"})

    reply = said_by(amazon)

    assert (reply.code, "0102-a" in reply.text) == (250, True)
    [request] = amazon.asked
    assert request.url == "https://email.eu-west-1.amazonaws.com/v2/email/outbound-emails"
    assert request.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    sent = json.loads(request.body)
    assert sent["Destination"] == {"ToAddresses": ["p1@people.labour-office.net"]}
    tie, _end, rest = base64.b64decode(sent["Content"]["Raw"]["Data"]).partition(b"\r\n")
    assert json.loads(tie.removeprefix(b"X-Metadata: ")) == {"groundswell": return_path(7, 1).partition("@")[0]}
    assert rest == raw(1)


@pytest.mark.parametrize("kind", ["", "MessageRejected:http://x"])
def test_what_is_wrong_with_one_message_fails_alone(kind):
    assert said_by(Amazon(400, {"message": "Invalid"}, kind)).code == 554


@pytest.mark.parametrize(("status", "kind"), [(400, "AccountSuspendedException:http://x"), (403, ""), (429, "")])
def test_what_is_wrong_with_the_account_is_about_the_road(status, kind):
    with pytest.raises(Refused):
        said_by(Amazon(status, {"message": "no"}, kind))


# --- what SNS tells -----------------------------------------------------------------------------------------------------
@pytest.fixture
def transport(db):
    return TransportFactory(name="By SES", kind="service", service="amazon_ses", service_settings=SETTINGS)


KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
AT_SNS = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abcd.pem"


def certificate(*, days=30, key=KEY):
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")]), dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(now - dt.timedelta(days=60)).not_valid_after(now + dt.timedelta(days=days))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture(autouse=True)
def fetched(monkeypatch):
    """What SNS's hosts serve, by address, and what was fetched there."""
    served, asked = {AT_SNS: certificate()}, []
    monkeypatch.setattr(sns, "_certificates", {})
    monkeypatch.setattr(sns, "_fetch", lambda url: asked.append(url) or served[url])
    asked_and_served = type("Fetched", (), {"served": served, "asked": asked})
    return asked_and_served


def signed(body, *, version="2", key=KEY):
    body |= {"SigningCertURL": AT_SNS, "SignatureVersion": version}
    how = hashes.SHA1() if version == "1" else hashes.SHA256()  # noqa: S303 what Amazon signs version 1 with
    made = key.sign(sns.words_signed(body), padding.PKCS1v15(), how)
    return body | {"Signature": base64.b64encode(made).decode()}


def tell(client, transport, message, *, kind="Notification", version="2", forged=None, **more):
    body = {"Type": kind, "MessageId": "n-1", "Message": json.dumps(message), "TopicArn": "arn:a", **more}
    body = {**signed(body, version=version), **(forged or {})}
    return client.post(
        reverse("service_events", args=[transport.uid]),
        json.dumps(body),
        content_type="text/plain; charset=UTF-8",
        headers={
            "Authorization": f"Basic {base64.b64encode(b'groundswell:hook-password').decode()}",
            "x-amz-sns-message-type": kind,
            "x-amz-sns-message-id": "n-1",
        },
    )


def test_a_bounce_that_sns_tells_marks_the_address(client, transport):
    row = delivery(sent_mailing(), address="fatou@labour-office.net")
    tie = return_path(row.mailing_id, row.seq).partition("@")[0]
    message = {
        "eventType": "Bounce",
        "bounce": {
            "bounceType": "Permanent",
            "bounceSubType": "General",
            "bouncedRecipients": [{"emailAddress": row.address, "diagnosticCode": "smtp; 550 5.1.1 no such user"}],
            "timestamp": "2026-11-26T09:30:00.000Z",
        },
        "mail": {
            "messageId": "0102-a",
            "destination": [row.address],
            "headers": [{"name": "X-Metadata", "value": json.dumps({"groundswell": tie})}],
        },
    }
    for _turn in range(2):
        assert tell(client, transport, message).status_code == 200
    handle_events()

    assert ServiceEvent.objects.count() == 1
    assert (Feedback.objects.get().kind, Feedback.objects.get().seq) == ("hard_bounce", row.seq)


@pytest.mark.parametrize("version", ["1", "2"])
def test_what_sns_signed_counts_and_its_certificate_is_fetched_once(client, transport, fetched, version):
    for number in range(3):
        assert tell(client, transport, {}, version=version, Subject=f"No {number}").status_code == 200
    assert fetched.asked == [AT_SNS]


@pytest.mark.parametrize(
    "forged",
    [
        {"Message": '{"eventType": "Bounce"}'},
        {"Subject": "another"},
        {"SignatureVersion": "1"},
        {"SignatureVersion": "3"},
        {"Signature": "AAAA"},
        {"Signature": "no base64"},
        {"SigningCertURL": AT_SNS.replace("https:", "http:")},
        {"SigningCertURL": "https://sns.eu-west-1.amazonaws.com.evil.test/a.pem"},
        {"SigningCertURL": "https://evil.test/https://sns.eu-west-1.amazonaws.com/a.pem"},
        {"SigningCertURL": "https://x@sns.eu-west-1.amazonaws.com/a.pem"},
        {"SigningCertURL": "https://s3.amazonaws.com/a.pem"},
        {"SigningCertURL": ""},
    ],
)
def test_what_sns_did_not_sign_is_refused(client, transport, fetched, forged):
    answer = tell(client, transport, {}, forged=forged)

    assert (answer.status_code, ServiceEvent.objects.count()) == (403, 0)
    assert fetched.asked in ([], [AT_SNS])


def test_a_certificate_that_is_not_sns_s_key_or_is_over_is_refused_and_one_that_cannot_be_had_asks_to_come_again(
    client, transport, fetched, monkeypatch
):
    fetched.served[AT_SNS] = certificate(days=-1)
    assert tell(client, transport, {}).status_code == 403
    monkeypatch.setattr(sns, "_certificates", {})
    fetched.served[AT_SNS] = certificate(key=rsa.generate_private_key(public_exponent=65537, key_size=2048))
    assert tell(client, transport, {}).status_code == 403
    monkeypatch.setattr(sns, "_certificates", {})
    fetched.served[AT_SNS] = b"<html>"
    assert tell(client, transport, {}).status_code == 503
    fetched.served[AT_SNS] = certificate()
    assert tell(client, transport, {}).status_code == 200


def test_a_subscription_is_said_yes_to_only_at_sns(client, transport, monkeypatch):
    asked = []
    monkeypatch.setattr(ses.requests, "get", lambda url, **_: asked.append(url) or requests.Response())
    monkeypatch.setattr(requests.Response, "raise_for_status", lambda self: None)
    for url in ("https://sns.example.org/yes", "https://sns.eu-west-1.amazonaws.com.evil.test/", "http://127.0.0.1/"):
        answer = tell(client, transport, {}, kind="SubscriptionConfirmation", SubscribeURL=url)
        assert (answer.status_code, asked) == (400, [])
    good = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
    assert tell(client, transport, {}, kind="SubscriptionConfirmation", SubscribeURL=good).status_code == 200
    assert asked == [good]


def test_who_shows_no_password_is_asked_for_it(client, transport):
    answer = client.post(reverse("service_events", args=[transport.uid]), b"{}", content_type="text/plain")
    assert (answer.status_code, answer.headers["WWW-Authenticate"][:5]) == (401, "Basic")
