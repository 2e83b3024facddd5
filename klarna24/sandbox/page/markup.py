"""HTML elements. Text becomes markup in joined() and tag() only, which escape it."""

from html import escape

_WITHOUT_END = {"col", "input", "meta", "wbr"}


class Html(str):
    """Text that is markup. Only tag() and joined() create it."""

    __slots__ = ()


def tag(name: str, /, *content: str, **attributes: str) -> Html:
    """An element. Content that is not Html is escaped, as are the values of attributes.

    `class_` becomes class, `aria_label` becomes aria-label.
    """
    start = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(text)}"' for key, text in attributes.items())
    end = "" if name in _WITHOUT_END else f"</{name}>"
    return Html(f"<{name}{start}>{joined(*content)}{end}")


def joined(*content: str) -> Html:
    """The parts, one after the other."""
    return Html("".join(part if isinstance(part, Html) else escape(part) for part in content))
