"""The controls on the pages: breaches first, what is on hold, what recurs; and nothing invented where there is none."""

from decimal import Decimal

from reports import controls, render
from tests.pages import ABOUT, RULES, empty, full, html


def test_only_breaches_that_are_not_over_are_shown() -> None:
    shown = controls.build(full(), ABOUT)
    assert [(breach.figure, breach.value, breach.overdue) for breach in shown.breaches] == [
        ("overdue_share", Decimal("0.6"), True),
        ("stock_accuracy", None, True),
    ]
    pages = html(render(full(), ABOUT, RULES))
    for name in ("index.html", "reconciliation.html"):
        assert "overdue_share" in pages[name]
        assert "loss_rate" not in pages[name]


def test_what_is_not_proven_is_on_hold_and_first() -> None:
    by_name = {one.name: one for one in controls.build(full(), ABOUT).trust}
    assert by_name["Figma"].on_hold
    assert not by_name["laptop"].on_hold
    assert (by_name["laptop"].accuracy, by_name["laptop"].lower_bound) == (Decimal("99.5"), Decimal("97.2"))
    assert by_name["Figma"].accuracy is None


def test_causes_are_told_by_process_and_by_what_recurs() -> None:
    shown = controls.build(full(), ABOUT)
    assert [cause.name for cause in shown.processes] == ["offboard"]
    assert [cause.name for cause in shown.recurring] == ["offboard", "Lab"]


def test_a_period_without_any_says_so() -> None:
    page = html(render(empty(), ABOUT, RULES))["reconciliation.html"]
    for sentence in ("No figure is beyond a threshold.", "There is no record to trust.", "No exception is open."):
        assert sentence in page
