"""Opens files of plain text in the encoding that was declared, or says why they are none."""

import codecs
import re
from pathlib import Path
from typing import TextIO

from connectors.files.errors import FileError

_SINGLE_BYTE = re.compile("cp125|cp437|cp85|iso8859|mac")  # which take any bytes for text
_LINE_END = re.compile("\r\n|\r|\n")
_NO_TEXT = {
    b"PK\x03": "a workbook or an archive under the name of a text; name it .xlsx if it is one",
    b"\xd0\xcf\x11": "a workbook of the kind before .xlsx under the name of a text; save it as .xlsx",
    b"\x1f\x8b\x08": "compressed; deliver what is in it",
}
"""What files are that begin with some bytes, and what to do."""


def open_text(path: Path, encoding: str) -> TextIO:
    """Open a text with its own line ends; a byte order mark says more than the declared encoding."""
    with path.open("rb") as file:
        start = file.read(3)
    if start in _NO_TEXT:
        raise FileError(f"it is {_NO_TEXT[start]}")
    if start.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    elif start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    try:
        if _SINGLE_BYTE.match(codecs.lookup(encoding).name) and _is_utf8(path):
            raise FileError(f"it is UTF-8, but declared as {encoding}; declare encoding = 'utf-8'")
        return path.open(encoding=encoding, errors="strict", newline="")
    except LookupError as error:
        raise FileError(f"the declared encoding {encoding!r} is unknown; name one like 'utf-8' or 'cp1252'") from error


def _is_utf8(path: Path) -> bool:
    """Whether a file has more than ASCII, and all of it is UTF-8, as text of a single-byte encoding never is."""
    decoder, is_more = codecs.getincrementaldecoder("utf-8")(), False
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                is_more |= not block.isascii()
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return is_more


def undecodable(path: Path, encoding: str) -> str:
    """Say where a file stops being text of its encoding."""
    data = path.read_bytes()
    try:
        data.decode(encoding)
    except UnicodeDecodeError as error:
        line = len(_LINE_END.findall(data[: error.start].decode(encoding, errors="replace"))) + 1
        bytes_ = data[error.start : error.end].hex(" ")
        return f"line {line} is not {encoding} (bytes {bytes_}); declare the encoding the file was written in"
    return f"it is not {encoding}; declare the encoding the file was written in"
