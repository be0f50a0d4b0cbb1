"""Opens a source: the kinds of credential that systems ask for, and how each becomes the headers of a request."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from pydantic import Field

from connectors.http import Client, Key, NoKey
from connectors.pages import PullError, dig
from connectors.vault import Credential, Vault
from connectors.wire import Limits, Wire
from tieout.kinds import Table

_EARLY = 30.0  # seconds before its end at which a token is had anew
_LIFE = 300  # seconds an assertion that we sign is good for


class Nothing(Table):
    """No credential: the source is open, or guarded by where it stands."""

    kind: Literal["none"] = "none"

    def key(self, wire: Wire) -> Key:
        return NoKey()


class HeaderKey(Table):
    """A fixed key in a header: `SSWS …`, an organisation key."""

    kind: Literal["header"] = "header"
    header: str = "Authorization"
    prefix: str = ""
    credential: Credential

    def key(self, wire: Wire) -> Key:
        return _Fixed({self.header: self.prefix + wire.vault.open(self.credential)})


class BearerToken(Table):
    """A token as it was handed out: `Authorization: Bearer …`."""

    kind: Literal["bearer"] = "bearer"
    token: Credential

    def key(self, wire: Wire) -> Key:
        return _Fixed({"Authorization": f"Bearer {wire.vault.open(self.token)}"})


class Basic(Table):
    """User and password; either may be a fixed word, as where a key is the user."""

    kind: Literal["basic"] = "basic"
    user: str = ""
    user_credential: Credential | None = None
    password: Credential | None = None
    fixed_password: str = ""

    def key(self, wire: Wire) -> Key:
        user = wire.vault.open(self.user_credential) if self.user_credential else self.user
        password = wire.vault.open(self.password) if self.password else self.fixed_password
        return _Fixed({"Authorization": f"Basic {_basic(user, password, wire)}"})


class _Granting(Table):
    """A token that the source hands out for a while, and again when it ends."""

    token_url: str
    scope: str = ""
    token_at: str = "access_token"  # where in the answer it stands
    extra: dict[str, str] = {}  # further fields of the request

    def _token(
        self, wire: Wire, form: Mapping[str, str], headers: Mapping[str, str] | None, *, as_json: bool
    ) -> tuple[str, float | None]:
        apart = replace(wire, vault=Vault())  # what is granted anew may be what was kept before: not to be blotted out
        client = Client(self.token_url, NoKey(), Limits(), apart, headers)
        fields = {**form, **({"scope": self.scope} if self.scope else {}), **self.extra}
        try:
            answer = client.ask(self.token_url, method="POST", **({"body": fields} if as_json else {"form": fields}))
        except PullError as error:
            status = 401 if error.status else None  # a 403 here says nothing of the list that was to be asked for
            raise type(error)(f"no token was granted: {error}", status) from None
        finally:
            client.close()
            wire.retries, wire.waited = apart.retries, apart.waited
        token, life = dig(answer.data, self.token_at), dig(answer.data, "expires_in")
        if not isinstance(token, str) or not token:
            raise PullError(f"no token was granted: the answer of {client.base} holds none at {self.token_at!r}")
        wire.vault.keep(token)
        return token, float(life) if isinstance(life, int | float) and life > 0 else None


class ClientCredentials(_Granting):
    """OAuth 2 client credentials: an id and a secret, for a token."""

    kind: Literal["client_credentials"] = "client_credentials"
    client_id: str
    client_secret: Credential
    grant_type: str = "client_credentials"
    send_as: Literal["body", "basic", "json"] = "body"

    def key(self, wire: Wire) -> Key:
        return _Granted(lambda: self._ask(wire), wire)

    def _ask(self, wire: Wire) -> tuple[str, float | None]:
        secret, headers = wire.vault.open(self.client_secret), None
        form = {"grant_type": self.grant_type}
        if self.send_as == "basic":
            headers = {"Authorization": f"Basic {_basic(self.client_id, secret, wire)}"}
        else:
            form |= {"client_id": self.client_id, "client_secret": secret}
        return self._token(wire, form, headers, as_json=self.send_as == "json")


class PrivateKeyJwt(_Granting):
    """OAuth 2 client credentials proven by a signature instead of a secret (RFC 7523)."""

    kind: Literal["private_key_jwt"] = "private_key_jwt"
    client_id: str
    private_key: Credential  # PEM
    key_id: str = ""
    thumbprint: str = ""  # of the certificate (x5t), where the system finds the key by it

    def key(self, wire: Wire) -> Key:
        return _Granted(lambda: self._ask(wire), wire)

    def _ask(self, wire: Wire) -> tuple[str, float | None]:
        now = int(wire.now().timestamp())
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": self.token_url, "iat": now, "exp": now + _LIFE,
                  "jti": f"{self.client_id}-{wire.now().timestamp()}"}  # fmt: skip
        head = {"kid": self.key_id, "x5t": self.thumbprint}
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": _signed(claims, head, wire.vault.open(self.private_key)),
        }
        wire.vault.keep(form["client_assertion"])
        return self._token(wire, form, None, as_json=False)


class ServiceAccount(_Granting):
    """A service account's key file, acting for `subject`: a signed assertion for a token (RFC 7523)."""

    kind: Literal["service_account"] = "service_account"
    key_file: Credential  # the JSON text of the key file
    subject: str

    def key(self, wire: Wire) -> Key:
        return _Granted(lambda: self._ask(wire), wire)

    def _ask(self, wire: Wire) -> tuple[str, float | None]:
        try:
            account = json.loads(wire.vault.open(self.key_file))
            issuer, private_key = str(account["client_email"]), str(account["private_key"])
        except (ValueError, KeyError, TypeError):
            name = self.key_file.strip("${}")
            raise PullError(f"{name} is not the JSON text of a key file; {name}_FILE may name that file") from None
        wire.vault.keep(private_key)
        now = int(wire.now().timestamp())
        claims = {"iss": issuer, "sub": self.subject, "scope": self.scope, "aud": self.token_url, "iat": now,
                  "exp": now + _LIFE}  # fmt: skip
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": _signed(claims, {"kid": str(account.get("private_key_id", ""))}, private_key),
        }
        wire.vault.keep(form["assertion"])
        return self.model_copy(update={"scope": ""})._token(wire, form, None, as_json=False)


Auth = Annotated[
    Nothing | HeaderKey | BearerToken | Basic | ClientCredentials | PrivateKeyJwt | ServiceAccount,
    Field(discriminator="kind"),
]


class _Fixed:
    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def headers(self) -> Mapping[str, str]:
        return self._headers

    def renew(self) -> bool:
        return False


class _Granted:
    """A token that is had when first needed, shortly before it ends, and when the source says that it has ended."""

    def __init__(self, ask: Callable[[], tuple[str, float | None]], wire: Wire) -> None:
        self._ask, self._clock = ask, wire.clock
        self._token, self._until = "", 0.0

    def headers(self) -> Mapping[str, str]:
        if not self._token or self._clock() >= self._until:
            self.renew()
        return {"Authorization": f"Bearer {self._token}"}

    def renew(self) -> bool:
        asked = self._clock()
        self._token, life = self._ask()
        self._until = float("inf") if life is None else asked + max(life - _EARLY, life / 2)
        return True


def _basic(user: str, password: str, wire: Wire) -> str:
    both = base64.b64encode(f"{user}:{password}".encode()).decode()
    wire.vault.keep(both)
    return both


def _signed(claims: Mapping[str, Any], head: Mapping[str, str], pem: str) -> str:
    """A JWT signed with RS256; raises PullError where the key is none."""
    try:
        private = serialization.load_pem_private_key(pem.replace("\\n", "\n").encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, rsa.RSAPrivateKey):
        raise PullError("the private key is no RSA key in PEM form (-----BEGIN PRIVATE KEY-----) without a password")
    header = {"alg": "RS256", "typ": "JWT", **{name: text for name, text in head.items() if text}}
    text = ".".join(_encoded(json.dumps(part, sort_keys=True).encode()) for part in (header, claims))
    return f"{text}.{_encoded(private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
