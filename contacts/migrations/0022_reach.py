"""How far each institution can be reached, counted once, and put in doubt by triggers whenever something it is made of changes."""

from django.db import migrations, models
from django.db.models.deletion import CASCADE

# organizations behind rows of `changed`, table by table
BEHIND = {
    "membership": "SELECT organization_id FROM {rows}",
    "post": "SELECT organization_id FROM {rows}",
    "contactpoint": """SELECT organization_id FROM {rows} WHERE organization_id IS NOT NULL
        UNION SELECT post.organization_id FROM {rows} changed JOIN contacts_post post ON post.id = changed.post_id
        UNION SELECT member.organization_id FROM {rows} changed JOIN contacts_membership member ON member.person_id = changed.person_id""",
    "person": "SELECT member.organization_id FROM {rows} changed JOIN contacts_membership member ON member.person_id = changed.id",
    "suppression": """SELECT coalesce(point.organization_id, post.organization_id, member.organization_id)
          FROM {rows} changed JOIN contacts_contactpoint point ON point.address_hash = changed.address_hash
          LEFT JOIN contacts_post post ON post.id = point.post_id
          LEFT JOIN contacts_membership member ON member.person_id = point.person_id
         WHERE coalesce(point.organization_id, post.organization_id, member.organization_id) IS NOT NULL""",
}
# what an update must touch to matter; rows that it does not touch do not even call the function
MATTERS = {
    "membership": ["organization_id", "person_id", "post_id", "ended_on"],
    "post": ["organization_id", "archived_at"],
    "contactpoint": ["organization_id", "post_id", "person_id", "kind", "status", "address_hash"],
    "person": ["archived_at", "erased_at"],
    "suppression": ["address_hash"],
}
COMES_AND_GOES = [
    "membership",
    "post",
    "contactpoint",
    "suppression",
]  # a person comes without memberships, and goes after them
INSERT = "INSERT INTO contacts_reachdoubt (organization_id) SELECT DISTINCT * FROM ({behind}) behind (id)"


def forwards() -> str:
    said = [
        "SET LOCAL lock_timeout = '10s';"
    ]  # rather try again later than keep everybody waiting behind a long import
    for table, behind in BEHIND.items():
        if table in COMES_AND_GOES:
            said.append(
                f"CREATE FUNCTION reach_doubts_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"{INSERT.format(behind=behind.format(rows='changed_rows'))}; RETURN NULL; END $$;"
            )
            for event, rows in (("INSERT", "NEW"), ("DELETE", "OLD")):
                said.append(
                    f"CREATE TRIGGER reach_doubts_{event.lower()} AFTER {event} ON contacts_{table} REFERENCING {rows} TABLE AS changed_rows "
                    f"FOR EACH STATEMENT EXECUTE FUNCTION reach_doubts_{table}();"
                )
        both = f"SELECT * FROM ({behind.format(rows='both_rows')}) x"  # noqa: S608 our own words
        said.append(
            f"CREATE FUNCTION reach_doubts_{table}_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"{INSERT.format(behind=f'WITH both_rows AS (SELECT OLD.* UNION ALL SELECT NEW.*) {both}')}; RETURN NULL; END $$;"
        )
        columns = MATTERS[table]
        differs = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in columns)
        said.append(
            f"CREATE TRIGGER reach_doubts_update AFTER UPDATE OF {', '.join(columns)} ON contacts_{table} FOR EACH ROW WHEN ({differs}) "
            f"EXECUTE FUNCTION reach_doubts_{table}_changed();"
        )
    # nothing is counted yet
    said.append("INSERT INTO contacts_reachdoubt (organization_id) SELECT id FROM contacts_organization;")
    return "\n".join(said)


def backwards() -> str:
    said = []
    for table in BEHIND:
        events = ["insert", "delete", "update"] if table in COMES_AND_GOES else ["update"]
        said += [f"DROP TRIGGER reach_doubts_{event} ON contacts_{table};" for event in events]
        said.append(f"DROP FUNCTION reach_doubts_{table}_changed();")
        if table in COMES_AND_GOES:
            said.append(f"DROP FUNCTION reach_doubts_{table}();")
    return "\n".join(said)


class Migration(migrations.Migration):
    dependencies = [("contacts", "0021_lines_of_imports_in_columns")]

    operations = [
        migrations.CreateModel(
            name="Reach",
            fields=[
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="contacts.organization",
                    ),
                ),
                ("people", models.PositiveIntegerField()),
                ("has_own", models.BooleanField()),
                ("posts", models.PositiveIntegerField()),
                ("filled", models.PositiveIntegerField()),
                ("seats", models.PositiveIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="ReachDoubt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("organization_id", models.BigIntegerField()),
            ],
        ),
        migrations.RunSQL(forwards(), backwards()),
    ]
