"""Categories: those of the training rows have numbers, others are 0 and counted."""

from __future__ import annotations

import json

import numpy as np

from trainers.tabular.data.categories import Vocabulary

TRAIN = {
    "colour": np.array(["red", None, "blue", "red"], dtype=object),
    "size": np.array([10.0, 2.0, np.nan, 2.5]),
}


def test_numbers_begin_at_one_in_the_order_of_size() -> None:
    found = Vocabulary.fit(TRAIN)
    assert found.categories == {"colour": ("blue", "red"), "size": ("2", "2.5", "10")}
    assert found.cardinalities == (3, 4)
    numbers, unseen = found.numbers(TRAIN, 4)
    assert numbers.tolist() == [[2, 3], [0, 1], [1, 0], [2, 2]] and unseen == {}


def test_what_was_never_seen_is_unknown_and_counted_apart_from_what_is_missing() -> None:
    later = {"colour": np.array(["green", None, "blue"], dtype=object), "size": np.array([2.0, 3.0, 4.0])}
    numbers, unseen = Vocabulary.fit(TRAIN).numbers(later, 3)
    assert numbers.tolist() == [[0, 1], [0, 0], [1, 0]]
    assert unseen == {"colour": 1, "size": 2}


def test_no_column_is_a_matrix_without_columns() -> None:
    numbers, unseen = Vocabulary.fit({}).numbers({}, 3)
    assert numbers.shape == (3, 0) and unseen == {}


def test_a_vocabulary_comes_back_from_json() -> None:
    found = Vocabulary.fit(TRAIN)
    assert Vocabulary.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_true_and_false_are_known_by_every_spelling_but_where_two_are_categories() -> None:
    asked = {"flag": np.array(["True", "FALSE", "true", None], dtype=object)}
    found, unseen = Vocabulary({"flag": ("false", "true")}).numbers(asked, 4)
    assert found[:, 0].tolist() == [2, 1, 2, 0] and unseen == {}
    found, unseen = Vocabulary({"flag": ("FALSE", "True", "true")}).numbers(asked, 4)
    assert found[:, 0].tolist() == [2, 1, 3, 0] and unseen == {}
