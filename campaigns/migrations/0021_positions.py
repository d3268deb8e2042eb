"""Asks, steps on the ladder that are only ever added, and the present position, which follows them by trigger."""

import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import crm.ids

APPEND_ONLY = """
CREATE FUNCTION position_step_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- what may change: the mark "withdrawn as wrong"; a user or an interaction that is gone; and, in an erasure, who said it
    IF TG_OP = 'UPDATE' AND
       (NEW.id, NEW.uid, NEW.organization_id, NEW.ask_id, NEW.stance, NEW."on", NEW.evidence_kind, NEW.confidence, NEW.recorded_at, NEW.form_key)
       IS NOT DISTINCT FROM
       (OLD.id, OLD.uid, OLD.organization_id, OLD.ask_id, OLD.stance, OLD."on", OLD.evidence_kind, OLD.confidence, OLD.recorded_at, OLD.form_key)
       AND (NEW.recorded_by_id IS NOT DISTINCT FROM OLD.recorded_by_id OR NEW.recorded_by_id IS NULL)
       AND (NEW.interaction_id IS NOT DISTINCT FROM OLD.interaction_id OR NEW.interaction_id IS NULL)
       AND ((NEW.evidence, NEW.link, NEW.said_by_id, NEW.said_by_name) IS NOT DISTINCT FROM (OLD.evidence, OLD.link, OLD.said_by_id, OLD.said_by_name)
            OR current_setting('groundswell.erasing', true) = 'on')
    THEN RETURN NEW; END IF;
    RAISE EXCEPTION 'a step on the ladder is kept: record a newer one, or withdraw it as wrong' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER position_step_append_only BEFORE UPDATE OR DELETE ON campaigns_positionstep
    FOR EACH ROW EXECUTE FUNCTION position_step_is_append_only();
"""
APPEND_ONLY_BACK = """
DROP TRIGGER position_step_append_only ON campaigns_positionstep;
DROP FUNCTION position_step_is_append_only();
"""
# The row of the position is locked first, so that of two officers at once the second one's statement sees the first one's step.
FOLLOWS = """
CREATE FUNCTION position_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO campaigns_position (uid, organization_id, ask_id)
    VALUES (gen_random_uuid(), NEW.organization_id, NEW.ask_id) ON CONFLICT (organization_id, ask_id) DO NOTHING;
    PERFORM 1 FROM campaigns_position WHERE organization_id = NEW.organization_id AND ask_id = NEW.ask_id FOR UPDATE;
    UPDATE campaigns_position p SET (step_id, stance, "on") = (
        SELECT s.id, s.stance, s."on" FROM campaigns_positionstep s
         WHERE s.organization_id = NEW.organization_id AND s.ask_id = NEW.ask_id AND s.withdrawn_at IS NULL
         ORDER BY s."on" DESC, s.id DESC LIMIT 1)
     WHERE p.organization_id = NEW.organization_id AND p.ask_id = NEW.ask_id;
    RETURN NULL;
END $$;
CREATE TRIGGER position_follows AFTER INSERT OR UPDATE OF withdrawn_at ON campaigns_positionstep
    FOR EACH ROW EXECUTE FUNCTION position_follows();
"""
FOLLOWS_BACK = """
DROP TRIGGER position_follows ON campaigns_positionstep;
DROP FUNCTION position_follows();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0020_mailing_services"),
        ("contacts", "0018_imports_kept_for_mailings"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Ask",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=crm.ids.new_uid, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("name", models.CharField(max_length=300)),
                ("names", models.JSONField(blank=True, default=dict)),
                ("sort_key", models.CharField(editable=False, max_length=300)),
                ("search_text", models.TextField(default="", editable=False)),
                ("description", models.TextField(blank=True, default="")),
                ("done_when", models.TextField(blank=True, default="", help_text="what counts as done")),
                ("place", models.PositiveSmallIntegerField(default=1, help_text="its order in the drive")),
                ("archived_at", models.DateTimeField(blank=True, null=True)),
                (
                    "drive",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="asks", to="campaigns.drive"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.F("drive"),
                        django.db.models.functions.text.Lower("name"),
                        name="ask_once_per_drive",
                        violation_error_message="This drive has an ask of this name already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("name", ""), _negated=True),
                        name="ask_has_a_name",
                        violation_error_message="An ask needs a name.",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="PositionStep",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=crm.ids.new_uid, editable=False, unique=True)),
                (
                    "stance",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (1, "opposed"),
                            (2, "sceptical"),
                            (3, "unaware"),
                            (4, "neutral"),
                            (5, "interested"),
                            (6, "supportive"),
                            (7, "champion"),
                        ]
                    ),
                ),
                ("on", models.DateField(help_text="the day it was said, done or seen")),
                (
                    "evidence_kind",
                    models.CharField(
                        choices=[
                            ("quote", "quote"),
                            ("meeting", "meeting"),
                            ("document", "document"),
                            ("vote", "vote"),
                        ],
                        max_length=8,
                    ),
                ),
                ("evidence", models.TextField(blank=True, default="")),
                ("link", models.URLField(blank=True, default="", max_length=500)),
                (
                    "confidence",
                    models.CharField(
                        choices=[
                            ("low", "low: hearsay"),
                            ("medium", "medium: one good source"),
                            ("high", "high: said or done in public"),
                        ],
                        default="medium",
                        max_length=6,
                    ),
                ),
                (
                    "said_by_name",
                    models.CharField(blank=True, default="", help_text="when not in the directory", max_length=200),
                ),
                ("recorded_at", models.DateTimeField()),
                (
                    "form_key",
                    models.UUIDField(
                        default=crm.ids.new_uid, editable=False, help_text="one form saves one step", unique=True
                    ),
                ),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
                ("withdrawn_why", models.CharField(blank=True, default="", max_length=300)),
                (
                    "ask",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="steps", to="campaigns.ask"
                    ),
                ),
                (
                    "interaction",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="position_steps",
                        to="campaigns.interaction",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="position_steps",
                        to="contacts.organization",
                    ),
                ),
                (
                    "recorded_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "said_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="said_positions",
                        to="contacts.person",
                    ),
                ),
                (
                    "withdrawn_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("stance__range", (1, 7))), name="position_step_on_the_ladder"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("evidence_kind__in", ["quote", "meeting", "document", "vote"])),
                        name="position_step_evidence_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("confidence__in", ["low", "medium", "high"])),
                        name="position_step_confidence_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("evidence", ""), _negated=True),
                            models.Q(("link", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="position_step_has_evidence",
                        violation_error_message="Say what shows it: some words, or a link.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("withdrawn_at__isnull", True), ("withdrawn_why", "")),
                            models.Q(("withdrawn_at__isnull", False), models.Q(("withdrawn_why", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="position_step_withdrawn_says_why",
                        violation_error_message="Say what was wrong about it.",
                    ),
                ],
                "indexes": [
                    models.Index(fields=["organization", "ask", "-on", "-id"], name="position_step_history"),
                    models.Index(fields=["ask", "-on", "-id"], name="position_step_of_ask"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Position",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=crm.ids.new_uid, editable=False, unique=True)),
                (
                    "stance",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (1, "opposed"),
                            (2, "sceptical"),
                            (3, "unaware"),
                            (4, "neutral"),
                            (5, "interested"),
                            (6, "supportive"),
                            (7, "champion"),
                        ],
                        null=True,
                    ),
                ),
                ("on", models.DateField(null=True)),
                (
                    "ask",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="positions", to="campaigns.ask"
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="positions",
                        to="contacts.organization",
                    ),
                ),
                (
                    "step",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="position",
                        to="campaigns.positionstep",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "ask"), include=("stance", "on"), name="position_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("on__isnull", True), ("stance__isnull", True), ("step__isnull", True)),
                            models.Q(("on__isnull", False), ("stance__isnull", False), ("step__isnull", False)),
                            _connector="OR",
                        ),
                        name="position_whole_or_nothing",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="Power",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=crm.ids.new_uid, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("power", models.PositiveSmallIntegerField()),
                ("why", models.CharField(blank=True, default="", max_length=300)),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="powers", to="campaigns.campaign"
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="powers",
                        to="contacts.organization",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("organization", "campaign"), include=("power",), name="power_once"),
                    models.CheckConstraint(
                        condition=models.Q(("power__range", (1, 5))),
                        name="power_one_to_five",
                        violation_error_message="Power is between 1 and 5.",
                    ),
                ]
            },
        ),
        migrations.RunSQL(APPEND_ONLY, APPEND_ONLY_BACK),
        migrations.RunSQL(FOLLOWS, FOLLOWS_BACK),
    ]
