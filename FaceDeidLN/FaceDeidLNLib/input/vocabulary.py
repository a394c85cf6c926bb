"""Words by which segments are known, in the languages of medicine; names are folded to plain small letters before they are compared."""

from __future__ import annotations

import re
import unicodedata
from enum import Enum
from functools import cache


class Role(str, Enum):
    """What a segment is good for."""

    NODE = "lymph node or target"
    ORGAN = "salivary gland"
    GUIDE = "landmark for the node levels"
    OUTLINE = "outline of the patient"
    OTHER = "neither node nor gland"
    UNKNOWN = "not recognised"
    OPEN = "points or open lines, which enclose nothing"


#: Words by role; the first role that fits counts. A trailing "*" stands for any ending, a leading one for any beginning. English and
#: Latin names and the usual abbreviations, the names of TotalSegmentator and CADS, and TG-263 (Mayo et al., Int J Radiat Oncol Biol
#: Phys 2018;100:1057: "LN_Neck_IB_L", "Glnd_Submand_L", "Bone_Mandible", "GTVn", "PTV_7000"); for nodes, glands and jaw also German,
#: Dutch, Scandinavian, French, Spanish, Portuguese, Italian, Romanian, Polish, Czech, Hungarian, Finnish, Turkish, Greek, Russian,
#: Chinese, Japanese, Korean and Arabic.
WORDS = {
    Role.NODE: """
        ln lns lnn lk lkn lnd lad adp lap *lymph* *lymf* *linf* *limf* *lenf* node nodes nodal nodi nodo nodos nodus *adenopa* adenit*
        adenomeg* gangl* noeud* knoten* knot *knoten knude* knute* nodul* nod noduli n+ n0 n1 n2 n2a n2b n2c n3 n3a n3b
        cn1 cn2 cn3 pn1 pn2 pn3
        klier* *klieren kortel* *uzlin* wezel* wezl* chlonn* nyirok* csomo* imusolmu* lenfa* dugum* bez bezi
        *лимф* *лiмф* узел* узл* аденопат* *λεμφ* αδενοπαθ* *淋巴* *淋巴结* *リンパ* *림프* *임파* *لمف* *عقد*
        met mets metasta* mass masses masse masa massa *lesion* lesao tumor* tumour* tumeur* *tumor guz opuchol* geschwulst* raumforderung*
        neoplas* carcinom* karzinom* cancer* krebs* gtv* ctv* itv* ptv* level* lvl* *опухол* *метаст* *肿瘤* *腫瘍* *转移* *転移*
        *종양* *ورم* lasion* zmian* zmen* kitle* kasvain* daganat* *结节* *結節* *病灶* *病变* *결절* *병변*
        recurrence* rezidiv* recidiv* recidief rechute recaida* filia filiae absiedlung* rundherd* avid bulky conglomer* konglomer*
        elni ifrt eni poortwachter* schildwacht* lgl lgll
        gg ggl lks laps nll sln slns slnb pln plns rpln rplns sentinel* лу bezgavk* hach target boost hotspot* pet+
        station* stazion* nivel* niveau* poziom* stufe 1a 1b 2a 2b ia ib iia iib iva ivb va vb vc vi viia viib viii ix xa xb""",
    Role.ORGAN: """
        *parotid* *parotis* *parotyd* parotideo smg submand* glandul* glnd* glande* ghiandol* sublingual* salivary *speicheldrus*
        *speicheldrues* speekselklier* *spytkirt* *spyttkjert* spottkort* slinian* slinn* *слюнн* *околоушн* *腮腺* *颌下腺* *耳下腺*
        *顎下腺* *침샘*""",
    Role.GUIDE: "mandib* hyoid* hioid* ioide *unterkiefer* *zungenbein* onderkaak* zuchwa* celist* cene *下颌骨* *下顎骨* *舌骨* *하악*",
    Role.OTHER: """
        body external skin face facial head scalp trunc couch table bolus mask artifact* artefact* air airway* dose ring avoid*
        brain* cerebr* cerebell* cord spinal* medulla eye* lens* globe* optic* chiasm orbit* cochlea* pituitary hippocamp*
        oral cavity lip lips tongue buccal mucosa palate nasal nose sinus* pharynx* oropharynx nasopharynx hypopharynx larynx*
        glottis esophag* oesophag* trachea thyroid* cricoid* cartilage lung* heart rib* clavicle* vertebra* spine sacrum
        scapula* humerus* skull cranium maxilla* zygomatic* bone bones teeth tooth dental implant* muscle* masseter* temporal*
        pterygoid* digastric* sternocleidomastoid* platysma carotid* artery vein jugular* vessel* fat subcutaneous prv
        constrictor* lacrimal* brachial* plexus auditory styloid""",
}
#: Organs that nobody gives a node or target the name of, as the packages and TG-263 name them, and in the languages of most plans; a
#: name of nothing but these and of sides says an organ. Not here: "mask", "lip", "tongue", "buccal" and the like, which name a place.
PLAIN_ORGANS = """
    eye eyes eyeball* globe globes lens lense lenses orbit orbita optic opticus opt nerve nrv chiasm chiasma brain brainstem cerebellum
    cerebrum cord spinal canal medulla oblongata pituitary cochlea cochleas lacrimal lacrimalis glnd gland skull cranium maxilla teeth
    tooth larynx trachea esophagus oesophagus thyroid cartilage vertebra vertebrae auge augen linse linsen hirn gehirn hirnstamm
    ruckenmark sehnerv oog ogen hersenen oeil oeils yeux cristallin cerveau encephale moelle ojo ojos cristalino cerebro encefalo tronco
    olho olhos occhio occhi cervello oko mozg mozek soczewka глаз глаза мозг хрусталик 眼球 脑 脳 水晶体 晶状体 뇌 안구"""
#: What stands beside them: sides, parts and joining words.
SIDES = """
    l r lt rt li re left right links rechts gauche droit droite g d izquierdo derecho izq der esquerdo direito sinistro destro sinister
    sin dexter dex dx sx lewe prawe both bilateral anterior posterior inferior superior ant post inf sup the of and c t prv"""
#: Whole names of a segment that holds the patient, or his skin as a rind: TG-263, TotalSegmentator's task "body", treatment planning
#: systems. Not words of a name: there are vertebral bodies and external carotids.
OUTLINES = """
    body, body trunc, body extremities, external, ext, skin, patient, patient outline, patient contour, outline, outer contour,
    body contour, body outline, external contour, whole body, korper, koerper, korperkontur, koerperkontur, korperumriss, aussenkontur,
    umriss, haut, patientenkontur, lichaam, huid, buitencontour, krop, hud, kropp, contour externe, contour corps, corps, peau,
    exterieur, externe, cuerpo, piel, contorno, contorno externo, externo, corpo, pele, pelle, cute, contorno corpo, contorno esterno,
    esterno, cialo, skora, obrys, telo, kuze, keho, iho, vucut, cilt, тело, кожа, контур, σωμα, δερμα, 体表, 皮肤, 皮膚, 身体, 体輪郭,
    외곽, 피부, 신체, جلد, جسم"""
#: Letters that Unicode does not take apart, by the letters that passports and mail addresses have for them (ICAO 9303-3, section 6).
PLAIN_LETTERS = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})


def words_of(name: str) -> list[str]:
    """Small plain words: "GTVnLeft_2", "LN-Neck IB", "Körper", "N+", "L.N. lip" -> gtvn left 2, ln neck ib, korper, n+, ln lip."""
    joined = re.sub(r"(?<![^\W_])(?:[^\W\d_]\.)+[^\W\d_](?![^\W_])", lambda found: found[0].replace(".", ""), name)
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", joined)
    return re.findall(r"[^\W_]+\+?", folded(spaced))


def folded(text: str) -> str:
    """Small letters without accents, as far as Unicode takes them apart."""
    parts = unicodedata.normalize("NFKD", text.casefold().translate(PLAIN_LETTERS))
    return unicodedata.normalize("NFC", "".join(letter for letter in parts if not unicodedata.combining(letter)))


def role_of_words(words: list[str]) -> Role:
    """The first role of ``WORDS`` that one of the words has; a number at a word's end does not count."""
    plain = {re.sub(r"\d+$", "", word) or word for word in words} | set(words)
    for role, known in WORDS.items():
        if any(pattern.fullmatch(word) for word in plain for pattern in _patterns(known)):
            return role
    return Role.UNKNOWN


@cache
def _patterns(known: str) -> tuple[re.Pattern[str], ...]:
    """The patterns of a list of words, made when a segment is read: most runs have none."""
    return tuple(re.compile(re.escape(folded(word)).replace(r"\*", r".*")) for word in known.split())


_SIDES = frozenset(SIDES.split())
_OUTLINES = frozenset(folded(name.strip()) for name in OUTLINES.split(","))


def is_plain_organ(words: list[str]) -> bool:
    """True where the words name an organ and nothing else: "eye_lens_right", "Auge li", no "eye mass" and no "node at eye"."""
    plain = [re.sub(r"\d+$", "", word) for word in words]
    organs = [word for word in plain if any(pattern.fullmatch(word) for pattern in _patterns(PLAIN_ORGANS))]
    return bool(organs) and all(not word or word in organs or word in _SIDES for word in plain)


def is_outline_name(words: list[str]) -> bool:
    """True where the words are the whole name of a patient's outline."""
    return " ".join(words) in _OUTLINES
