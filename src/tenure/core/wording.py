"""Words of messages: the name that a person may have meant, and numbers with their noun."""

from collections.abc import Collection
from difflib import get_close_matches


def alike(word: str, words: Collection[str], most: int = 1) -> str:
    """A question to begin a cure with, such as "did you mean dim_customer? "; nothing where no name is near."""
    close = get_close_matches(word.lower(), sorted(words), n=most)
    return f"did you mean {' or '.join(close)}? " if close else ""


def counted(number: int, noun: str) -> str:
    """A number with its noun, as people say it: 1 row, 2,000 rows."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
