"""Turns frozen data into one HTML file that opens anywhere, offline, and runs nothing but our script.

Every value is escaped, a missing one is an error, and the policy in the page allows our stylesheet and script alone.
"""

import base64
import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from reports import charts
from reports.letterhead import Letterhead
from reports.listing import minor_unit
from reports.rollforward import COUNTED
from tieout.feeds import NEVER

HERE = Path(__file__).parent
NOTHING = "–"
MOST = 1_000
"""Rows of a table that has no search, and is read from its top."""
POLICY = (
    "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)


def show(name: str, head: Letterhead, page: object, root: str = "", **parts: object) -> str:
    """The text of one page; `root` leads from its folder to the month's, `parts` are what else its template shows."""
    style, style_hash = _own("style.css")
    script, script_hash = _own("listing.js")
    return (
        _environment()
        .get_template(f"{name}.html.j2")
        .render(
            head=head,
            about=head.about,
            page=page,
            root=root,
            **parts,
            style=style,
            script=script,
            policy=POLICY.format(style_hash, script_hash),
            home=head.about.reporting_currency,
        )
    )


@cache
def _own(name: str) -> tuple[Markup, str]:
    """A file of ours as it stands in every page, and the hash by which the policy knows it."""
    text = (HERE / name).read_text(encoding="utf-8")
    return Markup(text), base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,  # like stylesheet and script: a process shows every page as it knew them at its first
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["most"] = MOST
    environment.globals["counted"] = "&".join(f"status={status}" for status in COUNTED)
    environment.filters |= {
        "grouped": grouped,
        "money": money,
        "units": units,
        "signed": signed,
        "day": day,
        "drawn": charts.draw,
        "instant": instant,
    }
    return environment


def money(amount: Decimal | None, currency: str | None) -> str:
    """An amount to the last cent with its currency; None is "unvalued"."""
    if amount is None:
        return "unvalued"
    exact = -int(amount.normalize().as_tuple().exponent)
    return f"{amount:,.{max(minor_unit(currency or ''), exact, 0)}f} {currency or ''}".rstrip()


def valued(amount: Decimal | None, currency: str, missing: Sequence[str]) -> str:
    """A sum as a figure; nothing found is "?" where feeds are missing."""
    return money(amount, currency) if amount or not missing else "?"


def units(quantity: Decimal | int | None) -> str:
    """A number with thousands marked and no needless zeros; None is a dash."""
    if quantity is None:
        return NOTHING
    text = f"{quantity:,f}" if isinstance(quantity, Decimal) else f"{quantity:,}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def grouped(number: str) -> str:
    """A number in text with thousands marked."""
    return f"{Decimal(number):,f}"


def many(count: int, thing: str) -> str:
    """A number of things: `1 exception`, `2 exceptions`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def signed(change: int | None) -> str:
    """A change with its sign; None is a dash."""
    return NOTHING if change is None else f"{change:+,}".replace("-", "−") if change else "±0"


def day(value: date | None) -> str:
    """A date as YYYY-MM-DD; None is a dash."""
    return NOTHING if value is None else value.isoformat()


def instant(value: datetime | None, head: Letterhead) -> str:
    """An instant to the minute where the organisation is; None is a dash."""
    if value is None:
        return NOTHING
    return "never" if value == NEVER else value.astimezone(head.about.zone).strftime("%Y-%m-%d %H:%M")
