"""Words that identify nobody: descriptors are cleaned by keeping these and dropping the rest.

The words are those of the standard terminologies without the names in them (terminology.py), with the usual abbreviations of protocols
and structures. Dropping what is known to be a name would need a list of all names; this needs one only of names that are also words.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from .patterns import without_patterns
from .spelling import skeleton
from .terminology import terms

#: Abbreviations of scanners, protocols, planning systems and node levels, in the languages of the manufacturers.
_MORE = """
deidentified removed
abd abdomen and angio angiogram ap art artefact arterial artifact at avec average avg ax axial bildgebung biopsy body bone brain breast
bw by cabeza calc caps carotid cc ce cerebral cerebro cervical chest cm coll collo comp compl cont contour contrast cor coronal cort
cou cr crane cranio craniofacial cranium csp cspine ct cta ctdi ctv ctvn cuello cw das dce deface defaced delay delayed der derived des
diag dicom die dose dr dti dual dwi early ed enhanced et exam ext external eye eyes face facial fat fb fdg fine first fl flair flash
follow for fov from fs full ganglion gd gtv gtvn gtvp guided gy hals hc head helical hirn hn hr hrct hu iac iam id image images imaging
in inf inj io iod iodine iso iv jaw kernel kidney km kopf kv kvp larynx lat late lateral left lf linfonodo ln lnn lns low lower lung
lymph lymphknoten ma mand mandible mar mas mit mm mpr mr mra mri multi naso native neck neg nerve no nodal node nodes nodule
non nonc nose np oar obl oblique of ohne on op or oral orbit orbits org original oropharynx osseous out outer pa parotid patient pelvis
per perf perfusion pet petct phase pitch pj plain plan planning planung pos post pre prone prot protocol ptv ptvn ptvp pv qc rad range
rec recon reconstruction ref reform reformat reformatted regular report rest right roi rot routine rt rtdose rtplan rtstruct sag
sagittal sans sc scan scanner schaedel scout screen sd seg segmentation sella sem sequence series sfov sharp side sim simulation sinus
sinuses skull slab slice slices smart smooth sn soft sp spin spine spiral ss st standard std stem study sub subm submand sup supine
surgery surview t1 t2 tc te temp temporal test testa tete the thick thin thorax thyroid time tirm tissue to tof topo topogram tr tra
trans transversal transverse tse tumor tumour uhr ultra und unenhanced upper us ven venous very view vol volume von w wb weichteil
weighted wh whole with without wo x xr xray y z zoom
becken carotis cbct cochlea constrictor contours contr contraste contrasto felsenbein irm knochen kontrastmittel koronar mip mprage mrt
nac nativ nnh opticchiasm orbita prv radiograph reformats schädel spinalcord stir tdm vrt
"""
#: Names of somebody that a description cannot do without: anatomy, directions, sides, sexes, sizes, and how a picture is taken or shown.
_NEEDED = """
back base basic beam beta block bones canal cheek chin colon comment con cone constant contra contrast cord couch date deep delta din
doppler dot echo el field floor foot gauge general hand high ii image infant junction la large le less light line long main major male
minor nail new nil over palm palmar pan panoramic parent peak pin port power prior reader reading red rest room root roll run sample
scales section short small solar tarsus theta tone trace true unique unknown vena vi view wall water x
"""
#: What terminologies write with a capital only, and is no name.
_WRITTEN_LARGE = """
accessible acquired alignment aluminium association azygos centerline coefficient creatinine decomposition dispersion eccentricity edition
emergency equivalent flush flushing focused fusion inflation initiation insufficient interlock international isocenter items learning
leftmost luminal mechanical modality modification modified molybdenum mottled multi multiview observer optional oval parasagittal
photographic photometric planimetry presentation pterygoideus quadratic ramus ranking rapid registration retinopathy reversal reversible
rightmost simulation spin stable states sternocleidomastoideus student summation suspicious tabletop titanium trend types verification
very viability xenon zirconium
"""
_WORD = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)?|\S", re.UNICODE)
#: A reconstruction kernel or filter (B30f, Br40d, H31s, FC03), a node level (Ib, VIII), a structure of a plan (PTV70, CTVn1).
_SHORT = re.compile(r"(?:[A-Za-z]{1,2}\d{1,3}[a-z]?|[IVX]{1,4}[ab]?|(?:PTV|CTV|GTV|LN|OAR)[A-Za-z]?\d{0,4})$")
_AROUND = "()[]{}<>.,;:!?'\"/"
_YEAR = re.compile(r"(?:19|20)\d\d$")
#: So many figures in joined numbers tell nobody: C1-7, PTV56-70.
_FIGURES = 4


@lru_cache(maxsize=1)
def harmless_words() -> frozenset[str]:
    """Every word of the terminologies that names nobody, in lower case, with the abbreviations."""
    return terms().union(_MORE.split(), _NEEDED.split(), _WRITTEN_LARGE.split())


def is_harmless(word: str, known: frozenset[str] = frozenset()) -> bool:
    """True for a word, number or sign that may stay; ``known`` are the patient's own words as skeletons, which never may."""
    if skeleton(word) in known:
        return False
    if word.isdigit():
        return len(word) <= 4 and not _YEAR.match(word)
    if re.fullmatch(r"\d+[.,]\d+", word):
        return len(word) <= 6
    if len(word) == 1:
        return word.isascii()
    return bool(_SHORT.match(word)) or word.lower() in harmless_words()


def cleaned(text: str, known: frozenset[str] = frozenset()) -> str:
    """The text without every word that is not known to be harmless, and without dates, numbers in pieces, old ages and spelled words."""
    text = without_patterns(unicodedata.normalize("NFC", text))
    kept = [chunk if chunk.isspace() else _chunk(chunk, known) for chunk in re.split(r"(\s+)", text)]
    return re.sub(r"\s+", " ", "".join(kept)).strip(" -_.,;:/^=\\")


def _chunk(chunk: str, known: frozenset[str]) -> str:
    """One run without spaces: all of it where the whole is harmless, else its harmless words; a date or a number of many parts goes."""
    if not chunk or skeleton(chunk) in known or skeleton(chunk.strip(_AROUND)) in known:
        return ""
    if _SHORT.match(chunk):
        return chunk
    numbers = re.findall(r"\d+", chunk)
    joined = re.search(r"\d[-/]\d", chunk) is not None and sum(map(len, numbers)) > _FIGURES
    numbers_stay = len(numbers) < 3 and not joined and all(is_harmless(number, known) for number in numbers)
    return "".join(word for word in _WORD.findall(chunk) if (numbers_stay if word[0].isdigit() else is_harmless(word, known)))
