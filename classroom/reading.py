"""Read a file that should be a notebook, whatever its version and its damage.

What comes out is plain: cells with a type, a text without halves of characters, nbgrader's marks,
and pictures. Outputs are thrown away.
"""

import json
import re

import nbformat

MAX_BYTES = 200_000_000  # of a file: mostly outputs
MAX_CELLS = 1000
MAX_CODE = 1_000_000  # characters of all code cells together
MAX_TEXT = 10_000_000  # characters of everything else: Colab writes pictures into the text
PICTURES = ("image/png", "image/jpeg", "image/gif")


class NotANotebook(Exception):
    """The file cannot be read as a notebook; the message says why."""


def load(path) -> list[dict]:
    """The cells of the notebook at `path`, whose size is looked at first.

    Raises:
        NotANotebook: It is something else.
    """
    if path.stat().st_size > MAX_BYTES:
        raise NotANotebook(f"the file is larger than {MAX_BYTES // 10**6} MB")
    return read(path.read_bytes())


def read(content: bytes) -> list[dict]:
    """The cells of a file's content: {"cell_type", "source", "metadata", "id", "attachments"}.

    Raises:
        NotANotebook: It is something else.
    """
    # UTF-16 as PowerShell writes it, a mark at the beginning, NUL bytes at the end.
    text = content.decode(json.detect_encoding(content[:4] or b" "), errors="replace")
    text = text.strip("\0\ufeff \r\n\t")
    if not text:
        raise NotANotebook("the file is empty")
    try:
        found, _ = json.JSONDecoder(parse_int=_number).raw_decode(text)
    except RecursionError:
        raise NotANotebook("the file is not a notebook (it is nested too deep)") from None
    except ValueError:
        if re.search(r"^(<<<<<<<|>>>>>>>) ", text, re.MULTILINE):
            reason = "the file has git's marks of a conflict in it: <<<<<<<"
        else:
            reason = "the file is not a notebook (it is not JSON)"
        raise NotANotebook(reason) from None
    if isinstance(found, dict) and "worksheets" in found:
        try:
            old = nbformat.reader.reads(text)
            found = json.loads(json.dumps(nbformat.convert(old, 4)))
        except Exception:
            raise NotANotebook("the file is a notebook of an old version, damaged") from None
    if not isinstance(found, dict) or not isinstance(found.get("cells"), list):
        raise NotANotebook("the file is not a notebook (it has no cells)")
    cells = [cell for cell in map(_clean, found["cells"]) if cell]
    if len(cells) > MAX_CELLS:
        raise NotANotebook(f"the notebook has more than {MAX_CELLS} cells")
    code = sum(len(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    if code > MAX_CODE:
        raise NotANotebook(f"the notebook has more than {MAX_CODE // 10**6} MB of code")
    if len(json.dumps(cells, ensure_ascii=False)) - code > MAX_TEXT:
        raise NotANotebook(f"the notebook has more than {MAX_TEXT // 10**6} MB of text, pictures")
    return cells


def _number(text):
    return int(text) if len(text) < 20 else 0


def whole(text: str) -> str:
    """Text with a replacement character for each half of a pair, and without NULs."""
    return re.sub("[\ud800-\udfff\0]", "\ufffd", text)


def _clean(cell):
    """A cell with its type, text, id, nbgrader's name and pictures; None if it is none."""
    if not isinstance(cell, dict):
        return None
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    kind = cell.get("cell_type")
    if not isinstance(source, str) or kind not in ("code", "markdown", "raw"):
        return None
    source = whole(source.replace("\r\n", "\n").replace("\r", "\n"))
    metadata = cell.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    marks = metadata.get("nbgrader")
    name = marks.get("grade_id") if isinstance(marks, dict) else None
    identity = cell.get("id") or metadata.get("id")
    return {
        "cell_type": kind,
        "source": source,
        "metadata": {"nbgrader": {"grade_id": whole(name)}} if isinstance(name, str) else {},
        "id": whole(identity) if isinstance(identity, str) else "",
        "attachments": _pictures(cell.get("attachments")) if kind == "markdown" else {},
    }


def _pictures(attachments):
    """The pictures of a cell: {name: {type: base64}}."""
    kept = {}
    for name, data in attachments.items() if isinstance(attachments, dict) else ():
        data = data if isinstance(data, dict) else {}
        shown = {t: whole(data[t]) for t in PICTURES if isinstance(data.get(t), str)}
        if shown:
            kept[whole(name)] = shown
    return kept
