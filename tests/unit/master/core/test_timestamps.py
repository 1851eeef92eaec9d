"""Times as the files of a run hold them."""

from master.core.timestamps import Span, iso


def test_times_are_in_utc_to_the_millisecond() -> None:
    assert iso(1740823200.25) == "2025-03-01T10:00:00.250+00:00"
    assert iso(0.0) == "1970-01-01T00:00:00.000+00:00"


def test_no_time_stays_none() -> None:
    assert iso(None) is None


def test_a_span_is_as_long_as_the_clock_says_but_never_less_than_nothing() -> None:
    assert Span(10.0, 12.5).seconds == 2.5
    assert Span(12.5, 10.0).seconds == 0.0
