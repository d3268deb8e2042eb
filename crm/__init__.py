"""The platform: accounts, audit, jobs, screens' shell, local services. Knows nothing of contacts or campaigns."""

import gc

# Loading the product makes a million objects that all stay, and Python would look through them for cycles again and again: a quarter
# of the second or two that a process takes to start. New objects between two looks at the young ones; looks before the next older.
LOOKS = (20_000, 50, 100)
gc.set_threshold(*LOOKS)
