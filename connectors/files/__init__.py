"""Reads files that people and systems drop: CSV, Excel workbooks, JSON Lines and Parquet.

**Asks** for the files of a source: its `path` (a file or a glob, `{period}` replaced) below the workspace, else
`inbox/<period>/<feed>[.<source>].<suffix>`. Several files are one delivery, in the order of their names. A control
file beside a file (`<file>.control.toml`) declares rows, sums, extracted_at, extracted_by, system and filters.

**Delivers** the files byte for byte, and their records as text exactly as it stands in them: nothing is trimmed,
guessed or turned into a number. A record with too many or too few cells is handed back with the reason, and the
others go on. Empty and null are alike. A workbook's numbers are given with the 15 digits that Excel shows.

**Gaps**: a file proves nothing about its end; only a control file does. A workbook's formula that was never
calculated is an empty cell. A cell of a workbook that shows an error makes its whole row unreadable.
"""

from connectors.files.control import control_of
from connectors.files.drop import discover, fetch, find, missing, plain_files, strays
from connectors.files.reading import read

__all__ = ["control_of", "discover", "fetch", "find", "missing", "plain_files", "read", "strays"]
