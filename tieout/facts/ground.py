"""The ground the facts stand on: each feed's records with who and what they mean, resolved once for all grains."""

from datetime import date
from functools import cached_property
from typing import Literal

import polars as pl

from tieout import normalize, policy
from tieout.feeds import FEEDS, NEVER, canonical
from tieout.identity.devices import Devices
from tieout.identity.people import Keys, People
from tieout.once import once
from tieout.world import World, product_key, told_twice

HANDS = ("receive", "assign", "transfer", "return", "checkout", "checkin", "repair_out", "repair_in")
"""Movements that someone's hands made: they prove that the thing was there."""

MEMORY_COVERAGE = {"feed": pl.String(), "source": pl.String(), "kind": pl.String()}
MEMORY_ASSETS = {
    "tag_key": pl.String(), "asset_tag": pl.String(), "serial_key": pl.String(), "asset_class": pl.String(),
    "data_bearing": pl.Boolean(), "status": pl.String(),
    "status_since": pl.Date(), "status_seen_on": pl.Date(), "first_seen_on": pl.Date(), "seen_on": pl.Date(),
    "in_green": pl.Boolean(), "custodian": pl.String(), "custodian_id": pl.String(), "custodian_was": pl.String(),
    "custodian_was_id": pl.String(), "custodian_change_after": pl.Date(), "custodian_seen_on": pl.Date(),
    "last_custodian": pl.String(), "last_custodian_id": pl.String(),
}  # fmt: skip


PLACES = ("assets", "people", "counts", "receipts", "stock")
"""Feeds whose locations are known places."""
SEAT_KEYS = Keys(account_id="seat_id", emails=("email",), any_kind="seat_id")
"""How a seat says whose it is: the console's user id may be an account, a person, an address or a sign-in name."""
CUSTODIAN = Keys(any_kind="custodian")
MATCHES = ("feed", "source", "record", "means", "named", "how")
MATCHED = {
    "accounts": ("person", "owner_id", ["account_id"]),
    "assets": ("person", "person_id", ["asset_tag"]),
    "endpoints": ("asset", "asset_key", ["endpoint_id"]),
    "scans": ("asset", "asset_key", ["count_id", "scan_id"]),
    "seats": ("person", "person_id", ["product", "seat_id"]),
}
"""Feeds whose records are matched: what they mean, the column that names it, and how a record is called."""


class Ground:
    """A period's records, resolved: people, devices, places, and which kinds each source speaks for."""

    def __init__(self, world: World, people: People | None = None) -> None:
        self.world = world
        self.people = people or People(world)
        self.devices = Devices(world)

    def place(self, column: str) -> pl.Expr:
        """A location in normal form."""
        return normalize.place(pl.col(column), self.world.settings.location_aliases)

    @cached_property
    def places(self) -> pl.Series:
        """Every place the register, people, counts, receipts, stock or the workspace names, in normal form."""
        named = [self.world.rows(f).select(self.place("location")) for f in PLACES]
        stated = pl.DataFrame({"location": self.world.settings.places}, schema={"location": pl.String})
        return pl.concat([*named, stated.select(self.place("location"))]).to_series().drop_nulls().unique().sort()

    @once
    def coverage(self, feed: Literal["endpoints", "seats"]) -> pl.DataFrame:
        """Kinds each source ever showed or declares to cover: feed, source, kind (null = it may show any)."""
        rows, column = (self.seats, "product_key") if feed == "seats" else (self.endpoints, "kind")
        shown = rows.select(pl.lit(feed).alias("feed"), source="_source", kind=column).unique().cast(pl.String)
        settings, class_words = self.world.settings, self.world.settings.class_words
        stated = [
            {"feed": feed, "source": s.name, "kind": kind if feed == "seats" else class_words[canonical(kind)]}
            for s in settings.sources
            if s.feed == feed
            for kind in s.covers
        ]
        declared = pl.DataFrame(stated, schema=MEMORY_COVERAGE)
        if feed == "seats":
            declared = declared.with_columns(product_key(settings, pl.col("kind")).cast(pl.String))
        before = self.world.remembered("memory_coverage", MEMORY_COVERAGE).filter(pl.col("feed") == feed)
        return pl.concat([before, shown, declared]).unique().sort("feed", "source", "kind")

    @cached_property
    def assets_before(self) -> pl.DataFrame:
        """Every tag ever registered, as the register last had it before this period."""
        return self.world.remembered("memory_assets", MEMORY_ASSETS)

    def history_start(self, feed: str) -> date | None:
        """The first day an event feed speaks of: what its sources declare, else its first known event; null if none."""
        declared = [s.history_from for s in self.world.settings.sources if s.feed == feed and s.history_from]
        if declared:
            return min(declared)
        dated = FEEDS[feed].dated or ""
        rows = self.world.delivered(feed)
        day = pl.col(dated) if rows.schema[dated] == pl.Date else self.world.local_date(pl.col(dated))
        first: date | None = rows.select(day.min()).item()
        return first

    @cached_property
    def disposed_assets(self) -> pl.DataFrame:
        """Assets that a disposal record of any stage means, by their own keys or as the device of a drive: tag_key."""
        rows = self.world.rows("disposals")
        parents = rows.select("_id", serial="parent_serial").with_columns(asset_tag=pl.lit(None, pl.String))
        found = [self.devices.resolve(keys).select(tag_key="asset_key") for keys in (rows, parents)]
        return pl.concat(found).drop_nulls().unique().sort("tag_key")

    @cached_property
    def assets(self) -> pl.DataFrame:
        """The register with keys in normal form, the treatment of each class, and since when it has its status."""
        before = self.assets_before.drop("asset_tag", "serial_key", "asset_class", "data_bearing").rename(
            {
                "status": "status_before",
                "status_since": "status_since_before",
                "custodian": "custodian_before",
                "custodian_id": "custodian_id_before",
            }
        )
        today = pl.lit(self.world.today)
        return (
            self.devices.register.join(
                policy.classes(self.world.settings), on="asset_class", how="left", maintain_order="left"
            )
            .join(before, on="tag_key", how="left", maintain_order="left")
            .with_columns(
                self.place("location").alias("place_key"),
                pl.col("first_seen_on").fill_null(today),
                pl.when(pl.col("status") == pl.col("status_before"))
                .then("status_seen_on")
                .otherwise(today)
                .alias("status_seen_on"),
            )
        )

    @cached_property
    def endpoints(self) -> pl.DataFrame:
        """Every endpoint with its asset (`asset_key`), its class (`kind`), its user, and whether it is judged."""
        frame = self.devices.endpoints
        users = self.people.resolve(frame, Keys(emails=("user_email",), any_kind="user_name"))
        classes = self.devices.register.select(asset_key="tag_key", registered_class="asset_class")
        return (
            frame.join(
                users.select("_id", user_id="person_id", user_conflict="conflict"),
                on="_id",
                how="left",
                maintain_order="left",
            )
            .join(classes, on="asset_key", how="left", maintain_order="left")
            .with_columns(
                pl.coalesce("asset_class", "registered_class").alias("kind"),
                (pl.col("managed") & (pl.col("ownership") == "company")).alias("judged"),
                pl.when(pl.col("last_seen_at") > pl.lit(NEVER))
                .then(self.world.local_date(pl.col("last_seen_at")))
                .alias("seen_on"),
            )
        )

    @cached_property
    def scans(self) -> pl.DataFrame:
        """Every scan with the asset its code means, how, the assets it names when several, and its place."""
        frame = self.world.rows("scans").with_columns(
            normalize.code(pl.col("code")).alias("code_key"),
            self.place("location").alias("place_key"),
            self.world.local_date(pl.col("scanned_at")).alias("scanned_on"),
        )
        return frame.join(self.devices.scanned(frame), on="code_key", how="left", maintain_order="left")

    @cached_property
    def sightings(self) -> pl.DataFrame:
        """Every asset that a scan found (`tag_key`): the one that its code means, or each of several that it names."""
        meant = pl.coalesce("named", pl.concat_list("asset_key")).alias("tag_key")
        return self.scans.with_columns(meant).explode("tag_key", empty_as_null=False).drop_nulls("tag_key")

    @cached_property
    def movements(self) -> pl.DataFrame:
        """Every movement with the asset it moved (null for stock) and its local date."""
        frame = self.world.rows("movements").with_columns(
            self.world.local_date(pl.col("occurred_at")).alias("occurred_on"),
            normalize.code(pl.col("sku")).alias("sku_key"),
        )
        resolved = self.devices.resolve(frame).select("_id", "asset_key")
        for column, name in (("from_person", "from_id"), ("to_person", "to_id"), ("approved_by", "approved_by_id")):
            persons = self.people.resolve(frame, Keys(any_kind=column, on="occurred_on")).select(
                "_id", pl.col("person_id").alias(name)
            )
            resolved = resolved.join(persons, on="_id", how="left", maintain_order="left")
        return frame.join(resolved, on="_id", how="left", maintain_order="left")

    @cached_property
    def open_repairs(self) -> pl.DataFrame:
        """Repair tickets open at as_of, with the asset each is about."""
        frame = self.world.rows("tickets").filter((pl.col("kind") == "repair") & (pl.col("status") == "open"))
        return frame.join(
            self.devices.resolve(frame).select("_id", "asset_key"), on="_id", how="left", maintain_order="left"
        )

    @cached_property
    def accounts(self) -> pl.DataFrame:
        """Every account with the person it belongs to."""
        matches = self.people.accounts.select("_id", owner_id="person_id", conflict="conflict", how="how")
        return self.world.rows("accounts").join(matches, on="_id", how="left", maintain_order="left")

    @cached_property
    def seats(self) -> pl.DataFrame:
        """Every seat with its product and plan in normal form, the product as its contract spells it.

        In order of product and seat_id. `_keys` numbers the keys by which it says whose it is: most people have many
        seats under the same ones.
        """
        seats = self.world.rows("seats").with_columns(
            product_key(self.world.settings, pl.col("product")).alias("product_key"),
            normalize.aliased(pl.col("plan"), {}).alias("plan_key"),
        )
        spelt = seats.join(self.spelling, on="product_key", how="left", maintain_order="left")
        keys = SEAT_KEYS.columns
        return (
            spelt.with_columns(pl.coalesce("contract_name", "product").alias("product"))
            .join(self.seat_keys, on=keys, how="left", nulls_equal=True, maintain_order="left")
            .drop("contract_name")
        )

    @cached_property
    def seat_keys(self) -> pl.DataFrame:
        """Every combination of keys that seats say whose they are by, numbered: `_keys`."""
        named = self.world.rows("seats").select(SEAT_KEYS.columns).unique(maintain_order=True)
        return named.with_row_index("_keys")

    @cached_property
    def custodians(self) -> pl.DataFrame:
        """Whom the custodian of each asset is: _id, person_id, conflict, how."""
        return self.people.resolve(self.assets, CUSTODIAN)

    @property
    def holders(self) -> pl.LazyFrame:
        """Every seat with whose it is, in columns person_id, conflict and how; in the order of seats."""
        return self.seats.lazy().join(self.whose.lazy(), on="_keys", how="left", maintain_order="left")

    @cached_property
    def whose(self) -> pl.DataFrame:
        """Whom the keys of seats mean: _keys, person_id, conflict, how."""
        resolved = self.people.resolve(self.seat_keys.rename({"_keys": "_id"}), SEAT_KEYS)
        return resolved.rename({"_id": "_keys"})

    def matches(self, feed: str) -> pl.DataFrame:
        """The records of a feed that name a person or an asset, whom or what each means, and by which keys.

        By product and seat_id, or sorted by what the record is called.
        Of `MATCHED` feeds; one row a record: feed, source, record, means, named, how.
        """
        means, named, record = MATCHED[feed]
        match feed:
            case "assets":
                rows = self.assets.lazy().join(self.custodians.lazy(), on="_id")
            case "seats":
                rows = self.holders
            case _:
                rows = getattr(self, feed).lazy()
        if feed != "seats":
            rows = rows.sort(*record, "_source")
        matched = rows.filter(pl.col(named).is_not_null()).select(
            source="_source", record=pl.concat_str(record, separator="/"), named=named, how="how"
        )
        told = pl.lit(feed).cast(pl.Categorical).alias("feed"), pl.lit(means).cast(pl.Categorical).alias("means")
        return matched.with_columns(told).select(MATCHES).collect()

    @cached_property
    def product_names(self) -> pl.DataFrame:
        """How each product of the consoles is written, the first of its spellings: product_key, product."""
        return self.seats.group_by("product_key").agg(pl.col("product").min())

    @cached_property
    def spelling(self) -> pl.DataFrame:
        """How the earliest contract line spells each product: product_key, contract_name."""
        return (
            self.world.rows("entitlements")
            .sort("term_start", "contract_id", "line_no")
            .group_by(product_key(self.world.settings, pl.col("product")).alias("product_key"), maintain_order=True)
            .agg(pl.col("product").first().cast(pl.Categorical).alias("contract_name"))
        )

    def person(
        self, table: pl.DataFrame, keys: Keys, name: str, resolved: pl.DataFrame | None = None, by: str = "_id"
    ) -> pl.DataFrame:
        """The table with what is known of the person a record names, in columns `<name>_<attribute>`.

        `<name>_known`, `<name>_leaver` and `<name>_on_leave` are three-valued: null where keys conflict or
        differ between rows of one record, where the person has vanished from HR, where people are not alive, or where
        accounts are not, which may have the key; false where the record names nobody. `people__row` is the landed row
        of the person. `resolved` is whom the records mean, where that is known, found in it by a column of both.
        """
        resolved = self.people.resolve(table, keys) if resolved is None else resolved
        named = resolved.select(
            by, pl.col("person_id", "conflict", "how").name.prefix(f"{name}_").name.replace("person_id", "id")
        )
        attributes = ["status", "leaver", "left_on", "cost_center", "department", "present"]
        known = self.people.known.select(
            pl.col("person_id").alias(f"{name}_id"),
            pl.col("_id").alias("people__row"),
            pl.col(attributes).name.prefix(f"{name}_"),
        )
        silent = pl.all_horizontal(pl.col(column).is_null() for column in keys.columns)
        disputed = pl.any_horizontal(told_twice(column) for column in keys.columns)
        alive = pl.lit(self.world.alive("people"))
        all_keys = alive & pl.lit(self.world.alive("accounts"))
        nobody = ~disputed & (silent | (all_keys & ~pl.col(f"{name}_conflict") & pl.col(f"{name}_id").is_null()))
        somebody = pl.col(f"{name}_id").is_not_null() & (pl.col(f"{name}_present") | alive)

        def told(answer: pl.Expr) -> pl.Expr:
            return pl.when(somebody).then(answer).when(nobody).then(pl.lit(False))

        return (
            table.join(named, on=by, how="left", maintain_order="left")
            .join(known, on=f"{name}_id", how="left", maintain_order="left")
            .with_columns(
                told(pl.lit(True)).alias(f"{name}_known"),
                told(pl.col(f"{name}_leaver")).alias(f"{name}_leaver"),
                told(pl.col(f"{name}_status") == "leave").alias(f"{name}_on_leave"),
                alive.alias("people__alive"),
            )
        )

    def memory(self) -> dict[str, pl.DataFrame]:
        """What later periods need to know of who is who."""
        return {**self.people.memory(), **self.devices.memory()}
