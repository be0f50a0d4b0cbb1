"""What `tieout init` writes."""

from pathlib import Path

from pipelines.errors import ConfigError
from pipelines.whole import write_whole
from pipelines.workspace import CONFIG

STARTER = """\
# The config of this workspace. Only the first three keys are required.
# `tieout check` tells what is wrong with it; an unknown key is an error.

organisation = "My organisation"
reporting_currency = "EUR"
timezone = "Europe/Berlin"

# Domains of your own e-mail addresses; others are guests.
# email_domains = ["example.com"]

# Files named inbox/<month>/<feed>.csv (or .xlsx, .jsonl, .parquet) need no further config when their columns bear the
# names of the feed: inbox/2026-10/assets.csv, inbox/2026-10/endpoints.mdm.csv, ...
# Other layouts are mapped, one [[sources]] table each:
#
# [[sources]]
# name = "hr"
# feed = "people"
# path = "exports/{period}/hr-*.csv"        # {period} stands for the month
# encoding = "cp1252"
# delimiter = ";"
# date_format = "%d.%m.%Y"
#   [sources.columns]                       # feed column = "Column", "{A} {B}", or several: the first that is filled
#   person_id = "Personnel No"
#   full_name = "{First Name} {Last Name}"
#   email = ["Work E-Mail", "Private E-Mail"]
#   status = "State"
#   [sources.values.status]                 # what the system writes = what the feed knows
#   "Employed" = "active"
#   "Left" = "terminated"

# A system can be asked itself instead; `tieout sources` lists those that can. Its credential stays out of this file:
#
# [[sources]]
# name = "okta-prod"
# feed = "accounts"
# connector = "okta"
# url = "https://example.okta.com"
# token = "${OKTA_TOKEN}"                   # an environment variable; or OKTA_TOKEN_FILE names a file that holds it

# Limits of the rules, for all and for one class of asset.
# [policy]
# return_days = 14
# [policy.classes.laptop]
# managed = true

# [class_aliases]
# "Notebooks" = "laptop"

# [products."Figma"]
# aliases = ["Figma Professional"]
# inactive_days = 60

# Who answers for what; the first route that matches wins.
# [owners.it]
# email = "it@example.com"
# [[routes]]
# owner = "it"

# How they hear of it: `tieout send`.
# [notify]
# sender = "tieout@example.com"
# finance = ["finance@example.com"]
# remind_after = [7, 14, 21]                # days
# [notify.smtp]
# host = "mail.example.com"
# user = "tieout"
# password = "${SMTP_PASSWORD}"             # the name of an environment variable, never the password
"""


def write_starter(directory: Path) -> Path:
    """Make a workspace with a commented config and an empty inbox; raises ConfigError where there is one already."""
    config = directory / CONFIG
    if config.exists():
        raise ConfigError(f"{config} is there already; edit it, or name another directory.")
    try:
        (directory / "inbox").mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise ConfigError(f"{directory} cannot be made a workspace: {problem.strerror}.") from None
    write_whole(config, STARTER.encode())
    return config
