"""What an earlier version froze is rendered by this one, letter by letter; what a later one froze is left alone, and a person is told."""

import json
from pathlib import Path

import pytest

from campaigns.delivery.models import Delivery
from campaigns.delivery.queries import counts
from campaigns.delivery.tasks import send_some
from campaigns.mailings import compiling
from campaigns.mailings.compiling import freeze_content, load_content, render
from campaigns.mailings.models import Mailing
from campaigns.mailings.services import resume
from campaigns.mailings.states import State
from campaigns.safety.models import PauseNotice
from crm.errors import Unavailable
from tests.campaigns.delivery.building import subscriber, to_sending, use
from tests.campaigns.delivery.conftest import mailing, no_wake_ups, sink  # noqa: F401  for these tests too

# What `version` stands for: names that a worker may find. Whoever adds one here takes the next version, unless a worker that does not
# know it renders the same.
SHAPE = {
    "": {"version", "variants", "links", "attachments", "sender", "reference", "bound"},
    "variant": {
        "variant_id", "language", "subject", "html", "text", "fields", "links", "layout_version", "mixed",
    },
    "link": {"number", "url", "label", "languages"},
}  # fmt: skip
KEPT = sorted((Path(__file__).parent / "frozen").glob("version-*.json"))


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_what_an_earlier_version_froze_renders_as_it_did_then(path):
    """Kept with each file: the values, and what that version's own code made of them."""
    kept = json.loads(path.read_text())

    loaded = load_content(kept["content"])

    for number, then in kept["rendered"].items():
        made = render(
            loaded[int(number)], kept["values"], lambda n, url: f"https://t.example.org/c/{n}?{url}", **kept["urls"]
        )
        assert {"subject": made.subject, "html": made.html, "text": made.text} == then
        assert loaded[int(number)].skeleton


def test_there_is_a_kept_one_of_each_version_that_is_read():
    assert {json.loads(path.read_text())["content"]["version"] for path in KEPT} == set(compiling.READABLE)
    assert compiling.VERSION in compiling.READABLE


@pytest.mark.django_db
def test_what_is_frozen_has_the_shape_of_its_version(mailing):  # noqa: F811
    frozen = freeze_content(mailing)

    variant = next(iter(frozen["variants"].values()))
    assert (frozen["version"], {*frozen, "bound"}, set(variant)) == (1, SHAPE[""], SHAPE["variant"])
    assert all(set(link) == SHAPE["link"] for link in [*frozen["links"], *variant["links"]])


@pytest.mark.parametrize("version", [0, 2, None, "1"])
def test_a_version_that_is_not_known_is_not_guessed_at(version):
    with pytest.raises(Unavailable, match="another version of Groundswell"):
        load_content({"version": version, "variants": {}})


@pytest.mark.django_db(transaction=True)
def test_a_mailing_that_a_later_version_froze_waits_for_a_person_and_goes_on_when_it_is_known(
    mailing,  # noqa: F811
    sink,  # noqa: F811
    admin,
    monkeypatch,
):
    subscriber(mailing.topic, 1)
    use(mailing, sink)
    with monkeypatch.context() as later:
        later.setattr(compiling, "VERSION", 2)
        to_sending(mailing)

    assert send_some(mailing.pk) is None

    mailing.refresh_from_db()
    assert (mailing.state, counts(mailing.pk)["pending"], sink.messages) == (State.PAUSED, 1, [])
    assert "another version of Groundswell" in mailing.state_reason
    assert PauseNotice.objects.get().kind == PauseNotice.Kind.CONTENT

    resume(mailing=Mailing.objects.get(pk=mailing.pk), actor=admin)
    monkeypatch.setattr(compiling, "READABLE", (1, 2))
    send_some(mailing.pk)

    assert (sink.recipients, Delivery.objects.get().state) == (["p1@people.test"], "accepted")
