"""How well a text was recognised: character errors as substitutions, deletions and insertions. Pure."""

import unicodedata
from dataclasses import dataclass

_EQUAL = str.maketrans({"您": "你", "幺": "一", "她": "他", "它": "他"})


@dataclass(frozen=True)
class CharacterErrors:
    """Counts against `characters` of the reference; add them up over sentences."""

    characters: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    @property
    def errors(self) -> int:
        """All of them."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors per character of the reference; may exceed 1; 0 for two empty texts."""
        return self.errors / self.characters if self.characters else float(self.errors > 0)

    def __add__(self, other: "CharacterErrors") -> "CharacterErrors":
        return CharacterErrors(
            self.characters + other.characters,
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
        )


def comparable(text: str) -> str:
    """Without blanks and punctuation, Latin letters large, words that sound and mean the same made equal."""
    kept = (c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c)[0] in "LN")
    return "".join(kept).upper().translate(_EQUAL)


def character_errors(reference: str, heard: str) -> CharacterErrors:
    """The fewest changes from what was said to what was heard."""
    said, got = comparable(reference), comparable(heard)
    # Each cell: (errors, substitutions, deletions, insertions) for a prefix of both.
    row = [(j, 0, 0, j) for j in range(len(got) + 1)]
    for i, wanted in enumerate(said, 1):
        above, row = row, [(i, 0, i, 0)]
        for j, found in enumerate(got, 1):
            diagonal, up, left = above[j - 1], above[j], row[j - 1]
            wrong = wanted != found
            row.append(
                min(
                    (diagonal[0] + wrong, diagonal[1] + wrong, diagonal[2], diagonal[3]),
                    (up[0] + 1, up[1], up[2] + 1, up[3]),
                    (left[0] + 1, left[1], left[2], left[3] + 1),
                )
            )
    _, substitutions, deletions, insertions = row[-1]
    return CharacterErrors(len(said), substitutions, deletions, insertions)
