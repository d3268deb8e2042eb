"""What a template may say, and the sentence that refuses everything else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.mailings.expressions import FILTERS, MAX_CUT
from campaigns.mailings.fields import EXAMPLES, FIELDS
from campaigns.mailings.rendering import Numbers, Recipient, text_program
from campaigns.mailings.templates import (
    TemplateRefused,
    parse,
    undefaulted_fields,
    used_fields,
    validate,
)


def rendered(source: str, language: str = "en", **values) -> str:
    nodes = parse(source)
    fields = {key.replace("__", "."): value for key, value in values.items()}
    return text_program(nodes, numbers=Numbers.of(language)).run(Recipient(fields, lambda n, v: ""))


def refusal(source: str, **options) -> str:
    problems = validate(source, **options)
    assert len(problems) == 1, problems
    return str(problems[0])


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("Dear {{ person.name,\nhello", "A tag opens with {{ and never closes. Add }}."),
        ("{% if person.name %}Dear", "This “if” is never closed."),
        ("{{ person.nmae }}", "There is no field “person.nmae”. Did you mean “person.name”?"),
        ("{{ zzzz }}", "There is no field “zzzz”. Choose one from the field menu."),
        ("{% for x in person.name %}{% endif %}", "A loop (for) is not allowed"),
        ("{% set x = [1] %}", "Assigning a value (set) is not allowed"),
        ("{% macro m() %}", "A macro is not allowed"),
        ("{% import 'a' as b %}", "Importing is not allowed"),
        ("{% include 'a' %}", "Including another template is not allowed"),
        ("{% extends 'a' %}", "Extending another template is not allowed"),
        ("{% raw %}", "“raw” is not allowed"),
        ("{% call x() %}", "“call x()” is not a tag that mailings know"),
        ("{{ range(9) }}", "Calls such as range(…) are not allowed"),
        ("{{ person.name.upper() }}", "Calls such as person.name.upper(…) are not allowed"),
        ("{{ [1, 2] }}", "Lists and look-ups in brackets are not allowed"),
        ("{{ person['name'] }}", "Lists and look-ups in brackets are not allowed"),
        ("{{ 2 ** 9 }}", "Arithmetic (*) is not allowed"),
        ("{{ person.name ~ person.name }}", "Arithmetic (~) is not allowed"),
        ("{{ person.name | tojson }}", "“tojson” is not a filter of mailings"),
        ("{{ person.name | uper }}", "Did you mean “upper”?"),
        ("{{ person.name | default }}", 'Write this filter so: default("colleague")'),
        ("{{ person.name | truncate(99999999) }}", "must lie between 0 and 1,000"),
        ("{{ }}", "This tag is empty"),
        ('{{ "text" }}', "A field must stand here"),
        ("{# note #}", "Comments"),
        ("{% endif %}", "without an “if” before it"),
        ("{% if person.name %}{% else %}{% elif person.name %}{% endif %}", "cannot follow “else”"),
        ('{{ person.name | default("x }}', "A quotation mark opens here and never closes"),
        ("{{ open_url }}", "There is no field “open_url”"),
        ("{{ link(1) }}", "Calls such as link(…) are not allowed"),
        ("{{ person.name | urlencode }}", "“urlencode” is not a filter"),
    ],
)
def test_template_is_refused_in_a_sentence(source: str, sentence: str) -> None:
    assert any(sentence in str(problem) for problem in validate(source)), validate(source)


def test_refusal_says_the_line() -> None:
    assert refusal("one\ntwo\n{{ person.nam }}").startswith("Line 3: ")


def test_refusal_in_rich_text_counts_paragraphs() -> None:
    assert refusal("<p>one</p><p>{{ person.nam }}</p>", is_html=True).startswith("Line 2: ")


def test_every_problem_is_told_at_once() -> None:
    assert len(validate("{{ nobody }} {% for %} {{ person.name | x }}")) == 3


def test_list_doubled_32_times_is_refused_at_once() -> None:
    doubled = "{% set a = [1] %}" + "{% set a = a + a %}" * 32 + "{{ a }}"

    problems = validate(doubled)

    assert len(problems) == 34
    assert "Assigning a value (set) is not allowed" in str(problems[0])


def test_too_long_and_too_deep_are_refused() -> None:
    assert "longer than 200,000" in refusal("x" * 200_001)
    assert any("10 deep" in str(p) for p in validate("{% if person.name %}" * 11 + "{% endif %}" * 11))
    assert any("1,000 fields" in str(p) for p in validate("{{ person.name }}" * 1001))


@pytest.mark.parametrize(
    ("source", "values", "text"),
    [
        ("Dear {{ person.name }}", {"person__name": "Fatou"}, "Dear Fatou"),
        ('Dear {{ person.name | default("colleague") }}', {"person__name": ""}, "Dear colleague"),
        ("Dear {{ person.name | default(“colleague”) }}", {}, "Dear colleague"),
        ("Dear {{ person.name }}!", {}, "Dear !"),
        ("{{ person.name|upper|truncate(3) }}", {"person__name": "fatou"}, "FA…"),
        ("{{ country.coverage }} %", {"country__coverage": 18.9}, "18.9 %"),
        ("{{ country.coverage | number(0) }}", {"country__coverage": 18.9}, "19"),
        ("{{ commitment.due_on | day }}", {"commitment__due_on": "2027-03-01"}, "1 March 2027"),
        ("{{ commitment.due_on | day }}", {"commitment__due_on": "soon"}, "soon"),
        ("{{ country.coverage_year }}", {"country__coverage_year": 2020}, "2020"),
        ("{% if country.coverage < 20 %}low{% elif country.coverage %}high{% else %}?{% endif %}",
         {"country__coverage": 18.9}, "low"),
        ("{% if country.coverage < 20 %}low{% elif country.coverage %}high{% else %}?{% endif %}",
         {"country__coverage": 72.0}, "high"),
        ("{% if country.coverage < 20 %}low{% elif country.coverage %}high{% else %}?{% endif %}", {}, "?"),
        ('{% if person.honorific == "Ms" and not post.title %}a{% endif %}', {"person__honorific": "Ms"}, "a"),
        ("{% if post.title or person.name %}a{% else %}b{% endif %}", {"person__name": " "}, "b"),
    ],
)  # fmt: skip
def test_template_renders(source: str, values: dict, text: str) -> None:
    assert rendered(source, **values) == text


def test_numbers_follow_the_language() -> None:
    assert rendered("{{ country.coverage }}", "fr", country__coverage=18.9) == "18,9"


def test_value_stays_on_one_line() -> None:
    assert rendered("{{ person.name }}", person__name="A\r\nBcc: x\u2028y") == "A Bcc: x y"


def test_used_and_undefaulted_fields_are_known() -> None:
    nodes = parse('{{ person.name | default("x") }}{% if country.name %}{{ post.title }}{% endif %}')

    assert used_fields(nodes) == {"person.name", "country.name", "post.title"}
    assert undefaulted_fields(nodes) == {"post.title"}


PIECES = st.sampled_from(
    ["{{", "}}", "{%", "%}", "{#", "#}", " if ", " elif ", " else ", " endif ", "for x in y", "set a = 1", "|", "(", ")",
     '"', "'", "==", "<", "and", "not", ",", "-", "9", "99999", "1.5", "\n", "<p>", "&lt;", "é", "\0", *FIELDS, *FILTERS]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=40).map("".join)), st.booleans())
def test_any_text_is_refused_or_renders_within_limits(source: str, is_html: bool) -> None:
    try:
        nodes = parse(source, is_html=is_html)
    except TemplateRefused as refused:
        assert all(problem.sentence and problem.line >= 1 for problem in refused.problems)
        return

    made = text_program(nodes, numbers=Numbers.of("en")).run(Recipient(EXAMPLES, lambda n, v: ""))

    assert len(made) <= len(source) * 60 + MAX_CUT


CONDITIONS = st.recursive(
    st.sampled_from([f"{path}" for path in FIELDS] + [f"{path} < 20" for path in FIELDS] + ['person.name == "x"']),
    lambda inner: st.one_of(
        inner.map(lambda c: f"not {c}"),
        st.tuples(inner, inner).map(" and ".join),
        st.tuples(inner, inner).map(" or ".join),
    ),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(
    CONDITIONS,
    st.dictionaries(st.sampled_from(sorted(FIELDS)), st.one_of(st.text(), st.integers(), st.floats(), st.none())),
)
def test_any_condition_of_the_language_is_accepted_and_decides(condition: str, values: dict) -> None:
    nodes = parse(f"{{% if {condition} %}}yes{{% else %}}no{{% endif %}}")

    assert text_program(nodes, numbers=Numbers.of("en")).run(Recipient(values, lambda n, v: "")) in ("yes", "no")
