"""What importing plugs into: two kinds of jobs."""

from contacts.importing import jobs  # noqa: F401  registers
