"""A sample an auditor can draw again: by sha256 over the seed and each id, whatever the order of rows."""

import hashlib
from collections.abc import Iterable
from heapq import nsmallest

import polars as pl

from tieout.judgement import Case

SUBJECTS = {"grain": pl.String(), "subject_key": pl.String(), "subject": pl.String()}


def draw(ids: Iterable[str], size: int, seed: str) -> list[str]:
    """The `size` ids with the lowest sha256 of `seed|id`, in that order; all of them where there are fewer."""
    return nsmallest(size, sorted(set(ids)), key=lambda one: hashlib.sha256(f"{seed}|{one}".encode()).hexdigest())


class LookedAt:
    """Hears every rule's case and keeps the subjects that some rule looked at."""

    def __init__(self) -> None:
        self._subjects: dict[str, pl.DataFrame] = {}

    def __call__(self, case: Case, judged: pl.DataFrame) -> None:
        grain = case.grain.name
        seen = case.rows.filter("_looked_at").select(pl.lit(grain).alias("grain"), "subject_key", "subject")
        before = self._subjects.get(grain, pl.DataFrame(schema=SUBJECTS))
        self._subjects[grain] = (
            pl.concat([before, seen]).drop_nulls("subject_key").unique("subject_key", keep="first", maintain_order=True)
        )

    @property
    def subjects(self) -> pl.DataFrame:
        """One row a subject: grain, subject_key, subject."""
        return pl.concat([pl.DataFrame(schema=SUBJECTS), *self._subjects.values()]).sort("grain", "subject_key")
