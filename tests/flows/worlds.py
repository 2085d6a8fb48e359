"""In which worlds a flow is played: each language, way of hearing and database, and mostly each pair of them.

What is left of all combinations is played by `make soak`: a fault that shows only where three meet is rare, and
each flow takes as long as a hundred tests of units.
"""

from itertools import product

import pytest

LONG = pytest.mark.soak

WORLDS = pytest.mark.parametrize(
    ("language", "receiving", "database"),
    [
        ("ru", "polling", "sqlite"),
        ("en", "webhook", "sqlite"),
        ("en", "polling", "postgresql"),
        ("ru", "webhook", "postgresql"),
        pytest.param("en", "polling", "sqlite", marks=LONG),
        pytest.param("ru", "webhook", "sqlite", marks=LONG),
        pytest.param("ru", "polling", "postgresql", marks=LONG),
        pytest.param("en", "webhook", "postgresql", marks=LONG),
    ],
    indirect=["receiving", "database"],
)
"""For the long flows: `language` is the test's, the others the world's."""

SHORT = (("en", "polling", "sqlite"), ("ru", "webhook", "postgresql"))

WHOLE = pytest.mark.parametrize(
    ("language", "receiving", "database"),
    [pytest.param(*each, marks=() if each in SHORT else LONG) for each in product(*zip(*SHORT, strict=True))],
    indirect=["receiving", "database"],
)
"""For the longest flow, of three months: each language, way of hearing and database once, else by `make soak`."""

LANGUAGES = pytest.mark.parametrize(
    ("language", "database"),
    [
        ("ru", "postgresql"),
        pytest.param("en", "sqlite", marks=LONG),
        pytest.param("ru", "sqlite", marks=LONG),
        pytest.param("en", "postgresql", marks=LONG),
    ],
    indirect=["database"],
)
"""For the others, by polling: in the language that is asked in, on the database that is more apart."""
