"""Named points at which a process can be made to die, to prove that whatever it leaves behind is whole.

`TIEOUT_CRASH_AT=tables-written` kills the process the first time it comes there, `tables-written:3` the third time.
Without it a point does nothing.
"""

import os
import signal

STEPS = ("feeds", "reconcile", "exceptions", "adjusted", "figures", "expected", "reports", "published")
POINTS = (
    "file-written", "file-placed", "delivery-fetched", "delivery-landed", "delivered-recorded",
    "tables-written", "tables-committed", "database-built", "pages-ready", "switch-recorded", "file-switched",
    "switch-done", "decision-logged", *(f"{step}-{edge}" for step in STEPS for edge in ("begun", "done")),
)  # fmt: skip
"""Every point of a run, in the words of what was done just before."""
OF_ACTS = (
    "pledged", "months-shown", "month-kept", "pledge-kept", "tables-cleared", "files-cleared", "tables-replaced",
    "message-sent",
)  # fmt: skip
"""The points of other commands, beside those they share with a run."""

_AT, _, _TIMES = os.environ.get("TIEOUT_CRASH_AT", "").partition(":")
_passed = 0


def point(name: str) -> None:
    """Die here, if that was asked for."""
    global _passed
    if name == _AT:
        _passed += 1
        if _passed >= int(_TIMES or 1):
            os.kill(os.getpid(), signal.SIGKILL)
