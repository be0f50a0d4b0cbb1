"""Who has to act on an exception."""

from collections.abc import Sequence

import polars as pl

from tieout import normalize
from tieout.rule import Rule
from tieout.settings import Settings
from tieout.world import product_key


def owner_of(settings: Settings, rule: Rule, columns: Sequence[str]) -> pl.Expr:
    """Whom the first `[[routes]]` entry names that matches in every key; else the rule's own; else `unrouted`."""
    owner = pl.coalesce(pl.col(rule.owner) if rule.owner else None, pl.lit("unrouted"))
    for route in reversed(settings.routes):
        if (route.rule and rule.slug not in route.rule) or (route.process and rule.process not in route.process):
            continue
        conditions = [
            _says(settings, name, wanted) if name in columns else pl.lit(False)
            for name in ("asset_class", "location", "cost_center", "product")
            if (wanted := getattr(route, name))
        ]
        owner = pl.when(pl.all_horizontal(pl.lit(True), *conditions)).then(pl.lit(route.owner)).otherwise(owner)
    return owner


def _says(settings: Settings, name: str, wanted: Sequence[str]) -> pl.Expr:
    """True where a column has one of some texts, in any case, or names the product, or lies in the place, of one."""

    def form(text: pl.Expr) -> pl.Expr:
        match name:
            case "product":
                return product_key(settings, text)
            case "location":
                return normalize.place(text, settings.location_aliases)
            case _:
                return text.str.to_lowercase()

    texts = pl.DataFrame({name: wanted}, schema={name: pl.String}).select(form(pl.col(name))).to_series()
    here = form(pl.col(name))
    below = [here.str.starts_with(f"{text}/") for text in texts] if name == "location" else []
    return pl.any_horizontal(here.is_in(texts.implode()), *below).fill_null(False)
