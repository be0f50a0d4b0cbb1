"""What Tieout will not or cannot do, said in one sentence that tells what to do instead."""


class TieoutError(Exception):
    """The run, or whatever was asked for, does not happen; the text is for the user."""

    exit_code = 1


class ConfigError(TieoutError):
    """Bad usage or mistakes in the workspace's config, a sentence each; the text is the first of them."""

    exit_code = 2

    def __init__(self, *problems: str) -> None:
        super().__init__(problems[0])
        self.problems = problems


class InUseError(TieoutError):
    """Another process works in the workspace."""
