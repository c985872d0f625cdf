"""Phone numbers as people write them, and the international digits that the API accepts.

The phone library (https://github.com/daviddrysdale/python-phonenumbers, Google's libphonenumber) decides which number a
country can have. It takes 80 ms to import and 60 us for a number, so it is imported only when a number needs it.
"""

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

_DIGITS = range(5, 16)  # docs.yespo.io: the API accepts 5 to 15 digits
_MAX_LENGTH = 200  # of a longer field the beginning counts
_MIN_DIGITS_OF_A_NUMBER = 7
_MAX_AREA_CODE = 5
# Every number of these forms is a possible one of its country: Ukraine, Poland, North America.
_well_formed = re.compile(r"\+(?:380[1-9][0-9]{8}|48[1-9][0-9]{8}|1[2-9][0-9]{9})").fullmatch
# Countries whose numbers people still write with the trunk prefix 8 of the former Soviet plan ("8 067 ..."). Where it
# is the prefix of today, the library knows it.
_TRUNK_8 = frozenset("AM AZ BY EE GE KG LT LV MD TJ TM UA UZ".split())

_PLUS = str.maketrans("＋﹢⁺", "+++")  # noqa: RUF001
# What hides digits: "+1 480*****42", "067 XXX XX 42", "+38 (067) ___-__-__", and 3.8E+11 of a spreadsheet.
_mask = re.compile(r"[*•●∗…]+|[xхХ]{2,}|[._#?]{2,}|\d[.,]\d+e\+?\d+", re.IGNORECASE)  # noqa: RUF001
_extension = re.compile(
    r"(?<=\d)[\s.,;:()/-]*(?:ext(?:ension|n)?|x|доб\w*|дод\w*|вн\w*|wew\w*|int\w*|anexo|ramal|poste|dahili|#|№)"
    r"[\s.:=#№]*\d{1,7}(?!\d)",
    re.IGNORECASE,
)
# A number: it ends where a word, a comma or another plus begins.
_numbers = re.compile(r"\+?[ ]*[\d(*][\d ()._\-\u2010-\u2015\u2212~/*'\u2019]*").finditer
_gaps = re.compile(r"[^\d+]+").finditer
# Of a number that a program kept as a fraction: 380671234567.0.
_decimals = re.compile(r"(?<=\d{9})\.0+$")
_only_zeros = re.compile(r"[0-9]{0,3}0{6,}|0+").fullmatch


class Phone(NamedTuple):
    """A phone number of a body.

    Args:
        number: as it is written.
        country: ISO 3166 code of the country that its address names; None if it has no address.
    """

    number: str | None
    country: str | None = None


def clean_phone(number: str | None, country: str | None, region: str | None = None) -> str | None:
    """Return international digits without plus; None if the text contains no possible number.

    - The country of a number is the one that it names itself ("+380 ...", "00380 ..."), otherwise `country`, otherwise
      `region`. A number that is not possible there is none.
    - Of several numbers, the first good one counts. Extensions, words and the signs around them are no part of it.
    - A number with masked digits, or with one digit only after its country code, is none.

    Args:
        country: ISO 3166 code of the country that an address of the body names.
        region: ISO 3166 code of the shop's country.
    """
    if not number:
        return None
    text = number.strip()
    if _well_formed(text) and len(set(text[-9:])) > 1:
        return text[1:]
    return _clean(text[:_MAX_LENGTH], country, region)


def is_nobodys_phone(number: str) -> bool:
    """Return whether a field is empty, or its number only zeros after a country code: shops write this for a person
    who gave no number, or who was erased (+000 00 000 00 00)."""
    digits = "".join(_digits_of(number))
    return _only_zeros(digits) is not None if digits else not any(char.isalnum() for char in number)


def country_code(value: str | None) -> str | None:
    """Return an ISO 3166 code in capital letters; None if the text is none."""
    code = value.strip().upper() if value else ""
    if not (len(code) == 2 and code.isascii() and code.isalpha()):
        return None
    return "GB" if code == "UK" else code


# All webhooks of a buyer carry the same number.
@lru_cache(maxsize=1024)
def _clean(text: str, country: str | None, region: str | None) -> str | None:
    text = "".join(map(_plain, text.translate(_PLUS)))
    text = _extension.sub(";", _mask.sub("*", _decimals.sub("", text)))
    for found in _numbers(text):
        for written in _alternatives(found[0]):
            if number := _read(written, country, region) or _first_of_two(written, country, region):
                return number
    return None


def _plain(char: str) -> str:
    """Return a space for white space, nothing for what is invisible."""
    if char.isascii():
        return " " if char == "\t" else char
    category = unicodedata.category(char)
    return "" if category in ("Cf", "Mn") else " " if category == "Zs" else char


def _alternatives(written: str) -> list[str]:
    """Return the numbers that a slash separates. After an area code ("030/1234567") it separates none."""
    parts = written.split("/")
    if len(parts) == 1 or len(_digits_of(parts[0])) <= _MAX_AREA_CODE:
        return [written]
    return parts


def _first_of_two(written: str, country: str | None, region: str | None) -> str | None:
    """Return the first of two numbers with nothing but a gap between them; None if they are not two good numbers."""
    if len(_digits_of(written)) < 2 * _MIN_DIGITS_OF_A_NUMBER:
        return None
    for gap in _gaps(written):
        first, second = written[: gap.start()], written[gap.end() :]
        if min(len(_digits_of(first)), len(_digits_of(second))) < _MIN_DIGITS_OF_A_NUMBER:
            continue
        if (number := _read(first, country, region)) and _read(second, country, region):
            return number
    return None


def _read(written: str, country: str | None, region: str | None) -> str | None:
    digits = "".join(_digits_of(written))
    if "*" in written or len(set(digits)) < 2:
        return None
    has_plus = written.startswith("+")
    if has_plus or digits.startswith("00"):
        international = digits if has_plus else digits[2:]
        parsed = _parse(f"+{international}", None)
        if parsed and (number := _international(written, international, parsed)):
            return number
        # "+067 ...", "+8 067 ..." and "+67 ...": no country code begins like this, so it is a local number.
        if not (has_plus and (parsed is None or digits.startswith(("0", "80")))):
            return None
    return _local(digits, country, region)


def _international(written: str, digits: str, parsed: "PhoneNumber") -> str | None:
    if number := _possible(parsed):
        return number
    code = str(parsed.country_code)
    if digits.startswith(code * 2):  # a form added the code to a number that had it
        return _existing(digits[len(code) :])
    if "(0)" in written:  # in "+351 (0)21 ..." the zero is dialled only within the country
        return _existing("".join(_digits_of(written.replace("(0)", "", 1))).removeprefix("00"))
    return None


def _local(digits: str, country: str | None, region: str | None) -> str | None:
    known = country or region
    if known is None:
        return _existing(digits)
    parsed = _parse(digits, known)
    if parsed and (number := _possible(parsed, must_exist=True)):
        return number
    # International digits without a plus, of a country that the order or the shop names.
    for code in dict.fromkeys((known, region)):
        international = digits.lstrip("0")
        if code and (prefix := _calling_code(code)) and international.startswith(prefix):
            if international.startswith(prefix * 2) and (number := _existing(international[len(prefix) :])):
                return number
            if number := _existing(international):
                return number
    # The right length is enough, because numbering plans change faster than libraries.
    if parsed and (number := _possible(parsed)):
        return number
    if digits.startswith("8") and known in _TRUNK_8:
        rest = _parse(digits[1:], known)
        if rest and (number := _possible(rest, must_exist=True)):
            return number
    return None if country else _existing(digits)


def _existing(digits: str) -> str | None:
    """Return digits that are a number with its country code. Without a plus, it must be one that exists."""
    parsed = _parse(f"+{digits}", None)
    return _possible(parsed, must_exist=True) if parsed else None


def _parse(number: str, country: str | None) -> "PhoneNumber | None":
    import phonenumbers

    try:
        return phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException:
        return None


def _possible(parsed: "PhoneNumber", *, must_exist: bool = False) -> str | None:
    """Return the digits of a number that a subscriber of its country can have; None if it is no such number."""
    import phonenumbers

    subscriber = phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE
    length = phonenumbers.is_possible_number_for_type_with_reason(parsed, subscriber)
    if length != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    if must_exist and not phonenumbers.is_valid_number(parsed):
        return None
    national = phonenumbers.national_significant_number(parsed)
    number = f"{parsed.country_code}{national}"
    return number if len(number) in _DIGITS and len(set(national)) > 1 else None


def _calling_code(country: str) -> str | None:
    import phonenumbers

    code = phonenumbers.country_code_for_region(country)
    return str(code) if code else None


def _digits_of(text: str) -> list[str]:
    """Return the digits of any script as ASCII."""
    return [str(digit) for char in text if (digit := unicodedata.decimal(char, None)) is not None]
