"""A survey with answers: some found their person, some wait for a colleague, some left no address."""

from __future__ import annotations

import hashlib
import random
from datetime import datetime, timedelta
from typing import Any

from campaigns.forms.models import Form, Submission
from campaigns.planning.models import Campaign
from contacts.consent.addresses import address_hash, address_key
from contacts.consent.models import Topic
from contacts.directory.models import ContactPoint, Country

ANSWERS = 140
DAYS = 24


def _texts(en: str, fr: str, es: str, ar: str) -> dict[str, str]:
    return {"en": en, "fr": fr, "es": es, "ar": ar}


HEADLINES = _texts(
    "What would help you most?", "Qu’est-ce qui vous aiderait le plus ?", "¿Qué es lo que más le ayudaría?", "ما الذي يفيدكم أكثر؟"
)  # fmt: skip
LEADS = _texts(
    "Five minutes for a better plan in your country. Your answers stay with the campaign.",
    "Cinq minutes pour un meilleur plan dans votre pays. Vos réponses restent au sein de la campagne.",
    "Cinco minutos para un plan mejor en su país. Sus respuestas se quedan en la campaña.",
    "خمس دقائق من أجل خطة أفضل في بلدكم. تبقى إجاباتكم لدى الحملة.",
)
THANKS = _texts(
    "We will tell you in spring what came of it.", "Nous vous dirons au printemps ce qu’il en est sorti.",
    "En primavera le contaremos en qué quedó.", "سنخبركم في الربيع بما أسفر عنه ذلك.",
)  # fmt: skip
NEEDS = [
    (
        "costing",
        _texts("A costing of the plan", "Un chiffrage du plan", "Un cálculo de costos del plan", "تقدير لكلفة الخطة"),
    ),
    ("law", _texts("Help with the law", "Un appui sur la loi", "Ayuda con la ley", "مساعدة في صياغة القانون")),
    ("people", _texts("Trained people", "Des personnes formées", "Personal capacitado", "أشخاص مدربون")),
    ("examples", _texts("Examples of others", "Des exemples d’ailleurs", "Ejemplos de otros", "أمثلة من الآخرين")),
]
GROUPS = [
    (
        "informal",
        _texts(
            "Informal workers", "Travailleurs informels", "Trabajadores informales", "العاملون في القطاع غير المنظم"
        ),
    ),
    ("women", _texts("Women", "Les femmes", "Mujeres", "النساء")),
    ("children", _texts("Children", "Les enfants", "Niños y niñas", "الأطفال")),
    ("migrants", _texts("Migrants", "Les migrants", "Migrantes", "المهاجرون")),
]
WHY = {
    "en": ["We have a draft, and nobody can say what it costs.", "The ministry of finance asks for figures first."],
    "fr": ["Le projet est prêt, mais personne n’en connaît le coût.", "Il nous faut des exemples de la région."],
    "es": ["Tenemos un borrador y nadie sabe cuánto cuesta."],
    "ar": ["لدينا مسودة ولا أحد يعرف كلفتها."],
}  # fmt: skip


def _options(pairs: list[tuple[str, dict[str, str]]]) -> list[dict[str, Any]]:
    return [{"value": value, "labels": labels} for value, labels in pairs]


def _questions(topic: Topic) -> list[dict[str, Any]]:
    return [
        {"key": "need", "kind": "choice", "labels": HEADLINES, "is_required": True, "options": _options(NEEDS)},
        {"key": "cost", "kind": "long", "labels": _texts("What is missing for it?", "Que manque-t-il pour cela ?", "¿Qué falta para ello?", "ما الذي ينقص لذلك؟"),
         "shown_if": {"match": "all", "rules": [{"key": "need", "is": "is", "value": "costing"}]}},
        {"key": "groups", "kind": "choices", "labels": _texts("Who is left out today?", "Qui est laissé de côté aujourd’hui ?", "¿Quién queda fuera hoy?", "من المستبعد اليوم؟"), "options": _options(GROUPS)},
        {"key": "staff", "kind": "number", "labels": _texts("How many people work on it with you?", "Combien de personnes y travaillent chez vous ?", "¿Cuántas personas trabajan en ello?", "كم شخصًا يعمل على ذلك لديكم؟"), "least": 0},
        {"key": "plan", "kind": "file", "labels": _texts("Your plan, if there is one", "Votre plan, s’il existe", "Su plan, si existe", "خطتكم إن وُجدت")},
        {"key": "country", "kind": "country", "labels": _texts("Country", "Pays", "País", "البلد"), "is_required": True, "tells": "country"},
        {"key": "name", "kind": "text", "labels": _texts("Your name", "Votre nom", "Su nombre", "اسمكم"), "tells": "name"},
        {"key": "email", "kind": "email", "labels": _texts("Your e-mail", "Votre courriel", "Su correo electrónico", "بريدكم الإلكتروني"), "tells": "email",
         "hints": _texts("Leave it empty to stay unnamed.", "Laissez vide pour rester anonyme.", "Déjelo vacío para no dar su nombre.", "اتركوه فارغًا لعدم ذكر اسمكم.")},
        {"key": "topics", "kind": "consent", "labels": _texts("Send me", "Envoyez-moi", "Envíenme", "أرسلوا إليّ"), "topics": [str(topic.uid)]},
    ]  # fmt: skip


def make_survey(campaign: Campaign, topic: Topic, *, now: datetime, seed: int) -> Form:
    chance = random.Random(seed)  # noqa: S311 the same demo each time
    form = Form.objects.create(
        campaign=campaign, name="What would help you most?", names={k: v for k, v in HEADLINES.items() if k != "en"},
        slug="what-would-help", headlines=HEADLINES, leads=LEADS, thanks=THANKS, questions=_questions(topic), is_public=True,
        origins=["https://www.partner.test"],
    )  # fmt: skip
    points = list(
        ContactPoint.objects.emails()
        .filter(person__isnull=False, person__archived_at=None)
        .select_related("person")
        .order_by("pk")[:2000]
    )
    countries = {row.code: row for row in Country.objects.all()}
    known = chance.sample(points, min(ANSWERS // 2, len(points)))
    rows = [_submission(form, number, known, countries, chance) for number in range(ANSWERS)]
    Submission.objects.bulk_create(rows)
    for row in rows:  # `created_at` is set when a row is made
        row.created_at = now - timedelta(days=chance.triangular(0, DAYS, DAYS), minutes=chance.randrange(600))
    Submission.objects.bulk_update(rows, ["created_at"])
    return form


def _submission(
    form: Form, number: int, known: list[ContactPoint], countries: dict[str, Country], chance: random.Random
) -> Submission:
    """Every second one is somebody whom the directory knows; then some whom it does not, and some without an address."""
    language = chance.choice(["en", "en", "fr", "fr", "es", "ar"])
    need = chance.choices([value for value, _labels in NEEDS], weights=[5, 2, 3, 4])[0]
    answers: dict[str, Any] = {"need": need}
    if need == "costing":
        answers["cost"] = chance.choice(WHY[language])
    answers["groups"] = [value for value, _labels in GROUPS if chance.random() < 0.45] or ["informal"]
    answers["staff"] = round(chance.lognormvariate(1.8, 0.9))
    person = known[number // 2].person if number % 2 == 0 and number // 2 < len(known) else None
    code = (person.country_id if person else None) or chance.choice(["SN", "MG", "ET", "ZM", "HN", "TD", "NP", "LA"])
    answers["country"] = code
    state, doubts, name, email = Submission.State.KEPT, [], "", ""
    if person:
        state, name, email = Submission.State.FILED, person.name, known[number // 2].value
    elif number % 20 == 1:
        state, name, email = Submission.State.WAITING, f"{chance.choice(NAMES)}", f"answer{number}@example.test"
        doubts = ["Nobody in the directory has this address."]
    if name:
        answers |= {"name": name, "email": email}
    receipt = hashlib.blake2b(f"{form.uid} {number}".encode(), digest_size=16).digest()
    return Submission(
        form=form, state=state, receipt=receipt, answers=answers, language=language, name=name, email=email, doubts=doubts,
        address_hash=address_hash(address_key(email)) if email else None, country=countries.get(code), person=person,
        source="www.partner.test" if number % 9 == 0 else "",
    )  # fmt: skip


NAMES = [
    "Mireille Rasoa",
    "Yonas Alemu",
    "Sofía Mejía",
    "Bikash Thapa",
    "Aïcha Mahamat",
    "Peter Mwansa",
    "Souksavanh Phan",
]
