"""What trainings need of a worker, and what of theirs comes home."""

from __future__ import annotations

from tests.support.shop import Shop


def test_a_module_that_all_scripts_import_must_be_there(shop: Shop) -> None:
    shop.write("train_a.py", "import nosuch_lib, nosuch_extra\n")
    shop.write("train_b.py", "import nosuch_lib\n")
    looked = shop.finish("--dry-run")
    assert looked.returncode == 4 and "localhost: no module nosuch_lib in " in looked.stdout
    assert shop.finish("--dry-run", "--ignore-missing-modules").returncode == 0
    done = shop.finish()
    assert done.returncode == 4 and "no usable worker: localhost: no module nosuch_lib in " in done.stderr
    shop.write("train_b.py", "open('out', 'w').write('b')\n")
    done = shop.finish()
    assert done.returncode == 1 and "localhost: no module nosuch_extra, nosuch_lib in " in done.stderr
    assert (shop.project / "results" / "b_results" / "out").read_text() == "b"


def test_what_a_file_does_not_want_stays_behind_and_is_named(shop: Shop) -> None:
    shop.write("train_a.py", "for name in ('a.tmp', 'a.txt'):\n    open(name, 'w').write('a')\n")
    shop.write(
        "jobs.yaml", "jobs: [{script: train_a.py, collect: {exclude: ['*.tmp'], include: ['*.txt', 'b']}}]"
    )
    done = shop.finish("--config", "jobs.yaml")
    assert [path.name for path in (shop.project / "results" / "a_results").glob("a*")] == ["a.txt"]
    assert "train_a: a.tmp: not in collect.include\n" in done.stdout
    assert "train_a: b: nothing fits this pattern of collect.include\n" in done.stdout
