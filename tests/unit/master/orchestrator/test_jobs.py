"""Ids, and one list from what is found and what a file says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from master.errors import ConfigError, UsageError
from master.orchestrator.arguments import Passed, argv_of
from master.orchestrator.discovery import read_script
from master.orchestrator.jobs import TrainingJob, discovered_job, merge
from master.orchestrator.jobs_yaml import OWN_KEYS, JobsFile, read_jobs_file
from tests.unit.master.orchestrator.conftest import Write
from worker_agent.protocol.terms import CollectRules


def job(path: Path, **settings: object) -> TrainingJob:
    made = discovered_job(read_script(path))
    return TrainingJob(**{**made.__dict__, **settings})


def test_the_id_is_the_stem_and_the_output_goes_without_train(write: Write) -> None:
    made = discovered_job(read_script(write("train_als.py")))
    assert (made.job_id, made.short_id, made.output) == ("train_als", "als", "als_results")
    fit = discovered_job(read_script(write("fit.py")))
    assert (fit.job_id, fit.short_id, fit.output) == ("fit", "fit", "fit_results")


def test_two_scripts_of_one_name_are_told_apart_by_their_folders(tmp_path: Path, write: Write) -> None:
    found = [job(write("a/train_x.py")), job(write("b/train_X.py")), job(write("train_y.py"))]
    merged = merge([], found, tmp_path)
    assert [(made.job_id, made.name, made.output) for made in merged.jobs] == [
        ("a.train_x", "a.x", "a.x_results"),
        ("b.train_X", "b.X", "b.X_results"),
        ("train_y", "y", "y_results"),
    ]
    assert merged.notes == (
        "a/train_x.py and b/train_X.py have one name: their ids begin with their folders",
    )


def test_two_jobs_with_one_output_folder_are_refused(tmp_path: Path, write: Write) -> None:
    found = [job(write("train_x.py")), job(write("x.py"))]
    with pytest.raises(UsageError, match=r"train_x\.py and x\.py have the output folder `x_results` both"):
        merge([], found, tmp_path)


def test_a_script_that_the_file_lists_is_not_taken_twice(tmp_path: Path, write: Write) -> None:
    script = write("train_x.py")
    listed = job(script, job_id="mine", discovered=False)
    assert merge([listed], [job(script)], tmp_path).jobs == (listed,)


@pytest.mark.parametrize(("overrides", "script"), [(False, "a.py"), (True, "b/train_x.py")])
def test_an_id_of_both_is_the_files_unless_overrides_are_allowed(
    tmp_path: Path, write: Write, overrides: bool, script: str
) -> None:
    listed = job(write("a.py"), job_id="train_x", optional=True, args=("--lr", "1"))
    merged = merge([listed], [job(write("b/train_x.py"))], tmp_path, overrides=overrides)
    (kept,) = merged.jobs
    assert kept.script == tmp_path / script
    assert (kept.optional, kept.args) == (True, ("--lr", "1"))
    assert len(merged.notes) == 1 and "b/train_x.py" in merged.notes[0]


# --- the file


def read_file(tmp_path: Path, text: str) -> JobsFile:
    path = tmp_path / "jobs.yaml"
    path.write_text(text, encoding="utf-8")
    return read_jobs_file(path, tmp_path)


def read(tmp_path: Path, text: str) -> tuple[TrainingJob, ...]:
    return read_file(tmp_path, text).jobs


def test_a_file_of_jobs(tmp_path: Path, write: Write) -> None:
    write("src/als.py", "--epochs", "--output-dir", "--folds")
    text = """
    jobs:
      - name: ALS
        script: src/als.py
        output: als/full
        id: als
        args: {dataset-choice: als-progression, verbose: true, layers: [1, 2], shift: -1, nothing: null}
        optional: true
        use_output_dir: false
        supports_folds: false
        supports_batch: true
        timeout: 90
        stall_timeout: 1.5m
        collect: {exclude: ["*.tmp"], max_size: 1MB}
        gpu_memory: 12GB
        executor: warm
    """
    (als,) = read(tmp_path, text)
    assert (als.name, als.job_id, als.output) == ("ALS", "als", "als/full")
    assert als.args == (
        *("--dataset-choice", "als-progression", "--verbose", "--layers", "1", "2", "--shift=-1"),
    )
    assert als.takes == {"epochs": "--epochs", "batch": "--batch-size"}
    assert (als.optional, als.timeout_s, als.discovered) == (True, 90.0, False)
    assert (als.stall_timeout_s, als.executor, als.gpu_bytes) == (90.0, "warm", 12_000_000_000)
    assert als.collect == CollectRules([], ["*.tmp"], 1_000_000)


def test_what_is_left_out_has_defaults_and_lists_of_words_stay(tmp_path: Path, write: Write) -> None:
    write("train_a.py", "--sample")
    (found,) = read(tmp_path, "jobs: [{script: train_a.py, args: [--fast, --lr, 3]}]")
    assert (found.job_id, found.name, found.output) == ("train_a", "train_a", "a_results")
    assert found.args == ("--fast", "--lr", "3")
    assert found.takes == {"sample": "--sample"}
    assert (found.timeout_s, found.stall_timeout_s, found.gpu_bytes, found.executor) == (None,) * 4


def test_a_setting_of_null_is_one_left_out(tmp_path: Path, write: Write) -> None:
    write("train_a.py")
    (found,) = read(tmp_path, "jobs: [{script: train_a.py, timeout: null, gpu_memory: null}]")
    assert (found.timeout_s, found.gpu_bytes) == (None, None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("jobs: []", "at least one job"),
        ("[]", "must be an object"),
        ("jobs: [{name: a}]", "`script` is missing"),
        ("jobs: [{module: a.gone}]", r"neither a/gone\.py nor a/gone/__main__\.py in the current directory"),
        ("jobs: [{module: a-b}]", r"`a-b` is no module's name"),
        ("jobs: [{module: train_a, script: train_a.py}]", "give one of them"),
        ("jobs: [{script: gone.py}]", r"gone\.py does not exist"),
        ("jobs: [{script: notes.txt}]", "no Python script"),
        ("jobs: [{script: train_a.py, output: ../x}]", "relative path"),
        ("jobs: [{script: train_a.py, output: /x}]", "relative path"),
        ("jobs: [{script: train_a.py, id: a/b}]", "a/b.*allowed are letters"),
        ("jobs: [{script: train_a.py, optional: 1}]", "true or false"),
        (
            "jobs: [{script: train_a.py, timeout: 0}]",
            r"jobs\[0\]\.timeout .*is `?0`?, allowed are seconds above 0",
        ),
        ("jobs: [{script: train_a.py, timeout: soon}]", "soon.*, allowed are seconds above 0"),
        ("jobs: [{script: train_a.py, stall_timeout: true}]", "true.*, allowed are seconds above 0"),
        ("jobs: [{script: train_a.py, collect: {includes: ['*']}}]", "did you mean .*include"),
        (
            "jobs: [{script: train_a.py, gpu_memory: 12 bananas}]",
            "12 bananas.*, allowed is a number of bytes",
        ),
        ("jobs: [{script: train_a.py, gpu_memory: 0}]", "allowed is a number of bytes above 0"),
        ("jobs: [{script: train_a.py, executor: warn}]", "did you mean `warm`"),
        ("jobs: [{script: train_a.py, executor: thread}]", "use warm or process"),
        ("jobs: [{script: train_a.py, args: fast}]", "list of words"),
        ("jobs: [{script: train_a.py, args: [[1]]}]", "must be a word"),
        ("jobs: [{script: train_a.py, args: {a: {b: 1}}}]", "nested too deep"),
        (
            "jobs: [{script: train_a.py}, {script: b/train_a.py}]",
            r"train_a\.py and b/train_a\.py have the id",
        ),
    ],
)
def test_mistakes_are_named_with_their_place(tmp_path: Path, write: Write, text: str, problem: str) -> None:
    for name in ("train_a.py", "b/train_a.py", "notes.txt"):
        write(name)
    with pytest.raises(ConfigError, match=problem) as caught:
        read(tmp_path, text)
    assert re.search(r"jobs\.yaml: (.*\()?line \d", str(caught.value))


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (
            "jobs: [{script: train_a.py}]\nretries: 3",
            r"retries \(line 2\) is passed over: `retries` is unknown",
        ),
        ("jobs: [{script: train_a.py, epoch: 3}]", r"jobs\[0\]\.epoch .*`epoch` is unknown"),
        ("jobs: [{script: train_a.py, optionl: true}]", r"jobs\[0\]\.optionl .*did you mean `optional`"),
    ],
)
def test_keys_of_other_tools_are_noted_and_let_through(
    tmp_path: Path, write: Write, text: str, note: str
) -> None:
    write("train_a.py")
    found = read_file(tmp_path, text)
    assert [each.job_id for each in found.jobs] == ["train_a"]
    assert len(found.notes) == 1 and re.search(rf"jobs\.yaml: {note}", found.notes[0])


@pytest.mark.parametrize(
    ("flags", "args", "words"),
    [
        ((), "{data_path: d, batch: 8}", ("--data-path", "d", "--batch-size", "8")),
        (
            ("--data_path", "--batch_size"),
            "{data_path: d, batch: 8}",
            ("--data_path", "d", "--batch_size", "8"),
        ),
        (("--batch",), "{batch: 8}", ("--batch", "8")),
        (("--data-path",), "{data_path: d}", ("--data-path", "d")),
        ((), "[--data_path, d]", ("--data_path", "d")),
    ],
)
def test_args_are_spelled_as_the_script_declares_them_else_with_dashes(
    tmp_path: Path, write: Write, flags: tuple[str, ...], args: str, words: tuple[str, ...]
) -> None:
    write("train_a.py", *flags)
    (found,) = read(tmp_path, f"jobs: [{{script: train_a.py, args: {args}}}]")
    assert found.args == words


def test_an_id_that_is_left_out_comes_from_the_name(tmp_path: Path, write: Write) -> None:
    write("train_a.py")
    (found,) = read(tmp_path, "jobs: [{name: Alzheimer's Disease (MRI & PET), script: train_a.py}]")
    assert (found.job_id, found.name) == (
        "alzheimers_disease_mri_and_pet",
        "Alzheimer's Disease (MRI & PET)",
    )
    assert found.output == "alzheimers_disease_mri_and_pet_results"


def test_a_file_of_another_tool_runs_with_the_jobs_own_numbers(tmp_path: Path, write: Write) -> None:
    write("src/train_als.py", "--epochs", "--folds", "--batch-size", "--output-dir", "--dataset-choice")
    text = """
    jobs:
      - name: ALS (Amyotrophic Lateral Sclerosis)
        script: src/train_als.py
        output: als_comprehensive_results
        args: {epochs: 3, batch: 16, dataset_choice: als-progression}
        supports_sample: false
        description: two cohorts
    """
    found = read_file(tmp_path, text)
    (als,) = found.jobs
    words = argv_of(als, "src/train_als.py", Passed(epochs=50, folds=5, sample=100, batch=128))
    assert words == [
        *("{python}", "src/train_als.py", "--epochs", "3", "--batch-size", "16"),
        *("--dataset-choice", "als-progression", "--folds", "5", "--output-dir", "{output_dir}"),
    ]
    assert len(found.notes) == 1 and "description" in found.notes[0]


def test_a_script_that_is_not_python_is_started_as_it_is(tmp_path: Path, write: Write) -> None:
    write("jobs/train.sh", text="#!/bin/sh\n").chmod(0o755)
    (found,) = read(tmp_path, "jobs: [{script: jobs/train.sh, supports_epochs: true}]")
    assert (found.job_id, found.output, found.problem) == ("train", "train_results", "")
    words = argv_of(found, "jobs/train.sh", Passed(epochs=3))
    assert words == ["./jobs/train.sh", "--epochs", "3"]


@pytest.mark.parametrize("file", ["package/train.py", "package/train/__main__.py"])
def test_a_module_is_started_by_its_name(tmp_path: Path, write: Write, file: str) -> None:
    write(file, "--epochs")
    (found,) = read(tmp_path, "jobs: [{module: package.train, args: [--fast]}]")
    assert (found.job_id, found.script) == ("package.train", tmp_path / file)
    assert argv_of(found, file, Passed(epochs=3)) == [
        *("{python}", "-m", "package.train", "--fast", "--epochs", "3"),
    ]


def test_a_module_that_gives_way_to_a_script_is_no_module_any_more(tmp_path: Path, write: Write) -> None:
    listed = job(write("train.py"), job_id="train_x", module="train")
    (kept,) = merge([listed], [job(write("b/train_x.py"))], tmp_path, overrides=True).jobs
    assert argv_of(kept, "b/train_x.py", Passed()) == ["{python}", "b/train_x.py"]


# --- which of them run


def test_the_example_of_the_documentation_has_every_key_and_is_read(write: Write, tmp_path: Path) -> None:
    page = (Path(__file__).parents[4] / "docs/run_all_training.md").read_text()
    block = page.split("is merged with what is found:\n\n")[1].split("\n\n")[0]
    (found,) = yaml.safe_load(block)["jobs"]
    assert {name for name in found if not name.startswith("supports_")} == set(OWN_KEYS)
    write("training/als.py")
    (als,) = read(tmp_path, block)
    assert (als.job_id, als.timeout_s, als.stall_timeout_s) == ("als", 7200.0, 600.0)
    assert (als.gpu_bytes, als.executor, als.optional) == (12 * 10**9, "warm", True)


def test_true_and_false_are_said_as_the_script_declares_them(tmp_path: Path) -> None:
    declared = (
        "import argparse\np = argparse.ArgumentParser()\n"
        "p.add_argument('--shuffle', action=argparse.BooleanOptionalAction, default=True)\n"
        "p.add_argument('--amp', type=int, default=1)\n"
    )
    (tmp_path / "train_a.py").write_text(declared)
    (found,) = read(
        tmp_path, "jobs: [{script: train_a.py, args: {shuffle: false, amp: false, other: false}}]"
    )
    assert found.args == ("--no-shuffle", "--amp", "0")
