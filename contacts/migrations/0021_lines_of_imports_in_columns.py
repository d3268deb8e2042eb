"""A line of a file is written once, in columns, apart from what becomes of it, which is written twice."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

MOVE = """
INSERT INTO contacts_importline (run_id, line, raw, refused, name, given_name, family_name, honorific, pronunciation, gender, language,
       sort_key, search_text, words, email, email_key, email_hash, phone, organization, organization_key, organization_search, acronym,
       constituency, country, website, post, post_key, started_on, tags, note)
SELECT run_id, line, raw, CASE WHEN v = '{}' THEN reason ELSE '' END, v->>'name', v->>'given_name', v->>'family_name', v->>'honorific',
       v->>'pronunciation', v->>'gender', v->>'language', v->>'sort_key', v->>'search_text', v->>'words', v->>'email', v->>'email_key',
       decode(v->>'email_hash', 'hex'), v->>'phone', v->>'organization', v->>'organization_key', v->>'organization_search', v->>'acronym',
       (v->>'constituency')::bigint, v->>'country', v->>'website', v->>'post', v->>'post_key', (v->>'started_on')::date,
       CASE WHEN v ? 'tags' THEN ARRAY(SELECT jsonb_array_elements_text(v->'tags')) END, v->>'note'
  FROM (SELECT *, "values" AS v FROM contacts_importrow) r
"""


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0020_pronunciation"),
    ]

    operations = [
        migrations.AddField(
            model_name="importrow",
            name="does",
            field=models.IntegerField(default=0),
        ),
        migrations.AddField(
            model_name="importrow",
            name="org_ref",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="importrow",
            name="person_ref",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="importrow",
            name="post_ref",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="importrun",
            name="planned",
            field=models.JSONField(default=dict, help_text="when and for which countries the rows were decided"),
        ),
        migrations.CreateModel(
            name="ImportLine",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "run_id", "line", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "line",
                    models.PositiveIntegerField(help_text="line of the file where the row starts, counted from 1"),
                ),
                ("raw", models.JSONField(default=list, help_text="cells as they stood in the file")),
                (
                    "refused",
                    models.CharField(blank=True, default="", help_text="why it could not be read", max_length=300),
                ),
                ("name", models.TextField(null=True)),
                ("given_name", models.TextField(null=True)),
                ("family_name", models.TextField(null=True)),
                ("honorific", models.TextField(null=True)),
                ("pronunciation", models.TextField(null=True)),
                ("gender", models.TextField(null=True)),
                ("language", models.TextField(null=True)),
                ("sort_key", models.TextField(null=True)),
                ("search_text", models.TextField(null=True)),
                ("words", models.TextField(help_text="of the name, in order and each once", null=True)),
                ("email", models.TextField(null=True)),
                ("email_key", models.TextField(null=True)),
                ("email_hash", models.BinaryField(null=True)),
                ("phone", models.TextField(null=True)),
                ("organization", models.TextField(null=True)),
                ("organization_key", models.TextField(null=True)),
                ("organization_search", models.TextField(null=True)),
                ("acronym", models.TextField(null=True)),
                ("constituency", models.BigIntegerField(null=True)),
                ("country", models.TextField(null=True)),
                ("website", models.TextField(null=True)),
                ("post", models.TextField(null=True)),
                ("post_key", models.TextField(null=True)),
                ("started_on", models.DateField(null=True)),
                (
                    "tags",
                    django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), null=True, size=None),
                ),
                ("note", models.TextField(null=True)),
                (
                    "run",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lines",
                        to="contacts.importrun",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(MOVE, migrations.RunSQL.noop),
        migrations.RemoveField(
            model_name="importrow",
            name="raw",
        ),
        migrations.RemoveField(
            model_name="importrow",
            name="values",
        ),
    ]
