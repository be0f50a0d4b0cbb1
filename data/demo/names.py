"""Names of people, invented; all of them can be written in Windows-1252, as the HR report is."""

GIVEN = (
    "Anna Björn Chloé Dörte Emre Françoise Greta Håkon Ines Jürgen Katarzyna Lars Nuño Oluwaseun Paula Quentin "
    "Rosa Søren Tomás Ursula Víctor Wiebke Xenia Yusuf Zoë Aoife Bárbara Cem Dilan Elif Farid Gül Henrik Ida João "
    "Klara Leïla Malte Niamh Oskar Priya Raúl Siân Thomas Ulrike Viola Werner Yara Ömer Matteo Noor Pia Ruben Svenja"
)
FAMILY = (
    "Ahlers Bergström Çelik D'Angelo Eßer Fernández Großmann Hansen Ibáñez Jäger Köhler Lindqvist Müller Nørgaard "
    "O'Brien Petersen Quast Rösler Schröder Thörl Ünal Voß Weiß Ximénez Zöllner Abendroth Böttcher Claußen "
    "Dreyer Ebeling Frömming Gutiérrez Hoffmann Iversen Janßen Kowalski Löwe Meyer-Lund Niehaus Özdemir Pålsson "
    "Reimers Stübing Tiedemann Uhlig Vandenberg Wörner Adebayo Blaise Carter Diaz Ekström Fitzgerald Grünwald "
    "Hughes Jørgensen Kruse Lemaître Møller Nwosu Oñate Prieß Rahimi Sørensen Thiele Usman Vieth Winkelmann"
)
_FOLD = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "å": "aa", "é": "e", "è": "e", "ç": "c", "ñ": "n"}
    | {"á": "a", "í": "i", "ó": "o", "ú": "u", "ã": "a", "ë": "e", "ï": "i", "î": "i", "â": "a", "'": "", " ": ""}
)


def everyone() -> list[tuple[str, str]]:
    """Given and family names, each pair once, in a fixed mixed order."""
    given, family = GIVEN.split(), FAMILY.split()
    return [(given[(i + i // len(family)) % len(given)], family[i % len(family)]) for i in range(len(given) * 12)]


def folded(name: str) -> str:
    """A name as it stands in an address: lower case, without accents."""
    return name.lower().translate(_FOLD)
