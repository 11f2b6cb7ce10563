"""The classroom: release assignments, grade submissions apart from each other, merge the marks.

nbgrader keeps the assignments, the gradebook and the marks. Around it,

coursedir   a class's folder (nbgrader's course directory) and the assignments' sources
assignment  an assignment as it is graded: template, task, points
release     writes the student versions and tries them
roster      the students, and the names that platforms write for them
collect     finds the submissions in a folder, whose and of which assignment they are
reading     reads a file that should be a notebook
matching    recognises the assignment's cells among a submission's
rebuild     puts what a student handed in into a fresh copy of the assignment
markdown    makes a student's text harmless for whoever reads it
child       calls functions in a process with limits on time and memory
findings    what is handed on: tasks, outcomes, findings; untrusted text as a line or a field
execute     runs one submission's notebook, in processes of its own
sandbox     keeps these from the machine (with seccomp, supervise)
cluster     the same on many machines, through Dask
grade       the run: prepares, schedules, merges
gradebook   writes into gradebook.db and reads it
report      scores.csv and report.md;  feedback  the pages for students
"""
