# Mending


@pytest.fixture(scope="module")
def form(tmp_path_factory):
    course = Course(tmp_path_factory.mktemp("form"))
    version = course.release()
    return release.template(course.dir, toy.NAME), version


def mended(form, notebook):
    return mend.mend(form, mend.read(json.dumps(notebook).encode()))


def answers(mended_):
    return {mend.name_of(c): c["source"] for c in mended_.cells if mend.role(c) == mend.ANSWER}


@pytest.mark.parametrize(
    "change",
    [
        lambda n: n,
        toy.stripped,
        toy.by_colab,
        toy.duplicated,
        toy.tampered,
        lambda n: toy.without(n, "test_means"),
        lambda n: toy.stripped(toy.without(n, "test_means")),
        lambda n: toy.stripped(toy.with_cell(n, "means", "x = 1")),
        lambda n: n | {"cells": n["cells"][6:] + n["cells"][:6]},
        lambda n: toy.stripped(n) | {"nbformat": 4, "nbformat_minor": 0},
    ],
)
def test_answers_are_found_whatever_happened(form, change):
    found = mended(form[0], change(toy.answered(form[1], **toy.RIGHT)))
    assert answers(found) == toy.RIGHT
    tests = [c["source"] for c in found.cells if mend.role(c) == mend.TEST]
    assert len(tests) == 3 and all("HIDDEN TESTS" in text for text in tests)


def test_an_answer_that_resembles_nothing_is_found_by_its_place(form):
    odd = toy.RIGHT | {"mended": "mended = max"}
    found = mended(form[0], toy.stripped(toy.answered(form[1], **odd)))
    assert answers(found) == odd


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"PK\x03\x04\xff", "not JSON"),
        (b"[1, 2]", "no cells"),
        (b'{"cells": 3}', "no cells"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_notebook_is_said_to_be_none(content, reason):
    with pytest.raises(mend.NotANotebook, match=reason):
        mend.read(content)


@pytest.mark.parametrize(
    "junk", [None, 3, {}, {"cell_type": "code"}, {"cell_type": "x", "source": 1}]
)
def test_cells_that_are_none_do_no_harm(form, junk):
    notebook = toy.answered(form[1], **toy.RIGHT)
    notebook["cells"].insert(2, junk)
    assert answers(mended(form[0], notebook)) == toy.RIGHT


def test_scripts_in_answers_do_not_reach_the_marker(course):
    version = course.release()
    script = "Because <script>alert(1)</script> <img src=x onerror=alert(2)> of **this**."
    shows = "from IPython.display import HTML, display\n"
    shows += "display(HTML('<script>alert(3)</script>'))\n"
    right = toy.RIGHT | {"explain": script, "double": shows + toy.DOUBLE}
    course.hand_in("s0", toy.answered(version, **right))
    link = "[the source](java&#115;cript:alert(4)) of `this`"
    course.hand_in("s1", toy.answered(version, **toy.RIGHT | {"explain": link}))
    course.grade()
    text = (course.dir.folder / "autograded" / "s0" / toy.NAME / f"{toy.NAME}.ipynb").read_text()
    outputs = [o for c in nbformat.reads(text, 4).cells for o in c.get("outputs", [])]
    assert "alert(3)" not in json.dumps(outputs)
    assert "[the source](" in course.feedback("s1") and "alert(4)" in course.feedback("s1")
    assert 'href="javascript' not in course.feedback("s1")
    html = course.feedback("s0")
    assert "<script>alert" not in html and "<img src=x" not in html and "of <strong>" in html
