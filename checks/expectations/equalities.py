"""How the published tables add up, by themselves and to each other: each as the SQL that finds where they do not.

Written apart from the code that makes the tables, so that one checks the other. The tables are those of one month;
`exceptions_before` is the list of the month before, and `{batch}` the table an equality belongs to.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from checks.expectations import CRITICAL, WARNING

COUNTED = "('open', 'acknowledged', 'in_progress', 'disputed')"
STANDING = "('identified', 'approved')"


@dataclass(frozen=True)
class Equality:
    """What holds, in a sentence that follows the name of the table; a query that finds what breaks it; how grave."""

    says: str
    broken: str
    severity: str = CRITICAL


EQUALITIES: Mapping[str, tuple[Equality, ...]] = {
    "sources": (
        Equality(
            "adds up: landed = used + duplicate + quarantined",
            "SELECT feed, source, landed FROM {batch} WHERE landed <> used + duplicate + quarantined",
        ),
    ),
    "rule_runs": (
        Equality(
            "adds up: population = fired + superseded + exempt + clean + unknown + not evaluated",
            "SELECT rule, population FROM {batch} "
            "WHERE population <> fired + superseded + exempt + clean + unknown + not_evaluated",
        ),
    ),
    "exceptions": (
        Equality(
            "adds up: open before + came − went = open now",
            f"""SELECT open_before, came, went, open_now FROM (
              SELECT (SELECT count(*) FROM exceptions_before WHERE status IN {COUNTED}) AS open_before,
                (SELECT count(*) FROM exception_history WHERE to_status IN {COUNTED}
                  AND (from_status IS NULL OR from_status NOT IN {COUNTED})) AS came,
                (SELECT count(*) FROM exception_history WHERE from_status IN {COUNTED}
                  AND to_status NOT IN {COUNTED}) AS went,
                count(*) FILTER (status IN {COUNTED}) AS open_now FROM {{batch}}
            ) WHERE open_before + came - went <> open_now""",
        ),
        Equality(
            "tells whom each belongs to, and by when, as long as it is open",
            f"SELECT exception_id FROM {{batch}} WHERE status IN {COUNTED} AND (owner IS NULL OR due_on IS NULL)",
            WARNING,
        ),
    ),
    "exception_history": (
        Equality(
            "tells of nothing that is not in exceptions",
            "SELECT exception_id FROM {batch} ANTI JOIN exceptions USING (exception_id)",
        ),
    ),
    "evidence": (
        Equality(
            "tells of nothing that is not in exceptions",
            "SELECT DISTINCT exception_id FROM {batch} ANTI JOIN exceptions USING (exception_id)",
        ),
    ),
    "entitlement_positions": (
        Equality(
            "adds up: quantity = kept + reclaimable + unassigned, where a console shows a line in force",
            "SELECT contract_id, line_no, quantity FROM {batch} "
            "WHERE in_force AND observed AND quantity <> kept + reclaimable + unassigned",
        ),
    ),
    "reclaim_candidates": (
        Equality(
            "has as many seats on a line as entitlement_positions tells, where a console shows it",
            """SELECT contract_id, line_no, reclaimable, seats FROM entitlement_positions LEFT JOIN (
              SELECT contract_id, line_no, count(*) AS seats FROM {batch} GROUP BY ALL
            ) USING (contract_id, line_no) WHERE in_force AND observed AND reclaimable <> coalesce(seats, 0)""",
        ),
        Equality(
            "has on a line what waterfall comes to, to the cent",
            """SELECT contract_id, line_no, listed, drawn FROM (
              SELECT contract_id, line_no, sum(annual_value) AS listed FROM {batch}
              SEMI JOIN (SELECT * FROM entitlement_positions WHERE in_force AND observed) USING (contract_id, line_no)
              GROUP BY ALL HAVING count(*) = count(annual_value)
            ) JOIN (
              SELECT contract_id, line_no, sum(annual_value) AS drawn FROM waterfall
              WHERE bucket IS NOT NULL AND part <> 'unassigned' GROUP BY ALL
            ) USING (contract_id, line_no) WHERE listed <> drawn""",
        ),
    ),
    "waterfall": (
        Equality(
            "has every unit of a line in force once",
            """SELECT contract_id, line_no, quantity, units FROM entitlement_positions LEFT JOIN (
              SELECT contract_id, line_no, sum(units) AS units FROM {batch} GROUP BY ALL
            ) USING (contract_id, line_no) WHERE in_force AND observed AND quantity IS DISTINCT FROM units""",
        ),
    ),
    "money_rollforward": (
        Equality(
            "adds up: opening + changes = closing, in units and in value",
            """SELECT units, value FROM (
              SELECT sum(if(cause = 'closing', -units, units)) AS units,
                sum(if(cause = 'closing', -value, value)) AS value FROM {batch}
            ) WHERE units <> 0 OR value <> 0""",
        ),
        Equality(
            "adds up in every currency",
            "SELECT currency, sum(if(cause = 'closing', -amount, amount)) AS apart FROM {batch} "
            "GROUP BY ALL HAVING apart <> 0",
        ),
        Equality(
            "closes with the units that savings has open",
            f"""SELECT closing, standing FROM (
              SELECT coalesce(sum(units) FILTER (cause = 'closing'), 0) AS closing,
                (SELECT coalesce(sum(units), 0) FROM savings WHERE state IN {STANDING}) AS standing FROM {{batch}}
            ) WHERE closing <> standing""",
        ),
    ),
    "metrics": (
        Equality(
            "has in each share what it counts ÷ of how many",
            "SELECT name, scope, value FROM {batch} WHERE unit = 'share' AND denominator > 0 "
            "AND abs(value - numerator / denominator) > 0.000001",
            WARNING,
        ),
    ),
    "trust": (
        Equality(
            "has no more right than checked, and every share from 0 to 1",
            "SELECT asset_class FROM {batch} WHERE \"right\" > checked OR NOT accuracy BETWEEN 0 AND 1 "
            "OR NOT coverage BETWEEN 0 AND 1",
            WARNING,
        ),
    ),
}  # fmt: skip
