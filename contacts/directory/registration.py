"""What the directory adds to the registries of the platform."""

from contacts.directory.services import undo
from crm.audit.services import undoable

undoable("person", undo.restore_person)
undoable("organization", undo.restore_organization)
undoable("post", undo.restore_post)
