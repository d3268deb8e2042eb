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
DRIVE_HEADLINES = {
    "en": "Ten countries where fewest people are protected",
    "fr": "Dix pays où le moins de personnes sont protégées",
    "es": "Diez países donde menos personas están protegidas",
    "ar": "عشرة بلدان فيها أقل عدد من الناس المشمولين بالحماية",
}


def make_pages(drive: Drive) -> None:
    PublicPage.objects.create(
        campaign=drive.campaign, slug="social-security-for-all", headlines=HEADLINES, leads=LEADS, stories=STORIES, is_public=True
    )  # fmt: skip
    PublicPage.objects.create(
        campaign=drive.campaign,
        drive=drive,
        slug="ten-countries",
        headlines=DRIVE_HEADLINES,
        leads=LEADS,
        is_public=True,
    )
