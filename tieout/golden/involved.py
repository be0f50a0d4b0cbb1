"""Whom and which product each finding is about, beside its subject."""

from collections.abc import Iterable, Mapping

import polars as pl

from tieout.rule import SEPARATOR, Grain, Rule

INVOLVED: Mapping[str, pl.DataType] = {"exception_id": pl.String(), "person_id": pl.String(), "product": pl.String()}
_PERSON = {
    "asset": "custodian_id",
    "seat": "holder_id",
    "account": "owner_id",
    "person": "person_id",
    "loan": "borrower",
}
_PRODUCT = ("seat", "product", "line", "overlap", "invoice_line")


def build(grains: Mapping[str, Grain], rules: Iterable[Rule], findings: pl.DataFrame) -> pl.DataFrame:
    """One row a finding on some grains that names a person or a product: exception_id, person_id, product."""
    told = [pl.DataFrame(schema=dict(INVOLVED))]
    for rule in rules:
        person, product = _PERSON.get(rule.grain), "product" if rule.grain in _PRODUCT else None
        if not (person or product) or rule.grain not in grains:
            continue
        found = findings.filter(pl.col("rule") == rule.slug).select("exception_id", "subject_key")
        if found.is_empty():
            continue
        grain = grains[rule.grain]
        keys = [pl.col(grain.keys.get(column, column)).cast(pl.String) for column in rule.subject_columns]
        rows = (
            grain.frame.lazy()
            .select(
                pl.concat_str(keys, separator=SEPARATOR).alias("subject_key"),
                pl.col(person).alias("person_id") if person else pl.lit(None, pl.String).alias("person_id"),
                pl.col(product).cast(pl.String).alias("product") if product else pl.lit(None, pl.String).alias("product"),
            )
            .join(found.lazy(), on="subject_key", how="semi")
            .collect()
            .unique("subject_key", keep="first", maintain_order=True)
        )
        told.append(found.join(rows, on="subject_key").select(list(INVOLVED)))
    return pl.concat(told).filter(pl.col("person_id").is_not_null() | pl.col("product").is_not_null())
