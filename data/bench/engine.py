"""Twelve rules once more, as SQL over the staged tables: what a reader of the catalogue would write by hand.

They are a second opinion, so they share nothing with the rules but the landed rows, and a yardstick: nobody could ask
for less work. They hold for the first month of a workspace, in which nothing is remembered.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from pipelines.warehouse import Warehouse
from tieout import normalize
from tieout.settings import Settings

ON_BOOKS = "('in_stock', 'in_use', 'in_repair')"

PREPARED = (
    """CREATE TEMP TABLE hr AS
       SELECT person_id, email, other_emails, username, status, start_date,
              status = 'terminated' AND (end_date IS NULL OR end_date < $today) AS leaver
       FROM staged_people WHERE period = $period""",
    """CREATE TEMP TABLE hr_keys AS
       SELECT DISTINCT * FROM (
         SELECT 'id' AS kind, person_id AS key, person_id FROM hr
         UNION ALL SELECT 'mail', lower(trim(email)), person_id FROM hr
         UNION ALL SELECT 'mail', lower(trim(unnest(other_emails))), person_id FROM hr
         UNION ALL SELECT 'name', lower(trim(username)), person_id FROM hr
       ) WHERE key IS NOT NULL""",
    """CREATE TEMP TABLE account AS
       SELECT file_row_number AS _id, account_id, username, email, aliases, person_id, status, kind
       FROM staged_accounts WHERE period = $period""",
    """CREATE TEMP TABLE own_claim AS
       SELECT _id, 'id' AS kind, person_id AS key FROM account
       UNION SELECT _id, 'mail', lower(trim(email)) FROM account
       UNION SELECT _id, 'mail', lower(trim(username)) FROM account
       UNION SELECT _id, 'name', lower(trim(username)) FROM account""",
    """CREATE TEMP TABLE own_match AS
       SELECT _id, count(DISTINCT person_id) AS people, min(person_id) AS person_id
       FROM own_claim JOIN hr_keys USING (kind, key) GROUP BY _id""",
    """CREATE TEMP TABLE alias_match AS
       SELECT _id, count(DISTINCT k.person_id) AS people, min(k.person_id) AS person_id
       FROM (SELECT _id, lower(trim(unnest(aliases))) AS key FROM account) AS a
       JOIN hr_keys AS k ON k.kind = 'mail' AND k.key = a.key
       WHERE _id NOT IN (SELECT _id FROM own_match) GROUP BY _id""",
    """CREATE TEMP TABLE owner AS
       SELECT _id, people, CASE WHEN people = 1 THEN person_id END AS person_id
       FROM (FROM own_match UNION ALL FROM alias_match)""",
    """CREATE TEMP TABLE all_keys AS
       SELECT DISTINCT * FROM (
         FROM hr_keys
         UNION ALL SELECT 'account', account_id, o.person_id FROM account JOIN owner AS o USING (_id)
         UNION ALL SELECT 'mail', lower(trim(email)), o.person_id FROM account JOIN owner AS o USING (_id)
         UNION ALL SELECT 'mail', lower(trim(unnest(aliases))), o.person_id FROM account JOIN owner AS o USING (_id)
         UNION ALL SELECT 'mail', lower(trim(username)), o.person_id FROM account JOIN owner AS o USING (_id)
                   WHERE contains(username, '@')
         UNION ALL SELECT 'name', lower(trim(username)), o.person_id FROM account JOIN owner AS o USING (_id)
       ) WHERE key IS NOT NULL AND person_id IS NOT NULL""",
    """CREATE TEMP TABLE seat AS
       SELECT s.file_row_number AS _id, coalesce(a.name, f.folded) AS product, seat_id, email, status, paid,
              last_active_at, (assigned_at AT TIME ZONE $zone)::DATE AS assigned_on
       FROM staged_seats AS s JOIN folded AS f USING (product) LEFT JOIN alias AS a ON a.alias = f.folded
       WHERE period = $period""",
    """CREATE TEMP TABLE holder AS
       SELECT _id, min(person_id) AS person_id FROM (
         SELECT _id, 'mail' AS kind, lower(trim(email)) AS key FROM seat
         UNION SELECT _id, 'account', seat_id FROM seat
         UNION SELECT _id, 'id', seat_id FROM seat
         UNION SELECT _id, 'mail', lower(trim(seat_id)) FROM seat
         UNION SELECT _id, 'name', lower(trim(seat_id)) FROM seat
       ) JOIN all_keys USING (kind, key) GROUP BY _id HAVING count(DISTINCT person_id) = 1""",
    """CREATE TEMP TABLE judged_seat AS
       SELECT s.product, s.seat_id, s.last_active_at, s.assigned_on, coalesce(p.inactive_days, 90) AS inactive_days,
              coalesce(h.status IN ('leave', 'prehire'), false) AS holder_away
       FROM seat AS s
       LEFT JOIN product AS p ON p.name = s.product
       LEFT JOIN holder USING (_id) LEFT JOIN hr AS h ON h.person_id = holder.person_id
       WHERE s.paid AND (s.status IN ('active', 'invited') OR p.bills_suspended)
         AND s.product NOT IN (
           SELECT product FROM seat GROUP BY product
           HAVING count(*) >= $concealed_seats
              AND avg(regexp_matches(email, '^[0-9a-fA-F-]{16,}(@.*)?$')::INT) >= $concealed_share)""",
    """CREATE TEMP TABLE stock_item AS
       SELECT upper(trim(sku)) AS sku, f.folded AS location, sum(quantity) AS quantity, sum(minimum) AS minimum,
              sum(maximum) AS maximum
       FROM staged_stock JOIN folded AS f ON f.product = location WHERE period = $period GROUP BY ALL""",
    """CREATE TEMP TABLE received AS
       SELECT po_number, po_line_no AS line_no, sum(quantity) AS received
       FROM staged_receipts WHERE received_on <= $today GROUP BY ALL""",
    """CREATE TEMP TABLE ordered AS SELECT * FROM staged_purchases WHERE ordered_on <= $today""",
)
"""What several of the rules ask for, made once. `folded` and `alias` hold names in normal form, `product` policy."""

RULES: Mapping[str, str] = {
    "below-minimum": "SELECT sku || '\x1f' || location FROM stock_item WHERE quantity < minimum",
    "overstock": "SELECT sku || '\x1f' || location FROM stock_item WHERE quantity > maximum",
    "duplicate-asset-tag": """
        SELECT upper(trim(asset_tag)) FROM (SELECT DISTINCT * EXCLUDE (_source, _snapshot, _row, extra, period)
                                            FROM staged_assets WHERE period = $period)
        GROUP BY 1 HAVING count(*) > 1""",
    "lease-overdue": f"""
        SELECT upper(trim(asset_tag)) FROM staged_assets
        WHERE period = $period AND status IN {ON_BOOKS} AND lease_end < $today""",
    "short-receipt": """
        SELECT po_number || '\x1f' || line_no FROM ordered LEFT JOIN received USING (po_number, line_no)
        WHERE (sku IS NOT NULL OR asset_class IS NOT NULL) AND status = 'open' AND quantity > coalesce(received, 0)
          AND coalesce(expected_on < $today, ordered_on < $today - 30)
          AND (received IS NOT NULL OR ordered_on >= (SELECT min(received_on) FROM staged_receipts))""",
    "over-receipt": """
        SELECT po_number || '\x1f' || line_no FROM ordered JOIN received USING (po_number, line_no)
        WHERE received > quantity""",
    "unordered-receipt": """
        SELECT r.receipt_id || '\x1f' || r.line_no FROM staged_receipts AS r
        LEFT JOIN ordered AS p ON p.po_number = r.po_number AND p.line_no = r.po_line_no
        WHERE p.po_number IS NULL AND strftime(received_on, '%Y-%m') = $period AND received_on <= $today
          AND received_on >= (SELECT min(ordered_on) FROM staged_purchases)""",
    "live-account-of-leaver": """
        SELECT account_id FROM account JOIN owner AS o USING (_id) JOIN hr AS h ON h.person_id = o.person_id
        WHERE account.status = 'active' AND h.leaver""",
    "stranger-account": """
        SELECT account_id FROM account LEFT JOIN owner AS o USING (_id)
        WHERE status = 'active' AND kind = 'human' AND o._id IS NULL""",
    "inactive-seat": """
        SELECT product || '\x1f' || seat_id FROM judged_seat
        WHERE last_active_at > '1970-01-01'::TIMESTAMPTZ AND NOT holder_away
          AND $today - (last_active_at AT TIME ZONE $zone)::DATE > inactive_days""",
    "unused-seat": """
        SELECT product || '\x1f' || seat_id FROM judged_seat
        WHERE last_active_at = '1970-01-01'::TIMESTAMPTZ AND $today - assigned_on > 45""",
    "duplicate-serial": f"""
        WITH serials AS (
          SELECT upper(regexp_replace(serial, '[\\s\\p{{Cc}}\\p{{Cf}}]', '', 'g')) AS serial,
                 regexp_replace(lower(trim(manufacturer)), '[\\s,]+(inc|gmbh|ltd|ag|corp)\\.?$', '') AS maker
          FROM staged_assets WHERE period = $period AND status IN {ON_BOOKS} AND serial IS NOT NULL),
        makers AS (SELECT serial, maker, count(*) AS entries FROM serials GROUP BY ALL)
        SELECT DISTINCT m.serial FROM makers AS m
        LEFT JOIN makers AS n ON n.serial = m.serial AND n.maker IS NULL AND m.maker IS NOT NULL
        WHERE m.entries + coalesce(n.entries, 0) > 1 AND m.serial NOT IN (SELECT serial FROM placeholder)
          AND length(m.serial) >= 3""",
}  # fmt: skip
"""By rule: the subjects it finds something wrong with, the parts of a key joined as exceptions join them."""


def ask(tables: Path, settings: Settings, period: str, today: date) -> dict[str, set[str]]:
    """The subjects of every rule in a month, from a workspace's private tables."""
    with duckdb.connect() as connection:
        warehouse = Warehouse(tables)
        connection.execute("SET TimeZone = 'UTC'")
        for table in warehouse.tables():
            rows = f"read_parquet('{warehouse.files(table)[period]}', file_row_number = true)"
            connection.execute(f"CREATE VIEW {table} AS FROM {rows}")
        _name(connection, settings, period)
        given = {
            "period": period,
            "today": today,
            "zone": settings.timezone,
            "concealed_seats": settings.policy.concealed_seats,
            "concealed_share": settings.policy.concealed_share,
        }
        for statement in PREPARED:
            connection.execute(statement, _used(given, statement))
        return {
            rule: {str(subject) for (subject,) in connection.execute(query, _used(given, query)).fetchall()}
            for rule, query in RULES.items()
        }


def _used(given: Mapping[str, object], statement: str) -> dict[str, object]:
    return {name: value for name, value in given.items() if f"${name}" in statement}


def _name(connection: duckdb.DuckDBPyConnection, settings: Settings, period: str) -> None:
    """Tables of the few names that policy speaks of: products, places and placeholders."""
    names = connection.execute(
        "SELECT product FROM staged_seats WHERE period = $1 UNION SELECT location FROM staged_stock WHERE period = $1",
        [period],
    ).pl()
    folded = names.select(  # noqa: F841 - DuckDB finds it by its name
        "product", folded=normalize.place(pl.col("product"), settings.location_aliases)
    )
    products = settings.products.items()
    form = normalize.folded(text for name, product in products for text in (name, *product.aliases))
    alias = pl.DataFrame(  # noqa: F841 - as above
        [(form[a], form[name]) for name, product in products for a in product.aliases],
        schema={"alias": pl.String, "name": pl.String},
        orient="row",
    )
    product = pl.DataFrame(  # noqa: F841 - as above
        [(form[name], getattr(p, "inactive_days", None), p.bills_suspended) for name, p in products],
        schema={"name": pl.String, "inactive_days": pl.Int64, "bills_suspended": pl.Boolean},
        orient="row",
    )
    placeholder = pl.DataFrame({"serial": normalize.PLACEHOLDER_SERIALS})  # noqa: F841 - as above
    for table in ("folded", "alias", "product", "placeholder"):
        connection.execute(f"CREATE TEMP TABLE {table} AS FROM {table}")
