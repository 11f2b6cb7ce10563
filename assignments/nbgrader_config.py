"""nbgrader's settings for the assignments.

Where the gradebook and the submissions lie is not set here: they belong to a class, and stay out
of the repository.
"""

c = get_config()  # noqa: F821, which nbgrader provides

c.CourseDirectory.course_id = "deep_learning"

# What stands in a student's notebook in place of a solution.
c.ClearSolutions.code_stub = {
    "python": "# YOUR CODE HERE\n"
    'raise NotImplementedError("Not written yet: put your code in place of these two lines.")'
}
c.ClearSolutions.text_stub = "*YOUR ANSWER HERE: write it in place of this line.*"

# The rubric is a part of the explain task's question, a locked cell: nbgrader removes it for
# students and puts it back for marking. It expects that of its task cells alone, which would
# leave the answer without a place of its own.
c.ClearMarkScheme.enforce_metadata = False

c.Execute.timeout = 60  # seconds a cell; a whole notebook with solutions takes about ten
