"""The bytes of a record as text, and lines written as the records of a source are."""

from collections.abc import Sequence

from tenure.contracts.file_format import FileFormat
from tenure.core.errors import UsageError
from tenure.sources.text_stream import as_utf8


def in_utf8(record: bytes, encoding: str) -> bytes:
    """The text of a record in UTF-8. It is kept so, but as the bytes of its file where these were no text.

    A byte that is wrong in `encoding`, the one that the contract says, is wrong in UTF-8 too.
    """
    try:
        record.decode()
    except UnicodeDecodeError:
        return as_utf8(record, encoding)
    return record


def csv_line(fields: Sequence[str], terms: FileFormat) -> bytes:
    """A line of names in UTF-8, with its line end, as the CSV files of a contract are written."""
    return (terms.delimiter.join(_field(field, terms) for field in fields) + "\n").encode()


def _field(text: str, terms: FileFormat) -> str:
    quote = terms.quote
    if not any(mark in text for mark in (terms.delimiter, quote, "\n", "\r")):
        return text
    if quote == "none":
        raise UsageError(
            f"the name '{text}' cannot stand in a file without quotes", cure="write an .ndjson file instead"
        )
    escaped = (
        2 * quote if terms.escape in {"doubled", quote} else quote if terms.escape == "none" else terms.escape + quote
    )
    return quote + text.replace(quote, escaped) + quote
