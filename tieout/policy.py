"""How each asset class is treated: who may hold it, what is expected to see it, what a workspace says otherwise."""

from datetime import date
from typing import Any

import polars as pl

from tieout.feeds import ASSET_CLASSES
from tieout.normalize import is_named
from tieout.settings import Settings

MANAGED = ("laptop", "desktop", "phone", "tablet")
PERSONAL = MANAGED
UNTRACKED = ("consumable", "cable", "accessory")
HELD_BY_PLACE = ("server", "network", "storage", "printer")

ALLOWED = {"laptop": 1, "desktop": 1, "phone": 1}
"""How many devices in use of a class one person may have, where a workspace does not say otherwise."""


def idle_exemptions(settings: Settings, findings: pl.DataFrame, today: date) -> list[tuple[str, str]]:
    """Rule and subject of each exemption in force that leaves nothing alone: a slip, or it is not needed any more.

    What a rule could not judge may still be what was meant.
    """
    left_alone = findings.filter(pl.col("outcome").is_in(["exempt", "held"]))
    return [
        (exemption.rule, subject)
        for exemption in settings.exempt
        if exemption.until >= today
        for subject in exemption.subject
        if left_alone.filter((pl.col("rule") == exemption.rule) & is_named(pl.col("subject"), [subject])).is_empty()
    ]


def classes(settings: Settings) -> pl.DataFrame:
    """One row an asset class: managed_class (endpoint management sees it), personal_class, tracked_class, custody."""

    def treatment(asset_class: str) -> dict[str, Any]:
        table = settings.policy.classes.get(asset_class)
        stated = {k: v for k, v in table.model_dump().items() if v is not None} if table else {}
        custody = "person" if asset_class in PERSONAL else "place" if asset_class in HELD_BY_PLACE else "either"
        return {
            "asset_class": asset_class,
            "managed_class": stated.get("managed", asset_class in MANAGED),
            "personal_class": stated.get("personal", asset_class in PERSONAL),
            "tracked_class": stated.get("tracked", asset_class not in UNTRACKED),
            "custody": stated.get("custody", custody),
            "allowed": stated.get("allowed", ALLOWED.get(asset_class)),
        }

    return pl.DataFrame([treatment(asset_class) for asset_class in ASSET_CLASSES])
