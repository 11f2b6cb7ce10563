"""A batch with good neighbours, for files, names and messages that could stop or bend a run.

Nothing is run in a kernel here: what is tried is all that the grader itself does.
"""

import re
import resource
import time

GOOD = ("anna", "zoe")
ALL, NONE = "10", "0"


def grade(course):
    """Grade a batch, for which the grader's own process may take neither long nor much.

    Returns:
        The rows of the scores by student.
    """
    start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    course.grade()
    assert time.process_time() - start < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000  # kB
    rows, lines = course.scores(), course.report().splitlines()
    for student in GOOD:
        assert rows[student]["machine"] == ALL and f"{student} says why." in course.feedback(
            student
        )
        assert not [line for line in lines if line.startswith(f"- **{student}**")]
    assert "## Look" not in lines and max(map(len, lines)) < 2000
    text = "\n".join(lines)
    assert not re.search(r"(?<!\\)<img|[\x1b\x07\0\u202e]", text)
    return rows


def groups(kinds, number):
    """The kinds in so many groups: a batch each, since what surrounds a batch takes time."""
    return [list(kinds)[start::number] for start in range(number)]
