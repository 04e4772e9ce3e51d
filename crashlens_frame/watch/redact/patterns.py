"""What is recognised in texts: patterns of each kind, what a text must hold at least, and a check of what is found.

The kinds are looked for in this order, so that the digits of an IBAN are not taken for those of a card.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address


@dataclass(frozen=True, slots=True)
class Pattern:
    """A kind of text to mask. ``needle`` is a fast pattern that every text with such a value matches.

    They are compiled when they are first used, because that takes longer than importing the rest of the room.
    """

    kind: str
    needle: str
    regex: str
    check: Callable[[str], bool] | None = None


# the keys and tokens of vendors, by how they begin
_KEYS = (
    r"sk-ant-[\w-]{20,}",  # Anthropic
    r"(?:sk|pk)-lf-[\w-]{20,}",  # Langfuse
    r"sk-or-v1-[0-9a-f]{32,}",  # OpenRouter
    r"sk-(?:proj-|svcacct-|admin-|None-)?[\w-]{20,}",  # OpenAI, DeepSeek and those who copied them
    r"(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{16}",  # AWS
    r"AIza[\w-]{35}",  # Google
    r"ya29\.[\w-]{20,}",  # Google, OAuth
    r"gh[pousr]_[A-Za-z0-9]{36,}",  # GitHub
    r"github_pat_\w{22,}",
    r"glpat-[\w-]{20,}",  # GitLab
    r"xox[abeoprs]-[\w-]{10,}",  # Slack
    r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}",  # Stripe
    r"hf_[A-Za-z0-9]{30,}",  # Hugging Face
    r"gsk_[A-Za-z0-9]{40,}",  # Groq
    r"xai-[A-Za-z0-9]{40,}",
    r"r8_[A-Za-z0-9]{30,}",  # Replicate
    r"pplx-[A-Za-z0-9]{40,}",  # Perplexity
    r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}",  # LangSmith
    r"dapi[0-9a-f]{32}",  # Databricks
    r"dop_v1_[0-9a-f]{64}",  # DigitalOcean
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-[\w-]{50,}",
    r"SG\.[\w-]{16,}\.[\w-]{16,}",  # SendGrid
    r"SK[0-9a-f]{32}",  # Twilio
    r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}",  # JSON web tokens
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
)
_KEY_BEGINNINGS = (
    r"sk-|[ps]k-lf-|A(?:KI|SI|RO|ID)A|AIza|ya29|gh[pousr]_|github_pat_|glpat-|xox|[srp]k_(?:live|test)_|hf_|gsk_|xai-"
    r"|r8_|pplx-|lsv2_|dapi|dop_v1_|npm_|pypi-|SG\.|SK[0-9a-f]|eyJ|PRIVATE KEY"
)
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
# of each issuer how its numbers begin and how long they are
_CARDS = (
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}|3[47]\d{13}"
    r"|(?:6011|65\d\d|64[4-9]\d)\d{12}|3(?:0[0-5]|[68]\d)\d{11}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}"
)
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def _is_card(text: str) -> bool:
    """Whether a text has the length and the beginning of a card number, and its check digit (Luhn)."""
    digits = re.sub(r"\D", "", text)
    if not re.fullmatch(_CARDS, digits):
        return False
    numbers = [int(digit) for digit in reversed(digits)]
    return (sum(numbers[::2]) + sum(_DOUBLED[number] for number in numbers[1::2])) % 10 == 0


def _is_iban(text: str) -> bool:
    """Whether the check digits of an IBAN are right."""
    letters = text.replace(" ", "").upper()
    if not 15 <= len(letters) <= 34:
        return False
    return int("".join(str(int(letter, 36)) for letter in letters[4:] + letters[:4])) % 97 == 1


def _is_ipv6(text: str) -> bool:
    if text.count(":") < 3 and not re.fullmatch(r"::1|fe80::[\da-f]+", text, re.IGNORECASE):
        return False
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True


def _is_phone(text: str) -> bool:
    return 8 <= sum(character.isdigit() for character in text) <= 15


PATTERNS = (
    Pattern("key", _KEY_BEGINNINGS, rf"(?s)(?<![\w-])(?:{'|'.join(_KEYS)})"),
    Pattern("key", r"(?i)bearer", r"(?i)(?<=\bbearer )[\w.~+/-]{16,}=*"),
    Pattern("key", "://", r"(?<=://)[^\s/:@]+:[^\s/@]+(?=@)"),  # user and password in an address
    Pattern(
        "email",
        "@",
        r"(?<![\w.+-])[\w.+%'-]{0,63}[\w+%-]@(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_]{2,}(?![\w-])",
    ),
    Pattern(
        "iban",
        r"[A-Za-z]{2}\d\d ?[A-Za-z\d]{4}",
        r"(?i)(?<![\w-])[A-Z]{2}\d{2}(?: ?[A-Z\d]{4}){2,7}(?: ?[A-Z\d]{1,3})?(?![\w-])",
        _is_iban,
    ),
    Pattern("card", r"\d{4}", r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])(?!\.\d)", _is_card),
    Pattern("ip", r"\d\.\d", rf"(?<![\w.-]){_OCTET}(?:\.{_OCTET}){{3}}(?![\w-])(?!\.\d)"),
    Pattern(
        "ip", r":[\da-fA-F]*:", r"(?i)(?<![\w:.])[\da-f:]{0,40}:[\da-f:]{1,40}(?:\.\d{1,3}){0,3}(?![\w:])", _is_ipv6
    ),
    Pattern(
        "phone",
        r"\d\d",
        (
            r"(?<![\w+./-])\+\d{1,3}(?:[ .-]?\(?\d{1,5}\)?)(?:[ .-]?\d{2,5}){1,5}(?![\w-])"
            r"|(?<![\w.-])\(\d{3}\) ?\d{3}[ .-]\d{4}(?![\w-])"
            r"|(?<![\w./-])(?:1[ .-])?[2-9]\d{2}([ .-])[2-9]\d{2}\1\d{4}(?![\w.-])"
            r"|(?<![\w./-])0\d(?:[ .-]\d\d){4}(?![\w-])"
            r"|(?<![\w./-])0\d{2,4}[ /-]\d{3,4}[ -]?\d{3,4}(?![\w-])"
        ),
        _is_phone,
    ),
)
KINDS = tuple(dict.fromkeys(pattern.kind for pattern in PATTERNS))
