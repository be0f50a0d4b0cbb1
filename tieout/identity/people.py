"""Which person a record means, by the keys it carries, with the reason for every match kept.

Keys are tried as: account_id (with the person it was bound to earlier), person_id, e-mail with aliases and former
addresses, username. A key that names several people names the one employed at as_of, else the one employed on the
record's date. All keys of a record must agree on one person; when they cannot, that is a conflict and nobody is
chosen. Keys that resolve to nobody do not conflict. Names never match.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import polars as pl

from tieout import normalize
from tieout.world import World, filled

KIND_ORDER = ("account_id", "person_id", "email", "username")
_KIND = pl.Enum(KIND_ORDER)

MEMORY_PEOPLE = {
    "person_id": pl.String(), "full_name": pl.String(), "status": pl.String(), "start_date": pl.Date(),
    "end_date": pl.Date(), "department": pl.String(), "cost_center": pl.String(), "location": pl.String(),
    "manager_id": pl.String(), "employment_type": pl.String(), "left_seen_on": pl.Date(),
    "first_seen_on": pl.Date(), "seen_on": pl.Date(), "in_green": pl.Boolean(),
}  # fmt: skip
MEMORY_KEYS = {"kind": pl.String(), "key": pl.String(), "person_id": pl.String(), "by_hr": pl.Boolean()}
"""`by_hr` is false for keys that only accounts ever gave the person; whose an account is does not hang on them."""
MEMORY_ACCOUNTS = {"account_id": pl.String(), "person_id": pl.String()}


@dataclass(frozen=True)
class Keys:
    """Which columns of a table name a person, and how each is to be read.

    `any_kind` columns hold a person_id, an address or a username; `on` is the record's date for keys that several
    people bore at different times.
    """

    account_id: str | None = None
    person_id: str | None = None
    emails: Sequence[str] = ()
    username: str | None = None
    any_kind: str | None = None
    on: str | None = None

    @property
    def columns(self) -> list[str]:
        """Every column that may name somebody."""
        single = (self.account_id, self.person_id, self.username, self.any_kind)
        return list(dict.fromkeys(column for column in (*self.emails, *single) if column))


ACCOUNT_KEYS = Keys(account_id="account_id", person_id="person_id", emails=("email", "username"), username="username")
"""How an account says whose it is; its aliases count only where these name nobody."""


@dataclass(frozen=True)
class _Index:
    """What keys name whom: the keys, each person a key names in a row, and what their numbers stand for."""

    keys: pl.DataFrame
    how: pl.DataFrame
    people: pl.DataFrame


class People:
    """Everyone known, and the keys that name them."""

    def __init__(self, world: World) -> None:
        self.world = world

    @cached_property
    def known(self) -> pl.DataFrame:
        """One row a person: those HR shows now, and those it showed before and no longer does.

        Of the latter only the leavers keep their status, because many HR extracts drop people once they have left;
        for the others it is null: nothing is known. `left_on` is the last day of a leaver: end_date, else the first
        as_of at which HR showed the person as terminated. `leaver` = terminated with end_date empty or before as_of;
        null where rows of one person tell different ends.
        `_id` is the landed row, null for people HR no longer shows.
        """
        w = self.world
        now = w.rows("people")
        before = w.remembered("memory_people", MEMORY_PEOPLE)
        left = pl.when(pl.col("status") == "terminated").then("status")
        gone = before.join(now, on="person_id", how="anti").with_columns(
            pl.col("status").alias("status_before"), left.alias("status"), present=pl.lit(False)
        )
        kept = before.select("person_id", "left_seen_on", "first_seen_on", "seen_on", "in_green")
        present = now.join(kept, on="person_id", how="left").with_columns(
            pl.col("status").alias("status_before"), present=pl.lit(True)
        )
        today = pl.lit(w.today)
        terminated, told = pl.col("status") == "terminated", filled("end_date")
        return (
            pl.concat([present, gone], how="diagonal")
            .with_columns(
                pl.when(terminated).then(pl.col("left_seen_on").fill_null(today)).alias("left_seen_on"),
                pl.col("first_seen_on").fill_null(today),
                (terminated & (pl.when(told).then(pl.col("end_date") < today).otherwise(pl.lit(True)))).alias("leaver"),
                (pl.col("status").is_in(["active", "leave"]) | (terminated & (pl.col("end_date") >= today)))
                .fill_null(False)
                .alias("employed"),
            )
            .with_columns(
                pl.when("leaver").then(pl.coalesce("end_date", "left_seen_on")).alias("left_on"),
            )
            .sort("person_id")
        )

    @cached_property
    def hr_keys(self) -> pl.DataFrame:
        """Every key by which HR names a person now: kind, key, person_id.

        Two rows of one person that tell another address each tell two addresses of the person.
        """
        people = self.world.delivered("people")
        address = pl.concat_list(pl.col("email"), pl.col("other_emails").fill_null([]))
        return _stack(
            people.select(pl.lit("person_id").alias("kind"), pl.col("person_id").alias("key"), "person_id"),
            people.select(pl.lit("email").alias("kind"), address.alias("key"), "person_id").explode(
                "key", empty_as_null=False
            ),
            people.select(pl.lit("username").alias("kind"), pl.col("username").alias("key"), "person_id"),
        )

    @cached_property
    def accounts(self) -> pl.DataFrame:
        """Who each account belongs to: account_id, person_id, conflict, how. Bound by HR's keys and by memory.

        An account's aliases count only when its other keys name nobody: an alias is often somebody's former address.
        """
        accounts = self.world.rows("accounts")
        own = self._resolve(accounts, ACCOUNT_KEYS, self._hr_index)
        silent = own.filter(pl.col("person_id").is_null() & ~pl.col("conflict")).select("_id")
        aliases = (
            accounts.join(silent, on="_id")
            .select("_id", pl.col("aliases").alias("alias"))
            .explode("alias", empty_as_null=False)
        )
        by_alias = self._resolve(aliases, Keys(emails=("alias",)), self._hr_index)
        told = by_alias.filter(pl.col("person_id").is_not_null() | pl.col("conflict"))
        matches = pl.concat([own.join(told, on="_id", how="anti"), told])
        return accounts.select("_id", "account_id").join(matches, on="_id", how="left", maintain_order="left")

    @cached_property
    def keys(self) -> pl.DataFrame:
        """Every key that names a person now, those of the person's accounts included: kind, key, person_id."""
        bound = self.accounts.filter(pl.col("person_id").is_not_null()).select("_id", owner="person_id")
        accounts = self.world.rows("accounts").drop("person_id").join(bound, on="_id").rename({"owner": "person_id"})
        sign_in_address = pl.when(pl.col("username").str.contains("@", literal=True)).then("username")
        address = pl.concat_list(pl.col("email"), sign_in_address, pl.col("aliases").fill_null([]))
        return _stack(
            self.hr_keys,
            accounts.select(pl.lit("account_id").alias("kind"), pl.col("account_id").alias("key"), "person_id"),
            accounts.select(pl.lit("email").alias("kind"), address.alias("key"), "person_id").explode(
                "key", empty_as_null=False
            ),
            accounts.select(pl.lit("username").alias("kind"), pl.col("username").alias("key"), "person_id"),
        )

    @cached_property
    def _hr_index(self) -> _Index:
        bound = self.world.remembered("memory_accounts", MEMORY_ACCOUNTS)
        accounts = bound.select(pl.lit("account_id").alias("kind"), pl.col("account_id").alias("key"), "person_id")
        return self._index(_stack(self.hr_keys, accounts), self._remembered.filter(pl.col("by_hr").fill_null(True)))

    @cached_property
    def _full_index(self) -> _Index:
        return self._index(self.keys, self._remembered)

    @property
    def _remembered(self) -> pl.DataFrame:
        return self.world.remembered("memory_person_keys", MEMORY_KEYS)

    def _index(self, live: pl.DataFrame, before: pl.DataFrame) -> _Index:
        """Live keys, and the remembered ones that name nobody live, with each person's employment beside them.

        Where HR is not alive, a key also names whom it named before and who is missing now: else a leaver alone would
        stand for an address that was given to somebody else since.

        `key_no` numbers the keys in the order in which they count, `person_no` the people; `named` is how many people
        a key names, `employed_n` how many of them are employed.
        """
        remembered = before.drop("by_hr")
        former = remembered.join(live, on=["kind", "key"], how="anti")
        missing = remembered.join(self.world.rows("people"), on="person_id", how="anti")
        if self.world.alive("people"):
            missing = missing.clear()
        ended = pl.when(~(pl.col("end_date") < pl.col("start_date")).fill_null(False)).then(
            "end_date"
        )  # not hired again
        last_on = pl.coalesce("left_on", ended)
        people = self.known.select("person_id", "employed", "start_date", last_on=last_on).with_row_index("person_no")
        keys = (
            pl.concat([live, former, missing])
            .unique()
            .join(people, on="person_id")
            .with_columns(pl.col("kind").cast(_KIND))
            .sort("kind", "key", "person_no")
            .with_columns(pl.struct("kind", "key").rle_id().alias("key_no"))
            .with_columns(
                pl.len().over("key_no").alias("named"), pl.col("employed").sum().over("key_no").alias("employed_n")
            )
        )
        return _Index(
            keys=keys.drop("person_id"),
            how=keys.unique("key_no").select("key_no", how=pl.format("{} {}", "kind", "key")),
            people=people.select("person_no", "person_id"),
        )

    def resolve(self, table: pl.DataFrame, keys: Keys) -> pl.DataFrame:
        """For each row (`_id`): person_id (null = nobody or conflict), conflict, and how it was matched.

        Asked once for each combination of keys, because many records name the same person alike.
        """
        if table.is_empty():
            nothing = pl.lit(None, pl.String)
            return table.select("_id", person_id=nothing, conflict=pl.lit(False), how=nothing)
        columns = [*keys.columns, *([keys.on] if keys.on else [])]
        named = table.select(columns).unique(maintain_order=True).with_row_index("_keys")
        whose = self._resolve(named.rename({"_keys": "_id"}), keys, self._full_index).rename({"_id": "_keys"})
        return (
            table.lazy().select("_id", *columns)
            .join(named.lazy(), on=columns, how="left", nulls_equal=True)
            .join(whose.lazy(), on="_keys", how="left")
            .select("_id", "person_id", "conflict", "how")
            .sort("_id")
            .collect()
        )  # fmt: skip

    def _resolve(self, table: pl.DataFrame, keys: Keys, index: _Index) -> pl.DataFrame:
        """The same by a list of keys; on their numbers, because millions of texts take long to compare."""
        narrowed = _narrowed(_claims(table, keys), index.keys, self.world.today)
        told = narrowed.group_by("_id").agg(
            pl.col("key_no").n_unique().alias("speaking"),
            pl.col("person_no").n_unique().alias("people"),
            pl.col("person_no").first(),
            pl.col("key_no").min(),
        )
        of_one = told.filter(pl.col("people") == 1)
        of_several = (
            narrowed.join(told.filter(pl.col("people") > 1).select("_id", "speaking"), on="_id")
            .group_by("_id", "person_no")
            .agg(
                pl.col("key_no").n_unique().alias("agreeing"),
                pl.col("speaking").first(),
                pl.col("key_no").min(),
            )
            .filter(pl.col("agreeing") == pl.col("speaking"))
            .filter(pl.len().over("_id") == 1)
        )
        chosen = pl.concat(one.select("_id", "person_no", "key_no") for one in (of_one, of_several))
        return (
            table.select(pl.col("_id").unique())
            .join(told.select("_id", "speaking"), on="_id", how="left")
            .join(chosen, on="_id", how="left")
            .join(index.people, on="person_no", how="left")
            .join(index.how, on="key_no", how="left")
            .select(
                "_id",
                "person_id",
                (pl.col("speaking").is_not_null() & pl.col("person_id").is_null()).alias("conflict"),
                "how",
            )
            .sort("_id")
        )

    def memory(self) -> dict[str, pl.DataFrame]:
        """What later periods need: everyone ever seen, every key they ever had, who each account was bound to."""
        w = self.world
        alive = pl.lit(w.alive("people"))
        before = w.remembered("memory_people", MEMORY_PEOPLE)
        last_known = before.join(w.rows("people"), on="person_id", how="anti").with_columns(
            (pl.col("in_green") & ~alive).alias("in_green")
        )
        now = self.known.filter("present").with_columns(
            pl.lit(w.today).alias("seen_on"), (alive | pl.col("in_green").fill_null(False)).alias("in_green")
        )
        people = pl.concat([now.select(list(MEMORY_PEOPLE)), last_known])
        named = ["kind", "key", "person_id"]
        by_hr = pl.concat([self.hr_keys.with_columns(by_hr=True), self.keys.with_columns(by_hr=False)])
        keys = pl.concat([self._remembered, by_hr.filter(pl.col("kind") != "account_id")])
        bound = self.accounts.filter(pl.col("person_id").is_not_null()).select(list(MEMORY_ACCOUNTS))
        earlier = w.remembered("memory_accounts", MEMORY_ACCOUNTS).join(bound, on="account_id", how="anti")
        return {
            "memory_people": people.sort("person_id"),
            "memory_person_keys": keys.group_by(named).agg(pl.col("by_hr").fill_null(True).any()).sort(named),
            "memory_accounts": pl.concat([bound, earlier])
            .unique("account_id", keep="first", maintain_order=True)
            .sort("account_id"),
        }


def _stack(*parts: pl.DataFrame) -> pl.DataFrame:
    """Unite lists of keys, each key in its normal form."""
    normal = (
        pl.when(pl.col("kind").is_in(["email", "username"]))
        .then(normalize.email(pl.col("key")))
        .otherwise(pl.col("key"))
    )
    return pl.concat(parts).with_columns(normal.alias("key")).drop_nulls().unique()


def _claims(table: pl.DataFrame, keys: Keys) -> pl.LazyFrame:
    """The keys of every record, one a row: _id, kind, key, on (the record's date, null = as_of)."""
    on = (pl.col(keys.on) if keys.on else pl.lit(None, pl.Date)).alias("on")
    columns: list[tuple[str, str]] = [("email", email) for email in keys.emails]
    for kind, column in (("account_id", keys.account_id), ("person_id", keys.person_id), ("username", keys.username)):
        columns += [(kind, column)] if column else []
    if keys.any_kind:
        columns += [(kind, keys.any_kind) for kind in ("person_id", "email", "username")]
    rows = table.lazy()
    return pl.concat(
        rows.select("_id", pl.lit(kind, _KIND).alias("kind"), _normal(kind, pl.col(column)).alias("key"), on)
        for kind, column in columns
    ).filter(pl.col("key").is_not_null())


def _normal(kind: str, key: pl.Expr) -> pl.Expr:
    return normalize.email(key) if kind in ("email", "username") else key


def _narrowed(claims: pl.LazyFrame, index: pl.DataFrame, today: date) -> pl.DataFrame:
    """Whom each key of each record may mean: _id, key_no, person_no.

    Of several people that a key names the one employed now counts, else the one employed on the record's date.
    """
    on = pl.col("on").fill_null(pl.lit(today))
    begun = pl.col("start_date").is_null() | (pl.col("start_date") <= on)
    holds = (begun & (pl.col("last_on").is_null() | (pl.col("last_on") >= on))).fill_null(False)
    candidates = (
        claims.join(index.lazy(), on=["kind", "key"])
        .with_columns(holds.alias("holds"))
        .select("_id", "key_no", "person_no", "named", "employed", "employed_n", "holds")
        .unique(["_id", "key_no", "person_no"])
        .collect()
    )
    sure = (pl.col("named") == 1) | ((pl.col("employed_n") == 1) & pl.col("employed").fill_null(False))
    shared = candidates.filter((pl.col("named") > 1) & (pl.col("employed_n") != 1)).filter(
        (pl.col("holds").sum().over("_id", "key_no") != 1) | pl.col("holds")
    )
    return pl.concat([candidates.filter(sure), shared]).select("_id", "key_no", "person_no")
