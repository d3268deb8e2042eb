"""SPF, read strictly: RFC 7208's grammar and limits, over answers that are written down."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.domains import spf
from campaigns.domains.book import Answer, Book, Status, found
from campaigns.domains.spf import Result

US = ip_address("203.0.113.7")


def book(**texts: str | list[str]) -> Book:
    """`book(a_org="v=spf1 -all")`: TXT of a.org; all other names are known to be empty."""

    class Known(Book):
        def ask(self, kind: str, name: str) -> Answer:
            answer = super().ask(kind, name)
            return Answer(Status.NOTHING) if answer.status == Status.PENDING else answer

    answers = {}
    for key, value in texts.items():
        kind, _colon, name = key.rpartition("__")
        answers[kind or "TXT", name.replace("_", ".")] = found([value] if isinstance(value, str) else value)
    return Known(answers)


def result(address=US, /, **texts: str | list[str]) -> Result:
    return spf.check_host(book(**texts), "a.org", address)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("v=spf1 ip4:203.0.113.7 -all", Result.PASS),
        ("V=SPF1 IP4:203.0.113.0/24 -ALL", Result.PASS),
        ("v=spf1 ip4:203.0.113.8 -all", Result.FAIL),
        ("v=spf1 ip4:203.0.113.8 ~all", Result.SOFTFAIL),
        ("v=spf1 ip4:203.0.113.8 ?all", Result.NEUTRAL),
        ("v=spf1 ip4:203.0.113.8", Result.NEUTRAL),
        ("v=spf1 -ip4:203.0.113.7 +all", Result.FAIL),
        ("v=spf1 +all", Result.PASS),
        ("v=spf1 exists:%{i}.x.org -all", Result.UNKNOWN),
        ("v=spf1 ip4:203.0.113.7/33 -all", Result.PERMERROR),
        ("v=spf1 ip4:2001:db8::1 -all", Result.PERMERROR),
        ("v=spf1 ipv4:203.0.113.7 -all", Result.PERMERROR),
        ("v=spf1 include -all", Result.PERMERROR),
        ("v=spf1 include: -all", Result.PERMERROR),
        ("v=spf1 all:x.org", Result.PERMERROR),
        ("v=spf1 +redirect=x.org", Result.PERMERROR),
        ("v=spf1 redirect=x.org redirect=y.org", Result.PERMERROR),
        ("v=spf1 unknown=anything ip4:203.0.113.7 -all", Result.PASS),
        ("v=spf10 ip4:203.0.113.7 -all", Result.NONE),
        ("v=spf1;ip4:203.0.113.7", Result.NONE),
        ("v=spf1", Result.NEUTRAL),
    ],
)
def test_result_for_our_address(record: str, expected: Result) -> None:
    assert result(a_org=record) == expected


def test_names_are_followed_by_the_family_of_the_address() -> None:
    texts = {"a_org": "v=spf1 a:mail.a.org mx -all", "A__mail_a_org": "203.0.113.7"}
    assert result(**texts) == Result.PASS
    assert result(ip_address("2001:db8::1"), **texts) == Result.FAIL
    assert result(a_org="v=spf1 mx -all", MX__a_org="10 mx.a.org", A__mx_a_org="203.0.113.7") == Result.PASS
    assert result(a_org="v=spf1 a/24 -all", A__a_org="203.0.113.99") == Result.PASS
    assert result(a_org="v=spf1 a//64 -all", AAAA__a_org="2001:db8::9") == Result.FAIL
    assert result(ip_address("2001:db8::1"), a_org="v=spf1 a//64 -all", AAAA__a_org="2001:db8::9") == Result.PASS


def test_include_matches_only_on_a_pass_and_fails_on_a_missing_record() -> None:
    assert result(a_org="v=spf1 include:b.org ~all", b_org="v=spf1 ip4:203.0.113.7 -all") == Result.PASS
    assert result(a_org="v=spf1 include:b.org ~all", b_org="v=spf1 -ip4:203.0.113.7 +all") == Result.SOFTFAIL
    assert result(a_org="v=spf1 include:b.org ~all") == Result.PERMERROR
    assert result(a_org="v=spf1 redirect=b.org", b_org="v=spf1 ip4:203.0.113.7 -all") == Result.PASS
    assert result(a_org="v=spf1 redirect=b.org", b_org="v=spf1 -all") == Result.FAIL
    assert result(a_org="v=spf1 redirect=b.org") == Result.PERMERROR
    assert result(a_org="v=spf1 redirect=b.org ?all", b_org="v=spf1 +all") == Result.NEUTRAL


def test_several_records_are_an_error() -> None:
    assert result(a_org=["v=spf1 +all", "v=spf1 -all"]) == Result.PERMERROR
    assert result(a_org=["v=spf1 +all", "something else"]) == Result.PASS


def test_ten_look_ups_are_allowed_and_eleven_are_not() -> None:
    def chain(n: int) -> dict[str, str]:
        names = {"a_org": "v=spf1 " + " ".join(f"include:n{i}.org" for i in range(n)) + " ip4:203.0.113.7 -all"}
        return names | {f"n{i}_org": "v=spf1 ?all" for i in range(n)}

    assert result(**chain(10)) == Result.PASS
    assert result(**chain(11)) == Result.PERMERROR
    assert spf.walk(book(**chain(10)), "a.org").problems == []
    walked = spf.walk(book(**chain(11)), "a.org")
    assert walked.lookups == 11
    assert "11 names" in walked.problems[0]
    assert walked.costs["include:n3.org"] == 1


def test_three_names_without_anything_behind_them_are_an_error() -> None:
    assert result(a_org="v=spf1 a:x.org a:y.org ip4:203.0.113.7 -all") == Result.PASS
    assert result(a_org="v=spf1 a:x.org a:y.org a:z.org ip4:203.0.113.7 -all") == Result.PERMERROR


def test_records_that_lead_back_to_themselves_end() -> None:
    loop = {"a_org": "v=spf1 include:b.org -all", "b_org": "v=spf1 include:a.org -all"}
    assert result(**loop) == Result.PERMERROR
    assert "a.org → b.org → a.org" in spf.walk(book(**loop), "a.org").problems[0]


def test_what_was_not_answered_is_not_known() -> None:
    answers = {("TXT", "a.org"): found(["v=spf1 include:b.org -all"]), ("TXT", "b.org"): Answer(Status.SILENT)}
    assert spf.check_host(Book(answers), "a.org", US) == Result.UNKNOWN
    assert not spf.walk(Book(answers), "a.org").is_complete


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    record = spf.parse(f"v=spf1 {text}")
    assert len(record.terms) + len(record.problems) >= bool(text.replace(" ", ""))
    for answer in (f"v=spf1 {text}", text):
        assert result(a_org=answer) in set(Result)
        spf.walk(book(a_org=answer), "a.org")


_TERMS = st.sampled_from(
    ["include:a.org", "include:b.org", "redirect=b.org", "redirect=a.org", "mx", "a:b.org", "ptr", "-all", "+all", "~ip6:::/0",
     "ip4:203.0.113.0/24", "exists:%{i}.b.org", "exp=x.org", "?all", "mx:a.org/24//64", "a//0"]
)  # fmt: skip


@given(st.lists(_TERMS, max_size=14), st.lists(_TERMS, max_size=14))
def test_any_record_of_real_terms_comes_to_an_end(ours: list[str], theirs: list[str]) -> None:
    texts = {"a_org": " ".join(["v=spf1", *ours]), "b_org": " ".join(["v=spf1", *theirs])}
    texts |= {"MX__a_org": "10 b.org", "A__b_org": "203.0.113.7"}
    assert result(**texts) in set(Result)
    walked = spf.walk(book(**texts), "a.org")
    assert walked.lookups <= 200
    if result(**texts) == Result.PASS and walked.is_complete:
        assert "a.org" in walked.reached
