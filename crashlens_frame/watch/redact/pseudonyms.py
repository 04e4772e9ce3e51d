"""Texts with each word replaced by another of the same length, by a key: equal words stay equal, others differ.

Each word goes through rounds of keyed BLAKE2 that can be undone only with the key, and no two words become one. Blanks,
punctuation, lines and the case of letters stay, and so do the few words by which small talk, failures and evaluations
are recognised. So texts, beginnings and ends of texts are equal where they were, and as long as they were.
"""

import re
from hashlib import blake2b

# the words by which detectors know small talk, complaints of parsers, evaluations, jobs, and texts in place of texts
_KEPT_WORDS = """
hi hey hello hallo hola bonjour salut ciao moin servus yo howdy greetings there good morning afternoon evening night day
guten tag abend buenos días dias how are you doing thanks thank a lot so very much many thx ty danke schön vielen dank
gracias merci grazie cheers great perfect cool nice awesome super okay ok k yes yep yeah yup sure no nope nah ja nein
oui non sí si please bye goodbye see tschüss got it fine sounds all that s never mind problem re welcome appreciated
right exactly correct done understood lol haha everyone again bot assistant
true false null validation error errors validationerror validationerrors invalid json valid could not cannot unable to
be parse failed decode decodeerror jsondecodeerror zod zoderror outputparser unexpected token unterminated string
expecting value property name delimiter required field return only the kein gültiges ungültiges es un válido inválido n
est pas valide invalide è 不是有效的 does do match schema for arguments should
eval evals evaluation evaluations benchmark benchmarks bench arena experiment ab test panel compare comparison shadow
judge grader load synthetic redacted masked hidden removed filtered omitted scrubbed anonymized confidential none
content confidence confident quality escalate escalated uncertain unsure too hard complexity
"""
_KEPT = frozenset(_KEPT_WORDS.split())
# a word is cut after 32 letters: what the hash of a round holds is enough for as many
_PARTS = re.compile(r"[^\W\d_]{1,32}|\d{1,32}")
_PIECES = re.compile(r"[A-Za-z]+|[^A-Za-z]+")
_ROUNDS = 6
_MOST_KNOWN = 500_000  # words whose pseudonyms are remembered


class Pseudonyms:
    """The pseudonyms of words under one key, as far as they were needed. The class exists to remember them."""

    def __init__(self, key: bytes) -> None:
        self._key = blake2b(key, digest_size=32).digest()
        self._known: dict[str, str] = {}

    def text(self, text: str) -> str:
        """Return a text with a pseudonym for each word."""
        return _PARTS.sub(self._part, text)

    def _part(self, found: re.Match[str]) -> str:
        word = found[0]
        pseudonym = self._known.get(word)
        if pseudonym is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            pseudonym = self._known[word] = self._made(word)
        return pseudonym

    def _made(self, word: str) -> str:
        if word.lower() in _KEPT:
            return word
        if not word.isascii():
            pieces = _PIECES.findall(word)
            return "".join(self._letters(each) if each.isascii() else self._other_letters(each) for each in pieces)
        if word.isdigit():
            return f"{self._shuffled(int(word), 10, len(word)):0{len(word)}d}"
        return self._letters(word)

    def _letters(self, word: str) -> str:
        made = word.lower()
        while True:  # until the pseudonym is none of the words that stay, so that no two words become one
            made = _letters_of(self._shuffled(_number_of(made), 26, len(word)), len(word))
            if made not in _KEPT:
                break
        return "".join(new.upper() if old.isupper() else new for new, old in zip(made, word, strict=True))

    def _shuffled(self, number: int, base: int, length: int) -> int:
        """Return the number of another word of the same length, a different one for each (a Feistel network)."""
        left_size, right_size = base ** (length // 2), base ** (length - length // 2)
        left, right = divmod(number, right_size)
        for turn in range(_ROUNDS):
            if turn % 2 and left_size > 1:
                left = (left + self._hash(turn, base, length, right)) % left_size
            else:
                right = (right + self._hash(turn, base, length, left)) % right_size
        return left * right_size + right

    def _hash(self, *values: int) -> int:
        return int.from_bytes(blake2b(repr(values).encode(), key=self._key, digest_size=32).digest())

    def _other_letters(self, word: str) -> str:
        """Return letters that take as many bytes each, chosen by the whole word."""
        seed = int.from_bytes(blake2b(word.encode(), key=self._key, digest_size=16).digest())
        letters = []
        for place, letter in enumerate(word):
            first, size = _OF_BYTES[len(letter.encode())]
            letters.append(chr(first + self._hash(place, 0, 0, seed) % size))
        return "".join(letters)


# letters of one to four bytes: the first, and how many follow
_OF_BYTES = {1: (0x61, 26), 2: (0x100, 128), 3: (0x4E00, 20_000), 4: (0x20000, 40_000)}


def _number_of(word: str) -> int:
    number = 0
    for letter in word:
        number = number * 26 + ord(letter) - 97
    return number


def _letters_of(number: int, length: int) -> str:
    letters = []
    for _ in range(length):
        number, letter = divmod(number, 26)
        letters.append(chr(97 + letter))
    return "".join(reversed(letters))
