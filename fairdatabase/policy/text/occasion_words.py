"""The words and codes with which studies number their visits, time points and replicates.

Each constant holds the alternatives of a regular expression, in lower case. This is the only list of them: identifiers
of donors, codes of visits and plain values are all read with it.
"""

VISITS = (
    "visit|visite|visita|bezoek|besuch|time ?-?point|zeitpunkt|time|round|wave|session|sampling|appointment|occasion"
    "|collection|cycle|period|phase|follow[ -]?up"
)
REPEATS = "replicate|replica|repeat|duplicate|dup|bio ?rep|tech ?rep|batch|dose|course|run"
PIECES = "sample|specimen|aliquot|tube|vial|swab|biopsy"
# Numbers of months and years may be ages, so they are lists of their own.
DAYS = "day|tag|jour|dag|dia|week|woche|semaine|semana|hour"
MONTHS_AND_YEARS = "month|mth|monat|mois|mes|maand|year|jahr|annee|jaar"
# These also stand without a number.
PHASES = (
    "baseline|base ?line|bl|screening|scr|enrol?lment|randomi[sz]ation|admission|discharge|start|end|begin|beginning"
    "|middle|mid|pre|post|before|after|during|early|late|initial|final|follow[ -]?up|eos|eot"
    "|end of (?:study|treatment|intervention)|run ?-?in|wash ?-?out|exit|endpoint|termination|discontinuation"
)
# "V1", "T0", "TP2", "rep3".
CODES_OF_VISITS = "v|t|tp|fu|rep"
# "D14", "wk4".
CODES_OF_DAYS = "d|w|wk|h|hr"
CODES_OF_MONTHS = "m|mo"
CODES_OF_YEARS = "y|yr"
CODES = f"{CODES_OF_VISITS}|{CODES_OF_DAYS}|{CODES_OF_MONTHS}|{CODES_OF_YEARS}"
ORDINALS = "first|second|third|fourth|fifth|sixth|last"
