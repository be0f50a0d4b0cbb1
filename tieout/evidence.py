"""What proves a finding: the landed records of every feed that its rule leans on, field by field."""

from collections.abc import Mapping

import polars as pl

from tieout.feeds import FEEDS, NEVER
from tieout.findings import FINDINGS
from tieout.judgement import Case
from tieout.world import World

CONCEALED = ("full_name", "display_name", "hostname")
"""Fields of records that evidence leaves out: they prove nothing and are personal."""

EVIDENCE: Mapping[str, pl.DataType] = {
    "exception_id": pl.String(), "feed": pl.String(), "source": pl.String(), "snapshot_id": pl.String(),
    "landed_row": pl.Int64(), "field": pl.String(), "value": pl.String(),
}  # fmt: skip
"""One row a field of a landed record; without a field, `value` says "no record" or "not alive"."""

_SHOWN = {name: FINDINGS[name] for name in ("subject_key", "sources", "evidence")}
"""What evidence adds to a finding."""


def prove(case: Case, judged: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The evidence of what fired: a row for each field of each landed record, and the same as one JSON text.

    The JSON has, under `judged`, the fact columns the rule asked for, and for each feed it leans on the landed
    records, "no record" or "not alive". Nothing in it depends on file names or row order.
    """
    fired = judged.filter(pl.col("outcome") == "fired").select("exception_id", "subject_key")
    if fired.is_empty():
        return pl.DataFrame(schema=EVIDENCE), pl.DataFrame(schema=_SHOWN)
    rows = case.fired.join(fired, on="subject_key")
    measures = [c for c in case.columns if not c.endswith("__row")]  # a record's place says nothing of the subject
    asked = pl.struct(told(rows.schema[c], pl.col(c)).alias(c) for c in measures).struct.json_encode()
    parts, proofs = [pl.format('"judged":{}', asked)], [pl.DataFrame(schema=EVIDENCE)]
    for feed in case.feeds:
        if not case.world.configured(feed):
            continue
        proof, records = _claim(case, feed, rows)
        rows = rows.join(records, on="exception_id", how="left", maintain_order="left")
        nothing = pl.lit('"no record"' if case.world.alive(feed) else '"not alive"')
        parts.append(pl.format(f'"{feed}":{{}}', pl.coalesce(f"_{feed}_records", nothing)))
        proofs.append(proof)
    text = pl.concat_str(pl.lit("{"), pl.concat_str(parts, separator=","), pl.lit("}"))
    proof = pl.concat(proofs)
    speakers = (
        proof.filter(pl.col("snapshot_id").is_not_null())
        .join(case.world.speakers, on=["feed", "source"])
        .group_by("exception_id")
        .agg(pl.col("speaker").unique().sort().alias("sources"))
    )
    rows = rows.join(speakers, on="exception_id", how="left", maintain_order="left")
    return proof, rows.select("subject_key", "sources", text.alias("evidence"))


def _claim(case: Case, feed: str, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What one feed's landed records say of the fired subjects, or which of its sources has none."""
    column = "_id" if feed == case.grain.feed else f"{feed}__row"
    row = pl.col(column) if column in rows.columns else pl.lit(None, pl.UInt32)
    refs = rows.select("exception_id", row.alias("_id"))
    if isinstance(refs.schema["_id"], pl.List):
        refs = refs.explode("_id", empty_as_null=True)
    refs = refs.cast({"_id": pl.UInt32})
    found, shown = landed(case.world, feed, refs)
    listed = pl.struct(shown).struct.json_encode().sort().str.join(",")
    texts = found.group_by("exception_id").agg(
        pl.concat_str(pl.lit("["), listed, pl.lit("]")).alias(f"_{feed}_records")
    )
    where = ["exception_id", "source", "snapshot_id", "landed_row"]
    fields = found.unpivot(shown, index=where, variable_name="field", value_name="value").drop_nulls("value")
    sources = case.world.verdicts.filter(pl.col("feed") == feed).select("source")
    silent = refs.filter(pl.col("_id").is_null()).join(sources, how="cross")
    nothing = silent.with_columns(value=pl.lit("no record" if case.world.alive(feed) else "not alive"))
    proof = pl.concat([fields, nothing.drop("_id")], how="diagonal_relaxed").with_columns(feed=pl.lit(feed))
    return proof.select(pl.col(name).cast(dtype) for name, dtype in EVIDENCE.items()), texts


def landed(world: World, feed: str, refs: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """The landed records that some rows name by `_id`, told as text beside the rows' other columns; and the fields."""
    shown = [name for name in FEEDS[feed].schema if name not in CONCEALED]
    rows = world.landed(feed, refs)
    records = rows.select(
        *(name for name in refs.columns if name != "_id"),
        pl.col("_source").cast(pl.String).alias("source"),
        pl.col("_snapshot").cast(pl.String).alias("snapshot_id"),
        pl.col("_row").alias("landed_row"),
        *(told(rows.schema[c], pl.col(c)).alias(c) for c in shown),
    )
    return records, shown


def told(dtype: pl.DataType, value: pl.Expr) -> pl.Expr:
    """A value as text, the same on every machine; null stays null."""
    if isinstance(dtype, pl.Datetime):
        text = value.dt.to_string("%Y-%m-%dT%H:%M:%SZ")
        return pl.when(value == pl.lit(NEVER)).then(pl.lit("never")).otherwise(text)
    if isinstance(dtype, pl.Decimal):
        return value.cast(pl.String).str.replace(r"\.?0+$", "")
    if isinstance(dtype, pl.List):
        return value.cast(pl.List(pl.String)).list.join(";")
    return value.cast(pl.String)
