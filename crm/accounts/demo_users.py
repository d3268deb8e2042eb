"""The demo's log-ins: one user per role. Loaded with the demo campaign and printed at the start of `make run`."""

from crm.accounts.rules import Role

PASSWORD = "groundswell-demo"  # noqa: S105  printed on the screen at every start; a demo holds no real person
# role, name, address, time zone
USERS = [
    (Role.PLANNER, "Ana Ferreira", "ana@groundswell.test", "Europe/Lisbon"),
    (Role.EDITOR, "Chidi Okafor", "chidi@groundswell.test", "Africa/Lagos"),
    (Role.APPROVER, "Marta Lindqvist", "marta@groundswell.test", "Europe/Stockholm"),
    (Role.OUTREACH, "Fatou Ndiaye", "fatou@groundswell.test", "Africa/Dakar"),
    (Role.VIEWER, "Viktor Hahn", "viktor@groundswell.test", "Europe/Zurich"),
    (Role.ADMIN, "Ada Okonkwo", "ada@groundswell.test", "Africa/Lagos"),
]
# Who stands in for whom shows with more than one of a role.
COLLEAGUES = [
    (Role.OUTREACH, "Samuel Otieno", "samuel@groundswell.test", "Africa/Nairobi"),
    (Role.OUTREACH, "Leila Trabelsi", "leila@groundswell.test", "Africa/Tunis"),
]
