"""scripts/run-tests.sh and scripts/sum_tests.py over a small build: what runs, counts, is named."""

import pytest
import small_project
from small_project import FAILS, PASSES, SECOND_TRY_PASSES


@pytest.fixture(name="project")
def make_project(tmp_path):
    for name in ("scripts/run-tests.sh", "scripts/sum_tests.py"):
        small_project.copy_script(name, tmp_path)
    return tmp_path


def run_tests(project, *rings, **environment):
    run = small_project.run([project / "scripts/run-tests.sh", *rings], project, **environment)
    return run.returncode, run.stdout.splitlines()


def test_what_fails_has_failed_without_a_second_try(project):
    small_project.make_build(project, {"unit/a": SECOND_TRY_PASSES, "unit/b": PASSES})
    status, lines = run_tests(project, "unit")
    assert (status, lines[-1]) == (1, "7 passed, 1 failed")
    assert "FAILED: unit/a" in lines
    assert not any("second try" in line or "once more" in line for line in lines)


def test_what_passes_at_the_second_try_is_counted_once_and_named(project):
    small_project.make_build(project, {"unit/a": SECOND_TRY_PASSES, "unit/b": PASSES})
    status, lines = run_tests(project, "unit", RETRY_FAILED="1")
    assert (status, lines[-1]) == (0, "8 passed, 0 failed")
    assert lines[-2] == "passed at the second try: unit/a"
    assert "FAILED: unit/a" not in lines


def test_what_fails_twice_has_failed_and_is_counted_once(project):
    build = small_project.make_build(project, {"unit/a": FAILS, "unit/b": SECOND_TRY_PASSES})
    status, lines = run_tests(project, "unit", RETRY_FAILED="1")
    assert (status, lines[-1]) == (1, "7 passed, 2 failed")
    assert lines[-2] == "passed at the second try: unit/b"
    assert "FAILED: unit/a" in lines
    assert (build / "programs/unit/a/runs").read_text() == "run\n" * 2


def test_only_what_failed_runs_again_in_each_ring(project):
    passes = "echo run >>runs; " + PASSES
    build = small_project.make_build(
        project, {"unit/a": passes, "e2e/a": SECOND_TRY_PASSES, "e2e/b": passes, "docs/a": passes}
    )
    status, lines = run_tests(project, "unit", "e2e", "docs", RETRY_FAILED="1")
    assert (status, lines[-1]) == (0, "18 passed, 0 failed")
    assert lines[-2] == "passed at the second try: e2e/a"
    for name in ("unit/a", "e2e/b", "docs/a"):
        assert (build / "programs" / name / "runs").read_text() == "run\n"


def test_second_try_of_a_ring_runs_one_program_at_a_time(project):
    # Passes only if it holds the one lock, and at the second run: at the first it just fails.
    alone = (
        "if [ ! -e tried ]; then touch tried; exit 1; fi; "
        "mkdir ../lock && sleep 0.2 && rmdir ../lock"
    )
    small_project.make_build(project, {f"unit/{name}": alone for name in "abc"})
    status, lines = run_tests(project, "unit", RETRY_FAILED="1", JOBS="3")
    assert (status, lines[-1]) == (0, "3 passed, 0 failed")
    assert lines[-2] == "passed at the second try: unit/a, unit/b, unit/c"


def test_nothing_of_the_run_before_is_counted(project):
    build = small_project.make_build(project, {"unit/a": FAILS, "docs/a": PASSES})
    assert run_tests(project, "unit", RETRY_FAILED="1")[0] == 1
    assert (build / "test-reports/second-try/unit.xml").exists()
    status, lines = run_tests(project, "docs", RETRY_FAILED="1")
    assert (status, lines[-1]) == (0, "5 passed, 0 failed")


def test_pytest_and_crashes_are_counted_too(project):
    small_project.make_build(
        project,
        {
            "unit/crash": "kill -SEGV $$",
            "unit/plain": "true",
            "unit/pytest": 'echo "2 failed, 5 passed, 1 error in 1.23s"; exit 1',
        },
    )
    status, lines = run_tests(project, "unit")
    assert (status, lines[-1]) == (1, "6 passed, 4 failed")


def test_ring_without_tests_is_refused(project):
    small_project.make_build(project, {"unit/a": PASSES})
    status, lines = run_tests(project, "docs")
    assert status == 1
    assert "the ring docs has no tests" in lines[-1]
