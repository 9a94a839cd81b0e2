"""Pieces of HTML. Every text is escaped here: names of images and labels come from files."""

import base64
import html
from collections.abc import Iterable, Sequence

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 64rem; margin: 0 auto; padding: 1rem; color: #1d2329; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; overflow-wrap: anywhere; } h2 { margin-top: 2.2rem; font-size: 1.25rem; }
.verdict { background: #eef4f8; border-left: 4px solid #2b6f9e; padding: .4rem 1rem; }
.warnings { background: #fdf3e1; border-left: 4px solid #c77f14; padding: .4rem 1rem; }
.verdict p, .warnings p { margin: .4rem 0; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1rem; }
img { max-width: 100%; height: auto; } .grid img { width: 100%; }
figure { margin: 1rem 0; break-inside: avoid; } figcaption { color: #55606a; font-size: 14px; }
.scroll { overflow-x: auto; margin: .6rem 0; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: .35rem .9rem .35rem 0; border-bottom: 1px solid #ccd3d9; text-align: left; vertical-align: top; }
th { font-weight: 600; } .note { color: #55606a; font-size: 14px; }
pre { overflow-x: auto; background: #f4f6f8; padding: .75rem; font-size: 13px; }
@media print { body { max-width: none; padding: 0; font-size: 11pt; } h2 { break-after: avoid; }
  .scroll, pre { overflow: visible; white-space: pre-wrap; } tr { break-inside: avoid; }
  .grid { grid-template-columns: 1fr 1fr; } }
"""


def page(title: str, body: Iterable[str]) -> str:
    """A whole document that loads nothing from the network."""
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head>\n<body>"
        f"<h1>{html.escape(title)}</h1>\n{''.join(body)}</body></html>\n"
    )


def section(title: str, *parts: str) -> str:
    """A section with a heading; an empty string if all of its parts are empty."""
    return f"<section><h2>{html.escape(title)}</h2>{''.join(parts)}</section>\n" if any(parts) else ""


def box(kind: str, sentences: Sequence[str]) -> str:
    """A coloured box, `verdict` or `warnings`; an empty string without sentences."""
    inside = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in sentences)
    return f'<div class="{kind}">{inside}</div>' if inside else ""


def note(text: str) -> str:
    """A small paragraph."""
    return f'<p class="note">{html.escape(text)}</p>'


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, which scrolls sideways where it is wider than the page."""
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in heading)
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'


def picture(data: bytes, caption: str, kind: str = "png") -> str:
    """A picture within the page: a PNG, or an SVG if `kind` is svg+xml."""
    text, encoded = html.escape(caption), base64.b64encode(data).decode("ascii")
    image = f'<img alt="{text}" src="data:image/{kind};base64,{encoded}">'
    return f"<figure>{image}<figcaption>{text}</figcaption></figure>"


def grid(pictures: Iterable[str]) -> str:
    """Pictures side by side on a wide page, one below the other on a phone."""
    inside = "".join(f"<div>{item}</div>" for item in pictures if item)
    return f'<div class="grid">{inside}</div>' if inside else ""


def code(text: str) -> str:
    """Text with its spaces and line ends."""
    return f"<pre>{html.escape(text)}</pre>"
