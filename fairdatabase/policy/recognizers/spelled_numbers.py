"""Numbers in words, up to somewhat above one hundred, in eleven languages. Texts are folded: "funfzig", "tjugotva"."""

_UNITS_EN = "one|two|three|four|five|six|seven|eight|nine"
_EN = (
    rf"(?:(?:twen|thir|for|fif|six|seven|eigh|nine)ty(?:[ -](?:{_UNITS_EN}))?|(?:thir|four|fif|six|seven|eigh|"
    rf"nine)teen|ten|eleven|twelve"
    rf"|{_UNITS_EN}|(?:a|one) hundred(?:[ -](?:and )?(?:{_UNITS_EN}|ten))?)"
)
_DE = (
    r"(?:(?:ein|zwei|drei|vier|fu?e?nf|sechs|sieben|acht|neun)und)?(?:zwanzig|dreissig|vierzig|fu?e?nfzig|sechzig|"
    r"siebzig|achtzig|neunzig)"
    r"|(?:drei|vier|fu?e?nf|sech|sieb|acht|neun)zehn|zehn|elf|zwo?e?lf|(?:ein)?hundert(?:(?:und)?(?:eins?|zwei|drei|"
    r"vier|fu?e?nf))?"
    r"|eins?|zwei|drei|vier|funf|sechs|sieben|acht|neun"
)
_NL = (
    r"(?:(?:een|twee|drie|vier|vijf|zes|zeven|acht|negen)en)?(?:twintig|dertig|veertig|vijftig|zestig|zeventig|"
    r"tachtig|negentig)"
    r"|(?:der|veer|vijf|zes|zeven|acht|negen)tien|tien|elf|twaalf|honderd(?:(?:en)?(?:een|twee|drie|vier|vijf))?"
    r"|een|twee|drie|vier|vijf|zes|zeven|acht|negen"
)
_FR = (
    r"(?:vingt|trente|quarante|cinquante|soixante(?:[ -]dix)?|septante|octante|huitante|nonante|"
    r"quatre[ -]vingts?(?:[ -]dix)?)"
    r"(?:[ -](?:et[ -])?(?:un|une|deux|trois|quatre|cinq|six|sept|huit|neuf|dix|onze|douze|treize|quatorze|quinze|"
    r"seize)){0,2}"
    r"|dix(?:[ -](?:sept|huit|neuf))?|onze|douze|treize|quatorze|quinze|seize|cent(?: (?:un|deux|trois|quatre|cinq))?"
    r"|deux|trois|quatre|cinq|six|sept|huit|neuf"
)
_ES = (
    r"(?:treinta|cuarenta|cincuenta|sesenta|setenta|ochenta|noventa)(?: y (?:un[oa]?|dos|tres|cuatro|cinco|seis|"
    r"siete|ocho|nueve))?"
    r"|veint(?:e|i(?:un[oa]?|dos|tres|cuatro|cinco|seis|siete|ocho|nueve))|dieci(?:seis|siete|ocho|nueve)|diez|once|"
    r"doce|trece|catorce|quince"
    r"|cien(?:to (?:uno|dos|tres|cuatro|cinco))?|dos|tres|cuatro|cinco|seis|siete|ocho|nueve"
)
_IT = (
    r"(?:vent|trent|quarant|cinquant|sessant|settant|ottant|novant)(?:[aio](?:due|tre|quattro|cinque|sei|sette|"
    r"nove)?|uno?|otto|[ai]uno?|[ai]otto)"
    r"|(?:un|do|tre|quattor|quin|se)dici|dicia(?:ssette|nnove)|diciotto|dieci|cento(?:uno|due|tre|quattro|cinque)?"
    r"|due|tre|quattro|cinque|sei|sette|otto|nove"
)
_PT = (
    r"(?:vinte|trinta|quarenta|cinquenta|sessenta|setenta|oitenta|noventa)(?: e (?:um|uma|dois|duas|tres|quatro|"
    r"cinco|seis|sete|oito|nove))?"
    r"|dez(?:[ao]sseis|[ao]ssete|oito|[ao]nove)?|onze|doze|treze|catorze|quatorze|quinze|cem|cento e (?:um|dois|"
    r"tres|quatro|cinco)"
    r"|dois|duas|tres|quatro|cinco|seis|sete|oito|nove"
)
_SV = (
    r"(?:tjugo|trettio|fyrtio|femtio|sextio|sjuttio|attio|nittio)(?:en|ett|tva|tre|fyra|fem|sex|sju|atta|nio)?"
    r"|(?:tret|fjor|fem|sex|sjut|ar|nit)ton|tio|elva|tolv|(?:ett)?hundra(?:en|ett|tva|tre|fyra|fem)?|tva|tre|fyra|"
    r"fem|sex|sju|atta|nio"
)
_DA = (
    r"(?:(?:en|to|tre|fire|fem|seks|syv|otte|ni)og)?(?:tyve|tredive|fyrre|halvtreds|tres|halvfjerds|firs|halvfems)|"
    r"(?:tret|fjor|fem|seks|syt|at|nit)ten"
    r"|ti|elleve|tolv|(?:et )?hundrede?|(?:tjue|tretti|forti|femti|seksti|sytti|atti|nitti)(?:en|to|tre|fire|fem|"
    r"seks|sju|atte|ni)?"
)
_PL = (
    r"(?:dwadziescia|dwudziest\w+|trzydziesci|trzydziest\w+|czterdziesci|czterdziest\w+|(?:piec|szesc|siedem|osiem|"
    r"dziewiec)dziesi(?:at|eci\w*))"
    r"(?: (?:jeden|dwa|dwie|trzy|cztery|piec|szesc|siedem|osiem|dziewiec|lat))?|(?:jede|dwa|trzy|czter|pietn?|szes|"
    r"siedem|osiem|dziewiet)nascie|dziesiec|sto"
    r"|dwa|trzy|cztery|piec|szesc|siedem|osiem|dziewiec"
)
_FI = (
    r"(?:kaksi|kolme|nelja|viisi|kuusi|seitseman|kahdeksan|yhdeksan)kymmenta(?:yksi|kaksi|kolme|nelja|viisi|kuusi|"
    r"seitseman|kahdeksan|yhdeksan)?"
    r"|(?:yksi|kaksi|kolme|nelja|viisi|kuusi|seitseman|kahdeksan|yhdeksan)(?:toista)?|kymmenen|sata(?:yksi|kaksi|"
    r"kolme)?"
)
IN_WORDS = f"(?:{_EN}|{_DE}|{_NL}|{_FR}|{_ES}|{_IT}|{_PT}|{_SV}|{_DA}|{_PL}|{_FI})"
