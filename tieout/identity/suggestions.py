"""Whom a record that names nobody known may mean, by name alone: told to whoever looks into it, never concluded from.

Names are compared in a form in which accents, order and punctuation do not count, each form once, and only those that
share the beginning of a part: a million names are not held against each other.
"""

import polars as pl
from rapidfuzz.distance import JaroWinkler
from rapidfuzz.process import cpdist

from tieout.facts.ground import Ground
from tieout.usage import PSEUDONYM

SUGGESTIONS = {
    "feed": pl.String(), "source": pl.String(), "record": pl.String(), "person_id": pl.String(),
    "similarity": pl.Float64(),
}  # fmt: skip
MOST = 3
"""So many people are suggested for a record at most."""
_BEGINNING = 3  # letters of a part that two names have to share
_AT_ONCE = 10_000  # forms whose pairs are held in memory together


def suggest(ground: Ground, nameless: pl.DataFrame) -> pl.DataFrame:
    """For every record that names nobody: the people whose names are most like the one it bears, the likest first.

    Records of accounts, seats, endpoints and custodians; `similarity` is from 0 to 1 (Jaro-Winkler), at least the
    policy's `suggest_from`.
    """
    unknown = nameless.with_columns(form(pl.col("text")).alias("form")).drop_nulls("form")
    people = ground.people.known.filter(pl.col("full_name").is_not_null())
    known = people.select("person_id", form(pl.col("full_name")).alias("form")).drop_nulls()
    alike = likest(unknown["form"].unique(), known, ground.world.settings.policy.suggest_from)
    return (
        unknown.join(alike, on="form")
        .select(list(SUGGESTIONS))
        .sort("feed", "record", "source", "similarity", "person_id", descending=[False, False, False, True, False])
    )


def form(text: pl.Expr) -> pl.Expr:
    """A name, sign-in name or address as it is compared: its parts without accents, in lower case, sorted."""
    local = text.str.extract(r"^([^@]*)")
    plain = local.str.normalize("NFKD").str.replace_all(r"[\p{M}'’]", "").str.to_lowercase()
    plain = plain.str.replace_all("([aou])e", "$1")  # ä is written ae where there is no ä
    parts = plain.str.extract_all(r"\p{L}{2,}").list.sort()
    return pl.when(parts.list.len() > 1).then(parts.list.join(" "))


def likest(forms: pl.Series, known: pl.DataFrame, least: float) -> pl.DataFrame:
    """For each form the people whose form is most like it: form, person_id, similarity. `known`: person_id, form."""
    blocks = _blocks(known.select("form").unique()).rename({"form": "other"})
    pairs = [pl.DataFrame(schema={"form": pl.String, "other": pl.String, "similarity": pl.Float64})]
    for some in forms.sort().to_frame("form").iter_slices(_AT_ONCE):
        compared = _blocks(some).join(blocks, on="block").select("form", "other").unique()
        scores = cpdist(compared["form"].to_list(), compared["other"].to_list(), scorer=JaroWinkler.similarity)
        scored = compared.with_columns(pl.Series("similarity", scores, pl.Float64).round(3))
        pairs.append(scored.filter(pl.col("similarity") >= least))
    return (
        pl.concat(pairs)
        .join(known.rename({"form": "other"}), on="other")
        .sort("form", "similarity", "person_id", descending=[False, True, False])
        .group_by("form", maintain_order=True)
        .head(MOST)
        .select("form", "person_id", "similarity")
    )


def _blocks(forms: pl.DataFrame) -> pl.DataFrame:
    """Each form under the beginning of each of its parts: form, block."""
    beginnings = pl.col("form").str.split(" ").list.eval(pl.element().str.head(_BEGINNING)).list.unique()
    return forms.select("form", beginnings.alias("block")).explode("block", empty_as_null=False)


def nameless(ground: Ground, feed: str) -> pl.DataFrame:
    """The records of a feed that name nobody known, with the text most like a name: feed, source, record, text.

    Of accounts, assets, endpoints and seats.
    """
    match feed:
        case "accounts":
            rows = ground.accounts.lazy().filter(pl.col("kind") == "human")
            return _named(feed, rows, ("owner_id", "conflict"), ["account_id"], "display_name", "username")
        case "endpoints":
            whose = ("user_id", "user_conflict")
            return _named(feed, ground.endpoints.lazy(), whose, ["endpoint_id"], "user_name", "user_email")
        case "assets":
            at_place = ground.place("custodian").is_in(ground.places.implode())
            rows = ground.assets.lazy().filter(~at_place.fill_null(False)).join(ground.custodians.lazy(), on="_id")
            return _named(feed, rows, ("person_id", "conflict"), ["asset_tag"], "custodian")
        case _:
            pseudonym = pl.col("email").str.contains(PSEUDONYM)
            rows = ground.holders.filter(~pseudonym.fill_null(False))
            return _named(feed, rows, ("person_id", "conflict"), ["product", "seat_id"], "display_name", "email")


def _named(feed: str, rows: pl.LazyFrame, whose: tuple[str, str], key: list[str], *texts: str) -> pl.DataFrame:
    person, conflict = whose
    record = pl.concat_str(key, separator="/")
    unknown = rows.filter(pl.col(person).is_null() & ~pl.col(conflict))
    return unknown.select(feed=pl.lit(feed), source="_source", record=record, text=pl.coalesce(texts)).collect()
