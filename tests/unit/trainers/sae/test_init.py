"""The allocator's setting, where the C library has one."""

from trainers.sae import CODE_VERSION, keep_pages


def test_pages_are_kept_or_it_is_said_that_they_are_not() -> None:
    assert keep_pages() in (True, False)
    assert CODE_VERSION.isdecimal()
