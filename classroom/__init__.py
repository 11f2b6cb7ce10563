"""The classroom: release assignments, grade submissions apart from each other, merge the marks.

nbgrader keeps the assignments, the gradebook and the marks. Around it,

collect   finds the submissions in a folder, whose and of which assignment they are
mend      puts what a student handed in back into the assignment's own notebook
sandbox   runs a kernel without network, without the course's files, under another user
guard     runs inside that kernel and puts back what student code has patched
execute   runs one submission's notebook; a process of its own
release   writes the student versions and tries them
grade     the run: schedules, merges into gradebook.db, writes scores, feedback and report
"""
