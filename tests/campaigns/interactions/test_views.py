import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.interactions.mentions import linked, read
from campaigns.interactions.models import Party
from campaigns.interactions.services import log_interaction
from campaigns.outreach.models import Interaction
from campaigns.todo.models import Task
from tests.factories import AskFactory, GrantFactory, MembershipFactory, OrganizationFactory, PersonFactory

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "X-Modal": "1"}


def form(*parties, **values):
    return {
        "kind": "call", "is_two_way": "on", "parties": [f"{kind}:{row.uid}" for kind, row in parties], "text": "",
        "form_key": str(uuid.uuid4()), **values,
    }  # fmt: skip


def test_logging_from_an_institutions_page_offers_its_people_and_goes_back(sign_in, outreach, viewer):
    ministry = OrganizationFactory(name="Ministry of Labour")
    MembershipFactory(person__name="Awa Diop", organization=ministry, is_primary=True)
    url, client = reverse("log"), sign_in(outreach)

    page = client.get(f"{url}?organization={ministry.uid}&kind=letter").content.decode()
    data = form(("organization", ministry), next_step="Send it", next_on="2027-02-01")
    first = client.post(url, data, headers=HTMX)
    second = client.post(url, data, headers=HTMX)

    assert f'value="organization:{ministry.uid}" checked' in page
    assert "Awa Diop" in page
    assert 'value="letter" checked' in page
    assert [first.status_code, second.status_code] == [204, 204]
    assert "logged already" in client.get(reverse("today")).content.decode()
    assert (Interaction.objects.count(), Task.objects.get().title) == (1, "Send it")
    assert sign_in(viewer).get(url).status_code == 403
    assert (
        'data-key="l"' not in sign_in(viewer).get(reverse("organization_detail", args=[ministry.uid])).content.decode()
    )


def test_without_javascript_words_come_back_as_choices_and_nothing_is_lost(sign_in, outreach):
    ministry, person = OrganizationFactory(name="Ministry of Labour"), PersonFactory(name="Labour Lamine")

    answer = sign_in(outreach).post(reverse("log"), form(("person", person), parties_q="Labour", text="Kept words"))

    text = answer.content.decode()
    assert answer.status_code == 422
    assert f'value="person:{person.uid}" checked' in text
    assert f'value="organization:{ministry.uid}"' in text
    assert "Kept words" in text
    assert not Interaction.objects.exists()


def test_nobody_and_somebody_out_of_reach_are_refused(sign_in):
    officer = GrantFactory(role="outreach", is_everywhere=False, countries=["ZM"]).user
    far = OrganizationFactory(country__code="TD", name="Far away")
    client = sign_in(officer)

    for data in (form(), form(("organization", far))):
        answer = client.post(reverse("log"), data)
        assert answer.status_code == 422
        assert "Far away" not in answer.content.decode()
    assert client.get(f"{reverse('party_options')}?name=parties&parties_q=Far").content.decode().count("Far away") == 0
    assert not Interaction.objects.exists()


def test_hostile_notes_are_kept_whole_and_shown_as_words(sign_in, outreach):
    ministry = OrganizationFactory(name="Ministry")
    text = '<script>alert(1)</script>\u202etxt.exe "><img src=x onerror=alert(2)> ' + "Ж" * 300_000
    client = sign_in(outreach)

    client.post(reverse("log"), form(("organization", ministry), text=text))

    row = Interaction.objects.get()
    assert len(row.text) == len(text) - 1
    for url in (
        reverse("interaction_detail", args=[row.uid]),
        reverse("organization_detail", args=[ministry.uid]),
        reverse("interaction_list"),
    ):
        page = client.get(url).content.decode()
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "&lt;script&gt;alert(1)" in page
        assert "\u202e" not in page


def test_names_in_notes_are_links_for_who_may_see_them(sign_in, outreach, viewer):
    here = OrganizationFactory(name="Ministry", country__code="ZM")
    union = OrganizationFactory(name="Union <of> Miners", country__code="TD")
    claimed = [
        f"organization:{union.uid}|{union.name}",
        "organization:nonsense|Ministry",
        f"rocket:{here.uid}|Ministry",
    ]
    client = sign_in(outreach)

    client.post(reverse("log"), form(("organization", here), text=f"Ask @{union.name}, not @Ministry", mention=claimed))

    row = Interaction.objects.get()
    assert row.mentions == [{"kind": "organization", "uid": str(union.uid), "label": union.name}]
    url = reverse("organization_detail", args=[union.uid])
    link = f'<a href="{url}">@Union &lt;of&gt; Miners</a>'
    page = reverse("interaction_detail", args=[row.uid])
    assert link in client.get(page).content.decode()
    assert "Named in: Call with Ministry" in client.get(url).content.decode()
    near = GrantFactory(role="viewer", is_everywhere=False, countries=["ZM"]).user
    text = sign_in(near).get(page).content.decode()
    assert url not in text
    assert "@Union &lt;of&gt; Miners" in text
    assert Party.objects.filter(is_mention=True).count() == 1


def test_an_ask_named_in_notes_leads_to_it_and_is_offered_while_one_types(sign_in, outreach):
    ministry, ask = OrganizationFactory(name="Ministry"), AskFactory(name="Adopt a plan")
    client = sign_in(outreach)
    offered = client.get(reverse("mention_options"), {"q": "adopt"}).content.decode()
    assert "Adopt a plan" in offered and str(ask.uid) in offered

    client.post(
        reverse("log"),
        form(("organization", ministry), text="Will @Adopt a plan", mention=[f"ask:{ask.uid}|Adopt a plan"]),
    )

    row = Interaction.objects.get()
    assert row.mentions == [{"kind": "ask", "uid": str(ask.uid), "label": "Adopt a plan"}]
    place = f"{reverse('ask_list', args=[ask.drive.uid])}#ask-{ask.uid}"
    assert (
        f'<a href="{place}">@Adopt a plan</a>'
        in client.get(reverse("interaction_detail", args=[row.uid])).content.decode()
    )
    assert f'id="ask-{ask.uid}"' in client.get(reverse("ask_list", args=[ask.drive.uid])).content.decode()


def test_longer_names_win_and_what_was_typed_over_is_no_mention_any_more():
    found = read(
        "Ask @Ministry of Labour",
        [
            "organization:01890000-0000-7000-8000-000000000001|Ministry of Labour",
            "person:01890000-0000-7000-8000-000000000002|Awa",
        ],
    )

    assert [row["label"] for row in found] == ["Ministry of Labour"]
    assert linked("a < b", [], {}) == "a &lt; b"


def test_meeting_with_somebody_out_of_sight_does_not_tell_who(sign_in, outreach):
    here, far = (
        OrganizationFactory(name="Near", country__code="ZM"),
        OrganizationFactory(name="Far away", country__code="TD"),
    )
    row = log_interaction(actor=outreach, kind="meeting", organizations=[here, far]).interaction
    near = GrantFactory(role="outreach", is_everywhere=False, countries=["ZM"]).user

    text = sign_in(near).get(reverse("interaction_detail", args=[row.uid])).content.decode()

    assert "Near" in text
    assert "Far away" not in text
    assert "and 1 more that you may not see" in text
    other = GrantFactory(role="outreach", is_everywhere=False, countries=["SN"]).user
    assert sign_in(other).get(reverse("interaction_detail", args=[row.uid])).status_code == 404


def test_list_and_pages_ask_the_same_number_of_questions_for_one_row_and_three(sign_in, outreach):
    ministry, client = OrganizationFactory(), sign_in(outreach)
    urls = (reverse("interaction_list"), reverse("organization_detail", args=[ministry.uid]), reverse("task_list"))

    counts = []
    for more in (1, 2):
        for _number in range(more):
            people = [MembershipFactory(organization=ministry).person]
            log_interaction(
                actor=outreach, kind="call", organizations=[ministry], people=people, next_step="Call again"
            )
        for url in urls if more == 1 else ():
            client.get(url)
        counts.append([_questions(client, url) for url in urls])

    assert counts[0] == counts[1]


def _questions(client, url) -> int:
    with CaptureQueriesContext(connection) as found:
        assert client.get(url).status_code == 200
    return len(found)


def test_correcting_and_taking_away_on_the_page(sign_in, outreach):
    ministry = OrganizationFactory()
    row = log_interaction(actor=outreach, kind="call", organizations=[ministry], text="First").interaction
    client = sign_in(outreach)
    edit = reverse("interaction_edit", args=[row.uid])

    seen = client.get(edit).context["form"].initial["seen"]
    log_again = form(("organization", ministry), text="Second", seen=seen)
    assert client.post(edit, log_again).status_code == 302
    stale = client.post(edit, log_again | {"text": "Third"})
    again = client.post(edit, log_again | {"text": "Third", "seen": stale.context["form"].data["seen"]})
    removed = client.post(reverse("interaction_remove", args=[row.uid]))

    assert (stale.status_code, again.status_code, removed.status_code) == (422, 302, 302)
    row.refresh_from_db()
    assert row.text == "Third"
    assert client.get(reverse("interaction_detail", args=[row.uid])).status_code == 404


def test_interactions_by_the_api(api, outreach):
    ministry = OrganizationFactory()
    client = api(outreach)

    made = client.post(
        "/interactions", {"kind": "call", "organizations": [str(ministry.uid)], "text": "Yes", "next_step": "Write"}
    ).json()
    listed = client.get(f"/interactions?organization={ministry.uid}&two_way=true").json()["data"]
    changed = client.patch(f"/interactions/{made['uid']}", {"is_two_way": False}).json()

    assert [row["uid"] for row in listed] == [made["uid"]]
    assert (made["organizations"], made["text"], changed["is_two_way"]) == ([str(ministry.uid)], "Yes", False)
    assert Task.objects.get().title == "Write"
    client.post("/interactions", {"kind": "call", "people": ["01890000-0000-7000-8000-000000000000"]}, status=422)
    client.delete(f"/interactions/{made['uid']}")
    assert not Interaction.objects.standing().exists()


def test_the_trail_says_with_whom_it_was(sign_in, admin, outreach):
    ministry, person = OrganizationFactory(name="Ministry of Labour"), PersonFactory(name="Awa Diop")
    client = sign_in(outreach)
    client.post(reverse("log"), form(("person", person), ("organization", ministry)), headers=HTMX)
    client.post(reverse("log"), form(("organization", ministry), kind="letter"), headers=HTMX)
    of_both, of_one = Interaction.objects.order_by("pk")

    page = sign_in(admin).get(reverse("activity"), {"kind": "interaction"}).content.decode()

    for row, name in ((of_both, "Awa Diop"), (of_one, "Ministry of Labour")):
        link = page.partition(f'href="{reverse("interaction_detail", args=[row.uid])}"')[2]
        assert link.partition("</a>")[0].rpartition(">")[2].strip() == name
