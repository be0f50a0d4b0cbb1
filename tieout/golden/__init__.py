"""Golden tables: one row a thing, with what each source says of it side by side; reports and figures start from them.

They claim nothing of their own. Where a source is not alive its columns are null, and so is what rests on it.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from tieout.facts.ground import Ground
from tieout.golden import custody, devices, disposals, people, stock, tickets
from tieout.rule import Grain, Rule

__all__ = ["tables"]


def tables(
    ground: Ground,
    grains: Mapping[str, Grain],
    rules: Sequence[Rule],
    findings: pl.DataFrame,
    seats_held: pl.DataFrame,
) -> dict[str, pl.DataFrame]:
    """Every golden table of people and things, and what the next period must remember of them."""
    returns = people.returns(ground, grains["asset"], rules)
    persons = people.build(ground, grains, returns, seats_held)
    return {
        "devices": devices.build(ground, grains, rules, findings),
        "people": persons,
        "device_returns": returns,
        "stock_positions": stock.build(ground, grains, rules),
        "disposals": disposals.build(grains["disposal_item"], ground),
        "custody_changes": custody.changes(ground, grains),
        "requests": tickets.build(ground),
        **people.memory(persons),
    }
