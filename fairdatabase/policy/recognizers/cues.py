"""Cues: the words of European languages that say what stands beside them. All are folded and in lower case."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words before a name. An abbreviation may have another meaning ("hr" is hours, "ms" milliseconds), so after one of
# `UNSURE_TITLES` a lowercase word must be a listed name.
TITLES = _words("""
    mr mrs mister dr dra prof professor frau herr herrn frl fraulein mme mlle madame mademoiselle monsieur messrs
    mvr dhr mevr mevrouw meneer mijnheer juffrouw drs senor senora senorita sra srta signor signora signorina
    signore dott dottor dottore dottoressa senhor senhora pani panu pania panem rouva herra neiti fru froken frk
    hra nti docteur doktor doutor doutora dottssa sigra dipling soeur schwester zuster hermana reverend
""")
UNSURE_TITLES = _words("""
    ms miss mx sir madam dame doctor don dona hr fr m mm sr sig pan mw ing nurse sister father padre lord lady rev
    p lekarz sygn doctora arzt avv infirmiere enfermera enfermeira pielegniarka ir arq
""")
# Words between a title and its name.
TITLE_PARTS = _words("ra ssa med rer nat hab n phil dipl ing hc jur vet dent sc dr prof ph d lic mag mgr")
# Words that belong to a surname: "van der Berg", "de la Cruz".
PARTICLES = _words("""
    van von der den de del della di da dal do dos das du la le les ten ter zu zum zur af av el al bin ibn ben mac
    mc st san santa y e och 't
""")
# Words before the name of a relative or contact. The word after one of them is a name if nothing else explains it.
RELATIONS = _words("""
    mother father wife husband daughter son brother sister aunt uncle cousin grandmother grandfather grandma
    grandpa mum mom dad niece nephew spouse fiance fiancee guardian neighbour neighbor friend colleague caregiver
    carer named called mutter vater ehefrau ehemann gattin gatte tochter sohn bruder schwester tante onkel oma opa
    nachbar freund namens moeder vader echtgenote echtgenoot dochter zoon broer zus oom buurvrouw vriend vriendin
    genaamd mere pere epouse mari fille fils frere soeur oncle voisine voisin ami amie nomme nommee madre padre
    esposa esposo marido hija hijo hermano hermana tia tio abuela abuelo vecina vecino amigo amiga llamada llamado
    moglie marito figlia figlio fratello sorella zia zio nonna nonno vicina mae pai filha filho irmao irma avo
    vizinha chamada chamado mor far hustru fru dotter datter syster soster bror moster faster farmor mormor farfar
    granne nabo kone matka ojciec zona maz corka syn brat siostra ciotka wujek babcia dziadek sasiadka make maken
    aiti isa vaimo mies tytar poika veli sisko tati seta mummo naapuri contact kontakt contacto contatto contato
    yhteyshenkilo kontaktperson contactpersoon attn attention
""")
# Verbs and words that say who did something: "collected by", "entnommen von".
HANDLED = _words("""
    collected sampled signed taken recorded drawn handled interviewed received delivered seen examined treated
    reported performed prepared processed extracted obtained entered checked approved written referred entnommen
    gesammelt erhoben unterschrieben abgegeben bearbeitet untersucht dokumentiert afgenomen verzameld ondertekend
    ingevuld prelevee preleve prelevees collecte collectee recueilli recueillie signe signee tomada tomado
    recogida recogido firmado firmada recolectada prelevato prelevata raccolto raccolta firmato firmata colhida
    colhido recolhida assinado assinada coletada coletado tagen tagit provtagen insamlat undertecknat taget
    indsamlet underskrevet pobrana pobrane pobrano podpisano zebrane zebrana ottanut keratty allekirjoittanut
    signiert
""")
BY = _words("by von vom durch door par por da di de af av przez toimesta")
# "My name is", as regular expressions.
INTRODUCTIONS = (
    r"(?:my|her|his|their|the|patient'?s?|donor'?s?|participant'?s?|full|first|last|given|family) names? (?:is|was|are)"
    r"|names? ?[:=]|(?:i am|i'm|this is) (?:called|named)|known as|goes by|signed ?[:,]|(?:best|kind) regards,?"
    r"|initials?|initialen|initiales|initiale|iniziali|iniciales|iniciais|initialer|inicjaly|nimikirjaimet"
    r"|(?:mein|ihr|sein|der) name (?:ist|war|lautet)|(?:ich |sie |er )?heiss[et]|ich bin (?:die|der)"
    r"|(?:mijn|haar|zijn|de) naam is|(?:ik |zij |hij )?heet|naam ?[:=]"
    r"|(?:mon|son|le) (?:nom|prenom) (?:est|etait)|(?:je m'|s'|elle s'|il s')appelle|(?:nom|prenom) ?[:=]"
    r"|(?:mi|su|el) nombre (?:es|era)|(?:me|se) llam[oa]|nombre(?: completo)? ?[:=]|apellidos? ?[:=]"
    r"|(?:il mio|il suo|il) nome (?:e|era)|(?:mi|si) chiam[oa]|nome ?[:=]|cognome ?[:=]"
    r"|(?:o )?(?:meu|seu) nome (?:e|era)|(?:me|se) cham[oa]|cham[oa]-(?:me|se)|apelido ?[:=]"
    r"|(?:mitt|mit|hennes|hendes|hans|hendes) na(?:mn|vn) (?:ar|er)|(?:jag|hon|han|jeg|hun) he(?:ter|dder)|na(?:mn|"
    r"vn) ?[:=]"
    r"|naz?yw(?:am|a) sie|(?:mam|ma) na imie|(?:moje|jego|jej) (?:imie|nazwisko)(?: to| i nazwisko to)?|"
    r"imie(?: i nazwisko)? ?[:=]"
    r"|nazwisko ?[:=]|(?:minun )?nimeni on|(?:hanen )?nimensa on|nimi ?[:=]|jmenuj[ie] se|jmeno ?[:=]"
)
# Words that often stand where a name could, and are names in some language: they begin sentences and follow titles.
COMMON = _words("""
    bebe vit viaje brak boit drinkt trinkt drickt pije juo vive wohnt woont bor the a an and or but if in on at by
    for from with to of as is was are were be been has had have do does did not no yes all any each every this
    that these those there here it its he she they we you i his her their our my your who which what when where
    why how after before during until since while because so then than also only about into over under between
    both some most more other same new two three four five six seven eight nine ten first second one will may can
    must should would could might said says called came went told asked wants wanted reported phoned visited lives
    lived left moved works worked please see note dear thanks per via once later day week month year time date age
    man woman long short old young der die das den dem des ein eine einer einem einen eines und oder aber mit ohne
    von vom zu zum zur im am auf aus bei beim nach vor seit bis fur durch um als wie wenn dass ist war sind waren
    wird wurde wurden werden hat haben hatte nicht kein keine auch nur noch schon sehr mehr alle jede jeder beide
    diese dieser dieses er sie es wir ihr ihre sein seine ihm sagte kam rief ging heute gestern morgen dann danach
    dort hier ab je laut siehe bitte de het een en maar met zonder van voor na bij op uit aan door tot om dan dat
    dit deze zijn wordt werd heeft hebben niet geen ook nog al hij zij ze wij ik haar hun zei kwam belde le la les
    un une du et ou mais avec sans dans sur sous par pour pas plus que qui est sont etait etaient ete au aux ce
    cette ces cet il elle ils elles nous vous son sa ses leur leurs lors chez tous toutes deux trois apres avant
    depuis puis selon aucun aucune chaque entre el los las unos unas y o pero con sin por para del se mas era eran
    fue fueron ha han este esta estos estas ese esa lo su sus ella ellos cada todos todas dos tres tras despues
    antes desde hasta segun ningun dijo gli uno e ed ma senza nel nella nei nelle sul sulla dal dalla dai di si
    non piu che sono erano stato stata questo questa ogni tutti tutte due tre dopo prima fino alla agli ai hanno
    suo sua disse os uma uns umas com sem nos nas em da ao nao foi foram sao dois duas apos ate ele ela seu ett
    det och eller men med utan pa av fran till som ar var varit har hade inte ej ocksa varje bada hon vi jag sitt
    efter fore vid hos sade samt og til ikke ogsa fra ved blev bliver havde jeg hver begge oraz lub albo ale z bez
    w od po przy przez dla nie jest byl byla bylo byly zostal zostala zostaly ta te ktory ktora jak czy jego jej
    ich ona oni kazdy kazda wszystkie dwa trzy przed pod nad ja tai mutta ei oli ovat olivat ole ne me mina kun
    jos etta kuin myos kaikki joka ennen jalkeen kanssa ilman noin seka years anni anno anos ano ans lat lata
    vuotta jahre jahr jaar jaren arg monate mesi meses mois maanden
""")
# Words that German texts have and texts in other languages hardly.
GERMAN = _words("""
    und mit wurde wurden nach fur ist nicht zur zum eine einer einem einen vom auf aus werden wird sind haben ich
    sich im durch uber als kein keine keinen keiner beim ohne oder wegen zwischen wahrend jeden jeder
""")
# How compounds end that name things of a laboratory or clinic, and nouns that name no person.
GERMAN_ENDINGS = tuple(
    _words("""
    teilnehmer teilnehmerin teilnehmern intoleranz infekt kontrolle kontrollen gene genen kokken bazillen
    vertraglichkeit schmerz schmerzen mittel mangel verlust zunahme schnupfen ung ungen heit heiten keit keiten
    schaft schaften tat taten tion tionen ismus probe proben entnahme entnahmen rohrchen losung losungen puffer
    analyse analysen konzentration konzentrationen temperatur temperaturen lagerung messung messungen untersuchung
    untersuchungen ergebnis ergebnisse ergebnissen stoff stoffe stoffen zeit zeiten zeitpunkt tage tag tagen woche
    wochen gabe dauer menge mengen gerat gerate kuhlschrank schrank behalter gefass gefasse material kultur
    kulturen platte platten bakterien bakterium zelle zellen gewebe abstrich abstriche stuhl blut plasma serum
    speichel urin haut darm magen mund krankheit erkrankung erkrankungen symptome beschwerden therapie behandlung
    gruppe gruppen studie studien daten wert werte werten protokoll protokolle extraktion sequenzierung bibliothek
    reaktion reaktionen verdunnung verdunnungen tabletten dosis essen nahrung ernahrung milch wasser fleisch
    gemuse obst mahlzeit fruhstuck abend morgen nacht termin raum labor klinik formular bogen fragebogen
""")
)
# Names of products, methods and statistics, and abbreviations of laboratories, which are no names of people in notes.
PRODUCTS = _words("""
    sarstedt roche merck sigma template ansatz adn arn anosim aliquotes aliquote aliquots magen darm infekt
    typhimurium enteritidis vit brak infantis mastermix master mix vial cryo kryo kartusche ruptor elite r2 r9
    stickstoff ui ie iu ric riq pz nb pro plus ultra max mini micro midi maxi easy fast quick rapid pure clean
    power fecal faecal tube tubes direct prep probe proben obst gemuse brot fleisch milch kase butter stuhl wolle
    kraft toma dor dores cuestionario extractie levy kost magont uloste naytteet wyniki qiagen qiaamp qiaquick
    qiacube powersoil powerlyzer powerfecal powermag magattract dneasy rneasy allprep mobio zymo zymobiomics
    quickdna fastdna fastprep mpbio nucleospin nucleomag macherey promega wizard magmax magbind omega biotek ezna
    thermo invitrogen applied biosystems taqman qubit nanodrop bioanalyzer tapestation agilent fragment labchip
    beckman ampure agencourt spri spriselect kapa hotstart hifi phusion q5 neb nebnext onetaq platinum superscript
    truseq nextera xt flex illumina hiseq miseq novaseq nextseq iseq miniseq phix pacbio sequel revio onso
    nanopore minion gridion promethion flongle guppy dorado bonito aviti mgi bgi dnbseq iontorrent norgen omnigene
    dnagenotek genotek orange covaris bioruptor eppendorf falcon greiner costar nunc aldrich millipore bd
    biosciences bactec oxoid copan eswab fecalswab flocked faecalswab dacron rayon rnalater trizol dnarna shield
    stratec psp invitek biorad bio-rad lightcycler stratagene rotorgene quantstudio stepone viia thermomixer
    tissuelyser precellys retsch dnastar geneious qiime mothur dada2 deblur usearch vsearch uparse uchime silva
    greengenes rdp gtdb ncbi genbank refseq uniprot kegg metacyc metaphlan humann kraken bracken centrifuge kaiju
    samtools bcftools bedtools fastqc multiqc trimmomatic cutadapt fastp bbduk bbmap spades metaspades megahit
    metabat maxbin concoct checkm prokka prodigal bakta abricate resfinder card amrfinder phyloseq deseq edger
    limma maaslin lefse ancom aldex picrust blast mafft fasttree iqtree raxml snakemake nextflow docker bioconda
    python rstudio bioconductor github zenodo figshare figaro sortmerna kneaddata ribogreen picogreen sybr
    evagreen gaiix bioproject biosample ensembl clinvar unifrac permanova adonis anova manova pcoa nmds umap lasso
    bayesian bristol tris edta sds pbs tae tbe ctab pvp peg dtt bme dmso etoh meoh naoh hcl nacl kcl mgcl mgso na2
    cacl h2o ddh2o depc bsa bhi lb mrs tsa tsb ycfa gam fab rcm pyg sab sda mac xld emb cled mha cna bhis swab pcr
    qpcr rtpcr ddpcr lamp elisa facs maldi tof lcms gcms hplc uplc nmr ngs wgs wes wga mgs asv otu mag mags bin
    dna rna cdna mrna trna rrna gdna cfdna scfa bcaa tmao lps gaba ph od ct cq cp rin dv gc bp kb mb gb tb ng ug
    fg pg utr orf snp indel cpg its ssu lsu fcr rcf rpm cv sop qc qa rt iqr sd se ci hr rr aor auc roc fdr padj
    pca rda cca ndvi gps utc gmt est cet cest ivf bmi hba crp esr alt ast ggt ldh ldl hdl tsh wbc rbc hgb plt inr
    egfr bun tnf ifn il tgf vegf igf cd th nk treg muc fut nod tlr nfkb stat jak apc kras tp brca egf cftr hla mhc
    apoe mthfr lct abo ibd ibs uc crc t2d t1d nafld nash hiv hbv hcv hpv cmv ebv hsv rsv sars cov mrsa esbl vre
    cdi fmt uti copd gerd ckd chd cvd ra sle ms als asd adhd sibo pcos nec bpd nicu picu icu ppi nsaid ssri ace
    arb sglt glp ok id na nd tbd fig tab eq ref suppl vs etc eg approx incl excl min avg med std conc vol wt temp
    hrs mins secs kcal kj who cdc ema fda efsa gdpr hipaa irb ecdc nih nhs embl ebi hmp emp agp ibdmdb metahit
    ihmp agora lactobacilli bifidobacteria enterobacteria streptococci staphylococci enterococci clostridia
    bacilli firmicutes bacteroidetes proteobacteria actinobacteria fusobacteria verrucomicrobia aliquot replicate
    replicates baseline followup timepoint metagenomics metatranscriptomics metabolomics proteomics
    transcriptomics amplicon amplicons barcode barcodes primer primers adapter adapters demultiplexed rarefied
    denoised chimeras contigs scaffolds bins
""")
# Names of people that name something else together with a word of `AFTER_EPONYMS`: "Simpson index", "Down syndrome".
EPONYMS = sorted(
    _words("""
    down turner simpson fisher pearson graves barrett cox dunn holm welch lowry bradford gram hodgkin whipple
    parkinson marfan kendall tukey levene hochberg bonferroni wilcoxon spearman shannon jaccard aitchison dunnett
    crohn alzheimer sjogren hashimoto behcet kaposi kawasaki petri giemsa coomassie bristol student faith chao
    sanger southern northern western poisson gaussian mccoy hugo evans gilbert wilson huntington raynaud meniere
    addison cushing paget tourette hirschsprung menetrier peyer paneth langerhans kupffer bowman dukes breslow
    clark gleason apgar barthel karnofsky rome glasgow edinburgh beck hamilton likert ringer hanks earle dulbecco
    luria hinton mueller sabouraud macconkey columbia wilkins chalgren schaedler brucella cary blair amies stuart
    maxwell merck roche sigma
""")
)
AFTER_EPONYMS = sorted(
    _words("""
    syndrome disease test tests index diversity evenness richness assay stain staining scale score correlation
    distance dissimilarity similarity regression model exact medium agar broth solution buffer method plot stool
    chart criteria dish dishes positive negative pd t chi r rho tau patches cells bodies sequencing blot
    correction adjustment adjusted oesophagus esophagus metaplasia lymphoma disorder sarcoma thyroiditis
    distribution phase process blood transport hazards proportional inventory questionnaire coma salt syndrom
    krankheit ziekte erkrankung maladie enfermedad malattia doenca sjukdom choroba tauti farbung
""")
)
PEOPLES = _words("""
    spain spanien espagne spagna espanha spanje hiszpania hiszpanii espanja espanjaan espana portugal portogallo
    portugalia italy italien italie italia wloch wlochy germany deutschland allemagne alemania germania alemanha
    duitsland tyskland niemcy niemiec saksa saksassa france frankreich francia franca frankrijk frankrike francja
    francji ranska england angleterre inglaterra inghilterra anglia holland niederlande nederland belgien belgie
    belgique poland polen pologne polonia polska polsce sweden schweden suede suecia svezia sverige szwecja ruotsi
    ruotsissa finland finnland finlande finlandia suomi suomessa denmark danmark dania norway norwegen norge
    norwegia turkey turkei turquie turquia turcja china chine cina kina chiny india inde indien indie japan japon
    giappone japao usa africa afrika afrique afryka asia asien asie azja europe europa amerika amerique america
    schweiz suisse suiza svizzera suica austria osterreich autriche grecia greece griechenland grece marokko maroc
    marruecos african american asian australian austrian belgian brazilian british bulgarian canadian chilean
    chinese colombian croatian czech danish dutch egyptian english estonian european fijian finnish french german
    greek hungarian icelandic indian indonesian iranian irish israeli italian japanese kenyan korean latvian
    lithuanian malaysian mexican mongolian nigerian norwegian pakistani peruvian polish portuguese romanian
    russian scandinavian scottish serbian slovak slovenian spanish swedish swiss taiwanese thai tunisian turkish
    ukrainian vietnamese welsh
""")
WEEKDAYS = _words("""
    monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag freitag samstag
    sonntag sonnabend maandag dinsdag woensdag donderdag vrijdag zaterdag zondag lundi mardi mercredi jeudi
    vendredi samedi dimanche lunes martes miercoles jueves viernes sabado domingo lunedi martedi mercoledi giovedi
    venerdi domenica segunda terca quarta quinta sexta mandag tisdag onsdag torsdag fredag lordag sondag tirsdag
    poniedzialek wtorek sroda czwartek piatek sobota niedziela maanantai tiistai keskiviikko torstai perjantai
    lauantai sunnuntai
""")
# Words after "MR" where it means magnetic resonance.
AFTER_MR = _words("imaging scan scans angiography spectroscopy enterography sequence sequences images untersuchung")
# Endings of long words that begin sentences in several languages and end few names.
ORDINARY_ENDINGS = tuple(
    _words("""
    ancia ancias encia encias ance ances ence tolerans tolerancja ncja ncji rance iivinen lasku lasta oinut fugoi
    tolleranza anza enza isation ation cao coes mente mento mentos miento mientos cion ciones ment ments tion
    tions zione zioni wano owana owano owane anie enie osc osci ades ningen ning ttiin tettiin ssa sta lla lta
    taan etaan tuja tajat iteit heid ering ieren ungen atie tie ties ssen sfragen protokoll primer probe proben
    isch ische ischer lich liche ierte iertes elles ibles
""")
)
