"""What waits comes up by how it stands now."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from master.core.running.placing.ranking import Ranking


def ranking_of(standing: dict[str, float]) -> Ranking[str]:
    ranking: Ranking[str] = Ranking(
        lambda name: (standing[name], ord(name)) if standing.get(name) is not None else None
    )
    for name in standing:
        ranking.put(name)
    return ranking


def test_what_falls_or_goes_is_noticed_by_itself_and_what_rises_when_it_is_put_again() -> None:
    standing = {"a": 1.0, "b": 2.0, "c": 3.0}
    ranking = ranking_of(standing)
    standing["a"] = 9.0
    assert ranking.best() == "b"
    del standing["b"]
    assert [name for _, name in ranking.in_order()] == ["c", "a"]
    standing["a"] = 0.0
    ranking.put("a")
    assert ranking.best() == "a"
    ranking.take("a")
    assert [name for _, name in ranking.in_order()] == ["c"]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.none() | st.floats(0, 9))))
def test_the_order_is_that_of_a_sorted_list(changes: list[tuple[str, float | None]]) -> None:
    standing: dict[str, float] = {}
    ranking = ranking_of(standing)
    for name, value in changes:
        if value is None:
            standing.pop(name, None)
        else:
            standing[name] = value
            ranking.put(name)
    expected = sorted(standing, key=lambda name: (standing[name], name))
    assert [name for _, name in ranking.in_order()] == expected
