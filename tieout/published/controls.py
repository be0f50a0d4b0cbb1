"""Figures that act as controls."""

from collections.abc import Mapping
from typing import get_args

from tieout.figures import Kind, Unit
from tieout.published.table import Published

TABLES: Mapping[str, Published] = {
    "metrics": Published(
        "Every figure with what it is made of. docs/reference/figures.md says what each means.",
        {
            "period": "month, YYYY-MM",
            "name": "the figure",
            "scope": "all, or the asset class, owner, product … it is taken for",
            "numerator": "what it counts; null where it is no share",
            "denominator": "of how many",
            "excluded": "how many were left out, because the answer is not known or they are not concerned",
            "value": "the figure: shares from 0 to 1; null = nothing to measure, or a source is not alive",
            "unit": "share, days, hours, count, money (reporting currency) or ratio",
            "kind": "measured, estimated or assumed",
            "threshold": "the level beyond which it is bad; null = none is set",
            "breached": "it is beyond that; null = no threshold, or no value",
        },
        key=("name", "scope"),
        always=("excluded", "unit", "kind"),
        words={"unit": get_args(Unit), "kind": get_args(Kind)},
        least=1,
    ),
    "trust": Published(
        "How far the records of an asset class, or the seats of a product, can be trusted to act on.",
        {
            "period": "month, YYYY-MM",
            "asset_class": "asset class, or product",
            "kind": "asset class or product",
            "accuracy": "right ÷ checked; null = nothing was checked",
            "checked": "records checked, and devices found on no record; of a product its seats that could be resolved",
            "right": "of these, right in every attribute checked; of a product seats that resolve",
            "records": "entries on the books; of a product paid seats",
            "coverage": "part of the records that was checked",
            "lower_bound": "lower end of the 95 % Wilson interval of the accuracy",
            "state": "TRUSTED, WATCH, DISTRUSTED or UNPROVEN",
            "why": "why, in words",
        },
        key=("kind", "asset_class"),
        always=("checked", "right", "state", "why"),
        words={"state": ("TRUSTED", "WATCH", "DISTRUSTED", "UNPROVEN")},
    ),
    "escalations": Published(
        "Figures beyond their threshold, each with who has to answer and by when, until it is over.",
        {
            "period": "month, YYYY-MM",
            "figure": "the figure; open_exceptions with the rule as scope for the count of a rule",
            "scope": "what it is taken for",
            "what": "level or change (since the period before)",
            "status": "open, unknown (the figure has no value in this period) or over",
            "value": "the figure",
            "before": "the figure of the period before",
            "limit": "the level it should not pass, or by how much it may get worse",
            "owner": "who has to answer",
            "opened_on": "as_of date of the breach",
            "due_on": "day by which it should be settled",
            "periods_open": "periods in which it was beyond the limit, in a row",
        },
        key=("figure", "scope", "what"),
        always=("status", "opened_on"),
        words={"what": ("level", "change"), "status": ("open", "unknown", "over")},
    ),
    "root_causes": Published(
        "Where the open exceptions come from, legacy left out.",
        {
            "period": "month, YYYY-MM",
            "kind": "process (lifecycle step), bin, team (department) or step (process: rule)",
            "name": "which",
            "exceptions": "open exceptions",
            "new": "of these, new in the period",
            "reopened": "of these, back after having been settled",
            "overdue": "of these, past their due date",
            "subjects": "different subjects among them",
            "valued": "of these, with a value",
            "value": "what they are worth in reporting currency, a subject once; null = unvalued, or of several kinds",
            "periods_in_a_row": "periods in a row that brought new or reopened ones",
            "recurring": "three or more",
        },
        key=("kind", "name"),
        always=("exceptions",),
        words={"kind": ("process", "bin", "team", "step")},
    ),
}
