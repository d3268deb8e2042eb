"""DKIM keys and DMARC policies as receivers read them."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from campaigns.domains import tags
from campaigns.domains.book import Book, found


def public_key(bits: int) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key()
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def weak_key() -> str:
    """512 bits: libraries no longer make such a key, but can be told of one."""
    key = rsa.RSAPublicNumbers(65537, (1 << 511) + 12345).public_key()
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


GOOD, SHORT = public_key(2048), public_key(1024)
ED = base64.b64encode(
    ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
).decode()


@pytest.mark.parametrize(
    ("record", "bits", "problem"),
    [
        (f"v=DKIM1; k=rsa; p={GOOD}", 2048, ""),
        (f"p={SHORT}", 1024, ""),
        (f"v=DKIM1; k=ed25519; p={ED}", 0, ""),
        (f"v=DKIM1; p={GOOD[:40]}", 0, "no RSA key"),
        (f"v=DKIM1; p={GOOD[:41]}", 0, "not base64"),
        ("v=DKIM1; k=rsa; p=Häuser", 0, "not base64"),
        (f"v=DKIM1; k=ed25519; p={GOOD}", 0, "no Ed25519"),
        (f"v=DKIM1; k=dsa; p={GOOD}", 0, "kind of key"),
        (f"k=rsa; v=DKIM1; p={GOOD}", 2048, "must begin"),
        (f"v=DKIM2; p={GOOD}", 2048, "must begin"),
        ("v=DKIM1; k=rsa", 0, "no “p=”"),
        (f"v=DKIM1; s=tlsrpt; p={GOOD}", 2048, "not for mail"),
        (f"v=DKIM1; h=sha1; p={GOOD}", 2048, "sha256"),
        (f"v=DKIM1; p={GOOD}; p={GOOD}", 2048, "twice"),
    ],
)
def test_key_record(record: str, bits: int, problem: str) -> None:
    key = tags.read_key(record)
    assert key.bits == bits
    assert problem in " ".join(key.problems)
    assert bool(key.problems) == bool(problem)


def test_revoked_and_testing_keys_say_so() -> None:
    assert tags.read_key("v=DKIM1; p=").is_revoked
    assert tags.read_key(f"v=DKIM1; t=y:s; p={GOOD}").is_testing
    assert not tags.read_key(f"v=DKIM1; t=s; p={GOOD}").is_testing


def test_what_is_pasted_becomes_the_records_value() -> None:
    lines = "\n".join(GOOD[start : start + 64] for start in range(0, len(GOOD), 64))
    pem = f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n"
    assert tags.key_record(pem) == tags.key_record(GOOD) == f"v=DKIM1; k=rsa; p={GOOD}"
    strings = f'"v=DKIM1; k=rsa; p={GOOD[:200]}" "{GOOD[200:]}"'
    assert tags.read_key(tags.key_record(strings)).body == GOOD
    assert tags.key_record("S1.dkim.Service.EU.") == "s1.dkim.service.eu"
    assert tags.key_record("what is this") == ""
    assert tags.key_record("v=DKIM1; p=") == ""


@pytest.mark.parametrize(
    ("record", "policy", "is_usable", "problem"),
    [
        ("v=DMARC1; p=reject; rua=mailto:d@a.org", "reject", True, ""),
        ("v=DMARC1;p=Quarantine;", "quarantine", True, ""),
        ("v=DMARC1", "none", False, "must be none"),
        ("v=DMARC1; rua=mailto:d@a.org", "none", True, "must be none"),
        ("v=DMARC1; p=block; rua=http://a.org", "none", False, "no mailto"),
        ("v=DMARC1; p=none; sp=maybe", "none", True, "“sp=”"),
        ("v=DMARC1; p=none; adkim=x", "none", True, "“adkim=”"),
        ("v=DMARC1; p=none; pct=101", "none", True, "“pct=”"),
        ("v=DMARC1; p=none; nonsense", "none", True, "no tag"),
        ("p=none; v=DMARC1", "none", False, "must begin"),
        ("v=dmarc1; p=none", "none", False, "must begin"),
    ],
)
def test_policy_record(record: str, policy: str, is_usable: bool, problem: str) -> None:
    read = tags.read_policy(record)
    assert (read.policy, read.is_usable) == (policy, is_usable)
    assert problem in " ".join(read.problems)
    assert bool(read.problems) == bool(problem)


def test_subdomains_and_alignment_are_read() -> None:
    read = tags.read_policy("v=DMARC1; p=reject; sp=none; adkim=s; aspf=S; rua=mailto:a@x.org!10m, mailto:b@y.org")
    assert (read.policy, read.for_subdomains(), read.strict_dkim, read.strict_spf) == ("reject", "none", True, True)
    assert [tags.report_domain(uri) for uri in read.reports_to] == ["x.org", "y.org"]


def climb(domain: str, **records: str | list[str]) -> tags.Found:
    answers = {
        ("TXT", f"_dmarc.{name.replace('_', '.')}"): found([text] if isinstance(text, str) else text)
        for name, text in records.items()
    }
    return tags.dmarc_of(Book(answers), domain)


def test_policy_is_the_domains_own_else_its_organizations() -> None:
    assert climb("mail.a.org", a_org="v=DMARC1; p=reject").name == "a.org"
    here = climb("mail.a.org", a_org="v=DMARC1; p=reject", mail_a_org="v=DMARC1; p=none")
    assert (here.name, here.organization) == ("mail.a.org", "a.org")
    # a public suffix is nobody's organization, and psd=n ends the climb
    assert climb("x.gov.uk", gov_uk="v=DMARC1; p=none; psd=y").organization == "x.gov.uk"
    assert climb("b.a.org", b_a_org="v=DMARC1; p=none; psd=n", a_org="v=DMARC1; p=none").organization == "b.a.org"
    assert climb("a.org", a_org=["v=DMARC1; p=none", "v=DMARC1; p=none"]).several_at == "a.org"
    assert climb("a.org").policy is None


def test_long_name_is_climbed_in_few_steps() -> None:
    book = Book()
    tags.dmarc_of(book, ".".join(["x"] * 40) + ".a.org")
    assert len(book.wanted) == 8


@given(
    st.text(max_size=300), st.sampled_from(["", "v=DKIM1; p=", "v=DMARC1; p=none; rua=", "v=DMARC1;", "k=ed25519;p="])
)
def test_any_text_is_read(text: str, before: str) -> None:
    tags.read_key(before + text)
    tags.read_policy(before + text)
    assert tags.key_record(before + text) == "" or not tags.read_key(tags.key_record(before + text)).is_revoked
    climb("a.org", a_org=before + text)
