"""How a CSV file is written, as its contract says, in the bytes that the readers look for."""

import re
from dataclasses import dataclass, replace
from functools import cached_property

from tenure.contracts.file_format import FileFormat

DOUBLED, AS_IT_IS = "doubled", "none"
NO_QUOTE = "none"


@dataclass(frozen=True)
class Dialect:
    """The marks of a CSV file in UTF-8.

    `quote`: None where nothing is quoted. `escape`: the mark before a character that means itself; None where a
    quote inside quotes is doubled, or, if `loose`, stands as it is. `comment`: how a line begins that is no record.
    `nulls`: texts without quotes that mean null, the empty one among them.
    """

    delimiter: bytes
    quote: bytes | None
    escape: bytes | None
    loose: bool
    comment: bytes | None
    nulls: tuple[str, ...]

    @cached_property
    def usual(self) -> bool:
        """Whether Arrow's reader knows all of it: one byte between fields, quotes doubled, every line a record."""
        return len(self.delimiter) == 1 and not self.escape and not self.comment and not (self.loose and self.quote)

    def usual_for(self, data: bytes) -> "Dialect | None":
        """A usual dialect in which these lines say the same; None where there is none, or where that is not sure.

        If the dialect is `loose`, it is sure only when no line's quotes turn out to be broken in the usual one.
        """
        if len(self.delimiter) > 1 or (self.escape and self.escape in data):
            return None
        if self.quote and (self.escape or self.loose) and 2 * self.quote in data:
            return None
        if self.comment and (
            data.startswith(self.comment) or any(end + self.comment in data for end in (b"\n", b"\r"))
        ):
            return None
        return self._as_usual

    @cached_property
    def _as_usual(self) -> "Dialect":
        return replace(self, escape=None, loose=False, comment=None)

    @cached_property
    def special(self) -> re.Pattern[bytes]:
        """Finds what makes a line more than texts between delimiters."""
        wanted = b"|".join(re.escape(mark) for mark in (self.quote, self.escape) if mark)
        return re.compile(wanted or rb"(?!)")

    @cached_property
    def plain_field(self) -> re.Pattern[bytes]:
        """A field that does not begin with a quote: up to a delimiter or a line end."""
        delimiter = re.escape(self.delimiter)
        character = rb"[^\r\n]" if len(self.delimiter) > 1 else rb"[^\r\n" + delimiter + rb"]"
        if len(self.delimiter) > 1:
            character = rb"(?!" + delimiter + rb")" + character
        if self.escape:
            return re.compile(rb"(?:" + self.escaped.pattern + rb"|" + character + rb")*+")
        return re.compile(rb"(?:" + character + rb")*+")

    @cached_property
    def quoted_field(self) -> re.Pattern[bytes] | None:
        """A field in quotes, as far as the quote that ends it."""
        if self.quote is None:
            return None
        quote = re.escape(self.quote)
        if self.escape:
            inner = rb"(?:" + self.escaped.pattern + rb"|[^" + quote + rb"])*+"
        elif self.loose:
            ends = rb"(?!" + re.escape(self.delimiter) + rb"|[\r\n]|\Z)"
            one_line = quote + rb"(?:[^" + quote + rb"\r\n]++|" + quote + ends + rb")*+" + quote
            return re.compile(rb"(?:" + one_line + rb"|" + quote + rb"[^" + quote + rb"]*+" + quote + rb")")
        else:
            inner = rb"(?:[^" + quote + rb"]++|" + quote + quote + rb")*+"
        return re.compile(quote + inner + quote)

    @cached_property
    def escaped(self) -> re.Pattern[bytes]:
        r"""A mark that means itself. Before any other character the escape is text: \N stays what it is."""
        escape = re.escape(self.escape or b"")
        marks = [re.escape(mark) for mark in (self.delimiter, self.quote, self.escape) if mark]
        return re.compile(escape + rb"(?:" + rb"|".join([*marks, rb"\r\n|\r|\n"]) + rb")")

    def text(self, field: bytes, errors: str = "strict") -> str | None:
        """What a field says; None for null. `field` is as `split` gives it; `errors`: of its decoding."""
        if len(field) > 1 and field[:1] == self.quote == field[-1:]:
            return self._plain(field[1:-1], quoted=True).decode(errors=errors)
        plain = self._plain(field, quoted=False)
        text = plain.decode(errors=errors)
        return None if text in self.nulls and plain == field else text

    def _plain(self, field: bytes, *, quoted: bool) -> bytes:
        if self.escape:
            if self.escape not in field:
                return field
            return self.escaped.sub(lambda found: found[0][1:], field)
        if quoted and self.quote and not self.loose:
            return field.replace(2 * self.quote, self.quote)
        return field

    def fields(self, record: bytes) -> list[str | None]:
        """What the fields of a sound record in UTF-8 say."""
        return [self.text(field) for field in self.split(record)]

    def split(self, record: bytes) -> list[bytes]:
        """The fields of a record that is sound (see `read_record`), quotes and all."""
        if not self.special.search(record):
            return record.split(self.delimiter)
        found: list[bytes] = []
        at, size = 0, len(record)
        while at <= size:
            plain = self.plain_field.match(record, at)
            end = self._quoted_until(record, at) or (plain.end() if plain else size)
            found.append(record[at:end])
            at = end + len(self.delimiter)
        return found

    def _quoted_until(self, record: bytes, at: int) -> int | None:
        """Where a quoted field ends; None where none begins, or its quote is just a character."""
        if not self.quote or not self.quoted_field or not record.startswith(self.quote, at):
            return None
        field = self.quoted_field.match(record, at)
        if field is None or not (field.end() == len(record) or record.startswith(self.delimiter, field.end())):
            return None
        return field.end()


def dialect_of(terms: FileFormat) -> Dialect:
    """How the CSV files of a contract are written."""
    quote = None if terms.quote == NO_QUOTE else terms.quote.encode()
    escape = None if terms.escape in {DOUBLED, AS_IT_IS, terms.quote} else terms.escape.encode()
    return Dialect(
        delimiter=terms.delimiter.encode(),
        quote=quote,
        escape=escape,
        loose=terms.escape == AS_IT_IS,
        comment=terms.comment.encode() if terms.comment else None,
        nulls=("", *terms.nulls),
    )
