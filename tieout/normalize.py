"""Normal forms: what two spellings of one thing have in common. Used to compare, never written back.

Every function takes and gives a Polars expression; null and empty stay null.
"""

from collections.abc import Callable, Iterable, Mapping

import polars as pl

_INVISIBLE = r"[\p{Cc}\p{Cf}]"
_LABEL = r"^(?:S/?N|SER(?:IAL)?(?:NUMBER|NO\.?|NUM)?)[:#.]+"
_LEGAL_FORM = (
    r"[\s,]+(?:incorporated|inc|corporation|corp|company|co|limited|ltd|llc|plc|gmbh|ag|se|kg|oy|ab|as|a/s|bv|b\.v"
    r"|nv|n\.v|srl|s\.r\.l|spa|s\.p\.a|sa|s\.a|sas|pty|k\.k|kk)\.?$"
)

PLACEHOLDER_SERIALS = (
    # what firmware reports when the maker left the field as it came
    "TOBEFILLEDBYO.E.M.", "TOBEFILLEDBYOEM", "DEFAULTSTRING", "SYSTEMSERIALNUMBER", "NOTSPECIFIED", "NOTAPPLICABLE",
    "NOTAVAILABLE", "NOTSET", "NOTPRESENT", "OEM", "O.E.M.", "CHASSISSERIALNUMBER", "BASEBOARDSERIALNUMBER",
    "SERIALNUMBER", "SERIAL", "EMPTY", "FILLEDBYOEM", "SYSTEMSERIAL", "TOBEFILLED", "VIRTUALMACHINE", "NOSERIAL",
    "NOSERIALNUMBER", "NONUMBER", "STANDARD", "DUMMY", "EVAL", "INVALIDSERIAL",
    # what people write when they have none
    "NONE", "NULL", "NIL", "N/A", "N.A.", "NA", "UNKNOWN", "UNDEFINED", "INVALID", "TBD", "TBA", "TBC", "TEMP",
    "TEST", "MISSING", "PENDING", "NOTFOUND", "NOTKNOWN", "SEENOTES", "?", "-",
)  # fmt: skip

PLACEHOLDER_UUIDS = (
    "03000200-0400-0500-0006-000700080009",
    "00020003-0004-0005-0006-000700080009",
    "12345678-1234-5678-90AB-CDDEEFAABBCC",
    "78563412-3412-7856-90AB-CDDEEFAABBCC",
    "FEFEFEFE-FEFE-FEFE-FEFE-FEFEFEFEFEFE",
)
_ASCENDING = "12345678901234567890"


def _blank_to_null(text: pl.Expr) -> pl.Expr:
    return pl.when(text.str.len_bytes() > 0).then(text)


def _compatible(text: pl.Expr) -> pl.Expr:
    """Text in NFKC; plain ASCII is so already, and finding that out takes a fraction of the time."""
    foreign = pl.when(text.str.len_bytes() != text.str.len_chars()).then(text)
    return pl.coalesce(foreign.str.normalize("NFKC"), text)


def each_once(
    text: pl.Expr, normal: Callable[[pl.Expr], pl.Expr], dtype: pl.DataType | type[pl.DataType] = pl.String
) -> pl.Expr:
    """What takes long to read, worked out once for each distinct text: places, makers, products and words are few."""

    def told(texts: pl.Series) -> pl.Series:
        each = pl.DataFrame({"text": texts.unique()})
        known = each.with_columns(normal(pl.col("text").cast(pl.String)).cast(dtype).alias("normal"))
        return texts.to_frame("text").join(known, on="text", how="left", maintain_order="left")["normal"]

    return text.map_batches(told, return_dtype=dtype)


def code(text: pl.Expr) -> pl.Expr:
    """An asset tag, sku or bin: NFKC, trimmed, upper case, nothing else."""
    return _blank_to_null(_compatible(text).str.strip_chars().str.to_uppercase())


def serial(text: pl.Expr) -> pl.Expr:
    """A serial: as a code, and without invisible characters, inner white space or an `S/N:` label before it."""
    bare = _compatible(text).str.replace_all(_INVISIBLE, "").str.replace_all(r"\s", "").str.to_uppercase()
    return _blank_to_null(bare.str.replace(_LABEL, ""))


def is_placeholder_serial(normal: pl.Expr, also: tuple[str, ...] = ()) -> pl.Expr:
    """True where a serial in normal form names no device: vendor texts, `N/A`, `(none)`, `0000`, `1234567890`, `AB`."""
    first, bare = normal.str.slice(0, 1), normal.str.strip_chars("()[]<>{}#*'\"!")
    one_character = normal.str.strip_chars(first).str.len_bytes() == 0
    runs = pl.any_horizontal(
        pl.lit("0" + _ASCENDING).str.starts_with(normal),
        pl.lit(_ASCENDING).str.starts_with(normal),
        normal == "987654321",
    )
    return pl.any_horizontal(
        normal.is_in([*PLACEHOLDER_SERIALS, *also]),
        bare.is_in(PLACEHOLDER_SERIALS),
        one_character,
        normal.str.len_chars() < 3,
        runs,
    )


def serial_quality(normal: pl.Expr, also: tuple[str, ...] = ()) -> pl.Expr:
    """`ok`, `placeholder` or `missing`, for a serial in normal form."""
    return (
        pl.when(normal.is_null())
        .then(pl.lit("missing"))
        .when(is_placeholder_serial(normal, also))
        .then(pl.lit("placeholder"))
        .otherwise(pl.lit("ok"))
    )


def uuid(text: pl.Expr, also: tuple[str, ...] = ()) -> pl.Expr:
    """The smaller of a hardware UUID and its byte-swapped twin, because printers of SMBIOS disagree on the order.

    Null where it is no UUID or one that many devices share.
    """
    bare = text.str.replace_all(r"[^0-9A-Za-z]", "").str.to_uppercase()
    swapped = bare.str.replace("^(..)(..)(..)(..)(..)(..)(..)(..)", "$4$3$2$1$6$5$8$7")
    known = [u.replace("-", "").upper() for u in (*PLACEHOLDER_UUIDS, *also)]
    shared = pl.any_horizontal(bare.str.contains("^(0{32}|F{32})$"), bare.is_in(known), swapped.is_in(known))
    return pl.when(bare.str.contains("^[0-9A-F]{32}$") & ~shared).then(pl.min_horizontal(bare, swapped))


def email(text: pl.Expr) -> pl.Expr:
    """An address: trimmed, lower case; a plus-suffix stays."""
    return _blank_to_null(text.str.strip_chars().str.to_lowercase())


def username(text: pl.Expr) -> pl.Expr:
    """A sign-in name: trimmed, lower case, because directories compare it so."""
    return email(text)


def _folded(text: pl.Expr) -> pl.Expr:
    return _compatible(text).str.strip_chars().str.replace_all(r"\s+", " ").str.to_lowercase()


def aliased(text: pl.Expr, aliases: dict[str, str]) -> pl.Expr:
    """Case-folded text with its inner space collapsed, and its alias's meaning where it has one; as a category."""
    meaning = _meaning(aliases)

    def normal(text: pl.Expr) -> pl.Expr:
        return _blank_to_null(_folded(text).replace(meaning) if meaning else _folded(text))

    return each_once(text, normal, pl.Categorical)


def folded(texts: Iterable[str]) -> dict[str, str]:
    """Texts with their case-folded form, as `aliased` compares them."""
    each = pl.Series("text", list(dict.fromkeys(texts)), pl.String).to_frame()
    return dict(each.select("text", form=_folded(pl.col("text"))).iter_rows())


def is_named(text: pl.Expr, names: Iterable[str]) -> pl.Expr:
    """True where a text is one of the names, as `aliased` compares them."""
    return aliased(text, {}).cast(pl.String).is_in(list(folded(names).values())).fill_null(False)


def _meaning(aliases: Mapping[str, str]) -> dict[str, str]:
    form = folded([*aliases, *aliases.values()])
    return {form[alias]: form[name] for alias, name in aliases.items()}


def place(text: pl.Expr, aliases: dict[str, str]) -> pl.Expr:
    """A location, its sub-places after `/`, without space around them; an alias may stand for any leading part."""
    meaning = _meaning(aliases)

    def normal(text: pl.Expr) -> pl.Expr:
        tidy = _folded(text).str.replace_all(r"\s*/\s*", "/").str.strip_chars("/")
        if not meaning:
            return _blank_to_null(tidy)
        whole = tidy.replace(meaning)
        head = tidy.str.extract(r"^([^/]*)").replace(meaning) + tidy.str.extract(r"^[^/]*(/.*)$").fill_null("")
        return _blank_to_null(pl.when(whole != tidy).then(whole).otherwise(head))

    return each_once(text, normal)


def same_place(one: pl.Expr, other: pl.Expr) -> pl.Expr:
    """True where two places in normal form are one, or one lies in the other (`berlin/3f` is at `berlin`)."""
    return pl.any_horizontal(one == other, one.str.starts_with(other + "/"), other.str.starts_with(one + "/"))


def manufacturer(text: pl.Expr, aliases: dict[str, str]) -> pl.Expr:
    """A maker: case-folded, without its legal form (Inc, GmbH, Ltd …)."""
    meaning = _meaning(aliases)

    def normal(text: pl.Expr) -> pl.Expr:
        bare = _folded(text).str.replace(_LEGAL_FORM, "").str.replace(_LEGAL_FORM, "").str.strip_chars(" ,.")
        return _blank_to_null(bare.replace(meaning) if meaning else bare)

    return each_once(text, normal)
