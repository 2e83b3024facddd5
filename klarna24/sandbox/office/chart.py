"""The data that a company in the sandbox starts with: chart, voucher types, VAT codes, rates, customers."""

from decimal import Decimal

from klarna24.sandbox.office.company import Currency, Customer, TaxCode, VoucherType

# number → name, from the BAS chart of accounts
BAS = {
    1010: "Utvecklingsutgifter",
    1220: "Inventarier och verktyg",
    1229: "Ackumulerade avskrivningar på inventarier och verktyg",
    1460: "Lager av handelsvaror",
    1510: "Kundfordringar",
    1515: "Osäkra kundfordringar",
    1519: "Nedskrivning av kundfordringar",
    1580: "Fordringar för kontokort och kuponger",
    1630: "Avräkning för skatter och avgifter (skattekonto)",
    1650: "Momsfordran",
    1680: "Andra kortfristiga fordringar",
    1689: "Övriga kortfristiga fordringar",
    1710: "Förutbetalda hyreskostnader",
    1790: "Övriga förutbetalda kostnader och upplupna intäkter",
    1910: "Kassa",
    1920: "PlusGiro",
    1930: "Företagskonto/checkkonto/affärskonto",
    1940: "Övriga bankkonton",
    2081: "Aktiekapital",
    2091: "Balanserad vinst eller förlust",
    2099: "Årets resultat",
    2390: "Övriga långfristiga skulder",
    2420: "Förskott från kunder",
    2440: "Leverantörsskulder",
    2510: "Skatteskulder",
    2610: "Utgående moms, 25 %",
    2611: "Utgående moms på försäljning inom Sverige, 25 %",
    2614: "Utgående moms omvänd skattskyldighet, 25 %",
    2620: "Utgående moms, 12 %",
    2630: "Utgående moms, 6 %",
    2640: "Ingående moms",
    2641: "Debiterad ingående moms",
    2645: "Beräknad ingående moms på förvärv från utlandet",
    2650: "Redovisningskonto för moms",
    2710: "Personalskatt",
    2731: "Avräkning lagstadgade sociala avgifter",
    2890: "Övriga kortfristiga skulder",
    2899: "Övriga kortfristiga skulder",
    2990: "Övriga upplupna kostnader och förutbetalda intäkter",
    3001: "Försäljning inom Sverige, 25 % moms",
    3002: "Försäljning inom Sverige, 12 % moms",
    3003: "Försäljning inom Sverige, 6 % moms",
    3105: "Försäljning varor till land utanför EU",
    3108: "Försäljning varor till annat EU-land, momsfri",
    3520: "Fakturerade frakter",
    3540: "Faktureringsavgifter",
    3590: "Övriga fakturerade kostnader",
    3740: "Öres- och kronutjämning",
    3960: "Valutakursvinster på fordringar och skulder av rörelsekaraktär",
    3990: "Övriga ersättningar, bidrag och intäkter",
    4010: "Inköp av varor och material",
    5010: "Lokalhyra",
    5410: "Förbrukningsinventarier",
    5710: "Frakter, transporter och försäkringar vid varudistribution",
    6060: "Kreditförsäljningskostnader",
    6061: "Kreditupplysning",
    6064: "Factoringavgifter",
    6351: "Konstaterade förluster på kundfordringar",
    6540: "IT-tjänster",
    6570: "Bankkostnader",
    6990: "Övriga externa kostnader",
    7010: "Löner till kollektivanställda",
    7510: "Arbetsgivaravgifter",
    7960: "Valutakursförluster på fordringar och skulder av rörelsekaraktär",
    8310: "Ränteintäkter från omsättningstillgångar",
    8410: "Räntekostnader för långfristiga skulder",
    8423: "Räntekostnader för skatter och avgifter",
    8999: "Årets resultat",
}

# Ids, numbers and series differ, so that a test shows when a client confuses them.
TYPES = [
    VoucherType(type_id=501, number=0, title="Ingående balans", series=0),
    VoucherType(type_id=502, number=-1, title="Årsavslut", series=0),
    VoucherType(type_id=511, number=1, title="Kundfaktura", series=11),
    VoucherType(type_id=512, number=2, title="Leverantörsfaktura", series=12),
    VoucherType(type_id=513, number=3, title="Inbetalning", series=13),
    VoucherType(type_id=519, number=9, title="Diverse", series=15),
    VoucherType(type_id=520, number=10, title="Lön", series=16),
]

TAX_CODES = [
    TaxCode(tax_id=71, number="0", name="Ingen moms", rate=Decimal(0), account_no=None),
    TaxCode(tax_id=72, number="1", name="Ingående moms 25 %", rate=Decimal("25.00"), account_no=2641),
    TaxCode(tax_id=73, number="11", name="Utgående moms 25 %", rate=Decimal("25.00"), account_no=2611),
]

CURRENCIES = [
    Currency("SEK", 1, Decimal(1), 1),
    Currency("EUR", 2, Decimal("11.4250"), 1),
    Currency("NOK", 3, Decimal("97.8000"), 100),
]

DEPARTMENTS = {10: "Butik", 20: "Lager"}

CUSTOMERS = {
    1001: Customer("Klarna Bank AB", "Business"),
    1002: Customer("Klarna Bank AB (leverantör)", "Supplier"),
}
