"""A device that held data and is gone without a certificate.

Finds: data-bearing items destroyed or released more than a week ago, or disposed on the register, for which neither
the device nor all its drives have a certificate; and certificates dated before the item was received.
Matters: nobody can show that the data is gone.
Do: Get the certificate from the vendor, naming this serial.
Quiet: items without data; devices whose drives are all certified, and drives of a device that has records itself;
redeployed devices that stay with us.
"""

import polars as pl

from tieout.rule import Rule

RULE = Rule(
    slug="uncertified-disposal",
    grain="disposal_item",
    subject="item",
    process="dispose",
    severity="critical",
    remedy="Get the certificate from the vendor, naming this serial.",
    population=~pl.col("through_device") & ~pl.col("redeployed"),
    params={"certificate_days": 7},
    fails=lambda p: (
        pl.col("data_bearing")
        & (
            (
                ((pl.col("out") & (pl.col("out_days") > p.certificate_days)) | pl.col("register_disposed"))
                & ~pl.col("certified")
            )
            | pl.col("certified_before_receipt")
        )
    ),
    since="out_on",
    fires=(
        {"certified": False, "certified_on": None},
        {"certified": False, "register_disposed": False, "out_days": 8},
        {"certified": False, "register_disposed": False, "out_days": 8, "is_drive": True},
        {"certified_before_receipt": True},
    ),
    quiet=(
        {"certified": False, "register_disposed": False, "out_days": 7},
        {"certified": False, "register_disposed": False, "out": False, "out_days": None},
        {"certified": False, "data_bearing": False},
        {"certified": False, "is_drive": True, "through_device": True},
        {"certified": False, "redeployed": True},
    ),
)
