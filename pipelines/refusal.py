"""What Tieout will not or cannot do, said in one sentence that tells what to do instead."""


class Refusal(Exception):
    """The run, or whatever was asked for, does not happen; the text is for the user."""

    exit_code = 1


class ConfigError(Refusal):
    """Bad usage or a mistake in the workspace's config."""

    exit_code = 2


class InUse(Refusal):
    """Another process works in the workspace."""
