"""One row a device: every register entry, and every device a management system shows that is on no register entry.

Each attribute of an entry is confirmed right by a source that shows it, shown wrong by an open exception, or not
checked (null). The register's own word confirms nothing, and nobody having looked is not wrong.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from tieout.facts.ground import Ground
from tieout.identity.devices import ON_BOOKS
from tieout.money import MONEY
from tieout.rule import Grain, Params, Rule

ATTRIBUTES = ("existence", "custodian", "location", "status")
WRONG = {
    "existence": ("missing-in-count", "ghost-asset"),
    "custodian": ("held-by-leaver", "held-by-stranger", "used-by-another"),
    "location": ("misplaced-asset",),
    "status": ("zombie-asset", "stocked-but-active", "disposed-on-books", "life-after-death"),
}
"""Rules whose exception shows that an attribute of a register entry is wrong."""
FOUND = "unregistered-device"

DEVICES: Mapping[str, pl.DataType] = {
    "device": pl.String(), "asset_tag": pl.String(), "serial": pl.String(), "asset_class": pl.String(),
    "model": pl.String(), "on_register": pl.Boolean(), "on_books": pl.Boolean(), "status": pl.String(),
    "status_since": pl.Date(), "ownership": pl.String(), "data_bearing": pl.Boolean(), "custodian": pl.String(),
    "custodian_id": pl.String(), "department": pl.String(), "cost_center": pl.String(), "location": pl.String(),
    "bin": pl.String(), "endpoint_seen_on": pl.Date(), "endpoint_user_id": pl.String(), "encrypted": pl.Boolean(),
    "managed": pl.Boolean(), "scanned_on": pl.Date(), "scanned_at": pl.String(), "moved_on": pl.Date(),
    "repair_open": pl.Boolean(), "ledgered": pl.Boolean(), "ordered": pl.Boolean(), "disposal_stage": pl.String(),
    "existence_on": pl.Date(), **{f"{name}_right": pl.Boolean() for name in ATTRIBUTES}, "checked": pl.Boolean(),
    "right": pl.Boolean(), "newly_lost": pl.Boolean(), "value": MONEY, "amount": MONEY, "currency": pl.String(),
}  # fmt: skip


def build(ground: Ground, grains: Mapping[str, Grain], rules: Sequence[Rule], findings: pl.DataFrame) -> pl.DataFrame:
    """Every device known this period; `right` = right in every checked attribute, null where none was checked."""
    open_now = findings.filter(pl.col("outcome").is_in(["fired", "superseded"])).select("rule", "subject_key")
    registered = _registered(ground, grains)
    attributes = _attributes(registered, ground, rules, open_now)
    listed = pl.concat([attributes, _found(grains["found_device"], open_now)], how="diagonal")
    verdicts = [pl.col(f"{name}_right") for name in ATTRIBUTES]
    checked = pl.any_horizontal(verdict.is_not_null() for verdict in verdicts)
    wrong = pl.any_horizontal(~verdict.fill_null(True) for verdict in verdicts)
    return (
        listed.with_columns(checked.alias("checked"), pl.when(checked).then(~wrong).alias("right"))
        .select(pl.col(name).cast(kind) for name, kind in DEVICES.items())
        .sort("device", "on_register")
    )


def _registered(ground: Ground, grains: Mapping[str, Grain]) -> pl.DataFrame:
    """The register with each source's claim."""
    world = ground.world
    people = ground.people.known.select("department", custodian_id="person_id")
    raw = ground.assets.select("tag_key", pl.col("bin").str.strip_chars(), was="status_before")
    stages = (
        grains["disposal_item"].frame.filter(~pl.col("is_drive")).select(tag_key="item_key", disposal_stage="stage")
    )
    lost = (pl.col("status") == "lost") & pl.coalesce(pl.col("was") != "lost", world.in_period(pl.col("status_since")))
    return (
        grains["asset"]
        .frame.join(raw, on="tag_key", how="left", maintain_order="left")
        .join(people, on="custodian_id", how="left", maintain_order="left")
        .join(stages.unique("tag_key"), on="tag_key", how="left", maintain_order="left")
        .with_columns(
            pl.col("asset_tag").str.strip_chars().alias("device"),
            pl.lit(True).alias("on_register"),
            pl.col("status").is_in(ON_BOOKS).alias("on_books"),
            lost.fill_null(False).alias("newly_lost"),
            pl.when(pl.col("endpoints__row").is_not_null())
            .then(pl.lit(True))
            .when("endpoints__alive")
            .then(pl.lit(False))
            .alias("managed"),
            (~pl.col("no_open_repair")).alias("repair_open"),
        )
        .rename(
            {
                "endpoints__seen_on": "endpoint_seen_on",
                "endpoints__user_id": "endpoint_user_id",
                "endpoints__encrypted": "encrypted",
                "scans__scanned_on": "scanned_on",
                "scans__place_key": "scanned_at",
                "movements__moved_on": "moved_on",
                "asset_value": "value",
                "asset_value_amount": "amount",
                "asset_value_currency": "currency",
            }
        )
    )


def _attributes(assets: pl.DataFrame, ground: Ground, rules: Sequence[Rule], open_now: pl.DataFrame) -> pl.DataFrame:
    """What was confirmed, and what was shown wrong."""
    window = _window(rules, ground, assets.columns)
    on_books, seen = pl.col("on_books"), (pl.col("endpoints_days") <= window).fill_null(False)
    scanned = (pl.col("scans_days") <= window).fill_null(False)
    in_place = scanned & ~pl.col("elsewhere_scanned").fill_null(True)
    held_by_place = pl.col("status").is_in(["in_stock", "in_repair"]) | pl.col("custody").is_in(["place", "either"])
    right = {
        "existence": pl.col("existence_days") <= window,
        "custodian": (pl.col("status") == "in_use") & seen & (pl.col("custodian_id") == pl.col("endpoint_user_id")),
        "location": held_by_place & in_place,
        "status": pl.when(pl.col("status") == "in_use")
        .then(seen)
        .when(pl.col("status") == "in_stock")
        .then(in_place)
        .otherwise((pl.col("status") == "in_repair") & pl.col("repair_open")),
    }

    def shown_wrong(name: str) -> pl.Expr:
        subjects = open_now.filter(pl.col("rule").is_in(WRONG[name]))["subject_key"].unique()
        return pl.col("tag_key").is_in(subjects.implode())

    no_ticket = (pl.col("status") == "in_repair") & ~pl.col("repair_open").fill_null(True)
    wrong = {name: shown_wrong(name) for name in ATTRIBUTES}
    wrong["status"] = wrong["status"] | no_ticket
    return assets.with_columns(
        pl.when(wrong[name])
        .then(pl.lit(False))
        .when(on_books & right[name].fill_null(False))
        .then(pl.lit(True))
        .alias(f"{name}_right")
        for name in ATTRIBUTES
    )


def _window(rules: Sequence[Rule], ground: Ground, columns: Sequence[str]) -> pl.Expr:
    """How many days evidence of a device holds: as long as the rule on its class may go without any."""
    limits = {rule.slug: Params(rule, ground.world.settings, columns) for rule in rules}
    unknown = pl.lit(None, pl.Int64)
    managed = limits["ghost-asset"].evidence_days if "ghost-asset" in limits else unknown
    counted = limits.get("uncounted-asset")
    if counted is None:
        return pl.when("managed_class").then(managed)
    days = pl.when("data_bearing").then(counted.uncounted_data_days).otherwise(counted.uncounted_days)
    return pl.when("managed_class").then(managed).otherwise(days)


def _found(found: Grain, open_now: pl.DataFrame) -> pl.DataFrame:
    """Devices that checked in and are on no register entry."""
    subjects = open_now.filter(pl.col("rule") == FOUND)["subject_key"]
    return found.frame.filter(pl.col("device").is_in(subjects.implode())).select(
        "device", "model", serial="device", asset_class=pl.col("asset_class").fill_null("other"),
        on_register=pl.lit(False), on_books=pl.lit(False), managed=pl.lit(True), endpoint_seen_on="seen_on",
        endpoint_user_id="user_id", existence_on="seen_on",
    )  # fmt: skip
