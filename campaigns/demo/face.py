"""The campaign's public page and the drive's, open to everybody."""

from __future__ import annotations

from campaigns.demo.networks import HEADLINES, LEADS
from campaigns.face.models import PublicPage
from campaigns.planning.models import Drive

STORIES = {
    "en": "One in five people has adequate social security. Half the world has none at all.\n\n"
    "Most of them work in the informal economy, and more of them are women. Korea, Costa Rica and Tunisia have shown that pensions "
    "and health care for everybody can be done. This campaign brings together those who can do it elsewhere.",
    "fr": "Une personne sur cinq a une sécurité sociale suffisante. La moitié du monde n’en a aucune.\n\n"
    "La plupart travaillent dans l’économie informelle, et ce sont plus souvent des femmes. La Corée, le Costa Rica et la Tunisie ont montré "
    "qu’une pension et des soins pour tous sont possibles. Cette campagne réunit ceux qui peuvent le faire ailleurs.",
    "es": "Una de cada cinco personas tiene una seguridad social suficiente. La mitad del mundo no tiene ninguna.\n\n"
    "La mayoría trabaja en la economía informal, y son más a menudo mujeres. Corea, Costa Rica y Túnez han mostrado que las pensiones "
    "y la salud para todos son posibles. Esta campaña reúne a quienes pueden lograrlo en otros lugares.",
    "ar": "واحد من كل خمسة أشخاص لديه ضمان اجتماعي كافٍ، ونصف العالم بلا أي ضمان.\n\n"
    "معظمهم يعملون في الاقتصاد غير المنظم، وأكثرهم من النساء. أثبتت كوريا وكوستاريكا وتونس أن المعاشات والرعاية الصحية للجميع ممكنة. "
    "تجمع هذه الحملة من يستطيعون تحقيق ذلك في أماكن أخرى.",
}
SOURCES = {
    "fr": "Brochure de la Campagne mondiale sur la sécurité sociale et la couverture pour tous",
    "es": "Folleto de la Campaña mundial sobre seguridad social y cobertura para todos",
    "ar": "كتيّب الحملة العالمية من أجل الضمان الاجتماعي والتغطية للجميع",
}
FACTS = {  # English ones are the campaign's own
    "fr": [
        "Une personne sur cinq a une sécurité sociale suffisante; la moitié du monde n’en a aucune.",
        "Dans bien des pays d’Afrique subsaharienne et d’Asie du Sud, moins de 10 pour cent des travailleurs sont couverts.",
        "L’écart tient à l’économie informelle, où les femmes travaillent plus souvent que les hommes.",
        "La Corée, le Costa Rica et la Tunisie ont montré qu’une pension et des soins pour tous sont possibles.",
        "La Conférence internationale du Travail de 2001 a demandé des politiques qui étendent la sécurité sociale à ceux qui ne sont pas couverts.",
    ],
    "es": [
        "Una de cada cinco personas tiene una cobertura suficiente de seguridad social; la mitad del mundo no tiene ninguna.",
        "En muchos países del África subsahariana y de Asia meridional se llega a menos del 10 por ciento de los trabajadores.",
        "La brecha está en la economía informal, donde las mujeres trabajan más a menudo que los hombres.",
        "Corea, Costa Rica y Túnez han mostrado que las pensiones y la salud para todos son posibles.",
        "La Conferencia Internacional del Trabajo de 2001 pidió políticas que lleven la seguridad social a quienes no están cubiertos.",
    ],
    "ar": [
        "واحد من كل خمسة أشخاص لديه تغطية كافية من الضمان الاجتماعي، ونصف العالم بلا أي تغطية.",
        "في كثير من بلدان أفريقيا جنوب الصحراء وجنوب آسيا لا تصل التغطية إلى 10 في المائة من العمال.",
        "تكمن الفجوة في الاقتصاد غير المنظم، حيث تعمل النساء أكثر من الرجال.",
        "أثبتت كوريا وكوستاريكا وتونس أن المعاشات والرعاية الصحية للجميع ممكنة.",
        "دعا مؤتمر العمل الدولي لعام 2001 إلى سياسات توصل الضمان الاجتماعي إلى غير المشمولين به.",
    ],
}
DRIVE_HEADLINES = {
    "en": "Ten countries where fewest people are protected",
    "fr": "Dix pays où le moins de personnes sont protégées",
    "es": "Diez países donde menos personas están protegidas",
    "ar": "عشرة بلدان فيها أقل عدد من الناس المشمولين بالحماية",
}


def make_pages(drive: Drive) -> None:
    facts = {code: [{"text": text, "source": SOURCES[code]} for text in rows] for code, rows in FACTS.items()}
    PublicPage.objects.create(
        campaign=drive.campaign, slug="social-security-for-all", headlines=HEADLINES, leads=LEADS, stories=STORIES, facts=facts, is_public=True
    )  # fmt: skip
    PublicPage.objects.create(
        campaign=drive.campaign,
        drive=drive,
        slug="ten-countries",
        headlines=DRIVE_HEADLINES,
        leads=LEADS,
        facts=facts,
        is_public=True,
    )
