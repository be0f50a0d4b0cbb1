"""The ladder of a saving: identified, approved, released, realised or lapsed, each step with what proves it.

A seat is identified while a rule finds that it may be given back, the units of a line that nobody has while
unassigned-seats finds them. It is approved by a decision; released when a later GREEN snapshot lacks the seat or shows
it unpaid and the person holds no other paid seat of the product; `released_unapproved` when nobody had approved that.
Waived and exempted ones are `kept`; one that is used again, whose person is back or whose record was corrected is
`withdrawn`; both return to the same row when found again. One whose date has passed has `lapsed`, and what is still
there is identified anew for the next term. What a released one brought in is told by its document (`settlement`).

A source that is not alive moves nothing: what it showed last stays as it was.
"""

from tieout.savings.ladder import approved_before, climb
from tieout.savings.moves import OF_SEATS
from tieout.savings.shape import OPEN, SAVINGS, SUBJECT

__all__ = ["OF_SEATS", "OPEN", "SAVINGS", "SUBJECT", "approved_before", "climb"]
