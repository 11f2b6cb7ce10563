"""Tests of scripts/publish.py."""

import pytest
from sample_notebooks import a_notebook, shown

from scripts import notebooks, publish, setup_cell
from scripts.setup_cell import Address


def test_publish_stamps_everything_twice_and_elsewhere(course):
    (course / "README.md").write_text(
        "<!-- colab badge --><!-- /colab badge -->\n"
        "| <!-- colab badge 02_b.ipynb --><!-- /colab badge --> |\n"
    )
    path = course / "notebooks" / "01_first.ipynb"
    notebook = a_notebook(shown("kept"))
    path.write_text(notebooks.dumps(notebook))
    assert len(publish.publish("me/course", root=course)) == 4
    texts = {p: p.read_bytes() for p in course.rglob("*.*") if p.is_file()}
    assert setup_cell.address(course) == Address("me/course", "main")
    after = notebooks.read(path)
    assert 'REPOSITORY, MIRROR, BRANCH = "me/course", "", "main"' in after.cells[1].source
    link = "https://colab.research.google.com/github/me/course/blob/main/notebooks/"
    assert f'href="{link}01_first.ipynb"' in after.cells[0].source
    assert after.cells[3] == notebook.cells[3]
    solutions = notebooks.read(course / "notebooks" / "solutions" / "01_first.ipynb")
    assert f'href="{link}solutions/01_first.ipynb"' in solutions.cells[0].source
    readme = (course / "README.md").read_text()
    assert f'"{link}01_first.ipynb"' in readme and f'"{link}02_b.ipynb"' in readme
    assert publish.publish("me/course", root=course) == []
    assert publish.publish("you/other.course", "stable", root=course)
    assert "me/course" not in path.read_text()
    assert "you/other.course/blob/stable" in (course / "README.md").read_text()
    publish.publish("me/course", "main", root=course)
    assert {p: p.read_bytes() for p in texts} == texts


@pytest.mark.parametrize(
    "repository",
    ["", "course", "https://github.com/me/course", "me/course.git", "me/a b", "me/a/b"],
)
def test_publish_refuses_what_is_no_address(repository, course):
    before = (course / "pyproject.toml").read_text()
    with pytest.raises(publish.AddressError, match="REPO="):
        publish.publish(repository, root=course)
    assert (course / "pyproject.toml").read_text() == before


def test_publish_refuses_a_malformed_branch(course):
    with pytest.raises(publish.AddressError, match="BRANCH="):
        publish.publish("me/course", "--upload-pack=x", root=course)


def test_publish_sets_keeps_and_removes_a_mirror(course):
    mirror = "https://gitee.com/me/course.git"
    path = course / "notebooks" / "01_first.ipynb"
    publish.publish("me/course", mirror=mirror, root=course)
    publish.publish("me/course", "stable", root=course)
    assert setup_cell.address(course) == Address("me/course", "stable", mirror)
    assert f'= "me/course", "{mirror}", "stable"' in notebooks.read(path).cells[1].source
    publish.publish("me/course", mirror="none", root=course)
    assert setup_cell.address(course).mirror == ""


@pytest.mark.parametrize(
    "mirror", ["gitee.com/me/course", "https://a/b c", 'https://a/"', "nonesuch"]
)
def test_publish_refuses_a_malformed_mirror(mirror, course):
    with pytest.raises(publish.AddressError, match="MIRROR="):
        publish.publish("me/course", mirror=mirror, root=course)


def test_publish_without_an_address_says_what_to_write(capsys):
    assert publish.main([]) == 1
    assert "REPO=owner/name" in capsys.readouterr().err
