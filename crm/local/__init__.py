"""What `make run` and the tests need on a bare machine: PostgreSQL, Valkey, a supervisor, a local mailbox."""
