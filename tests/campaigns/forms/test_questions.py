"""Questions, conditions and answers: pure, so many cases at no cost."""

import pytest

from campaigns.forms.checking import FileGiven, Offers, check, readable, shown
from campaigns.forms.questions import Kind, dump, parse
from crm.errors import Invalid

OFFERS = Offers({"ZM": "Zambia", "TD": "Chad"}, {"t1": "News", "t2": "Events"})


def question(key="q", kind="text", **more):
    raw = {"key": key, "kind": kind, "labels": {"en": f"What is {key}?"}} | more
    if kind in ("choice", "choices") and "options" not in raw:
        raw["options"] = [{"value": v, "labels": {"en": v.upper(), "fr": f"{v} fr"}} for v in "abc"]
    return raw


def on(key, test, value="", **more):
    return {"rules": [{"key": key, "is": test, "value": value}], **more}


def answer(raw, *texts, files=None):
    return check(parse([raw]), {"q": texts}, offers=OFFERS, files=files)


@pytest.mark.parametrize(
    ("raw", "typed", "value"),
    [
        (question(), "  two   words ", "two words"),
        (question(kind="long"), "a\r\nb", "a\nb"),
        (question(kind="choice"), "b", "b"),
        (question(kind="number"), "12,5", 12.5),
        (question(kind="number"), "1 200", 1200),
        (question(kind="number"), "1.200.000", 1200000),
        (question(kind="number"), "٣٫٥", 3.5),
        (question(kind="number"), "−4", -4),
        (question(kind="number"), "0,125", 0.125),
        (question(kind="date"), "2026-11-30", "2026-11-30"),
        (question(kind="email"), " hery@people.test ", "hery@people.test"),
        (question(kind="phone"), "+260 (97) 123-4567", "+260 (97) 123-4567"),
        (question(kind="country"), "ZM", "ZM"),
        (question(), "   ", None),
    ],
)  # fmt: skip
def test_what_is_typed_becomes_a_value(raw, typed, value):
    checked = answer(raw, typed)

    assert not checked.errors
    assert checked.answers.get("q") == value
    assert type(checked.answers.get("q")) is type(value)


@pytest.mark.parametrize(
    ("raw", "typed", "words"),
    [
        (question(is_required=True), " ", "Please answer this"),
        (question(kind="choice", is_required=True), "", "Please choose"),
        (question(kind="choice"), "z", "not offered any more"),
        (question(kind="choices"), "z", "not offered any more"),
        (question(kind="number"), "twelve", "in digits"),
        (question(kind="number"), "1,200", "without a separator"),
        (question(kind="number"), "9" * 30, "in digits"),
        (question(kind="number"), "nan", "in digits"),
        (question(kind="number", least=5), "4", "The least is 5"),
        (question(kind="number", most=5), "6", "The most is 5"),
        (question(kind="date"), "30/11/2026", "year, month, day"),
        (question(kind="date", least="2026-01-01"), "2025-12-31", "2026-01-01"),
        (question(kind="email"), "hery@people", "slip of the hand"),
        (question(kind="email"), "hery people.test", "slip of the hand"),
        (question(kind="phone"), "call me", "country in front"),
        (question(kind="country"), "XX", "from the list"),
        (question(most=3), "abcd", "room for 3"),
        (question(least=5), "abcd", "5 letters at least"),
    ],
)
def test_what_cannot_be_is_a_sentence_and_no_answer(raw, typed, words):
    checked = answer(raw, typed)

    assert words in checked.errors["q"]
    assert checked.answers == {}


def test_several_are_kept_in_the_order_of_the_form_and_bounded():
    assert answer(question(kind="choices"), "c", "a").answers == {"q": ["a", "c"]}
    assert "1 at most" in answer(question(kind="choices", most=1), "c", "a").errors["q"]
    assert "2 at least" in answer(question(kind="choices", least=2), "c").errors["q"]
    assert answer(question(kind="consent", topics=["t2", "gone", "t1"]), "t1").answers == {"q": ["t1"]}
    assert "not offered" in answer(question(kind="consent", topics=["gone", "t1"]), "gone").errors["q"]


def test_a_file_is_taken_by_what_it_is_and_how_large():
    good = FileGiven("a.pdf", 10, "application/pdf", "ab" * 32)
    files = {"q": good}

    assert answer(question(kind="file"), files=files).answers["q"]["name"] == "a.pdf"
    assert "larger than 5" in answer(question(kind="file", most=5), files=files).errors["q"]
    assert answer(question(kind="file"), files={"q": FileGiven(refused="It lies.")}).errors == {"q": "It lies."}
    assert "choose a file" in answer(question(kind="file", is_required=True)).errors["q"]


@pytest.mark.parametrize(
    ("kind", "rule", "typed", "is_shown"),
    [
        ("choice", ("is", "a"), ["a"], True), ("choice", ("is", "a"), ["b"], False), ("choice", ("is", "a"), [], False),
        ("choice", ("is_not", "a"), ["b"], True), ("choice", ("is_not", "a"), [], False),
        ("choices", ("is", "a"), ["b", "a"], True), ("choices", ("is_not", "a"), ["b", "a"], False),
        ("text", ("is", "Yes"), ["YES"], True), ("text", ("answered", ""), [], False), ("text", ("answered", ""), ["x"], True),
        ("text", ("not_answered", ""), [], True), ("number", ("at_least", "5"), ["5"], True),
        ("number", ("at_least", "5"), ["4,9"], False), ("number", ("at_most", "5"), ["oops"], False),
        ("date", ("at_most", "2026-06-01"), ["2026-05-31"], True), ("date", ("at_least", "2026-06-01"), ["2026-05-31"], False),
        ("country", ("is", "ZM"), ["ZM"], True), ("consent", ("is", "t1"), ["t1"], True),
    ],
)  # fmt: skip
def test_a_question_is_shown_by_the_answer_to_another(kind, rule, typed, is_shown):
    more = {"topics": ["t1"]} if kind == "consent" else {}
    questions = parse([question("b", is_required=True, shown_if=on("a", *rule)), question("a", kind, **more)])

    checked = check(questions, {"a": typed, "b": ["said"]}, offers=OFFERS)

    assert ("b" in checked.shown) == is_shown == ("b" in checked.answers)
    assert "b" not in checked.errors
    assert [q.key for q in shown(questions, checked.answers)] == (["b", "a"] if is_shown else ["a"])


def test_a_hidden_question_has_no_answer_and_hides_what_hangs_on_it():
    questions = parse([
        question("a", "choice"), question("b", "choice", shown_if=on("a", "is", "a")),
        question("c", shown_if=on("b", "is", "b"), is_required=True),
        question("d", shown_if={"match": "any", "rules": [{"key": "a", "is": "is", "value": "c"}, {"key": "c", "is": "answered"}]}),
    ])  # fmt: skip

    checked = check(questions, {"a": ["b"], "b": ["b"], "c": ["x"], "d": ["y"]}, offers=OFFERS)
    assert (checked.answers, checked.errors) == ({"a": "b"}, {})
    checked = check(questions, {"a": ["a"], "b": ["b"], "c": ["x"], "d": ["y"]}, offers=OFFERS)
    assert list(checked.answers) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ([question(key="Q1")], "small letters"),
        ([question(kind="colour")], "colour"),
        ([question(labels={"en": " "})], "no words"),
        ([question("a"), question("a")], "same key"),
        ([question("a", "choice", options=[])], "two options"),
        ([question("a", "choice", options=[{"value": "x", "labels": {"en": "X"}}] * 2)], "two options are the same"),
        ([question("a", "consent")], "no topic"),
        ([question("a", "number", least=5, most=4)], "more than the most"),
        ([question("a", "number", least="soon")], "soon"),
        ([question("a", "number", tells="name")], "cannot say that"),
        ([question("a", tells="name"), question("b", tells="name")], "same thing of a person"),
        ([question("a", shown_if=on("gone", "answered"))], "not there any more"),
        ([question("a", shown_if=on("b", "is", "z")), question("b", "choice")], "option that is not there"),
        ([question("a", shown_if=on("b", "at_least", "3")), question("b")], "neither a number nor a day"),
        ([question("a", shown_if=on("b", "at_least", "x")), question("b", "number")], "no such value"),
        ([question("a", shown_if=on("b", "loves")), question("b")], "cannot be asked"),
        ([question("a", shown_if=on("a", "answered"))], "wait for each other"),
        ([question("a", shown_if=on("c", "answered")), question("b", shown_if=on("a", "answered")), question("c", shown_if=on("b", "answered"))], "wait for each other"),
        ([question(f"a{n}") for n in range(61)], "At most 60"),
        ("nonsense", "are a list"),
    ],
)  # fmt: skip
def test_questions_that_cannot_be_are_refused_in_words(raw, words):
    with pytest.raises(Invalid, match=words):
        parse(raw)


def test_what_is_kept_is_what_was_said_and_words_fall_back():
    raw = [
        question("a", "choice", hints={"fr": "Un seul"}, is_required=True, shown_if=on("b", "at_least", "3")),
        question("b", "number", least=0, tells=""),
    ]
    questions = parse(raw)

    assert parse(dump(questions)) == questions
    assert dump(questions)[1] == {"key": "b", "kind": "number", "labels": {"en": "What is b?"}, "least": 0}
    assert questions[0].label("fr") == "What is a?"
    assert readable(questions[0], "a", "fr", OFFERS) == "a fr"
    assert readable(parse([question(kind="country")])[0], "ZM", "fr", OFFERS) == "Zambia"
    assert readable(parse([question(kind="number")])[0], 1200.5, "en", OFFERS) == "1,200.5"
    assert {kind.value for kind in Kind} == {"text", "long", "choice", "choices", "number", "date", "email", "phone", "country", "consent", "file"}  # fmt: skip
