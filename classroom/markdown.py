"""Text in Markdown that a student wrote, made harmless for the browser of whoever reads it."""

import html
import re

from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.preprocessors.sanitize import SanitizeHTML

RUNS_WHEN_CLICKED = re.compile(r"(java|vb)script:|data:text", re.IGNORECASE)
ATTACHED = re.compile(r"(!\[[^\]\n]*\]\()?attachment:([^\s)\"'>]*)(\))?", re.IGNORECASE)
LONGEST = 10_000  # characters without pictures: beyond, some texts take minutes to show
EMBEDDED = re.compile(r"data:image/(png|jpeg|gif);base64,[\w+/=\s]+")


def harmless(cell, attachments):
    """Give a Markdown cell its pictures, and take out of it what would run or cannot be shown.

    What cannot be shown as Markdown is shown as it was typed.
    """

    def attached(found):
        opening, name, closing = found.groups()
        if name in attachments:
            return found[0]
        return f"(a picture is missing: {name})" if opening and closing else f"missing {name}"

    cell.pop("attachments", None)
    cell["source"] = ATTACHED.sub(attached, cell["source"])
    if attachments:
        cell["attachments"] = attachments
    if re.search(r"<[a-z/!]", cell["source"], re.IGNORECASE) and not _too_long(cell["source"]):
        cell["source"] = SanitizeHTML().preprocess_cell(cell.copy(), {}, 0)[0]["source"]
    plain = re.sub(r"[\s\\\0-\x1f]", "", html.unescape(cell["source"]))
    if _too_long(cell["source"]) or RUNS_WHEN_CLICKED.search(plain) or not _can_be_shown(cell):
        runs = map(len, re.findall("`+", cell["source"]))
        fence = "`" * max(3, 1 + max(runs, default=0))
        lines = (re.findall(".{1,500}", text) or [""] for text in cell["source"].split("\n"))
        cell["source"] = "\n".join([fence, *(line for pieces in lines for line in pieces), fence])
    return cell


def _too_long(text):
    return len(EMBEDDED.sub("", text)) > LONGEST


def _can_be_shown(cell):
    """Whether nbconvert can make a page of it: the formgrader ends with an error where not."""
    renderer = IPythonRenderer(escape=False, attachments=cell.get("attachments", {}))
    try:
        MarkdownWithMath(renderer=renderer).render(cell["source"])
    except Exception:
        return False
    return True
