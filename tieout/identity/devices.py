"""Which asset a record means, by the keys it carries, with the reason for every match kept.

Keys are tried as: (manufacturer, serial), serial alone when unique on both sides, uuid, asset_tag; never the host
name. Keys that disagree are a conflict and nothing is merged. An empty manufacturer matches any. Placeholders match
nothing, and neither does an identifier that one snapshot shows on three or more different devices.
"""

from functools import cached_property

import polars as pl

from tieout import normalize
from tieout.world import World, filled

ON_BOOKS = ("in_stock", "in_use", "in_repair")
LEARNED_FROM = 3  # different stronger identities that make an identifier a placeholder (feeds.md, normal forms)

KEYS = {"serial": "serial_key", "uuid": "uuid_key", "asset_tag": "tag_key"}
"""What an endpoint may be named by, and the column that has it in normal form."""
MEMORY_LINKS = {"kind": pl.String(), "key": pl.String(), "tag_key": pl.String()}


class Devices:
    """The register's assets, and what resolves records of other feeds to them."""

    def __init__(self, world: World) -> None:
        self.world = world

    def normal(self, table: pl.DataFrame, *, uuid: bool = False) -> pl.DataFrame:
        """The table with tag_key, serial_key and serial_quality (and uuid_key), null where they name nothing."""
        settings = self.world.settings
        also = tuple(s.replace(" ", "").upper() for s in normalize.folded(settings.placeholders.serials).values())
        columns = set(table.columns)
        text = {name: pl.col(name) if name in columns else pl.lit(None, pl.String) for name in
                ("asset_tag", "serial", "manufacturer", "uuid")}  # fmt: skip
        keyed = (
            table.lazy()
            .with_columns(
                normalize.code(text["asset_tag"]).alias("tag_key"),
                normalize.serial(text["serial"]).alias("serial_text"),
                normalize.manufacturer(text["manufacturer"], settings.manufacturer_aliases).alias("maker_key"),
            )
            .with_columns(normalize.serial_quality(pl.col("serial_text"), also).alias("serial_quality"))
        )
        keyed = keyed.with_columns(pl.when(pl.col("serial_quality") == "ok").then("serial_text").alias("serial_key"))
        if uuid:
            known = tuple(settings.placeholders.uuids)
            keyed = keyed.with_columns(normalize.uuid(text["uuid"], known).alias("uuid_key"))
        return keyed.collect()

    @cached_property
    def register(self) -> pl.DataFrame:
        """Every register row with its keys in normal form; where rows of one tag differ, no quality is told."""
        differing = pl.col("serial").is_null() & filled("serial")
        return self.normal(self.world.rows("assets")).with_columns(
            pl.when(~differing).then("serial_quality").alias("serial_quality")
        )

    @cached_property
    def _keys(self) -> pl.DataFrame:
        """What a record may name an asset by: asset_key, serial_key, register_maker, status.

        Where rows of one tag differ each of their serials means that tag: nobody can tell which of them is wrong.
        """
        own = self.register.select("tag_key", "serial_key", "maker_key", "status")
        disputed = self.register.filter(pl.col("serial_quality").is_null()).select("tag_key", "status")
        delivered = self.world.delivered("assets").filter(
            normalize.code(pl.col("asset_tag")).is_in(disputed["tag_key"].implode())
        )
        further = self.normal(delivered).drop("status").join(disputed, on="tag_key").select(own.columns).unique()
        return pl.concat([own, further]).rename({"tag_key": "asset_key", "maker_key": "register_maker"})

    @cached_property
    def learned(self) -> pl.DataFrame:
        """Identifiers that one snapshot shows on three or more different devices: source, kind, key.

        A record without a maker or a model differs from no other in it.
        """
        described = ("maker_key", "model", "described")
        stronger = {
            "serial": ("uuid_key", *described),
            "uuid": ("serial_key", *described),
            "asset_tag": ("serial_key", "uuid_key", *described),
        }
        shown = self._shown.with_columns(described=pl.concat_str("maker_key", "model", separator="|"))
        found = [
            shown.filter(pl.col(KEYS[kind]).is_not_null() & (pl.len().over("_source", KEYS[kind]) >= LEARNED_FROM))
            .group_by(source="_source", key=KEYS[kind])
            .agg(pl.max_horizontal(pl.col(name).drop_nulls().n_unique() for name in names).alias("devices"))
            .select(pl.col("source").cast(pl.String), pl.lit(kind).alias("kind"), "key", "devices")
            for kind, names in stronger.items()
        ]
        return pl.concat(found).filter(pl.col("devices") >= LEARNED_FROM).drop("devices")

    @cached_property
    def _shown(self) -> pl.DataFrame:
        """Every endpoint with its keys in normal form."""
        return self.normal(self.world.rows("endpoints"), uuid=True)

    @cached_property
    def _telling(self) -> pl.DataFrame:
        """Every endpoint with the keys that name something: what one snapshot shows to be shared names nothing."""
        shared = {kind: self.learned.filter(pl.col("kind") == kind)["key"].unique().implode() for kind in KEYS}
        return self._shown.with_columns(
            pl.when(~pl.col(key).is_in(shared[kind])).then(key).alias(key) for kind, key in KEYS.items()
        )

    @cached_property
    def _named(self) -> pl.DataFrame:
        """Every asset that a key of an endpoint names: _id, kind, key, asset_key."""
        first = self._candidates(self._telling)
        settled = _agree(first).filter(pl.col("asset_key").is_not_null())
        uuids = self._telling.select("_id", "uuid_key").drop_nulls()
        by_uuid = (
            uuids.join(settled.select("_id", "asset_key"), on="_id")
            .select("uuid_key", "asset_key").unique()
            .join(uuids, on="uuid_key")
            .select("_id", pl.lit("uuid").alias("kind"), pl.col("uuid_key").alias("key"), "asset_key")
        )  # fmt: skip
        return pl.concat([first, by_uuid])

    @cached_property
    def endpoints(self) -> pl.DataFrame:
        """Every endpoint with its keys, learned placeholders taken out, and the asset each resolves to.

        Adds tag_key of the asset (`asset_key`), `how`, `conflict` (keys disagree), `uncertain` (named several).
        """
        own = self._telling.rename({"tag_key": "own_tag_key"})
        linked = own.join(_agree(self._named), on="_id", how="left", maintain_order="left")
        return self._by_memory(linked).with_columns(pl.col("conflict", "uncertain").fill_null(False))

    def _by_memory(self, endpoints: pl.DataFrame) -> pl.DataFrame:
        """Where none of a record's own keys resolves, the asset its endpoint_id or uuid meant last period."""
        links = self.world.remembered("memory_links", MEMORY_LINKS).join(
            self.register.select("tag_key"), on="tag_key", how="semi"
        )
        silent = endpoints.filter(pl.col("how").is_null() & ~pl.col("conflict").fill_null(False))
        own_id = pl.col("_source") + "/" + pl.col("endpoint_id")
        keys = [("endpoint_id", own_id), ("uuid", pl.col("uuid_key"))]
        recalled = pl.concat(
            silent.select("_id", pl.lit(kind).alias("kind"), key.alias("key")).join(links, on=["kind", "key"])
            for kind, key in keys
        ).select("_id", "kind", "key", pl.col("tag_key").alias("asset_key"))
        found = (
            _agree(recalled)
            .filter(pl.col("asset_key").is_not_null())
            .select(
                "_id",
                pl.col("asset_key").alias("recalled"),
                (pl.lit("earlier link, ") + pl.col("how")).alias("recalled_how"),
            )
        )
        return (
            endpoints.join(found, on="_id", how="left", maintain_order="left")
            .with_columns(
                pl.coalesce("asset_key", "recalled").alias("asset_key"), pl.coalesce("how", "recalled_how").alias("how")
            )
            .drop("recalled", "recalled_how")
        )

    @cached_property
    def uncertain(self) -> pl.DataFrame:
        """Assets that an endpoint may or may not mean, because its keys disagree or name several: tag_key."""
        doubtful = self.endpoints.filter(pl.col("conflict") | pl.col("uncertain")).select("_id")
        meant = self._named.join(doubtful, on="_id", how="semi")
        return meant.select(pl.col("asset_key").alias("tag_key")).unique().sort("tag_key")

    def resolve(self, table: pl.DataFrame) -> pl.DataFrame:
        """For each row (`_id`, with asset_tag and/or serial): asset_key (null = none), how, conflict, uncertain."""
        if table.is_empty():
            nothing, no = pl.lit(None, pl.String), pl.lit(False)
            return table.select("_id", asset_key=nothing, how=nothing, conflict=no, uncertain=no)
        matches = _agree(self._candidates(self.normal(table)))
        return (
            table.select("_id")
            .join(matches, on="_id", how="left", maintain_order="left")
            .with_columns(pl.col("conflict", "uncertain").fill_null(False))
        )

    def named(self, table: pl.DataFrame) -> pl.DataFrame:
        """Every asset that a key of a row names, whether or not its keys agree: _id, asset_key."""
        return self._candidates(self.normal(table)).select("_id", "asset_key").unique()

    def _candidates(self, table: pl.DataFrame) -> pl.DataFrame:
        """Every asset that a key of a record names: _id, kind, key, asset_key."""
        register = self._keys
        by_tag = (
            table.select("_id", key="tag_key")
            .join(self.register.select("tag_key"), left_on="key", right_on="tag_key")
            .select("_id", pl.lit("asset_tag").alias("kind"), "key", pl.col("key").alias("asset_key"))
        )
        pairs = table.select("_id", "serial_key", "maker_key").join(register, on="serial_key")
        return pl.concat([by_tag, _by_serial(pairs)])

    def scanned(self, codes: pl.DataFrame) -> pl.DataFrame:
        """What each scanned code means: code_key → asset_key, how, named (assets it names when it is not exactly one).

        The tag wins, then the serial; a variant counts only where the code itself names nothing and the variant
        exactly one asset.
        """
        code = codes.select(pl.col("code_key").unique()).with_columns(
            normalize.serial(pl.col("code_key")).alias("serial_key")
        )
        tags = self.register.select(asset_key="tag_key")
        register = self._keys.select("asset_key", "serial_key", "status").unique(maintain_order=True)
        by_tag = code.join(tags, left_on="code_key", right_on="asset_key").select(
            "code_key", pl.col("code_key").alias("asset_key"), pl.lit("asset_tag").alias("how")
        )
        rest = code.join(by_tag, on="code_key", how="anti")
        by_serial = _prefer_on_books(rest.join(register, on="serial_key"), "code_key").select(
            "code_key", "asset_key", pl.lit("serial").alias("how")
        )
        rest = rest.join(by_serial, on="code_key", how="anti")
        bare = rest.with_columns(pl.col("code_key").str.replace(r"^[13]?S", "").alias("bare")).filter(
            (pl.col("bare") != pl.col("code_key")) & (pl.col("bare") != "")
        )
        unpadded = pl.col("asset_key").str.strip_chars_start("0")
        variants = [
            bare.join(register, left_on="bare", right_on="serial_key").select(
                "code_key", "asset_key", pl.format("serial without its prefix: {}", "bare").alias("how")
            ),
            bare.join(tags.with_columns(bare=pl.col("asset_key")), on="bare").select(
                "code_key", "asset_key", pl.format("asset_tag without a prefix: {}", "bare").alias("how")
            ),
            rest.with_columns(pl.col("code_key").str.strip_chars_start("0").alias("bare"))
            .filter(pl.col("bare") != "")
            .join(tags.with_columns(unpadded.alias("bare")), on="bare")
            .select(
                "code_key", "asset_key", pl.format("asset_tag but for leading zeros: {}", "asset_key").alias("how")
            ),
        ]
        by_variant = pl.concat(variants).unique(["code_key", "asset_key"], keep="first", maintain_order=True)
        only = by_variant.filter(pl.len().over("code_key") == 1)
        found = pl.concat([by_tag, by_serial, only])
        one = found.filter(pl.len().over("code_key") == 1)
        several = (
            found.filter(pl.len().over("code_key") > 1)
            .group_by("code_key")
            .agg(pl.col("asset_key").sort().alias("named"))
        )
        return (
            code.select("code_key")
            .join(one, on="code_key", how="left")
            .join(several, on="code_key", how="left")
            .sort("code_key")
        )

    def memory(self) -> dict[str, pl.DataFrame]:
        """The links that a later period may fall back on, those of endpoints not seen now included."""
        linked = self.endpoints.filter(pl.col("asset_key").is_not_null())
        own_id = pl.col("_source") + "/" + pl.col("endpoint_id")
        now = (
            pl.concat(
                linked.select(pl.lit(kind).alias("kind"), key.alias("key"), pl.col("asset_key").alias("tag_key"))
                for kind, key in (("endpoint_id", own_id), ("uuid", pl.col("uuid_key")))
            )
            .drop_nulls()
            .unique()
        )
        now = now.filter(pl.len().over("kind", "key") == 1)
        earlier = self.world.remembered("memory_links", MEMORY_LINKS).join(now, on=["kind", "key"], how="anti")
        return {"memory_links": pl.concat([now, earlier]).sort("kind", "key")}


def _prefer_on_books(pairs: pl.DataFrame, record: str) -> pl.DataFrame:
    """Of several assets one key names, the only one on the books where there is exactly one."""
    on_books = pl.col("status").is_in(ON_BOOKS).fill_null(False)
    return pairs.filter((on_books.sum().over(record) != 1) | on_books)


def _by_serial(pairs: pl.DataFrame) -> pl.DataFrame:
    """Assets of one serial whose maker fits; of another maker only when the serial is unique on both sides."""
    same_maker = (pl.col("maker_key") == pl.col("register_maker")).fill_null(False)
    either_empty = pl.col("maker_key").is_null() | pl.col("register_maker").is_null()
    graded = pairs.with_columns(
        pl.when(same_maker).then(2).when(either_empty).then(1).otherwise(0).alias("fit"),
        pl.col("asset_key").n_unique().over("serial_key").alias("registered"),
        pl.col("maker_key").drop_nulls().n_unique().over("serial_key").alias("makers"),
    )
    unique = (pl.col("registered") == 1) & (pl.col("makers") <= 1)
    best = graded.filter((pl.col("fit") == pl.col("fit").max().over("_id")) & ((pl.col("fit") > 0) | unique))
    return _prefer_on_books(best, "_id").select(
        "_id", pl.lit("serial").alias("kind"), pl.col("serial_key").alias("key"), "asset_key"
    )


def _agree(candidates: pl.DataFrame) -> pl.DataFrame:
    """One row a record that any key speaks for: the asset all its keys name, or that they disagree or name several.

    Candidates come one kind of key after the other, in the order in which `how` names them.
    """
    told = candidates.with_columns(how=pl.format("{} {}", "kind", "key"))
    no = pl.lit(False)
    alone = (
        told.group_by("_id")
        .agg(pl.col("asset_key").first(), pl.col("how"), pl.col("asset_key").n_unique().alias("named"))
        .filter(pl.col("named") == 1)
        .select("_id", "asset_key", pl.col("how").list.join(", "), conflict=no, uncertain=no)
    )
    several = told.join(alone, on="_id", how="anti")
    by_asset = several.group_by("_id", "asset_key").agg(
        pl.col("kind").n_unique().alias("agreeing"), pl.col("how").str.join(", ")
    )
    speaking = several.group_by("_id").agg(pl.col("kind").n_unique().alias("speaking"))
    agreed = by_asset.join(speaking, on="_id").filter(pl.col("agreeing") == pl.col("speaking"))
    one = agreed.filter(pl.len().over("_id") == 1).select("_id", "asset_key", "how")
    chosen = (
        speaking.select("_id")
        .join(one, on="_id", how="left")
        .join(agreed.select("_id").unique().with_columns(pl.lit(True).alias("some")), on="_id", how="left")
        .select(
            "_id", "asset_key", "how",
            pl.col("some").is_null().alias("conflict"),
            (pl.col("some").is_not_null() & pl.col("asset_key").is_null()).alias("uncertain"),
        )
    )  # fmt: skip
    return pl.concat([alone, chosen]).sort("_id")
