"""The tables everybody may rely on: what the published database holds, and what every column means.

The comments in the database file, its data dictionary and the order of columns are made from this.
"""

from collections.abc import Mapping

from tieout.published import account, controls, licences, life, things
from tieout.published.table import Published

TABLES: Mapping[str, Published] = {
    **account.TABLES, **life.TABLES, **licences.TABLES, **things.TABLES, **controls.TABLES,
}  # fmt: skip
"""Every table by name, in the order in which the documents tell of them."""
