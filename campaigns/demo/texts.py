"""What the demo campaign says. Facts are those of the Global Campaign's brochure; every word is ours."""

CAMPAIGN = "Social Security for All"
GOAL = "Bring social security to those who have none, country by country, with governments, employers and workers at one table."
BROCHURE = "Brochure of the Global Campaign on Social Security and Coverage for All"
FACTS = [
    "One in five people has adequate social security coverage; half of the world has none at all.",
    "In many countries of sub-Saharan Africa and South Asia fewer than 10 per cent of workers are reached.",
    "The gap lies in the informal economy, where women work more often than men.",
    "Korea, Costa Rica and Tunisia have shown that universal pension and health coverage can be done.",
    "The International Labour Conference of 2001 asked for policies that bring social security to those who are not covered.",
]
PILLARS = [
    (
        "Improve overall understanding",
        "Know who is covered, who is not, and what works: figures, country cases, guidelines.",
    ),
    (
        "Achieve concrete improvements in coverage",
        "National action plans, made by the three sides together and carried out.",
    ),
    (
        "Raise awareness and mobilize key actors",
        "Governments, social partners, institutions and civil society, each with a part of their own.",
    ),
]

TOPICS = [
    (
        "policy-updates",
        {
            "en": ("Policy updates", "News of coverage, guidelines and country cases. About once a month."),
            "fr": (
                "Actualités des politiques",
                "Couverture, lignes directrices, exemples de pays. Environ une fois par mois.",
            ),
            "es": ("Novedades de políticas", "Cobertura, directrices y casos de países. Más o menos una vez al mes."),
            "ar": ("مستجدات السياسات", "أخبار التغطية والمبادئ التوجيهية وتجارب البلدان، نحو مرة في الشهر."),
        },
    ),
    (
        "events",
        {
            "en": ("Events", "Invitations to round tables and briefings in your region."),
            "fr": ("Rencontres", "Invitations aux tables rondes et réunions d’information de votre région."),
            "es": ("Encuentros", "Invitaciones a mesas redondas y sesiones informativas de su región."),
            "ar": ("الفعاليات", "دعوات إلى الموائد المستديرة والجلسات الإعلامية في منطقتكم."),
        },
    ),
]

COVERAGE = "https://www.campaign.test/coverage"
GUIDELINES = "https://www.campaign.test/guidelines"
CASES = "https://www.campaign.test/cases/tunisia"

# Who signs the campaign's letters, and where they are dated from.
SIGNATURES = {
    "en": "Ana Ferreira\nHead of the campaign office\nSocial Security for All",
    "fr": "Ana Ferreira\nResponsable du bureau de la campagne\nSocial Security for All",
    "es": "Ana Ferreira\nResponsable de la oficina de la campaña\nSocial Security for All",
    "ar": "آنا فيريرا\nمديرة مكتب الحملة\nSocial Security for All",
}
PLACES = {"en": "Geneva", "fr": "Genève", "es": "Ginebra", "ar": "جنيف"}

SENT = {
    "en": (
        "{{ country.name }}: who is covered, and who is not yet",
        "Half the world has no social protection. What your institution can do this year.",
        """<p>{{ person.greeting }}</p>
<p>One in five people has adequate social security; half of the world has none at all.
{% if country.coverage %}In {{ country.name }}, {{ country.coverage }} per cent of the population had at least one benefit in {{ country.coverage_year }}.{% endif %}
The gap lies in the informal economy, where women work more often than men.</p>
<p>It can be closed: <a href="https://www.campaign.test/cases/tunisia">Tunisia</a>, Korea and Costa Rica showed how. As
{{ post.title | default("our partner") }} at {{ organization.name }}, you can help to put a national action plan on the table.</p>
<p><a href="https://www.campaign.test/guidelines">Read the guidelines</a> or see <a href="https://www.campaign.test/coverage">the figures for
every country</a>. And please answer this message: we read every reply.</p>""",
    ),
    "fr": (
        "{{ country.name }} : qui est couvert, et qui ne l’est pas encore",
        "La moitié du monde n’a aucune protection sociale. Ce que votre institution peut faire cette année.",
        """<p>{{ person.greeting }}</p>
<p>Une personne sur cinq bénéficie d’une sécurité sociale suffisante ; la moitié du monde n’en a aucune.
{% if country.coverage %}Dans votre pays ({{ country.name }}), {{ country.coverage }} pour cent de la population recevait au moins une prestation en {{ country.coverage_year }}.{% endif %}
L’écart se trouve dans l’économie informelle, où les femmes travaillent plus souvent que les hommes.</p>
<p>Il peut être comblé : la <a href="https://www.campaign.test/cases/tunisia">Tunisie</a>, la Corée et le Costa Rica l’ont montré. En tant que
{{ post.title | default("partenaire") }}, {{ organization.name }}, vous pouvez mettre un plan d’action national à l’ordre du jour.</p>
<p><a href="https://www.campaign.test/guidelines">Lire les lignes directrices</a> ou voir <a href="https://www.campaign.test/coverage">les
chiffres de chaque pays</a>. Et répondez-nous : nous lisons chaque réponse.</p>""",
    ),
    "ar": (
        "{{ country.name }}: من تشمله التغطية ومن لم تشمله بعد",
        "نصف العالم بلا حماية اجتماعية. ما الذي تستطيع مؤسستكم فعله هذا العام.",
        """<p>{{ person.greeting }}</p>
<p>واحد من كل خمسة أشخاص يتمتع بضمان اجتماعي كافٍ، ونصف العالم بلا أي ضمان.
{% if country.coverage %}في {{ country.name }} كان {{ country.coverage }} في المئة من السكان يحصلون على إعانة واحدة على الأقل في عام {{ country.coverage_year }}.{% endif %}
وتقع الفجوة في الاقتصاد غير المنظم حيث تعمل النساء أكثر من الرجال.</p>
<p>يمكن سدّ هذه الفجوة: <a href="https://www.campaign.test/cases/tunisia">تونس</a> وكوريا وكوستاريكا دليل على ذلك.</p>
<p><a href="https://www.campaign.test/guidelines">اقرؤوا المبادئ التوجيهية</a> أو اطّلعوا على <a href="https://www.campaign.test/coverage">أرقام
كل بلد</a>. ونرجو أن تجيبوا على هذه الرسالة، فنحن نقرأ كل رد.</p>""",
    ),
}

WAITING = {
    "en": (
        "An action plan for {{ country.name }}: three questions to you",
        "Ten minutes of your time before the budget debate.",
        """<p>{{ person.greeting }}</p>
<p>In 2001 the International Labour Conference asked for policies that bring social security to those who are not covered. Before the next
budget is debated in {{ country.name }}, we would like to hear {{ organization.name }} on three questions:</p>
<ul><li>Whom should a national action plan reach first?</li><li>What would it need from your side?</li><li>Who should sit at the table?</li></ul>
<p><a href="https://www.campaign.test/action-plan">Here is a draft to start from.</a> A short reply is enough.</p>""",
    ),
    "fr": (
        "Un plan d’action pour votre pays : trois questions",
        "Dix minutes de votre temps avant le débat budgétaire.",
        """<p>{{ person.greeting }}</p>
<p>En 2001, la Conférence internationale du Travail a demandé des politiques pour ceux qui n’ont pas de couverture. Avant le prochain débat
budgétaire ({{ country.name }}), nous aimerions entendre {{ organization.name }} sur trois questions :</p>
<ul><li>Qui un plan d’action national doit-il atteindre d’abord ?</li><li>Que faudrait-il de votre côté ?</li><li>Qui devrait être à la table ?</li></ul>
<p><a href="https://www.campaign.test/action-plan">Voici un projet pour commencer.</a> Une réponse brève suffit.</p>""",
    ),
}

SCHEDULED = {
    "en": (
        "Social partners: coverage is yours to move",
        "What employers and workers did elsewhere, and what they gained.",
        """<p>{{ person.greeting }}</p>
<p>Where coverage grew, employers and workers sat at the table from the first day. In countries such as {{ country.name }} fewer than one worker in
ten is reached, most of them outside the informal economy.</p>
<p><a href="https://www.campaign.test/cases/social-partners">Five cases on two pages</a> show what each side brought, and what each side won.</p>""",
    ),
    "fr": (
        "Partenaires sociaux : la couverture, c’est aussi vous",
        "Ce que d’autres employeurs et travailleurs ont fait, et gagné.",
        """<p>{{ person.greeting }}</p>
<p>Là où la couverture a progressé, employeurs et travailleurs étaient à la table dès le premier jour.</p>
<p><a href="https://www.campaign.test/cases/social-partners">Cinq exemples en deux pages</a> montrent ce que chaque partie a apporté, et gagné.</p>""",
    ),
}

# Of the drive of last year, and of the one that followed it in three of its countries: as below.
LAST_YEAR = (
    366,
    "Figures for speeches and newsletters",
    {
        "en": (
            "{{ country.name }}: the figures, and what they leave out",
            "Who has social security, who has none, and where that is counted.",
            """<p>{{ person.greeting }}</p>
<p>How many people in {{ country.name }} have social security, and who are the others? <a href="https://www.campaign.test/coverage">One page</a>
says what is known, by sex and by kind of work, with its sources.</p>
<p>Please use the figures: in a speech, a newsletter, a class. And <a href="https://www.campaign.test/coverage/report">tell us</a> where you did.</p>""",
        ),
        "fr": (
            "{{ country.name }} : les chiffres, et ce qu’ils ne disent pas",
            "Qui a une sécurité sociale, qui n’en a pas, et où cela est compté.",
            """<p>{{ person.greeting }}</p>
<p>Combien de personnes ont une sécurité sociale, et qui sont les autres ? <a href="https://www.campaign.test/coverage">Une page</a> dit ce
que l’on sait, par sexe et par type de travail, avec les sources.</p>
<p>Servez-vous des chiffres : dans un discours, un bulletin, un cours. Et <a href="https://www.campaign.test/coverage/report">dites-nous</a> où.</p>""",
        ),
    },
)
INVITATION = (
    82,
    "Policy discussion: send somebody with a mandate",
    {
        "en": (
            "{{ country.name }}: policy discussion on a national action plan",
            "Two days, all sides at one table. Who comes for your institution?",
            """<p>{{ person.greeting }}</p>
<p>The diagnosis of needs that nobody meets in {{ country.name }} is ready for discussion. Government, employers and workers will take two days
for it, and agree on what an action plan has to do first.</p>
<p>Please send somebody of {{ organization.name }} who can speak for it. <a href="https://www.campaign.test/action-plan/diagnosis">The diagnosis
has thirty pages</a>; <a href="https://www.campaign.test/action-plan/summary">the summary has two</a>.</p>""",
        ),
    },
)
NEW_DAY = {
    "en": (
        "{{ country.name }}: a new day for the policy discussion",
        "The ministry has a new secretary, so we meet a little later.",
        """<p>{{ person.greeting }}</p>
<p>The policy discussion is moved: the ministry’s new secretary wants to read the diagnosis first. We will write as soon as the day is fixed.</p>""",
    ),
}

# What left weeks ago: (days ago, its name, its texts).
PAST = [
    (
        56,
        "Coverage in figures: where your country stands",
        {
            "en": (
                "{{ country.name }}: social security coverage in figures",
                "What is counted, what is not, and how to read it.",
                """<p>{{ person.greeting }}</p>
<p>Social security that is not counted is easily forgotten. We put <a href="https://www.campaign.test/coverage">the figures for every
country</a> on one page, with their sources.</p>
<p>Is a figure for {{ country.name }} out of date? <a href="https://www.campaign.test/coverage/report">Tell us</a>.</p>""",
            ),
            "fr": (
                "{{ country.name }} : la couverture sociale en chiffres",
                "Ce qui est compté, ce qui ne l’est pas, et comment le lire.",
                """<p>{{ person.greeting }}</p>
<p>Une protection que l’on ne compte pas s’oublie vite. Voici <a href="https://www.campaign.test/coverage">les chiffres de chaque
pays</a> sur une seule page, avec leurs sources.</p>
<p>Un chiffre n’est plus à jour ? <a href="https://www.campaign.test/coverage/report">Dites-le-nous</a>.</p>""",
            ),
            "ar": (
                "{{ country.name }}: تغطية الضمان الاجتماعي بالأرقام",
                "ما الذي يُحصى وما الذي لا يُحصى.",
                """<p>{{ person.greeting }}</p>
<p>جمعنا <a href="https://www.campaign.test/coverage">أرقام كل بلد</a> ومصادرها في صفحة واحدة.</p>""",
            ),
        },
    ),
    (
        18,
        "Social security for informal workers: what works",
        {
            "en": (
                "Social security for informal workers: what works",
                "Three ways that other countries took, and what each of them cost.",
                """<p>{{ person.greeting }}</p>
<p>Most people without coverage work in the informal economy. <a href="https://www.campaign.test/cases/tunisia">Tunisia</a> reached many of
them step by step.</p>
<p><a href="https://www.campaign.test/guidelines">The guidelines</a> say what {{ organization.name }} could begin with.</p>""",
            ),
            "fr": (
                "Sécurité sociale dans l’économie informelle : ce qui marche",
                "Trois chemins que d’autres pays ont pris, et leur coût.",
                """<p>{{ person.greeting }}</p>
<p>La plupart des personnes sans couverture travaillent dans l’économie informelle. La <a href="https://www.campaign.test/cases/tunisia">Tunisie</a>
en a atteint beaucoup, pas à pas.</p>
<p><a href="https://www.campaign.test/guidelines">Les lignes directrices</a> disent par où commencer ({{ organization.name }}).</p>""",
            ),
            "ar": (
                "الضمان الاجتماعي للعاملين في الاقتصاد غير المنظم: ما الذي ينجح",
                "ثلاثة طرق سلكتها بلدان أخرى.",
                """<p>{{ person.greeting }}</p>
<p>وصلت <a href="https://www.campaign.test/cases/tunisia">تونس</a> إلى كثير منهم خطوة بعد خطوة.</p>
<p><a href="https://www.campaign.test/guidelines">تقول المبادئ التوجيهية</a> بماذا تبدؤون.</p>""",
            ),
        },
    ),
]
