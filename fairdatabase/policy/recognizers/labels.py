"""Labels in free text: words that say what follows them, such as "MRN", "born", "PLZ" or "tel.".

Texts are folded, so all patterns are ASCII. A rule is tried only at a word that begins one of its phrases.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from fairdatabase.policy.text.dates import MONTH_NAMES

_END = r"(?![^\W_])"
_WORD = re.compile(r"[a-z']+")
_WORDS_ONLY = bytes(code if _WORD.match(chr(code)) else ord(" ") for code in range(256))


def words(text: str) -> frozenset[str]:
    """Return words that are separated by white space."""
    return frozenset(text.split())


class _Label(NamedTuple):
    """A rule for what follows one of its phrases."""

    rest: re.Pattern[str]
    # Takes the phrase and what follows it.
    accepts: Callable[[str], bool]


def _has_digits(found: str) -> bool:
    return sum(c.isdigit() for c in found) >= _FEWEST_DIGITS


_FEWEST_DIGITS = 3
# By its first word: each rule with its phrases that begin so, the longest first.
_LABELS: dict[str, dict[_Label, list[str]]] = {}


def _label(phrases: str, rest: str, accepts: Callable[[str], bool] = lambda found: True) -> None:
    """Add a rule for phrases that are separated by commas. The rest follows a phrase."""
    label = _Label(re.compile(rf"{_END}{rest}", re.IGNORECASE), accepts)
    for phrase in sorted({" ".join(phrase.split()) for phrase in phrases.split(",")}, key=len, reverse=True):
        if found := _WORD.match(phrase):
            _LABELS.setdefault(found[0], {}).setdefault(label, []).append(phrase)


_NUMBER_WORD = (
    r"(?:numbers?|num|nummer|numero|numer|numeru|numret|nombre|nro|nr|no|nos|n|id|ids|identifier|identificador|"
    r"identifiant"
    r"|kennung|code|kod|koodi|codigo|codice|tunnus|tunniste|card|karte|kaart|carte|tarjeta|tessera|cartao|kort|karta)"
)
_IS = (
    r"(?:[\s:=#.,°º*_()-]|(?<![a-z])(?:is|was|ist|war|est|es|e|ar|er|to|on|lautet|van|de|del|des|di|do|der|of|the|"
    r"patient"
    r"|pacjenta|patiente|paciente|paziente|utente|med|medical|clinique|clinico|clinica|kliniczn[ay]|medyczn[ay]|"
    r"medic[oa])(?![a-z])){0,8}"
)
_VALUE = (
    r"(?=[a-z]{0,6}[ /.-]{0,2}\d)[a-z]{0,6}(?:[ /.-]{0,2}(?:(?-i:[A-Z]) ?|"
    r"[a-z]{0,2})\d[a-z\d]{0,12}){1,8}(?:[ /-][a-z](?![a-z]))?"
)
_NUMBERED = rf"(?:[ .-]{{0,2}}{_NUMBER_WORD}(?![a-z]))"

# These words say by themselves that a number is a person's.
_label(
    """
    mrn, m.r.n, hosp, hosp., medical record, medical records, health record, unit record, chart, nhs, n.h.s, ssn,
    social security, social insurance, nino, national insurance, national id, national identity, identity card,
    identity document, id card, passport, passeport, driver license, driver's license, drivers license,
    driving licence, driver licence, medicare, medicaid, hicn, insurance, health card, health plan, hospital,
    admission, accession, bsn, burgerservice, sofi, polis, rijksregister, insz, niss, inss, zorgverzekering,
    zorgverzekerings, identiteitskaart, paspoort, rijbewijs, ziekenhuis, dossier, opname, svnr, sv,
    sozialversicherung, rentenversicherung, rvnr, krankenkasse, krankenkassen, krankenversicherung, versicherten,
    versicherung, steuer, steuerid, idnr, personalausweis, ausweis, reisepass, fuhrerschein, patienten, akte,
    akten, aktenzeichen, az, pat, ahv, avs, nir, nss, insee, securite sociale, secu, numero de secu, ipp, iep,
    nip, carte vitale, carte d'identite, cni, permis de conduire, permis, dni, nie, nif, nuss, cip, nhc,
    historia clinica, hist. clinica, hist clinica, historia, historial, seguridad social, pasaporte, cedula, curp,
    rfc, tarjeta sanitaria, codice fiscale, cf, c.f, tessera sanitaria, tessera, carta d'identita, passaporto,
    patente, cartella clinica, cartella, nosologico, cpf, rg, cns, nic, utente, sns, bilhete de identidade,
    cartao de cidadao, cartao sus, processo clinico, processo, prontuario, personnummer, personnr, pnr,
    samordningsnummer, fodselsnummer, fodselsnr, cpr, korkort, journal, journalnummer, reservnummer, pesel,
    dowod osobisty, dowod, dowodu, paszport, paszportu, prawo jazdy, karta, kartoteka, kartoteki,
    historii choroby, ubezpieczenia, hetu, henkilotunnus, henkilotunnuksen, henkilotunnukseni, sotu,
    potilastunnus, potilasnumero, passi, passin, ajokortti, sairauskertomus, potilaskertomus, potilaskertomuksen,
    asiakas, rodne cislo, tin, taxpayer, npi, dea, aadhaar, orcid, imei, vin, ehic, fiscal code, tax id,
    insurance policy, member card
    """,
    rf"{_NUMBERED}{{0,2}}{_IS}{_VALUE}{_END}",
    _has_digits,
)
# These words count only beside a word for "number", or before a value that cannot be a count.
_PERSONS = """
    patient, patiente, patientin, patients, patient's, pasient, paciente, paziente, pacjent, pacjenta, pacjentka,
    pacjentki, doente, malade, potilas, potilaan, donor, donator, donneur, donante, donatore, doador, dawca,
    dawcy, spender, spenderin, participant, participante, partecipante, teilnehmer, teilnehmerin, deelnemer,
    proband, probandin, deltagare, deltager, uczestnik, osallistuja, subject, subjekt, sujet, sujeto, soggetto,
    sujeito, client, klient, cliente, kunde, customer, member, mitglied, lid, volunteer, individual, person, case,
    fall, caso, cas, geval, sag, arende, przypadek, tapaus, lab, labor, laboratory, laboratoire, laboratorio,
    laboratorium, file, record, expediente, fascicolo, pratica, account, konto, cuenta, conto, conta, compte,
    rekening, rachunek, tili, registration, registratie, registro, rejestr, study participant, personal, identity,
    identification, episode, encounter, referral, visit, requisition, eingang, auftrag, hospital patient,
    employee, student, staff, badge, policy
"""
_label(_PERSONS, rf"{_NUMBERED}{{1,2}}{_IS}{_VALUE}{_END}")
_label(
    _PERSONS,
    r"[ :#-]{1,3}(?=(?:[a-z]{0,3}[/-]?\d){3}|[a-z]{1,4}-?\d)[a-z]{0,4}[/-]?\d{2,10}(?:[/-]\d{1,6})?"
    rf"(?![.,]?\d| ?%){_END}",
)
_ID_VALUE = r"(?=(?:[a-z]{0,4}[/ -]?\d){3})[a-z]{0,4}[/-]?\d[\w/-]{2,20}"
_label("id, ids, id number, study id, uid, pid, upi", rf"{_NUMBERED}?[ :=#]{{1,3}}(?:is )?{_ID_VALUE}{_END}")
_label(
    """
    reg.nr, reg nr, regnr, reg. nr, reg plate, reg.nro, rek.nro, rek.nr, nr rej., nr rej, license plate,
    licence plate, number plate, car plate, registration plate, vehicle registration, kennzeichen,
    autokennzeichen, kfz-kennzeichen, kenteken, nummernschild, matricula, targa, plaque d'immatriculation, plaque,
    immatriculation, immatricule, rejestracja, numer rejestracyjny, rejestracyjny, rejestracyjne, rekisterinumero,
    rekisterikilpi, rekisteritunnus, registreringsnummer, registreringsskylt, nummerplade, placa
    """,
    rf"{_NUMBERED}?{_IS}(?=[\d -]{{0,6}}[a-z])(?=[a-z -]{{0,6}}\d)(?=(?:[ -]?[a-z\d]){{5}})(?:[a-z]{{1,3}}|"
    rf"\d{{1,4}}|[a-z\d]{{2,8}})(?:[ -][a-z\d]{{1,6}}){{0,3}}{_END}",
)


_HANDLE = re.compile(r"[:=@]|[a-z][\d_]|\w\.\w", re.IGNORECASE)


def _is_handle(found: str) -> bool:
    return _HANDLE.search(found) is not None


_label(
    """
    username, user name, user, handle, instagram, insta, twitter, facebook, skype, telegram, snapchat, tiktok,
    linkedin, whatsapp, discord, mastodon, reddit, wechat, ig, login, nickname, nick, screen name, gebruikersnaam,
    benutzername, nutzername, usuario, nombre de usuario, nome utente, nome de usuario, nome de utilizador,
    nom d'utilisateur, identifiant, pseudo, anvandarnamn, brugernavn, kayttajatunnus, kayttajanimi, uzytkownik,
    nazwa uzytkownika, alias, profil, profile, perfil, profilo, konto, account, utente, compte
    """,
    r"(?:[ -](?:name|user|handle|id|account|profile?|profiel|konto|cuenta|compte|conta|kontot|tili|naam))?(?: (?:is|"
    r"ist|est|es|e|ar|er|to|on|was|as))?[ :=]{1,3}@?"
    r"(?=[\w.-]*[a-z])[\w][\w.:-]{2,40}",
    _is_handle,
)
_label(
    """
    tel, telephone, telefon, telefoon, telefono, telefone, telnr, tel.nr, tel.-nr, tel-nr, phone, phoned, mobile,
    mobil, mobiltelefon, mobiel, mobielnummer, fax, call, called, calls, calling, ring, rang, rung, gsm, handy,
    handynummer, handynr, cell, cellular, cellulare, cell phone, whatsapp, portable, movil, celular, telemovel,
    puhelin, puh, puhelinnumero, matkapuhelin, komorka, kom, tlf, sms, bel, bellen, belde, appeler, appelez,
    appel, rappeler, rappel, llamar, llamarle, llame, llama, chiamare, chiami, chiamata, ligar, ligue, dzwonic,
    zadzwonic, soita, soittaa, erreichbar, kontakt, kontaktnummer, contact, contacter, contacto, contatto,
    contato, reach, reached, reachable, joindre, rufen, anrufen, anruf, ruf, telefonnummer, telefoonnummer, mob,
    durchwahl, bereikbaar, numero de telephone, numero de telefono, numero di telefono, numero de telefone,
    numer telefonu, number, nummer, numero, numer, ph, text, dial, emergency, ruckruf, ruckrufnummer,
    telefonnumret, telefonnumer, telefonu, telefonicznie, telefonnr, telefonisch, telefoonnr, telefonisk,
    puhelimitse, numeron, numerossa, numeroon, ringa, ringe, ring op, volac, volat, telefonni cislo
    """,
    r"(?:[\s:.=,(]|(?<![a-z])(?:on|at|no|nr|number|nummer|numero|numer|is|unter|op|au|al|a|para|le|la|pa|po|under|"
    r"ist|est|es|e|ar|er|the|his|her|me|him|auf|do|mobile|mobil|movil|numerem|numerossa|till|til"
    r"|pod|med|mit|with|home|work|office|direct|back|o|num|phone|der|de|do|del|n|u|contact|mother|father|wife|"
    r"husband|son|daughter|via|telefon|tel|telephone|celular|cell|fixe|fijo)(?![a-z])){1,8}"
    rf"\+?\(?\d(?:[\s().\-/]{{0,3}}\d){{4,14}}{_END}",
)


_BIRTH_REST = (
    r"(?:[\s:.,=(]|(?<![a-z])(?:in|on|the|im|am|op|en|el|le|dans|il|nel|em|a|i|ar|w|roku|vuonna|den|dnia|year|jahr|"
    r"jaar|ano|anno|annee|um|around|about|circa|ca|c|is|was|est|es|ist|er|e|date|datum"
    r"|spring|summer|autumn|winter|late|early|of|de|del|di|do|al|1er|back|way|et|rok|dia|since|war|weiblich|"
    r"mannlich|sie|zich|year|st|nd|rd|th)(?![a-z])|(?:MONTHS)(?![a-z])|['’]|(?-i:[A-Z][a-z'-]{2,20})|\d{1,2}(?:st|"
    r"nd|rd|th|\.|er)? ?(?=(?:of|de|del|di|do)? ?(?:MONTHS)(?![a-z]))){1,14}"
    r"(?:(?:1[89]|20)\d\d|'?\d\d(?![\d:%])(?! ?(?:weeks?|wk|days?|g|kg|cm|times|x|wochen|weken|semaines|semanas|"
    r"settimane|veckor|tygodni|viikko)))(?:[-/. ]{1,2}\d{1,2}(?:[-/. ]{1,2}\d{2,4}|[-/. ]{1,2}\d{1,2})?)?"
).replace("MONTHS", MONTH_NAMES) + _END
_label(
    """
    born, birth, ne(e), nac, nac., nasc, nasc., nais, nais., data nasc., f. nac., birthdate, birthday, birth date,
    birth year, birthyear, date of birth, year of birth, dob, d.o.b, d.o.b., yob, geb, geb., geboren,
    geburtsdatum, geburtsjahr, geburtstag, jahrgang, jg, jg., geborene, geboortedatum, geboortejaar, geboren te,
    geb.datum, geb. datum, nee, ne, naissance, date de naissance, annee de naissance, ddn, d.d.n, nacida, nacido,
    nacio, nacimiento, fecha de nacimiento, ano de nacimiento, nacidos, nata, nato, nascita, data di nascita,
    anno di nascita, nascida, nascido, nasceu, nascimento, data de nascimento, ano de nascimento, fodd, fodelsear,
    fodelsedatum, fodelsedag, fodt, fodselsar, fodselsdato, fodselsdag, urodzony, urodzona, urodzenia,
    urodzil sie, urodzila sie, urodzil, urodzila, ur, ur., rok urodzenia, data urodzenia, rocznik, syntynyt,
    syntymavuosi, syntymaaika, syntymapaiva, synt, synt., narozen, narozena, naroz, datum narozeni, vintage,
    class of
    """,
    rf"{_BIRTH_REST}",
)
_label(
    """
    zip, zip code, zipcode, zip-code, postal code, postcode, post code, pcode, plz, postleitzahl, code postal, cp,
    c.p, codigo postal, cod. postal, cap, codice postale, codice di avviamento postale, cep, kod pocztowy,
    kod poczt., postinro, postinro., cod. post., kodu pocztowego, postnummer, postnr, postinumero, psc, postal,
    postkode
    """,
    r"(?:[\s:=.#]|(?<![a-z])(?:is|was|of|ist|est|es|e|ar|er|area|number|nr|on|van|"
    r"code)(?![a-z])){1,6}(?=[a-z]{0,3}-?\d)[a-z]{0,3}-?\d[a-z\d]{0,5}(?:[ -]\d?[a-z\d]{2,4}(?![a-z]))?" + _END,
)
_label(
    """
    po box, p.o. box, p.o.box, postfach, postbus, boite postale, bp, b.p., apartado, apartado de correos,
    casella postale, caixa postal, skrytka pocztowa, skr. poczt., postboks, postilokero, box
    """,
    r"[ .:]{1,2}\d{2,6}(?: \d{2,3}){0,2}" + _END,
)
_STREET_ARTICLES = (
    r"(?:(?:de|du|des|la|le|les|del|della|dei|delle|degli|di|da|do|dos|das|las|los|el|san|santa|sao|st|sainte?|sw|"
    r"gen|dr|ks|prof|[a-z])[. ]{1,2}|[ld]['’])"
)
_STREET = (
    rf" ?{_STREET_ARTICLES}{{0,4}}[^\W\d_]{{2,30}}(?:[ -]{_STREET_ARTICLES}{{0,2}}[^\W\d_]{{2,30}}){{0,3}},?"
    rf"(?: n[°ºo.]{{0,2}})? {{1,2}}\d{{1,4}} ?(?-i:[a-z]?)(?:[-/]\w{{1,4}})?{_END}"
)
# These mean something else in other languages, so the name of the street must have a capital.
_label("via, largo, corso, al., os., pl., r., av, ul", rf"(?= ?{_STREET_ARTICLES}{{0,4}}(?-i:[A-Z])){_STREET}")
_label(
    """
    rue, avenue, av., bd, bld, boulevard, chemin, impasse, quai, calle, c/, avda, avda., avenida, plaza, paseo,
    carrer, camino, viale, v.le, piazza, vicolo, rua, travessa, praca, estrada, ul., ulica, ulicy, ulice, aleja,
    aleje, alei, osiedle, plac, placu
    """,
    _STREET,
)
DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_label(
    """
    visit, visited, seen, admitted, admission, discharged, discharge, appointment, consultation, consulted,
    consulta, consultazione, termin, aufnahme, aufgenommen, entlassen, entlassung, bezoek, opname, opgenomen,
    ontslag, ontslagen, afspraak, rendez-vous, rdv, hospitalise, hospitalisee, cita, ingreso, ingresado,
    ingresada, alta, ricovero, ricoverato, ricoverata, dimesso, dimessa, visita, besok, inlagd, utskriven, wizyta,
    wizyty, przyjety, przyjeta, wypisany, wypisana, kaynti, kaynnilla, sampled, collected, entnommen, afgenomen,
    preleve, prelevee, tomada, prelevato, colhida, provtagen, pobrano, pobrana, birthday, geburtstag, verjaardag,
    anniversaire, cumpleanos, compleanno, aniversario, fodelsedag, urodziny, died, deceased, operated, surgery,
    indlagt, udskrevet, consult, visite, besuch, moved
    """,
    rf"(?:[\s:,.(]|(?<![a-z])(?:on|at|am|vom|op|le|du|el|del|il|dal|em|no|dia|den|d|dnia|w|the|date|is|was|of|de|in|"
    rf"her|his|last|next)(?![a-z])){{1,6}}{DAY}(?:st|nd|rd|th)?[./-](?:0?[1-9]|"
    rf"1[0-2])(?![\d%])(?:[./-]\d{{2,4}})?\.?(?! ?(?:ml|mg|g|h|min|x|of)(?![a-z]))",
)
# Compounds such as "Patientennummer" and "klantnummer" say that a number follows; these name no person.
_COMPOUND = re.compile(r"[a-z]{3,30}(?:nummer|nr|numret|nummeret|tunnus|numero|kennung|kenteken)")
_OF_THINGS = re.compile(
    r"(?:chargen?|charge|katalog|catalogus|artikel|art|los|bestell|produkt|kit|passagen?|zyklen|zyklus|versions?|"
    r"versie|cyclus|lot|batch|serie|ordnungs|seiten|kapitel|auflage|ausgabe|era|tuote|plattform|hoofdstuk|"
    r"volg)(?:nummer|nr|numret|nummeret|tunnus|numero|kennung)"
)
NUMBER_ENDINGS = ("nummer", "nr", "numret", "nummeret", "tunnus", "numero", "kennung")
_COMPOUND_REST = re.compile(rf"{_NUMBERED}?{_IS}{_VALUE}{_END}", re.IGNORECASE)
CUES = frozenset(_LABELS)
_NO_LABELS: dict[_Label, list[str]] = {}
WITHOUT_DIGITS = words(
    """
    username user handle instagram insta twitter facebook skype telegram snapchat tiktok linkedin discord mastodon
    reddit wechat ig login nickname nick gebruikersnaam benutzername nutzername usuario nome nombre nom
    identifiant pseudo anvandarnamn brugernavn kayttajatunnus kayttajanimi uzytkownik nazwa alias profil profile
    perfil profilo
    """
)


def words_of(text: str) -> frozenset[str]:
    """Return the words of a folded text in lower case."""
    low = text.lower()
    return frozenset(low.encode().translate(_WORDS_ONLY).decode().split() if low.isascii() else _WORD.findall(low))


def erase_labelled(text: str, cues: Iterable[str], replacement: str) -> str:
    """Return text with a replacement for each value that follows a label. A label begins with one of the cues."""
    pieces: list[str] = []
    done = 0
    low = text.lower()
    for start, cue in sorted(_places_of(low, cues)):
        if start >= done and (span := _find_labelled(text, low, start, cue)):
            pieces += (text[done : span[0]], " ", replacement)
            done = span[1]
    return "".join((*pieces, text[done:])) if pieces else text


def _find_labelled(text: str, low: str, start: int, cue: str) -> tuple[int, int] | None:
    """Return the span of the value after a label, or None. The label begins with a cue at `start`."""
    for label, phrases in _LABELS.get(cue, _NO_LABELS).items():
        for phrase in phrases:
            end = start + len(phrase)
            written = low[start:end]
            # A dash may stand for a space.
            if written != phrase and (" " not in phrase or written.replace("-", " ") != phrase):
                continue
            if hit := label.rest.match(text, end):
                if label.accepts(text[start : hit.end()]):
                    return end, hit.end()
                break
    end = start + len(cue)
    if _COMPOUND.fullmatch(cue) and not _OF_THINGS.fullmatch(cue) and (hit := _COMPOUND_REST.match(text, end)):
        return end, hit.end()
    return None


def _places_of(low: str, cues: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield each place where a cue begins a word."""
    for cue in cues:
        start = low.find(cue)
        while start >= 0:
            if not start or not (low[start - 1].isalnum() or low[start - 1] in "_'"):
                yield start, cue
            start = low.find(cue, start + 1)
