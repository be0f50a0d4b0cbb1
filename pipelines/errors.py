"""What Tieout will not or cannot do, said in one sentence that tells what to do instead."""


class TieoutError(Exception):
    """The run, or whatever was asked for, does not happen; the text is for the user."""

    exit_code = 1


class ConfigError(TieoutError):
    """Bad usage or a mistake in the workspace's config."""

    exit_code = 2


class InUseError(TieoutError):
    """Another process works in the workspace."""
