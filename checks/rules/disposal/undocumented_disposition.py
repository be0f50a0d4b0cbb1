"""A device that went without the papers its route requires.

Finds: items released or certified in the period, where none of their records names the documents of the route: resale a
document and proceeds, donation a document, destruction a certificate, recycling a document or certificate, hazardous
waste a shipment and a document.
Matters: without them neither the money nor the lawful end of the device can be shown.
Do: Get the missing documents from the vendor.
Quiet: redeployment, which needs none; items whose route is not told (unknown); while uncertified-disposal is open.
Stays open until the documents are delivered, or the record is corrected so that this item has not gone.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="undocumented-disposition",
    grain="disposal_item",
    subject="item",
    process="dispose",
    severity="medium",
    remedy="Get the missing documents from the vendor.",
    population=pl.col("recorded") & pl.col("nameable"),
    event="ending_in_period",
    provided=lambda p: pl.col("identified"),
    fails=lambda p: pl.col("ending_recorded") & ~pl.col("documented"),
    after=("uncertified-disposal",),
    since="stage_on",
    shows=("route", "missing_documents"),
    fires=({"ending_in_period": True, "route": "donation", "documented": False, "missing_documents": "document_id"},),
    quiet=(
        {"ending_in_period": True, "documented": True},
        {"ending_in_period": True, "route": None, "documented": None},
        {"ending_in_period": False, "documented": False},
    ),
)
