""".ci/run over a small project whose Makefile's verbs are one-liners: what it adds up."""

import pytest
import small_project

_CLOSING = {True: "echo '7 passed, 0 failed'", False: "echo '5 passed, 2 failed'; exit 1"}


@pytest.fixture(name="project")
def make_project(tmp_path):
    project = tmp_path / "project"
    small_project.copy_script(".ci/run", project)
    # An engine that comes up, and none that answers before.
    small_project.write_program(tmp_path / "shared/docker/engine.sh", "true")
    small_project.write_program(tmp_path / "bin/docker", "exit 1")
    return project


def run_ci(project, test, compose_tests):
    """The answers of `make test` and of each `make compose-test`, in the order of the runs."""
    small_project.write_program(project / "test", 'echo "retries: $RETRY_FAILED"; ' + test)
    for number, text in enumerate(compose_tests, 1):
        small_project.write_program(project / f"compose-{number}", text)
    (project / "Makefile").write_text(
        ".PHONY: test compose-test\n"
        "test:\n\t@./test\n"
        "compose-test:\n"
        "\t@echo run $(ARGS) >>runs; ./compose-$$(wc -l <runs)\n"
    )
    path = f"{project.parent}/bin:/usr/bin:/bin"
    run = small_project.run([project / ".ci/run"], project, PATH=path)
    runs = (project / "runs").read_text().splitlines()
    assert set(runs) == {"run --quick"}
    return run.returncode, run.stdout.splitlines(), len(runs)


def test_parts_are_added_up_and_tests_get_their_second_try(project):
    status, lines, runs = run_ci(project, _CLOSING[True], ["echo '3 passed, 0 failed'"])
    assert (status, lines[-1], runs) == (0, "10 passed, 0 failed", 1)
    assert "retries: 1" in lines
    assert not any("second try" in line for line in lines)


def test_containers_that_fail_once_are_tried_again_and_named(project):
    status, lines, runs = run_ci(project, _CLOSING[True], [_CLOSING[False], _CLOSING[True]])
    assert (status, lines[-1], runs) == (0, "14 passed, 0 failed", 2)
    assert lines[-2] == "passed at the second try: make compose-test"
    assert any("5 passed, 2 failed; it runs once more" in line for line in lines)


def test_containers_that_fail_twice_have_failed(project):
    status, lines, runs = run_ci(project, _CLOSING[True], [_CLOSING[False]] * 2)
    assert (status, lines[-1], runs) == (1, "12 passed, 2 failed", 2)
    assert not any("second try" in line for line in lines)


def test_part_that_ends_without_a_closing_line_is_a_failure(project):
    status, lines, runs = run_ci(project, "exit 3", ["exit 3", "true"])
    assert (status, lines[-1], runs) == (1, "0 passed, 2 failed", 2)
