"""Keeps the credentials of one pull: taken from the environment when needed, and blotted out of all that is written."""

import base64
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from pydantic import AfterValidator, SecretStr

from connectors.pages import PullError

_REFERENCE = re.compile(r"\$\{?([A-Z_][A-Z0-9_]*)\}?")
_BLOT = "[credential]"
_SHORTEST = 6  # characters from which a credential is blotted out: shorter ones are parts of ordinary words


def is_reference(text: str) -> bool:
    """Whether a text refers to a credential instead of being one."""
    return _REFERENCE.fullmatch(text) is not None


def _refers(text: str) -> str:
    if not is_reference(text):
        raise ValueError(
            'holds a credential in plain text; put it into an environment variable and write "${ITS_NAME}"'
        )
    return text


Credential = Annotated[str, AfterValidator(_refers)]
"""A reference like `${OKTA_TOKEN}`: the variable holds the credential, or OKTA_TOKEN_FILE names the file that does."""


_EVER: dict[str, SecretStr] = {}


class Vault:
    """The credentials of one pull."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._kept: dict[str, SecretStr] = {}

    def open(self, reference: Credential) -> str:
        """The credential behind a reference; raises PullError, which names the variable, where there is none."""
        name = _name(reference)
        credential = self._environment.get(name, "").strip()
        if not credential and (path := self._environment.get(f"{name}_FILE")):
            try:
                credential = Path(path).read_text(encoding="utf-8-sig").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise PullError(f"the file that {name}_FILE names cannot be read: {type(error).__name__}") from None
            if not credential:
                raise PullError(f"the file that {name}_FILE names is empty; it holds the credential")
        if not credential:
            raise PullError(f"the environment variable {name} is not set (nor {name}_FILE); it holds the credential")
        self.keep(credential)
        return credential

    def has(self, reference: Credential) -> bool:
        """Whether there is something behind a reference."""
        name = _name(reference)
        return any(self._environment.get(place, "").strip() for place in (name, f"{name}_FILE"))

    def keep(self, credential: str) -> None:
        """Blot a credential out from now on: one that was opened, or that was made from one."""
        lines = [line.strip() for line in credential.splitlines()]
        for part in {credential, *(line for line in lines if len(line) > 20 and "-----" not in line)}:
            for form in (part, json.dumps(part)[1:-1], quote(part, safe=""), base64.b64encode(part.encode()).decode()):
                if len(form) >= _SHORTEST:
                    self._kept[form] = _EVER[form] = SecretStr(form)

    def blot(self, text: str) -> str:
        """A text without any credential in it."""
        return _without(self._kept, text)

    def blot_bytes(self, body: bytes) -> bytes:
        """A body without any credential in it."""
        for form in sorted(self._kept, key=len, reverse=True):
            body = body.replace(form.encode(), _BLOT.encode())
        return body


def blot_all(text: str) -> str:
    """A text without any credential that any pull of this process was ever given."""
    return _without(_EVER, text)


def _without(kept: Mapping[str, SecretStr], text: str) -> str:
    for form in sorted(kept, key=len, reverse=True):
        text = text.replace(form, _BLOT)
    return text


def _name(reference: str) -> str:
    found = _REFERENCE.fullmatch(reference)
    assert found
    return found[1]
