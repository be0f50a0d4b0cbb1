"""Says in words why a system could not be reached, and what to do about it."""

import socket
import ssl
from collections.abc import Iterator


def cannot_pass(error: BaseException) -> str | None:
    """What is wrong with a system's certificate or its encryption, which no other try mends; None for all else."""
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return untrusted(cause.verify_message)
            case ssl.SSLError() if cause.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
                return "does not speak TLS there; is it http:// or another port?"
    return None


def untrusted(why: str) -> str:
    """What to say of a system whose certificate cannot be verified, for the reason that OpenSSL gives."""
    said = why.partition(" (_ssl")[0] or "it cannot be verified"
    return f"shows a certificate that is not trusted here ({said}); SSL_CERT_FILE may name the one that is"


def broke_off(error: BaseException) -> str:
    """Why the way to a system ended."""
    for cause in _causes(error):
        match cause:
            case socket.gaierror():
                return "is no host that this machine knows"
            case ConnectionRefusedError():
                return "takes no connections (a wrong port, or a proxy that is not there)"
    return f"broke off ({type(error).__name__})"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
