"""A sender's domain looked up in a real DNS server: what is found, what is missing, and the record that mends it."""

from datetime import timedelta
from unittest.mock import ANY

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery import operating
from campaigns.domains import asking, services
from campaigns.domains.findings import DnsRecord, Finding
from campaigns.domains.models import SendingDomain
from campaigns.domains.presenting import checked, checked_of
from campaigns.mailings.leaving import origins_of
from campaigns.mailings.models import Transport
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from crm.errors import Invalid
from tests.campaigns.domains.test_tags import GOOD, SHORT, weak_key
from tests.factories import SenderFactory, TransportFactory

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
US, ELSEWHERE = "5.9.10.7", "5.9.10.8"


@pytest.fixture
def sender():
    return SenderFactory(name="Coalition", email="news@Coalition.eu")


@pytest.fixture
def road():
    return TransportFactory(name="Relay", kind=Transport.Kind.SMTP, url="smtp://mail.coalition.eu:587")


@pytest.fixture
def in_order(zone, sender, road):
    """Everything as it should be."""
    zone.put("TXT", "bounce.coalition.eu", "verification=" + "x" * 500, "v=spf1 a:mail.coalition.eu -all")
    zone.put("MX", "bounce.coalition.eu", "10 mail.coalition.eu.")
    zone.put("TXT", "m1._domainkey.coalition.eu", f"v=DKIM1; k=rsa; p={GOOD}")
    zone.put("TXT", "_dmarc.coalition.eu", "v=DMARC1; p=quarantine; rua=mailto:dmarc@coalition.eu")
    zone.put("MX", "coalition.eu", "10 mx1.coalition.eu.", "20 mail.coalition.eu.")
    zone.put("A", "mail.coalition.eu", US)
    zone.put("A", "mx1.coalition.eu", ELSEWHERE)
    zone.put("PTR", "7.10.9.5.in-addr.arpa", "mail.coalition.eu.")
    SendingDomain.objects.create(name="coalition.eu", dkim_selector="m1", dkim_record=f"v=DKIM1; k=rsa; p={GOOD}")
    return zone


def look(sender) -> dict[str, Finding]:
    row = services.check(row=services.row_of(sender))
    return {finding.code: finding for finding in checked(row).findings}


def test_domain_in_order(in_order, sender) -> None:
    found = look(sender)

    assert {code: finding.kind.value for code, finding in found.items()} == dict.fromkeys(
        ["spf", "dkim", "dmarc", "return_mx", "mx", "reverse"], "ok"
    )
    assert all(finding.records == [] for finding in found.values())
    assert found["spf"].words == "The record lets “Relay” send."
    assert "1 of 10 look-ups is used." in found["spf"].lines
    assert "SPF counts for it: bounce.coalition.eu belongs to coalition.eu." in found["dmarc"].lines
    assert "2048 bits" in found["dkim"].words
    assert found["reverse"].words.startswith(f"{US} → mail.coalition.eu")
    row = SendingDomain.objects.get()
    assert (checked(row).words, row.failure) == ("in order", "")
    assert in_order.over_tcp >= 1  # what the other system asked for does not fit into an answer by UDP


def test_nothing_is_there_and_each_record_is_said(zone, sender, road) -> None:
    zone.put("A", "mail.coalition.eu", US)
    services.set_signing(
        row=services.row_of(sender), actor=None, dkim_selector="m1", dkim_record=f"v=DKIM1; k=rsa; p={GOOD}"
    )

    found = look(sender)

    assert {finding.kind.value for finding in found.values()} == {"bad"}
    assert [record for finding in found.values() for record in finding.records] == [
        DnsRecord("bounce.coalition.eu", "TXT", "v=spf1 a:mail.coalition.eu -all"),
        DnsRecord("m1._domainkey.coalition.eu", "TXT", f"v=DKIM1; k=rsa; p={GOOD}", ANY),
        DnsRecord("_dmarc.coalition.eu", "TXT", "v=DMARC1; p=none; rua=mailto:dmarc@coalition.eu", ANY),
        DnsRecord("bounce.coalition.eu", "MX", "10 mail.coalition.eu.", ANY),
        DnsRecord("coalition.eu", "MX", "10 mail.coalition.eu.", ANY),
        DnsRecord("7.10.9.5.in-addr.arpa", "PTR", "mail.coalition.eu.", ANY),
    ]


def test_what_is_said_to_add_is_enough(zone, sender, road) -> None:
    """Adding exactly the records that are shown, the next check finds nothing to mend."""
    zone.put("A", "mail.coalition.eu", US)
    services.set_signing(row=services.row_of(sender), actor=None, dkim_selector="m1", dkim_record=GOOD_RECORD)

    for finding in look(sender).values():
        for record in finding.records:
            zone.put(record.kind, record.name, record.value)

    assert {finding.kind.value for finding in look(sender).values()} == {"ok"}


GOOD_RECORD = f"v=DKIM1; k=rsa; p={GOOD}"


@pytest.mark.parametrize(
    ("values", "kind", "says", "value"),
    [
        (["v=spf1 ip4:5.9.10.8 -all"], "bad", "does not let “Relay” send", "v=spf1 ip4:5.9.10.8 a:mail.coalition.eu -all"),
        (["v=spf1 ip4:5.9.10.7 +all"], "bad", "allows everybody", "v=spf1 ip4:5.9.10.7 -all"),
        (
            ["v=spf1 mx -all", "v=spf1 a:mail.coalition.eu ~all"], "bad", "several SPF records",
            "v=spf1 a:mail.coalition.eu mx ~all",
        ),
        (["v=spf1 ip4:5.9.10.7 include:gone.eu -all"], "bad", "gone.eu, which has no SPF record", None),
        (["v=spf1 redirect=other.eu"], "bad", "does not let “Relay”", "v=spf1 a:mail.coalition.eu redirect=other.eu"),
        (["v=spf1 ip4:5.9.10.7"], "warn", "end it with", "v=spf1 ip4:5.9.10.7 -all"),
        (["v=spf1 ip4:5.9.10.0/24 ?all"], "ok", "lets “Relay” send", None),
        (["v=spf1 exists:%{i}.list.eu -all"], "wait", "not known", None),
        (["v=spf1 ip4:5.9.10.7 bogus -all"], "bad", "“bogus” is not SPF", None),
    ],
)  # fmt: skip
def test_spf_is_judged_for_the_transport(in_order, sender, values, kind, says, value) -> None:
    in_order.put("TXT", "bounce.coalition.eu", *values)
    in_order.put("TXT", "other.eu", "v=spf1 ip4:9.9.9.9 -all")

    spf = look(sender)["spf"]

    assert spf.kind.value == kind
    assert says in " ".join([spf.words, *spf.lines])
    if value:
        assert [record.value for record in spf.records] == [value]
        assert sorted(spf.records[0].replaces) == sorted(values)


def test_service_is_asked_for_by_its_include(in_order, sender, road) -> None:
    road.leaves_from = "include:spf.service.eu"
    road.save()
    in_order.put("TXT", "spf.service.eu", "v=spf1 ip4:9.9.9.0/24 -all")
    spf = look(sender)["spf"]
    assert [record.value for record in spf.records] == ["v=spf1 a:mail.coalition.eu include:spf.service.eu -all"]

    in_order.put("TXT", "bounce.coalition.eu", spf.records[0].value)
    found = look(sender)

    assert found["spf"].kind == "ok"
    assert found["reverse"].kind == "plain"


def test_service_that_names_no_include_looks_after_itself(in_order, sender) -> None:
    TransportFactory(name="By API", kind=Transport.Kind.SERVICE, service="brevo", service_settings="{}")

    found = [finding for finding in checked(services.check(row=services.row_of(sender))).findings]

    assert next(finding for finding in found if finding.code == "spf").words == "The record lets “Relay” send."
    assert {finding.title: finding.kind.value for finding in found if finding.code == "reverse"} == {
        "Reverse DNS of “Relay”": "ok",
        "Reverse DNS of “By API”": "plain",
    }


@pytest.mark.parametrize(
    ("record", "kind", "says"),
    [
        (f"v=DKIM1; k=rsa; p={SHORT}", "bad", "not the one that you pasted"),
        ("v=DKIM1; p=", "bad", "revoked"),
        (f"v=DKIM1; t=y; p={GOOD}", "warn", "marked as a test"),
        (f"v=DKIM1; p={GOOD[:100]}", "bad", "cannot be used"),
    ],
)
def test_dkim_is_judged(in_order, sender, record, kind, says) -> None:
    in_order.put("TXT", "m1._domainkey.coalition.eu", record)

    dkim = look(sender)["dkim"]

    assert dkim.kind.value == kind
    assert says in dkim.words
    assert [row.value for row in dkim.records] == ([GOOD_RECORD] if kind == "bad" else [])


def test_short_keys_and_pointers_and_no_selector(in_order, sender) -> None:
    row = SendingDomain.objects.get()
    services.set_signing(row=row, actor=None, dkim_selector="m1", dkim_record="")
    in_order.put("TXT", "m1._domainkey.coalition.eu", f"v=DKIM1; p={SHORT}")
    assert look(sender)["dkim"].kind == "warn"
    in_order.put("TXT", "m1._domainkey.coalition.eu", f"v=DKIM1; p={weak_key()}")
    assert "512 bits" in look(sender)["dkim"].words
    services.set_signing(row=row, actor=None, dkim_selector="m1", dkim_record="m1.dkim.service.eu")
    dkim = look(sender)["dkim"]
    assert dkim.records == [DnsRecord("m1._domainkey.coalition.eu", "CNAME", "m1.dkim.service.eu.")]
    services.set_signing(row=row, actor=None, dkim_selector="", dkim_record="")
    assert (look(sender)["dkim"].kind, look(sender)["dmarc"].kind) == ("warn", "ok")


@pytest.mark.parametrize(
    ("record", "kind", "says"),
    [
        ("v=DMARC1; p=none; rua=mailto:d@coalition.eu", "ok", "go on to p=quarantine"),
        ("v=DMARC1; p=reject", "warn", "Nobody gets its reports"),
        ("v=DMARC1; p=reject; rua=mailto:d@reports.eu", "warn", "reports.eu has not said"),
        ("v=DMARC1; p=reject; aspf=s; rua=mailto:d@coalition.eu", "ok", "SPF does not count"),
        ("v=DMARC1; p=bad", "bad", "cannot be used"),
    ],
)
def test_dmarc_is_judged(in_order, sender, record, kind, says) -> None:
    in_order.put("TXT", "_dmarc.coalition.eu", record)

    dmarc = look(sender)["dmarc"]

    assert dmarc.kind.value == kind
    assert says in " ".join([dmarc.words, *dmarc.lines])


def test_mail_that_is_not_aligned_would_not_pass(in_order, sender, settings) -> None:
    settings.RETURN_DOMAIN = "bounce.others.eu"
    for kind, name in (("TXT", "bounce.others.eu"), ("MX", "bounce.others.eu")):
        in_order.put(kind, name, *in_order.records[kind, "bounce.coalition.eu"])
    assert look(sender)["dmarc"].kind == "ok"  # the signature carries it

    services.set_signing(row=services.row_of(sender), actor=None, dkim_selector="", dkim_record="")
    found = look(sender)

    assert (found["spf"].kind, found["dmarc"].kind) == ("ok", "bad")
    assert "As things stand, mail from here would not pass: mend SPF or DKIM above." in found["dmarc"].lines


def test_mail_that_comes_back_and_reverse_names(in_order, sender) -> None:
    in_order.put("MX", "coalition.eu", "0 .")
    in_order.put("MX", "bounce.coalition.eu", "10 gone.coalition.eu.")
    in_order.put("PTR", "7.10.9.5.in-addr.arpa", "static-7.provider.eu.")

    found = look(sender)

    assert "takes no mail at all" in found["mx"].words
    assert "gone.coalition.eu, which has no address" in found["return_mx"].words
    assert "that name does not lead back" in found["reverse"].lines[0]
    assert found["reverse"].records[0].replaces == ("static-7.provider.eu",)


def test_silent_server_is_said_and_the_last_answers_are_kept(in_order, sender, monkeypatch) -> None:
    row = services.check(row=services.row_of(sender))
    before, at = row.answers, row.checked_at
    monkeypatch.setattr(asking, "ONE_SECONDS", 0.3)
    in_order.is_silent = True

    row = services.check(row=row)

    assert (row.failure, row.answers, row.checked_at) == ("No DNS server answered.", before, at)
    assert row.asked_at > at
    assert checked(row).words == "in order"


def test_one_name_that_is_not_answered_keeps_its_last_answer_only(in_order, sender, monkeypatch) -> None:
    services.check(row=services.row_of(sender))
    in_order.broken.add("_dmarc.coalition.eu")
    in_order.put("MX", "coalition.eu", "0 .")

    found = look(sender)

    assert (found["dmarc"].kind, found["mx"].kind) == ("ok", "bad")
    assert SendingDomain.objects.get().failure == "Not everything was answered: TXT _dmarc.coalition.eu."


def test_never_answered_is_not_known(zone, sender, road, monkeypatch) -> None:
    monkeypatch.setattr(asking, "ONE_SECONDS", 0.3)
    zone.is_silent = True

    row = services.check(row=services.row_of(sender))

    assert (row.checked_at, checked(row).words, checked(row).findings) == (None, "never answered", [])


def test_server_that_is_nowhere_does_not_hang(zone, sender, road, settings) -> None:
    settings.DNS_RESOLVER = ("127.0.0.1", 1)
    row = services.check(row=services.row_of(sender))
    assert row.failure == "No DNS server answered."


def test_private_server_asks_where_its_mail_leaves_from(in_order, sender, road) -> None:
    Transport.objects.update(url="smtp://postfix:25")
    found = look(sender)
    assert (found["spf"].kind, found["reverse"].kind) == ("wait", "wait")
    assert "postfix is not seen from outside" in found["reverse"].words

    Transport.objects.update(leaves_from=US)
    assert look(sender)["spf"].kind == "ok"


def test_local_mailbox_is_no_road_out(zone, sender) -> None:
    TransportFactory()
    found = look(sender)
    assert "reverse" not in found
    assert found["spf"].records == []


def test_origins_are_what_can_be_checked() -> None:
    found = origins_of("5.9.10.7, 2a01:4f8::/64 include:SPF.service.eu\nmail.coalition.eu. a:mail.coalition.eu")
    assert [origin.term for origin in found] == [
        "ip4:5.9.10.7",
        "ip6:2a01:4f8::/64",
        "include:spf.service.eu",
        "a:mail.coalition.eu",
        "a:mail.coalition.eu",
    ]
    for wrong in ("localhost", "300.1.1.1", "include:", "mx:coalition.eu", "http://x.eu", "-all"):
        with pytest.raises(Invalid):
            origins_of(wrong)


def test_international_domain_is_asked_by_its_ascii_name(zone) -> None:
    assert services.domain_of("news@Straßenbündnis.eu") == "xn--straenbndnis-o9a32b.eu"
    assert services.domain_of("x@" + "ü" * 80 + ".eu").isascii()


def test_domains_that_nobody_looked_at_for_a_day_are_checked_once(in_order, sender) -> None:
    SenderFactory(email="a@coalition.eu", name="Another")
    SenderFactory(email="x@campaign.test")

    assert services.check_due() == ["coalition.eu"]
    assert services.check_due() == []
    SendingDomain.objects.update(asked_at=timezone.now() - timedelta(hours=25))
    assert services.check_due() == ["coalition.eu"]
    assert SendingDomain.objects.count() == 1


def test_key_stands_under_a_selector() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        SendingDomain.objects.create(name="a.eu", dkim_record="v=DKIM1; p=x")
    with pytest.raises(IntegrityError), transaction.atomic():
        SendingDomain.objects.create(name="A eu")


# --- screens ------------------------------------------------------------------------------------------------------------
def test_page_asks_by_itself_the_first_time_and_shows_records_to_copy(zone, sender, road, admin, sign_in) -> None:
    zone.put("A", "mail.coalition.eu", US)
    client, url = sign_in(admin), reverse("sender_domain", args=[sender.uid])
    first = client.get(url).content.decode()
    assert 'hx-trigger="load"' in first and "Asking the DNS" in first
    assert not SendingDomain.objects.exists() and not zone.asked  # a page changes nothing and waits for nobody

    part = client.post(reverse("sender_domain_check", args=[sender.uid]), headers=HTMX).content.decode()

    assert 'hx-trigger="load"' not in part
    assert "v=spf1 a:mail.coalition.eu -all" in part
    assert 'data-copy="#dns-1-1-value"' in part
    assert client.post(reverse("sender_domain_check", args=[sender.uid])).status_code == 302


def test_signing_is_kept_audited_and_undone(zone, sender, admin, sign_in) -> None:
    client, url = sign_in(admin), reverse("sender_domain_signing", args=[sender.uid])

    client.post(url, {"dkim_selector": "M1._domainkey.coalition.eu", "dkim_record": GOOD})

    row = SendingDomain.objects.get()
    assert (row.dkim_selector, row.dkim_record) == ("m1", GOOD_RECORD)
    entry = AuditEntry.objects.get(verb="sending_domain.edited")
    undo(entry=entry, actor=admin)
    row.refresh_from_db()
    assert (row.dkim_selector, row.dkim_record) == ("", "")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"dkim_selector": "", "dkim_record": GOOD}, "Say the selector as well"),
        ({"dkim_selector": "a b", "dkim_record": ""}, "letters, digits, dots and dashes"),
        ({"dkim_selector": "m1", "dkim_record": "hello"}, "no public key"),
        ({"dkim_selector": "m1", "dkim_record": "-----BEGIN PRIVATE KEY-----\nMII"}, "It was not kept"),
    ],
)
def test_wrong_signing_is_refused_in_a_sentence(zone, sender, admin, sign_in, data, says) -> None:
    answer = sign_in(admin).post(reverse("sender_domain_signing", args=[sender.uid]), data)

    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not SendingDomain.objects.exists()


def test_lists_ask_as_much_with_one_domain_as_with_three(zone, sender, admin, planner, sign_in) -> None:
    def queries() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as listed:
            assert sign_in(admin).get(reverse("sender_list")).status_code == 200
        with CaptureQueriesContext(connection) as shown:
            operating.sending_now(planner)
        return len(listed), len(shown)

    queries()  # the first time, an installation's row and the like are made
    one = queries()
    for name in ("second.eu", "third.eu"):
        SenderFactory(email=f"a@{name}")
        SendingDomain.objects.create(name=name, checked_at=timezone.now())
    assert queries() == one
    assert [row.row.name for _sender, row in checked_of()] == ["coalition.eu", "second.eu", "third.eu"]


def test_sending_page_links_to_the_domain_for_administrators(zone, sender, admin, planner, sign_in) -> None:
    url = reverse("sender_domain", args=[sender.uid])
    assert url in sign_in(admin).get(reverse("sending")).content.decode()
    page = sign_in(planner).get(reverse("sending")).content.decode()
    assert "coalition<wbr>.eu" in page and url not in page
