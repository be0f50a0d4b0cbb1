"""Five rules as the pandas script that most people would write first: read the files, merge, filter."""

from datetime import date
from pathlib import Path

import pandas as pd


def ask(inbox: Path, today: date) -> dict[str, set[str]]:
    """The subjects of five rules in the Parquet files of one month's inbox."""
    stock = _read(inbox, "stock")
    stock["sku"], stock["location"] = stock["sku"].str.strip().str.upper(), stock["location"].str.strip().str.lower()
    items = stock.groupby(["sku", "location"])[["quantity", "minimum", "maximum"]].sum(min_count=1).reset_index()
    item = items["sku"] + "\x1f" + items["location"]
    assets = _read(inbox, "assets")
    tags = assets["asset_tag"].str.strip().str.upper()
    on_books = assets["status"].isin(["in_stock", "in_use", "in_repair"])
    return {
        "below-minimum": set(item[(items["quantity"] < items["minimum"]).fillna(False)]),
        "overstock": set(item[(items["quantity"] > items["maximum"]).fillna(False)]),
        "lease-overdue": set(tags[on_books & (assets["lease_end"] < today).fillna(False)]),
        "duplicate-asset-tag": set(tags[tags.duplicated() & ~assets.duplicated()]),
        "live-account-of-leaver": _leavers(_read(inbox, "people"), _read(inbox, "accounts"), today),
    }


def _leavers(people: pd.DataFrame, accounts: pd.DataFrame, today: date) -> set[str]:
    """Active accounts all of whose keys name one person, who has left."""
    ended = people["end_date"].isna() | (people["end_date"] < today)
    people = people.assign(leaver=(people["status"] == "terminated") & ended)
    keys = pd.concat(
        [
            people[["person_id", "leaver"]].assign(kind="id", key=people["person_id"]),
            people[["person_id", "leaver"]].assign(kind="mail", key=people["email"].str.strip().str.lower()),
            people[["person_id", "leaver"]].assign(kind="name", key=people["username"].str.strip().str.lower()),
            people.assign(key=people["other_emails"].str.split(";"), kind="mail").explode("key")[
                ["person_id", "leaver", "kind", "key"]
            ],
        ]
    ).dropna(subset=["key"])
    active = accounts[accounts["status"] == "active"]
    claims = pd.concat(
        [
            active[["account_id"]].assign(kind="id", key=active["person_id"]),
            active[["account_id"]].assign(kind="mail", key=active["email"].str.strip().str.lower()),
            active[["account_id"]].assign(kind="mail", key=active["username"].str.strip().str.lower()),
            active[["account_id"]].assign(kind="name", key=active["username"].str.strip().str.lower()),
        ]
    ).dropna(subset=["key"])
    named = claims.merge(keys, on=["kind", "key"]).groupby("account_id").agg(
        people=("person_id", "nunique"), leaver=("leaver", "max")
    )  # fmt: skip
    return set(named[(named["people"] == 1) & named["leaver"]].index)


def _read(inbox: Path, feed: str) -> pd.DataFrame:
    return pd.concat([pd.read_parquet(path) for path in sorted(inbox.glob(f"{feed}.*.parquet"))], ignore_index=True)
