"""Which letter follows which."""

from collections import Counter, defaultdict

TEXT = "every base model is trained once and every experiment starts from it "


def followers(text=TEXT):
    """Return how often each letter follows each."""
    counts = defaultdict(Counter)
    for letter, after in zip(text, text[1:] + text[0], strict=True):
        counts[letter][after] += 1
    return counts
