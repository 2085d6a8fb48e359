"""Sealing: round trip, place, alteration, length."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vault.errors import SealBroken
from vault.seal import BUCKETS, Place, SealingKey, bucket, new_key, open_sealed, seal, sealed_size
from vault.types import SealedBytes

KEY = SealingKey(1, new_key())
PLACE = Place("case_answer", "value", 7)

texts = st.text(alphabet=st.characters(codec="utf-8"), max_size=20)
places = st.builds(Place, texts, texts, texts)


@given(st.binary(max_size=6000), places)
def test_what_is_sealed_opens_in_its_place(plaintext: bytes, place: Place) -> None:
    """Nothing is lost by sealing, whatever the content and the place."""
    assert open_sealed(KEY, seal(KEY, plaintext, place), place) == plaintext


@given(places, places)
def test_a_moved_ciphertext_does_not_open(home: Place, elsewhere: Place) -> None:
    """A row's content cannot be passed off as another's; parts of a place cannot be shifted either."""
    assume(home != elsewhere)
    sealed = seal(KEY, b"content", home)
    with pytest.raises(SealBroken):
        open_sealed(KEY, sealed, elsewhere)


@given(st.binary(max_size=300), st.integers(min_value=0), st.integers(1, 255))
def test_an_altered_ciphertext_does_not_open(plaintext: bytes, position: int, change: int) -> None:
    """Every byte counts, those of the header too."""
    sealed = bytearray(seal(KEY, plaintext, PLACE))
    sealed[position % len(sealed)] ^= change
    with pytest.raises(SealBroken):
        open_sealed(KEY, SealedBytes(bytes(sealed)), PLACE)


@given(st.integers(0, sealed_size(0) - 1))
def test_a_shortened_ciphertext_does_not_open(length: int) -> None:
    """A torn write is refused as an alteration is, not by an error of slicing."""
    with pytest.raises(SealBroken):
        open_sealed(KEY, SealedBytes(seal(KEY, b"content", PLACE)[:length]), PLACE)


def test_a_lengthened_ciphertext_does_not_open() -> None:
    """Nothing can be appended."""
    with pytest.raises(SealBroken):
        open_sealed(KEY, SealedBytes(seal(KEY, b"content", PLACE) + b"\x00"), PLACE)


@pytest.mark.parametrize("other", [SealingKey(1, new_key()), SealingKey(2, KEY.secret)])
def test_another_key_or_version_does_not_open(other: SealingKey) -> None:
    """Neither another key nor the same key under another version opens it."""
    with pytest.raises(SealBroken):
        open_sealed(other, seal(KEY, b"content", PLACE), PLACE)


@given(st.integers(0, 3 * BUCKETS[-1]), st.integers(0, 3 * BUCKETS[-1]))
def test_the_length_depends_on_the_bucket_alone(one: int, other: int) -> None:
    """Two plaintexts of one bucket cannot be told apart by length."""
    assert (bucket(one) == bucket(other)) == (sealed_size(one) == sealed_size(other))
    assert bucket(one) in BUCKETS or bucket(one) % BUCKETS[-1] == 0
    assert bucket(one) > one


@given(st.binary(max_size=5000))
def test_the_sealed_size_is_what_is_promised(plaintext: bytes) -> None:
    """The real ciphertext has the size that the buckets promise."""
    assert len(seal(KEY, plaintext, PLACE)) == sealed_size(len(plaintext))


def test_large_content_round_trips() -> None:
    """A file above the largest bucket is padded to its multiples and comes back whole."""
    data = bytes(range(256)) * 10_000
    sealed = seal(KEY, data, PLACE)
    assert open_sealed(KEY, sealed, PLACE) == data
    assert len(sealed) - sealed_size(0) == 3 * BUCKETS[-1] - BUCKETS[0]


def test_sealing_twice_looks_different() -> None:
    """Equal answers cannot be recognised in the tables."""
    assert seal(KEY, b"content", PLACE) != seal(KEY, b"content", PLACE)


def test_the_plaintext_is_not_in_the_ciphertext() -> None:
    """What is sealed cannot be read in the file."""
    assert seal(KEY, b"canary-7731", PLACE).find(b"canary-7731") == -1


@pytest.mark.parametrize(("version", "secret"), [(1, b"short"), (-1, bytes(32)), (1 << 32, bytes(32))])
def test_a_bad_key_is_refused(version: int, secret: bytes) -> None:
    """A key of another length, or a version that the header cannot hold, never seals anything."""
    with pytest.raises(ValueError, match=r"sealing key|key version"):
        SealingKey(version, secret)


def test_a_key_does_not_show_itself() -> None:
    """A key in a log or a traceback shows its version only."""
    assert repr(KEY) == "SealingKey(version=1)"


def test_a_broken_seal_names_the_place_and_nothing_else() -> None:
    """The error helps an operator and carries no content."""
    with pytest.raises(SealBroken, match=r"^seal of case_answer.value row 7 does not open$"):
        open_sealed(KEY, SealedBytes(b"content"), PLACE)
