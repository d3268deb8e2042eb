"""The board in a real browser: dragged by pointer, moved by keys, undone."""

from datetime import date
from typing import Any

from django.urls import reverse
from playwright.sync_api import Page, expect

from campaigns.activities.models import Activity
from tests.e2e.test_kit import complaints
from tests.factories import ActivityFactory, GrantFactory, UserFactory

expect.set_options(timeout=20_000)


def drag(page: Page, source: Any, target: Any) -> None:
    """From a third of one to the middle of the other, in steps as a hand does it."""
    one, other = source.bounding_box(), target.bounding_box()
    page.mouse.move(one["x"] + one["width"] / 3, one["y"] + one["height"] / 2)
    page.mouse.down()
    page.mouse.move(other["x"] + other["width"] / 2, other["y"] + other["height"] / 2, steps=6)
    page.mouse.up()


def test_a_plan_is_moved_by_hand_and_by_keys(sign_in_page) -> None:  # type: ignore[no-untyped-def]
    planner = GrantFactory(user=UserFactory(name="Ana Ferreira"), role="planner").user
    first = ActivityFactory(name="Diagnosis", starts_on=date(2026, 10, 5), due_on=date(2026, 10, 7))
    second = ActivityFactory(name="Training", drive=first.drive, after=[first], starts_on=date(2026, 10, 13), due_on=date(2026, 10, 14))  # fmt: skip
    page: Page = sign_in_page(planner)

    page.goto(reverse("drive_board", args=[first.drive.uid]))
    drag(page, page.locator(".gs-task", has_text="Diagnosis"), page.locator("[data-drop=under_way]"))
    expect(page.locator("[data-drop=under_way] .gs-task")).to_contain_text("Diagnosis")
    page.get_by_role("link", name="Training").focus()
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("[data-drop=under_way] .gs-task")).to_have_count(2)
    expect(page.get_by_role("link", name="Training")).to_be_focused()
    page.locator(".gs-toast", has_text="Training").get_by_role("button", name="Undo").click()
    expect(page.locator("[data-drop=planned] .gs-task")).to_contain_text("Training")
    assert complaints(page) == []

    page.goto(f"{reverse('drive_calendar', args=[first.drive.uid])}?view=quarter&month=2026-10")
    third = ActivityFactory(
        name="Evaluation", drive=first.drive, starts_on=date(2026, 10, 20), due_on=date(2026, 10, 21)
    )
    page.reload()
    drag(page, page.locator(f"rect[data-uid='{third.uid}']"), page.locator(f"tr[data-onto='{second.uid}'] th"))
    expect(page.locator(".gs-toast", has_text="“Evaluation” waits for “Training”.")).to_be_visible()
    assert third.depends_on.get().before_id == second.pk
    page.get_by_role("link", name="Diagnosis").focus()
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_role("dialog")).to_contain_text("What does “Diagnosis” wait for?")
    page.keyboard.press("Escape")

    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    assert Activity.objects.get(pk=second.pk).state == "planned"
