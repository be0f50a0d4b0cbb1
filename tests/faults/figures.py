"""What the long proofs counted: appended to a file, from which `docs/reliability-figures.md` is written.

`make figures` runs the proofs and writes the page; nothing on it is typed.
"""

import json
import os
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "reliability-figures.md"
HEAD = """\
# Figures of the long proofs

Counted by `make figures`, which runs the tests of faults and writes this page from what they measured. *Held* says in
how many of the cases the promise of [Reliability](reliability.md) held; one that does not hold fails its test.

| What was counted | Held | Of |
| --- | ---: | ---: |
"""


def measured(what: str, held: int, of: int) -> None:
    """Write down in how many of so many cases a promise held, where a file for it is named."""
    path = os.environ.get("TIEOUT_FIGURES")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"what": what, "held": held, "of": of}) + "\n")


def page(lines: list[str]) -> str:
    """The page of what was measured, each thing once, in the order of its name."""
    sums: dict[str, tuple[int, int]] = {}
    for line in map(json.loads, lines):
        held, of = sums.get(line["what"], (0, 0))
        sums[line["what"]] = held + line["held"], of + line["of"]
    return HEAD + "".join(f"| {what} | {held:,} | {of:,} |\n" for what, (held, of) in sorted(sums.items()))


if __name__ == "__main__":
    PAGE.write_text(page(Path(sys.argv[1]).read_text("utf-8").splitlines()), encoding="utf-8")
