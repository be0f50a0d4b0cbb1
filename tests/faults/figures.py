"""What the long proofs counted: appended to a file, from which `docs/reliability.md` is written."""

import json
import os
from pathlib import Path


def measured(what: str, held: int, of: int) -> None:
    """Write down in how many of so many cases a promise held, where a file for it is named."""
    path = os.environ.get("TIEOUT_FIGURES")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"what": what, "held": held, "of": of}) + "\n")
