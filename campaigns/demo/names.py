"""Invented people and institutions, in the countries' languages and scripts. Nobody here exists."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

from anyascii import anyascii
from faker import Faker

# Where the name library has a country's own names, in its own script.
LOCALES = {
    "AE": "ar_AA", "BH": "ar_AA", "DZ": "ar_DZ", "EG": "ar_AA", "IQ": "ar_AA", "JO": "ar_AA", "KW": "ar_AA", "LB": "ar_AA",
    "LY": "ar_AA", "MA": "ar_AA", "OM": "ar_AA", "PS": "ar_PS", "QA": "ar_AA", "SA": "ar_SA", "SD": "ar_AA", "SY": "ar_AA",
    "TN": "ar_AA", "YE": "ar_AA", "AM": "hy_AM", "AZ": "az_AZ", "BA": "hr_HR", "BD": "bn_BD", "BG": "bg_BG", "CN": "zh_CN",
    "CZ": "cs_CZ", "DE": "de_DE", "AT": "de_AT", "DK": "da_DK", "EE": "et_EE", "GR": "el_GR", "CY": "el_GR", "FI": "fi_FI",
    "GE": "ka_GE", "HR": "hr_HR", "HU": "hu_HU", "ID": "id_ID", "IL": "he_IL", "IN": "hi_IN", "IR": "fa_IR", "IS": "is_IS",
    "IT": "it_IT", "JP": "ja_JP", "KR": "ko_KR", "LT": "lt_LT", "LV": "lv_LV", "MK": "mk_MK", "NL": "nl_NL", "NO": "no_NO",
    "NP": "ne_NP", "PL": "pl_PL", "PT": "pt_PT", "BR": "pt_BR", "RO": "ro_RO", "MD": "ro_RO", "RU": "ru_RU", "BY": "ru_RU",
    "KZ": "ru_RU", "KG": "ru_RU", "SE": "sv_SE", "SI": "sl_SI", "SK": "sk_SK", "TH": "th_TH", "TR": "tr_TR", "TW": "zh_TW",
    "UA": "uk_UA", "UZ": "uz_UZ", "VN": "vi_VN", "PK": "en_PK", "LK": "si_LK",
    "FR": "fr_FR", "BE": "fr_BE", "CH": "fr_CH", "LU": "fr_FR", "MC": "fr_FR", "ES": "es_ES", "AR": "es_AR", "CL": "es_CL",
    "CO": "es_CO", "MX": "es_MX", "GB": "en_GB", "IE": "en_IE", "AU": "en_AU", "NZ": "en_NZ", "CA": "en_CA", "US": "en_US",
}  # fmt: skip
BY_LANGUAGE = {"es": "es_MX", "fr": "fr_FR", "pt": "pt_PT", "de": "de_DE", "ar": "ar_AA", "nl": "nl_NL", "it": "it_IT"}


@dataclass(frozen=True)
class Pool:
    """Given names of women, of men, and family names of a part of the world that the library does not cover."""

    countries: str
    women: str
    men: str
    families: str


POOLS = [
    Pool(
        "SN ML NE BF MR GN GM GW CV",
        "Fatou Aminata Mariama Aïssatou Awa Kadiatou Hawa Rokia Ndèye Bintou Oumou Coumba Ramatou Adama Salimata",
        "Mamadou Ousmane Ibrahima Moussa Abdoulaye Cheikh Amadou Boubacar Seydou Modibo Lamine Issa Souleymane Alpha Samba",
        "Diallo Traoré Ndiaye Keïta Coulibaly Bah Sow Camara Ouédraogo Cissé Barry Sissoko Maïga Kaboré Baldé Djaló Mané Fall",
    ),
    Pool(
        "CI BJ TG GH LR SL NG CM",
        "Akosua Afi Adjoa Efua Chiamaka Ngozi Sika Yawa Esi Abena Folake Ifeoma Mariatu Isatu Afua Nana Mawunyo",
        "Kofi Kwame Koffi Chidi Yao Komlan Emeka Kwabena Senyo Tunde Sorie Abu Kojo Yaw Obinna Mawuli Femi",
        "Mensah Kouassi Adjei Okafor Agbodjan Koné Boateng Amegan Kamara Sesay Tchoumi Owusu Eze Bangura Asante Adeyemi Lawson",
    ),
    Pool(
        "TD CF CD CG GA GQ ST AO",
        "Grâce Clarisse Béatrice Espérance Solange Nadège Divine Honorine Achta Zara Falmata Yolande Rosine Célestine",
        "Jean-Claude Patrice Célestin Dieudonné Hervé Blaise Prosper Mahamat Idriss Ousman Anatole Bienvenu Firmin Abakar",
        "Kabongo Ngoma Tshibanda Moussavou Ngakoutou Ndong Ilunga Mbuyi Mukendi Ngando Yadé Djimtola Allafi Ngaro Mbangue Zokoué",
    ),
    Pool(
        "KE UG TZ RW BI",
        "Grace Wanjiku Achieng Nakato Uwase Neema Rehema Akinyi Babirye Ingabire Mercy Namuli Zawadi Atieno",
        "Joseph Otieno Mugisha Kato Juma Baraka Habimana Kamau Wasswa Emmanuel Okello Baguma Kiprono Elias",
        "Mwangi Nakamya Ssebunya Mushi Uwimana Wekesa Auma Byaruhanga Ochieng Nsubuga Mutesi Kimaro Atwine Kariuki Ndayisenga",
    ),
    Pool(
        "ZM MW ZW MZ BW NA ZA LS SZ",
        "Chipo Thandiwe Tendai Mutale Lerato Naledi Rudo Nomsa Bupe Chisomo Tamara Nyasha Mercy Dalitso",
        "Themba Tatenda Mulenga Chikondi Sipho Kagiso Farai Mwila Limbani Thabo Joaquim Neo Kelvin Blessings",
        "Banda Phiri Moyo Mwale Dube Ncube Mulenga Zulu Dlamini Chirwa Nkosi Machava Sibanda Tembo Mokoena Shikongo",
    ),
    Pool(
        "SO SS DJ ER",
        "Hodan Amina Sahra Hibaq Ifrah Nyandeng Achol Rebecca Ayan Fadumo Deqa Adut Abuk Filsan Selam",
        "Abdirahman Farah Yusuf Deng Garang Liban Warsame Majok Hassan Bol Dahir Mayen Osman Tesfay Lado",
        "Warsame Jama Abdullahi Nur Haji Kuol Lado Mabior Gedi Farole Wani Ajak Hersi Egal Tekle Lomoro",
    ),
    Pool(
        "MG KM SC MU MV",
        "Hery Voahangy Lalao Fara Zainaba Salima Mina Anjali Haingo Saoilim Aishath Nadia",
        "Rakoto Andry Tovo Said Ali Faharoudine Ravi Naina Mohamed Youssouf Ibrahim Solofo",
        "Rakotomalala Randria Razafindrabe Soilihi Abdou Mdahoma Ramgoolee Hoareau Rasoanaivo Bacar Naeem Andrianina",
    ),
    Pool(
        "FJ PG SB VU WS TO TV KI FM MH PW NR CK NU TL",
        "Sera Litia Mele Losa Ana Teuila Moana Vani Elenoa Tina Salote Hina Kalisi",
        "Jone Semisi Tavita Manu Pita Ioane Tui Sione Lote Aporosa Josua Nelson Tomasi",
        "Tuilagi Vakatawa Fonoti Kaltack Tabai Moli Lealaiauloto Nakamura Waqa Fifita Sopoaga Kila Temu Ratu",
    ),
    Pool(
        "AF TJ TM MM KH LA MY BN BT MN KP SG",
        "Zahra Nilufar Aye Sokha Chanthavy Noor Pema Oyuna Malalai Thida Siti Dechen Gulnora",
        "Farid Rustam Ko Sopheap Bounmy Ahmad Tashi Bat-Erdene Karim Min Iskandar Karma Jamshed",
        "Rahimi Nazarov Htun Chea Phommavong Ismail Dorji Ganbaatar Noori Saidov Sok Vongsa Tan Wangchuk",
    ),
    Pool(
        "ET",
        "Selamawit Tigist Hirut Meseret Aster Bethlehem Almaz Genet",
        "Dawit Tesfaye Getachew Bekele Solomon Yonas Abebe Mulugeta",
        "Haile Bekele Tadesse Worku Alemu Desta Girma Kebede",
    ),
    Pool(
        "PH",
        "Maria Luz Corazon Rosario Ligaya Josefa Divina Marites",
        "Jose Ramon Antonio Emilio Rodel Benjie Arnel Dante",
        "Santos Reyes Cruz Bautista Villanueva Dela-Cruz Mendoza Salazar",
    ),
    Pool(
        "AL XK",
        "Drita Elira Teuta Besa Mirela Arta Valbona Lindita",
        "Agron Besnik Ilir Gëzim Arben Dritan Luan Skënder",
        "Hoxha Krasniqi Gashi Leka Shehu Berisha-Dema Prifti Kola",
    ),
]
_POOL_OF = {code: pool for pool in POOLS for code in pool.countries.split()}


@dataclass(frozen=True)
class Name:
    given: str
    family: str
    is_woman: bool

    @property
    def full(self) -> str:
        return f"{self.family}{self.given}" if self.is_cjk else f"{self.given} {self.family}"

    @property
    def is_cjk(self) -> bool:
        """Kana, Han or Hangul: the family name stands first, without a space."""
        return any("\u3040" <= c <= "\u9fff" or "\uac00" <= c <= "\ud7af" for c in self.family)

    @property
    def mail_name(self) -> str:
        """The local part of an address: ASCII, as such offices make them."""
        text = anyascii(f"{self.given}.{self.family}").lower()
        return "".join(c for c in text if c.isalnum() or c in ".-").strip(".-") or "office"


@cache
def _faker(locale: str) -> Faker:
    return Faker(locale)


def make_name(country: str, language: str, rng: random.Random) -> Name:
    """An invented name that could be of that country."""
    is_woman = rng.random() < 0.5
    pool = _POOL_OF.get(country)
    if pool:
        given = rng.choice((pool.women if is_woman else pool.men).split())
        return Name(given, rng.choice(pool.families.split()), is_woman)
    fake = _faker(LOCALES.get(country) or BY_LANGUAGE.get(language, "en_GB"))
    fake.seed_instance(rng.random())
    given = fake.first_name_female() if is_woman else fake.first_name_male()
    family = fake.last_name_female() if is_woman else fake.last_name_male()
    return Name(given, family, is_woman)


# What kinds of institution there are in a country: constituency, mail domain, {language: name}. {c} is the country's name.
INSTITUTIONS: list[tuple[str, str, dict[str, str]]] = [
    ("GOV", "labour.gov", {
        "en": "Ministry of Labour and Social Protection, {c}", "fr": "Ministère du Travail et de la Protection sociale, {c}",
        "es": "Ministerio de Trabajo y Protección Social, {c}", "ar": "وزارة العمل والحماية الاجتماعية، {c}",
        "pt": "Ministério do Trabalho e da Proteção Social, {c}", "ru": "Министерство труда и социальной защиты, {c}",
    }),
    ("EMP", "employers", {
        "en": "Federation of Employers, {c}", "fr": "Fédération des employeurs, {c}", "es": "Federación de Empleadores, {c}",
        "ar": "اتحاد أصحاب العمل، {c}", "pt": "Federação dos Empregadores, {c}", "ru": "Федерация работодателей, {c}",
    }),
    ("WRK", "unions", {
        "en": "Confederation of Trade Unions, {c}", "fr": "Confédération syndicale nationale, {c}",
        "es": "Confederación Sindical, {c}", "ar": "اتحاد النقابات العمالية، {c}", "pt": "Confederação Sindical, {c}",
        "ru": "Конфедерация профсоюзов, {c}",
    }),
    ("WRK", "freeworkers", {
        "en": "Congress of Free Workers, {c}", "fr": "Union des travailleurs libres, {c}",
        "es": "Central de Trabajadores Libres, {c}", "ar": "مؤتمر العمال الأحرار، {c}", "pt": "União dos Trabalhadores Livres, {c}",
        "ru": "Конгресс свободных трудящихся, {c}",
    }),
    ("SSI", "socialsecurity", {
        "en": "National Social Security Fund, {c}", "fr": "Caisse nationale de sécurité sociale, {c}",
        "es": "Instituto Nacional de Seguridad Social, {c}", "ar": "الصندوق الوطني للضمان الاجتماعي، {c}",
        "pt": "Instituto Nacional de Segurança Social, {c}", "ru": "Национальный фонд социального страхования, {c}",
    }),
    ("CSO", "informalworkers", {
        "en": "Alliance of Informal Workers, {c}", "fr": "Alliance des travailleurs de l’économie informelle, {c}",
        "es": "Alianza de Trabajadores Informales, {c}", "ar": "تحالف عمال الاقتصاد غير المنظم، {c}",
        "pt": "Aliança dos Trabalhadores Informais, {c}", "ru": "Союз неформальных работников, {c}",
    }),
    ("CSO", "womensforum", {
        "en": "Women’s Forum for Social Protection, {c}", "fr": "Forum des femmes pour la protection sociale, {c}",
        "es": "Foro de Mujeres por la Protección Social, {c}", "ar": "منتدى المرأة للحماية الاجتماعية، {c}",
        "pt": "Fórum das Mulheres pela Proteção Social, {c}", "ru": "Женский форум за социальную защиту, {c}",
    }),
]  # fmt: skip

# Posts by constituency: (is head, local part of the post's own address or "", {language: title})
POSTS: dict[str, list[tuple[bool, str, dict[str, str]]]] = {
    "GOV": [
        (True, "minister", {"en": "Minister of Labour", "fr": "Ministre du Travail", "es": "Ministra o Ministro de Trabajo", "ar": "وزير العمل"}),
        (False, "", {"en": "Director of Social Protection", "fr": "Directeur de la protection sociale", "es": "Dirección de Protección Social", "ar": "مدير الحماية الاجتماعية"}),
    ],
    "EMP": [
        (True, "president", {"en": "President", "fr": "Président", "es": "Presidencia", "ar": "الرئيس"}),
        (False, "", {"en": "Director of Social Affairs", "fr": "Directeur des affaires sociales", "es": "Dirección de Asuntos Sociales", "ar": "مدير الشؤون الاجتماعية"}),
    ],
    "WRK": [
        (True, "secretary", {"en": "General Secretary", "fr": "Secrétaire général", "es": "Secretaría General", "ar": "الأمين العام"}),
        (False, "", {"en": "Head of Social Protection", "fr": "Responsable protection sociale", "es": "Responsable de protección social", "ar": "مسؤول الحماية الاجتماعية"}),
    ],
    "SSI": [
        (True, "director", {"en": "Director General", "fr": "Directeur général", "es": "Dirección General", "ar": "المدير العام"}),
        (False, "", {"en": "Head of Coverage Extension", "fr": "Chef de l’extension de la couverture", "es": "Jefatura de Extensión de Cobertura", "ar": "رئيس توسيع التغطية"}),
    ],
    "CSO": [(True, "", {"en": "Coordinator", "fr": "Coordinatrice ou coordinateur", "es": "Coordinación", "ar": "المنسق"})],
    "IGO": [
        (True, "director", {"en": "Regional Director", "fr": "Directeur régional", "es": "Dirección Regional", "ar": "المدير الإقليمي"}),
        (False, "", {"en": "Social Protection Adviser", "fr": "Conseiller en protection sociale", "es": "Asesoría en Protección Social", "ar": "مستشار الحماية الاجتماعية"}),
    ],
    "DON": [
        (True, "", {"en": "Head of Social Protection Programmes", "fr": "Chef des programmes de protection sociale", "es": "Jefatura de Programas de Protección Social", "ar": "رئيس برامج الحماية الاجتماعية"}),
    ],
}  # fmt: skip

# International organizations, invented, by the M49 code of the region that they serve; "" is the world.
INTERNATIONAL: list[tuple[str, str, str]] = [
    ("World Forum for Social Security", "WFSS", ""),
    ("Global Alliance for Social Floors", "GASF", ""),
    ("African Commission for Social Protection", "ACSP", "002"),
    ("West African Social Security Network", "WASSN", "011"),
    ("Eastern African Labour Council", "EALC", "014"),
    ("Central African Labour Council", "CALC", "017"),
    ("Asian Office for Social Security", "AOSS", "142"),
    ("Conference of the Americas on Social Security", "CASS", "019"),
    ("Pacific Social Protection Partnership", "PSPP", "009"),
    ("European Platform for Social Rights", "EPSR", "150"),
]
DONORS = ["NO", "SE", "DE", "JP", "FR", "KR", "CA", "GB", "NL", "CH", "IE", "ES"]
