"""Every verb that code writes into the trail can be undone, or says why not."""

import ast
from pathlib import Path

import pytest

from campaigns.mailings.states import State
from crm.audit.verbs import UNDO, UNDO_MANY, final, why_final

ROOT = Path(__file__).parents[3]
WRITERS = {"record", "edit_row", "archive_row", "unarchive_row", "_record"}
# f-strings whose parts the code chooses, as what they come to
SPELLED = {
    "{kind}.tagged": ["person.tagged", "organization.tagged"],
    "{target._meta.model_name}.created": ["person.created", "organization.created", "post.created"],
    "{owner._meta.model_name}.{verb}": ["person.contact_point_edited", "organization.contact_point_edited"],
    "{subject.kind}.edited": ["person.edited", "organization.edited"],
    "{kind}.external_ids_set": ["person.external_ids_set", "organization.external_ids_set"],
    "person.{verb}": ["person.membership_ended", "person.primary_changed"],
    "mailing.{to}": [f"mailing.{state}" for state in State],
    "contact_point.{feedback.kind}": ["contact_point.hard_bounce", "contact_point.soft_bounce"],
    "{fresh._meta.model_name}.{'archived' if is_archived else 'restored'}": ["sender.archived", "transport.restored"],
    "{row._meta.model_name}.consented": ["transport.consented", "inbox.consented"],
    "{row._meta.model_name}.consent_forgotten": ["transport.consent_forgotten", "inbox.consent_forgotten"],
    "{bulk.kind}.bulk_edited": ["person.bulk_edited", "organization.bulk_edited"],
    "{entry.object_type}.undone": [],  # an undo is itself not undone: the change is made again
}


# what the trail calls otherwise than the model that its entries are about
OBJECT_OF = {
    "form_of_address": "formofaddress",
    "grant": "user",
    "sign_in": "installation",
    "retention": "retentionrule",
}
# entries whose changes are written set by set after them
IN_SETS = {
    "person.bulk_edited", "organization.bulk_edited", "person.tagged", "organization.tagged", "activity.changed_many", "contactguard.owner_set",
    "policywindow.imported",
}  # fmt: skip


def written(tree: ast.AST, *, only_bare: bool = False) -> list[str]:
    """The verbs that a module writes: literals, f-strings as their source, and names as every literal given to that name.

    only_bare: of entries that are recorded without a change.
    """
    found = []
    for call in ast.walk(tree):
        name = getattr(getattr(call, "func", None), "id", getattr(getattr(call, "func", None), "attr", ""))
        if not isinstance(call, ast.Call) or name not in WRITERS:
            continue
        if only_bare and (name != "record" or any(keyword.arg == "changes" for keyword in call.keywords)):
            continue
        for keyword in call.keywords:
            if keyword.arg == "verb":
                found += values(keyword.value, tree)
    return found


def values(node: ast.AST, tree: ast.AST) -> list[str]:
    if isinstance(node, ast.Constant):
        return [str(node.value)]
    if isinstance(node, ast.IfExp):
        return values(node.body, tree) + values(node.orelse, tree)
    if isinstance(node, ast.JoinedStr):
        text = "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{" + ast.unparse(part.value) + "}"  # type: ignore[attr-defined]
            for part in node.values
        )
        return SPELLED.get(text, [f"not spelled: {text}"])
    if isinstance(node, ast.Name):
        given = [
            value
            for assignment in ast.walk(tree)
            if isinstance(assignment, ast.Assign) and any(getattr(t, "id", "") == node.id for t in assignment.targets)
            for value in values(assignment.value, tree)
        ]
        return [value for value in given if "." in value]
    return []


TREES = [ast.parse(path.read_text()) for app in ("crm", "contacts", "campaigns") for path in (ROOT / app).rglob("*.py")]
VERBS = sorted({verb for tree in TREES for verb in written(tree)})
BARE = sorted({verb for tree in TREES for verb in written(tree, only_bare=True)} - IN_SETS)


def test_verbs_are_found_at_all():
    assert {"person.edited", "person.tagged", "mailing.paused", "topic.archived", "consent.granted"} <= set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_verb_can_be_undone_or_says_why_not(verb):
    assert not verb.startswith("not spelled"), f"say in SPELLED which verbs this comes to: {verb}"
    noun = verb.partition(".")[0]
    kind = OBJECT_OF.get(noun, noun)

    assert kind in UNDO or kind in UNDO_MANY or why_final(verb), (
        f"register how {verb} is undone (crm.audit.verbs.undoable) or why not (final)"
    )


def test_bare_verbs_are_found_at_all():
    assert {"person.erased", "person.export_downloaded", "mailing.tested", "sign_in.failed", "list.exported"} <= set(
        BARE
    )
    assert "person.edited" not in BARE


@pytest.mark.parametrize("verb", BARE)
def test_entry_without_a_change_says_why_there_is_nothing_to_undo(verb):
    """Its page offers no undo, whatever its kind: there is nothing to put back."""
    assert why_final(verb), f"say why {verb} cannot be undone (crm.audit.verbs.final), or record what it changed"


def test_reason_of_the_closest_pattern_counts():
    final("thing.*", "all of them")
    final("thing.sent*", "mail has left")

    assert str(why_final("thing.sent_twice")) == "mail has left"
    assert str(why_final("thing.other")) == "all of them"
    assert str(why_final("person.edited")) == ""
