"""Forms over the API: made, opened, changed by who read them, answered; a key is never given to another question."""

import uuid

import pytest

from campaigns.forms import services
from campaigns.forms.models import Form, Submission
from crm.errors import Invalid
from tests.factories import CampaignFactory, FormFactory, SubmissionFactory

pytestmark = pytest.mark.django_db
QUESTION = {"key": "need", "kind": "choice", "labels": {"en": "What would help?"}, "is_required": True,
            "options": [{"value": "law", "labels": {"en": "The law"}}, {"value": "costing", "labels": {"en": "A costing"}}]}  # fmt: skip
MORE = {"key": "why", "kind": "long", "labels": {"en": "What for?"}, "shown_if": {"match": "all", "rules": [{"key": "need", "is": "is", "value": "costing"}]}}  # fmt: skip


def test_a_form_is_made_once_opened_answered_and_closed(api, planner, outreach, viewer):
    client, key = api(planner), {"Idempotency_Key": str(uuid.uuid4())}
    body = {"campaign": str(CampaignFactory().uid), "name": "Needs", "slug": "needs", "questions": [QUESTION, MORE]}

    made = client.post("/forms", body, **key).json()
    assert client.post("/forms", body, **key).json() == made and Form.objects.count() == 1
    path = f"/forms/{made['uid']}"
    assert made["is_public"] is False and client.post(f"{path}/publish", status=200).json()["is_public"] is True
    read = client.get(path)
    client.patch(path, {"closes_on": "2030-01-01"}, If_Match=read.headers["ETag"])
    client.patch(path, {"closes_on": "2031-01-01"}, If_Match=read.headers["ETag"], status=412)
    api(viewer).patch(path, {"name": "Other"}, status=403)
    client.patch(path, {"questions": [{"key": "x", "kind": "guess", "labels": {"en": "?"}}]}, status=422)
    empty = client.post("/forms", body | {"slug": "empty", "questions": []}).json()
    client.post(f"/forms/{empty['uid']}/publish", status=422)

    client, key = api(outreach), {"Idempotency_Key": str(uuid.uuid4())}
    first = client.post(
        f"{path}/answer", {"language": "fr", "answers": {"need": "costing", "why": "A plan"}}, **key
    ).json()
    assert (
        client.post(f"{path}/answer", {"language": "fr", "answers": {"need": "costing", "why": "A plan"}}, **key).json()
        == first
    )
    row = Submission.objects.get()
    assert (row.answers, row.source, row.language, first["uid"]) == (
        {"need": "costing", "why": "A plan"},
        "api",
        "fr",
        str(row.uid),
    )
    for wrong in ({}, {"need": "gold"}, {"need": "law", "colour": "red"}):
        client.post(f"{path}/answer", {"answers": wrong}, status=422)
    assert Submission.objects.count() == 1
    api(planner).post(f"{path}/close", status=200)
    client.post(f"{path}/answer", {"answers": {"need": "law"}}, status=409)


def test_a_key_stands_for_one_question_for_ever(api, planner):
    form = FormFactory(questions=[QUESTION])
    SubmissionFactory(form=form, answers={"need": "law"})
    services.edit_form(form=form, actor=planner, questions=[])

    for other in (
        QUESTION | {"labels": {"en": "Something else?"}},
        {"key": "need", "kind": "text", "labels": {"en": "Your need"}},
    ):
        with pytest.raises(Invalid, match="key of another question"):
            services.edit_form(form=form, actor=planner, questions=[other])
        with pytest.raises(Invalid, match="key of another question"):
            services.put_question(form=form, actor=planner, question=other)
    api(planner).patch(f"/forms/{form.uid}", {"questions": [QUESTION]}, status=422)
    form.refresh_from_db()
    assert form.questions == []
    services.edit_form(form=form, actor=planner, questions=[QUESTION | {"key": "need2"}])
    with pytest.raises(Invalid, match="another kind"):
        services.edit_form(
            form=form, actor=planner, questions=[{"key": "need2", "kind": "long", "labels": {"en": "Why?"}}]
        )
    services.edit_form(
        form=form, actor=planner, questions=[QUESTION | {"key": "need2", "labels": {"en": "In other words?"}}]
    )
