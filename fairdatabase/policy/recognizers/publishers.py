"""Publishers: the forms of the DOIs of publishers and repositories that are known to write their DOIs like this.

Anybody can write a code, a name or a year of birth in the form of a DOI. A known form leaves no room for them.
"""

import re

_SPRINGER = r"s\d{5}-\d{3}-\d{4,5}-[\dw-z]|\d{4}-\d{3}[\dx](?:-\d{1,4}){2,3}|978(?:-\d+){4}(?:_\d{1,3})?"
_OF_OXFORD = (
    "nar/gk|bioinformatics/bt|bib/bb|infdis/ji|cid/ci|ibd/iz|femsec/fi|femsle/fn|femsre/fu|femspd/ft|gigascience/gi|gbe/ev"
    "|molbev/ms|jac/dk|ismejo/wr|ismeco/yc|database/ba|ajcn/nq|jn/nx|humrep/de|clinem/dg|ecco-jcc/jj|ofid/of|brain/aw"
    "|ije/dy|cvr/cv|eurheartj/eh|hmg/dd|pnasnexus/pg|bioadv/vb|nargab/lq"
)
_OF_ASM = "aac|aem|cmr|cvi|ec|genomea|iai|jb|jcm|jvi|mbio|mcb|mmbr|mra|msphere|msystems|spectrum|ecosalplus"
_OF_MDPI = (
    "nu|ijms|microorganisms|metabolites|antibiotics|pathogens|viruses|genes|cells|foods|jcm|cancers|biomedicines|biology"
    "|diagnostics|vaccines|nutrients|molecules|toxins|water|ijerph|life|jof|proteomes|biomolecules|gastrointestdisord"
)
_FORMS = {
    "1001": r"(?:jama|jamaoncol|jamainternmed|jamapediatrics|jamanetworkopen|archderm)\.20[0-2]\d\.\d{1,5}",
    "1002": r"(?:mbo3|hep|ijc|cam4|ctm2|imt2|art|acr|alr|ppul|jcla|jcp|jmv|ibd|advs|pmic|bies|bit|jps|eji|mnfr|path)"
    r"\.\d{3,9}",
    "1007": _SPRINGER,
    "1016": r"j\.[a-z]{3,12}\.(?:199|20[0-2])\d\.(?:0\d|1[0-2])\.\d{3,6}|s\d{4}-\d{3}[\dx]\(\d\d\)\d{5}-[\dx]",
    "1021": r"acs\.?[a-z]{2,12}\.\d[a-z]\d{5}|(?:ac|es|pr|ja|jf|mp|tx)\d{6,7}[a-z]?",
    "1038": _SPRINGER + r"|(?:nature|ncomms|srep|nmeth|nbt|ng|nm|ni|nrg|nrmicro|nrgastro|nrc|nri|nprot|nchembio|nplants"
    r"|nmicrobiol|sdata|ismej|ajg|gim|mp|ijo|ejhg|emm|npjbiofilms|mi|pr)\.?\d{1,5}(?:\.\d{1,4}){0,2}",
    "1056": r"nejm(?:oa|ra|e|c|p|cp|sr)?\d{6,7}",
    "1073": r"pnas\.\d{7,10}",
    "1074": r"jbc\.(?:[amr]\d{3}|ra\d{3}|m\d{3})\.\d{6}",
    "1080": r"\d{7}[\dx]\.(?:199|20[0-2])\d\.\d{5,8}",
    "1093": rf"(?:{_OF_OXFORD})[a-z]{{1,2}}\d{{1,4}}"
    r"|(?:nar|bioinformatics|ajcn|jn|infdis|cid|ibd|jac|femsle)/\d{1,3}\.\d{1,2}\.\d{1,5}",
    "1099": r"(?:mgen|ijsem?|jmm|mic|jgv|acmi)\.0\.\d{5,6}(?:-0)?",
    "1101": r"20(?:19|2\d)\.(?:0\d|1[0-2])\.[0-3]\d\.\d{6,8}(?:v\d)?|\d{6}(?:v\d)?|(?:gr|gad|rna)\.[a-z]?\d{5,6}"
    r"(?:\.\d{3})?",
    "1111": r"j\.\d{4}-\d{3}[\dx]\.(?:199|20[0-2])\d\.\d{4,6}\.x|(?:mec|mmi|nph|gcb|gbi|apt|all|bjd|jam|cei|imr|liv"
    r"|1462-2920|1751-7915|1758-2229|1574-6941|1365-2672|1755-0998)\.\d{5,6}",
    "1126": r"(?:science|sciadv|scitranslmed|sciimmunol|scisignal)\.(?:\d{6,7}|a[a-z]{2}\d{4})",
    "1128": rf"(?:{_OF_ASM})\.\d{{5}}-\d\d|(?:{_OF_ASM})\.\d{{1,3}}\.\d{{1,2}}\.\d{{1,4}}-\d{{1,4}}\.\d{{4}}",
    "1136": r"[a-z]{3,12}-20[0-2]\d-\d{6}"
    r"|bmj\.[a-o]\d{4}|gut\.\d{4}\.\d{6}",
    "1146": r"annurev[.-][a-z]{3,9}[.-]\d{6}[.-]\d{6}",
    "1152": r"(?:ajp[a-z]{2,6}|japplphysiol|physiolgenomics|physrev)\.\d{5}\.20[0-2]\d",
    "1155": r"20[0-2]\d/\d{6,7}",
    "1158": r"\d{4}-\d{3}[\dx]\.[a-z]{2,4}-\d\d-\d{4}",
    "1159": r"0{3}\d{6}",
    "1172": r"jci\d{5,6}|jci\.insight\.\d{5,6}",
    "1177": r"\d{12,16}",
    "1186": _SPRINGER + r"|(?:gb|ar|cc|bcr)-20[0-2]\d-\d\d-\d{1,2}-r\d{1,3}|(?:gb|ar|cc|gm)\d{2,4}",
    "1371": r"journal\.p[a-z]{3}\.\d{7}",
    "2337": r"(?:db|dc)\d\d-\d{4}",
    "3389": r"f[a-z]{3,6}\.20[0-2]\d\.\d{5,7}",
    "3390": rf"(?:{_OF_MDPI})\d{{6,11}}",
    "3748": r"wjg\.v\d{1,2}\.i\d{1,2}\.\d{1,5}",
    "5061": r"dryad\.\d{4,6}",
    "5281": r"zenodo\.\d{4,9}",
    "6084": r"m9\.figshare\.(?:c\.)?\d{5,9}(?:\.v\d{1,2})?",
    "7554": r"elife\.\d{5,6}(?:\.\d{3})?",
    "7717": r"peerj(?:-cs)?\.\d{2,5}",
    "12688": r"(?:f1000research|wellcomeopenres|gatesopenres)\.\d{4,6}\.\d",
    "15252": r"(?:msb|embj|embr|emmm)\.20[0-2]\d{5,8}",
    "20944": r"preprints20[0-2]\d(?:0\d|1[0-2])\.\d{4}(?:\.v\d{1,2})?",
    "21203": r"rs\.\d\.(?:rs|pex)-\d{5,8}(?:/v\d{1,2})?",
    "48550": r"arxiv\.\d{4}\.\d{4,5}(?:v\d)?",
}
_DOI = re.compile("|".join(rf"10\.{registrant}/(?:{form})" for registrant, form in _FORMS.items()))
# Journals of Elsevier and BMJ may have any code: "10.1016/j.cell.2014.09.053".
_CODE_OF_JOURNAL = re.compile(r"10\.(?:1016/j\.|1136/)([a-z]+)")


def is_of_publisher(doi: str) -> bool:
    """Return whether a DOI in lower case has the form that its publisher gives to all DOIs."""
    return _DOI.fullmatch(doi) is not None


def code_of_journal(doi: str) -> str:
    """Return the code of the journal in a DOI that may contain any code, or ""."""
    match = _CODE_OF_JOURNAL.match(doi)
    return match[1] if match else ""
