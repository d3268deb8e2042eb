"""The forms of address that every installation begins with; each can be changed on the settings screen.

A row: name, words that a title begins with, and for each language the greeting and the name's form for a woman, a man,
somebody whose gender is not known (or is another), and an office that is written to without a name. An empty text stands
for "as if the gender were not known".
"""

from __future__ import annotations

from typing import Any

from contacts.greetings.wording import SLOTS

Pairs = tuple[tuple[str, str], ...]

DEFAULTS: list[tuple[str, list[str], dict[str, Pairs]]] = [
    (
        "Everybody",
        [],
        {
            "en": (
                ("Dear Ms {family_name},", "Ms {name}"),
                ("Dear Mr {family_name},", "Mr {name}"),
                ("Dear {name},", "{name}"),
                ("Dear colleagues,", ""),
            ),
            "fr": (
                ("Madame,", "Mme {name}"),
                ("Monsieur,", "M. {name}"),
                ("Madame, Monsieur,", "{name}"),
                ("Mesdames, Messieurs,", ""),
            ),
            "es": (
                ("Estimada señora {family_name}:", "Sra. {name}"),
                ("Estimado señor {family_name}:", "Sr. {name}"),
                ("De nuestra consideración:", "{name}"),
                ("De nuestra consideración:", ""),
            ),
            "ar": (
                ("السيدة {name} المحترمة،", "السيدة {name}"),
                ("السيد {name} المحترم،", "السيد {name}"),
                ("تحية طيبة وبعد،", "{name}"),
                ("تحية طيبة وبعد،", ""),
            ),
            "pt": (
                ("Prezada Senhora {family_name},", "Sra. {name}"),
                ("Prezado Senhor {family_name},", "Sr. {name}"),
                ("Prezadas Senhoras, prezados Senhores,", "{name}"),
                ("Prezadas Senhoras, prezados Senhores,", ""),
            ),
        },
    ),
    (
        "Minister",
        ["minister", "ministre", "ministra", "ministro", "وزير", "وزيرة"],
        {
            "en": (
                ("Madam Minister,", "H.E. Ms {name}"),
                ("Mr Minister,", "H.E. Mr {name}"),
                ("Dear Minister,", "H.E. {name}"),
                ("", ""),
            ),
            "fr": (
                ("Madame la Ministre,", "S.E. Mme {name}"),
                ("Monsieur le Ministre,", "S.E. M. {name}"),
                ("Madame la Ministre, Monsieur le Ministre,", "S.E. {name}"),
                ("", ""),
            ),
            "es": (
                ("Señora Ministra:", "Excma. Sra. {name}"),
                ("Señor Ministro:", "Excmo. Sr. {name}"),
                ("Excelencia:", "S.E. {name}"),
                ("", ""),
            ),
            "ar": (
                ("معالي الوزيرة،", "معالي السيدة {name}"),
                ("معالي الوزير،", "معالي السيد {name}"),
                ("تحية طيبة وبعد،", "معالي {name}"),
                ("", ""),
            ),
            "pt": (
                ("Senhora Ministra,", "S. Ex.ª Sra. {name}"),
                ("Senhor Ministro,", "S. Ex.ª Sr. {name}"),
                ("Excelência,", "S. Ex.ª {name}"),
                ("", ""),
            ),
        },
    ),
    (
        "Ambassador",
        ["ambassador", "ambassadeur", "ambassadrice", "embajador", "embajadora", "permanent representative", "سفير", "سفيرة"],
        {
            "en": (
                ("Madam Ambassador,", "H.E. Ms {name}"),
                ("Mr Ambassador,", "H.E. Mr {name}"),
                ("Excellency,", "H.E. {name}"),
                ("", ""),
            ),
            "fr": (
                ("Madame l’Ambassadrice,", "S.E. Mme {name}"),
                ("Monsieur l’Ambassadeur,", "S.E. M. {name}"),
                ("Excellence,", "S.E. {name}"),
                ("", ""),
            ),
            "es": (
                ("Señora Embajadora:", "Excma. Sra. {name}"),
                ("Señor Embajador:", "Excmo. Sr. {name}"),
                ("Excelencia:", "S.E. {name}"),
                ("", ""),
            ),
            "ar": (
                ("سعادة السفيرة،", "سعادة السيدة {name}"),
                ("سعادة السفير،", "سعادة السيد {name}"),
                ("تحية طيبة وبعد،", "سعادة {name}"),
                ("", ""),
            ),
        },
    ),
    (
        "Director General",
        ["director general", "director-general", "directeur général", "directrice générale", "directora general", "المدير العام", "المديرة العامة"],
        {
            "en": (
                ("Dear Director General,", "Ms {name}"),
                ("Dear Director General,", "Mr {name}"),
                ("Dear Director General,", "{name}"),
                ("", ""),
            ),
            "fr": (
                ("Madame la Directrice générale,", "Mme {name}"),
                ("Monsieur le Directeur général,", "M. {name}"),
                ("Madame la Directrice générale, Monsieur le Directeur général,", "{name}"),
                ("", ""),
            ),
            "es": (
                ("Señora Directora General:", "Sra. {name}"),
                ("Señor Director General:", "Sr. {name}"),
                ("De nuestra consideración:", "{name}"),
                ("", ""),
            ),
            "ar": (
                ("سعادة المديرة العامة،", "السيدة {name}"),
                ("سعادة المدير العام،", "السيد {name}"),
                ("تحية طيبة وبعد،", "{name}"),
                ("", ""),
            ),
        },
    ),
    (
        "Secretary General",
        ["general secretary", "secretary general", "secretary-general", "secrétaire général", "secrétaire générale", "secretaria general", "secretario general", "الأمين العام", "الأمينة العامة"],
        {
            "en": (
                ("Dear Secretary General,", "Ms {name}"),
                ("Dear Secretary General,", "Mr {name}"),
                ("Dear Secretary General,", "{name}"),
                ("", ""),
            ),
            "fr": (
                ("Madame la Secrétaire générale,", "Mme {name}"),
                ("Monsieur le Secrétaire général,", "M. {name}"),
                ("Madame la Secrétaire générale, Monsieur le Secrétaire général,", "{name}"),
                ("", ""),
            ),
            "es": (
                ("Señora Secretaria General:", "Sra. {name}"),
                ("Señor Secretario General:", "Sr. {name}"),
                ("De nuestra consideración:", "{name}"),
                ("", ""),
            ),
            "ar": (
                ("السيدة الأمينة العامة،", "السيدة {name}"),
                ("السيد الأمين العام،", "السيد {name}"),
                ("تحية طيبة وبعد،", "{name}"),
                ("", ""),
            ),
        },
    ),
    (
        "President",
        ["president", "président", "présidente", "presidente", "presidenta", "الرئيس", "الرئيسة"],
        {
            "en": (
                ("Madam President,", "Ms {name}"),
                ("Mr President,", "Mr {name}"),
                ("Dear President,", "{name}"),
                ("", ""),
            ),
            "fr": (
                ("Madame la Présidente,", "Mme {name}"),
                ("Monsieur le Président,", "M. {name}"),
                ("Madame la Présidente, Monsieur le Président,", "{name}"),
                ("", ""),
            ),
            "es": (
                ("Señora Presidenta:", "Sra. {name}"),
                ("Señor Presidente:", "Sr. {name}"),
                ("De nuestra consideración:", "{name}"),
                ("", ""),
            ),
            "ar": (
                ("السيدة الرئيسة،", "السيدة {name}"),
                ("السيد الرئيس،", "السيد {name}"),
                ("تحية طيبة وبعد،", "{name}"),
                ("", ""),
            ),
        },
    ),
]  # fmt: skip


def texts_of(by_language: dict[str, Pairs]) -> dict[str, Any]:
    """As a form's `texts`."""
    return {
        language: {
            slot: {"greeting": greeting, "formal": formal}
            for slot, (greeting, formal) in zip(SLOTS, pairs, strict=True)
            if greeting or formal
        }
        for language, pairs in by_language.items()
    }


def load_defaults(model: type[Any]) -> None:
    """Insert the forms that are not there yet; none that somebody changed is touched."""
    for position, (name, words, by_language) in enumerate(DEFAULTS):
        model.objects.get_or_create(
            name=name,
            defaults={
                "title_words": words,
                "texts": texts_of(by_language),
                "is_general": position == 0,
                "position": position * 10,
            },
        )
