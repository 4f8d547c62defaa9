"""Text that a spreadsheet would run, and how it is kept from doing so."""

# A spreadsheet takes a cell that begins so for a formula, or strips the character and then does
# (CSV injection, https://owasp.org/www-community/attacks/CSV_Injection); full-width forms included.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
GUARD = "'"
"""Before a cell's text it tells a spreadsheet that the cell is text."""


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would take the text for a formula."""
    return text.lstrip(" ").startswith(FORMULA_STARTS)
