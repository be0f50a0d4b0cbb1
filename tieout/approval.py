"""Who may approve: anyone but the parties to the matter."""

import polars as pl

from tieout import normalize
from tieout.world import told_twice


def other_than(approver: str, approver_id: str, party: str, party_id: str, *, people_alive: bool) -> pl.Expr:
    """True where somebody approved who is not the party; false where nobody did, or the party itself.

    The columns hold the names as recorded and the persons they resolve to. Null where the names differ but people
    are not alive, so that both may still be one person; and where one of them is told twice.
    """
    one_name = (normalize.email(pl.col(approver)) == normalize.email(pl.col(party))).fill_null(False)
    both_resolved = pl.col(approver_id).is_not_null() & pl.col(party_id).is_not_null()
    return (
        pl.when(told_twice(approver) | told_twice(party)).then(None)
        .when(pl.col(approver).is_null() | one_name).then(pl.lit(False))
        .when(pl.col(party).is_null()).then(pl.lit(True))
        .when(both_resolved).then(pl.col(approver_id) != pl.col(party_id))
        .when(pl.lit(people_alive)).then(pl.lit(True))
    )  # fmt: skip
