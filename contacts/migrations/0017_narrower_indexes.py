"""Fewer index entries for each address, membership and permission that is written: an import pays for every one of them."""

import django.db.models.deletion
from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations, models
from django.db.migrations.operations.base import Operation


def instead(
    name: str, table: str, index: str, *, old: list[str], state: list[Operation], before: str
) -> migrations.SeparateDatabaseAndState:
    """Another index of the same name: made beside the old one while others write, then put in its place. old, before: how the old one
    is dropped and made."""
    kind, _, rest = index.partition("INDEX ")
    return migrations.SeparateDatabaseAndState(
        [
            migrations.RunSQL(
                [
                    f"DROP INDEX CONCURRENTLY IF EXISTS {name}_new",
                    f"CREATE {kind}INDEX CONCURRENTLY {name}_new ON {table} {rest}",
                    *old,
                    f"ALTER INDEX {name}_new RENAME TO {name}",
                ],
                [f"DROP INDEX {name}", before],
            )
        ],
        state,
    )


def address_once(owner: str) -> migrations.SeparateDatabaseAndState:
    name, columns = f"contact_point_once_{owner}", f"({owner}_id, kind, value)"
    return instead(
        name,
        "contacts_contactpoint",
        f"UNIQUE INDEX {columns} WHERE {owner}_id IS NOT NULL",
        old=[
            f"ALTER TABLE contacts_contactpoint DROP CONSTRAINT IF EXISTS {name}",
            f"DROP INDEX IF EXISTS {name}",
        ],
        before=f"ALTER TABLE contacts_contactpoint ADD CONSTRAINT {name} UNIQUE {columns}",
        state=[
            migrations.RemoveConstraint(model_name="contactpoint", name=name),
            migrations.AddConstraint(
                model_name="contactpoint",
                constraint=models.UniqueConstraint(
                    condition=models.Q((f"{owner}__isnull", False)),
                    fields=(owner, "kind", "value"),
                    name=name,
                    violation_error_message="This address is there already.",
                ),
            ),
        ],
    )


PRIMARY = "membership_one_primary"


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("contacts", "0016_data_export_on_paper"),
    ]

    operations = [
        address_once("person"),
        address_once("post"),
        address_once("organization"),
        instead(
            "contact_point_hash",
            "contacts_contactpoint",
            "INDEX (address_hash) WHERE address_hash IS NOT NULL",
            old=["DROP INDEX IF EXISTS contact_point_hash"],
            before="CREATE INDEX contact_point_hash ON contacts_contactpoint (address_hash)",
            state=[
                migrations.RemoveIndex(model_name="contactpoint", name="contact_point_hash"),
                migrations.AddIndex(
                    model_name="contactpoint",
                    index=models.Index(
                        condition=models.Q(("address_hash__isnull", False)),
                        fields=["address_hash"],
                        name="contact_point_hash",
                    ),
                ),
            ],
        ),
        instead(
            PRIMARY,
            "contacts_membership",
            "UNIQUE INDEX (person_id) INCLUDE (organization_id) WHERE is_primary AND ended_on IS NULL",
            old=[f"DROP INDEX IF EXISTS {PRIMARY}"],
            before=f"CREATE UNIQUE INDEX {PRIMARY} ON contacts_membership (person_id) WHERE is_primary AND ended_on IS NULL",
            state=[
                migrations.RemoveConstraint(model_name="membership", name=PRIMARY),
                migrations.AddConstraint(
                    model_name="membership",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("ended_on__isnull", True), ("is_primary", True)),
                        fields=("person",),
                        include=("organization",),
                        name=PRIMARY,
                        violation_error_message="This person has a primary membership already.",
                    ),
                ),
            ],
        ),
        RemoveIndexConcurrently(model_name="membership", name="membership_current_primary"),
        migrations.AlterField(
            model_name="consentevent",
            name="topic",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="contacts.topic"
            ),
        ),
        migrations.AlterField(
            model_name="consentstate",
            name="topic",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="contacts.topic"
            ),
        ),
    ]
