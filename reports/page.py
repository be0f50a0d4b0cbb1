"""Turns frozen data into one HTML file that opens anywhere, offline, and can run nothing.

Every value is escaped, a missing one is an error, and the policy in the page allows its own stylesheet alone.
"""

import base64
import hashlib
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

import jinja2
import polars as pl
from markupsafe import Markup

from reports.letterhead import Letterhead
from tieout.feeds import NEVER
from tieout.money import MONEY, rounded

HERE = Path(__file__).parent
NOTHING = "–"
POLICY = "default-src 'none'; style-src 'sha256-{}'; img-src data:; base-uri 'none'; form-action 'none'"


def show(name: str, head: Letterhead, page: object) -> str:
    """The text of one page."""
    style = (HERE / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        _environment()
        .get_template(f"{name}.html.j2")
        .render(
            head=head,
            about=head.about,
            page=page,
            style=Markup(style),
            policy=POLICY.format(digest),
            home=head.about.reporting_currency,
        )
    )


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"money": money, "units": units, "signed": signed, "day": day, "instant": instant}
    return environment


def money(amount: Decimal | None, currency: str | None) -> str:
    """An amount to the last cent with its currency; None is "unvalued"."""
    if amount is None:
        return "unvalued"
    exact = -int(amount.normalize().as_tuple().exponent)
    return f"{amount:,.{max(_minor_unit(currency or ''), exact, 0)}f} {currency or ''}".rstrip()


@cache
def _minor_unit(currency: str) -> int:
    """Decimal places of a currency, as the domain rounds it."""
    third = pl.lit(Decimal("0.3333333333"), MONEY)
    smallest: Decimal = pl.select(rounded(third, pl.lit(currency))).item()
    return -int(smallest.normalize().as_tuple().exponent)


def units(quantity: Decimal | int | None) -> str:
    """A number with thousands marked and no needless zeros; None is a dash."""
    if quantity is None:
        return NOTHING
    text = f"{quantity:,f}" if isinstance(quantity, Decimal) else f"{quantity:,}"
    return text.rstrip("0").rstrip(".") if "." in text else text


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
