"""What importing plugs into: the kinds of jobs, and the bench."""

from contacts.importing import jobs  # noqa: F401  registers
from crm import bench

bench.register("import", "contacts.importing.benches:run", size=100_000)
