"""The world as the directory needs it: M49 regions, and of each country its sub-region, languages and time zone.

Countries are those of ISO 3166-1 (pycountry), names and official languages those of CLDR (Babel). Babel has no table of which
country lies in which M49 region, so that table is here (UN Statistics Division, Standard country or area codes).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import pycountry
from babel import Locale
from babel.core import get_global
from babel.languages import get_official_languages

from crm.zones import zones

LANGUAGES = ("en", "fr", "es", "ar")
# region → its parent; "" for the five at the top
REGIONS = {
    "002": "", "019": "", "142": "", "150": "", "009": "",
    "015": "002", "202": "002", "014": "202", "017": "202", "018": "202", "011": "202",
    "021": "019", "419": "019", "029": "419", "013": "419", "005": "419",
    "143": "142", "030": "142", "035": "142", "034": "142", "145": "142",
    "151": "150", "154": "150", "039": "150", "155": "150",
    "053": "009", "054": "009", "057": "009", "061": "009",
}  # fmt: skip
COUNTRIES = {
    "015": "DZ EG EH LY MA SD TN",
    "014": "BI DJ ER ET IO KE KM MG MU MW MZ RE RW SC SO SS TF TZ UG YT ZM ZW",
    "017": "AO CD CF CG CM GA GQ ST TD",
    "018": "BW LS NA SZ ZA",
    "011": "BF BJ CI CV GH GM GN GW LR ML MR NE NG SH SL SN TG",
    "021": "BM CA GL PM US",
    "029": "AG AI AW BB BL BQ BS CU CW DM DO GD GP HT JM KN KY LC MF MQ MS PR SX TC TT VC VG VI",
    "013": "BZ CR GT HN MX NI PA SV",
    "005": "AR BO BR BV CL CO EC FK GF GS GY PE PY SR UY VE",
    "143": "KG KZ TJ TM UZ",
    "030": "CN HK JP KP KR MN MO TW",
    "035": "BN ID KH LA MM MY PH SG TH TL VN",
    "034": "AF BD BT IN IR LK MV NP PK",
    "145": "AE AM AZ BH CY GE IL IQ JO KW LB OM PS QA SA SY TR YE",
    "151": "BG BY CZ HU MD PL RO RU SK UA",
    "154": "AX DK EE FI FO GB GG IE IM IS JE LT LV NO SE SJ",
    "039": "AD AL BA ES GI GR HR IT ME MK MT PT RS SI SM VA",
    "155": "AT BE CH DE FR LI LU MC NL",
    "053": "AU CC CX HM NF NZ",
    "054": "FJ NC PG SB VU",
    "057": "FM GU KI MH MP NR PW UM",
    "061": "AS CK NU PF PN TK TO TV WF WS",
}
# Where a country has several zones: that of its capital or of most of its institutions.
CAPITAL_ZONES = {
    "AR": "America/Argentina/Buenos_Aires", "AQ": "Antarctica/McMurdo", "AU": "Australia/Sydney", "BR": "America/Sao_Paulo",
    "CA": "America/Toronto", "CD": "Africa/Kinshasa", "CL": "America/Santiago", "CN": "Asia/Shanghai",
    "CY": "Asia/Nicosia", "DE": "Europe/Berlin", "EC": "America/Guayaquil", "ES": "Europe/Madrid", "FM": "Pacific/Pohnpei",
    "GL": "America/Nuuk", "ID": "Asia/Jakarta", "KI": "Pacific/Tarawa", "KZ": "Asia/Almaty", "MH": "Pacific/Majuro",
    "MN": "Asia/Ulaanbaatar", "MX": "America/Mexico_City", "MY": "Asia/Kuala_Lumpur", "NZ": "Pacific/Auckland",
    "PF": "Pacific/Tahiti", "PG": "Pacific/Port_Moresby", "PS": "Asia/Hebron", "PT": "Europe/Lisbon", "RU": "Europe/Moscow",
    "UA": "Europe/Kyiv", "UM": "Pacific/Wake", "US": "America/New_York", "UZ": "Asia/Tashkent", "VN": "Asia/Ho_Chi_Minh",
    "IN": "Asia/Kolkata", "NP": "Asia/Kathmandu", "MM": "Asia/Yangon",
}  # fmt: skip


@dataclass(frozen=True)
class Land:
    """One country of ISO 3166-1."""

    code: str
    alpha3: str
    name: str
    names: dict[str, str]
    region: str | None
    languages: list[str]
    time_zone: str


def names_of(code: str) -> dict[str, str]:
    """CLDR's names of a country (alpha-2) or a region (M49) in the four languages."""
    return {language: str(_locale(language).territories[code]) for language in LANGUAGES}


@cache
def _locale(language: str) -> Locale:
    return Locale(language)


@cache
def numeric_codes() -> dict[str, str]:
    """ISO 3166 numeric code of each alpha-2 code: what shapes of maps are known by."""
    return {country.alpha_2: country.numeric for country in pycountry.countries}


def lands() -> Iterator[Land]:
    region_of = {code: region for region, codes in COUNTRIES.items() for code in codes.split()}
    for country in pycountry.countries:
        code = country.alpha_2
        names = names_of(code)
        yield Land(
            code=code,
            alpha3=country.alpha_3,
            name=names["en"],
            names=names,
            region=region_of.get(code),
            languages=_languages(code),
            time_zone=_time_zone(code),
        )


def _languages(code: str) -> list[str]:
    """Official and de facto official languages, most spoken first, as BCP 47 base languages."""
    found = get_official_languages(code, de_facto=True) or get_official_languages(code, regional=True)
    return list(dict.fromkeys(tag.split("_")[0] for tag in found))


def _time_zone(code: str) -> str:
    candidates = [CAPITAL_ZONES.get(code, ""), *get_global("territory_zones").get(code, [])]
    return next((zone for zone in candidates if zone in zones()), "UTC")
