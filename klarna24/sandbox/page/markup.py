"""HTML, an element at a time. Text becomes markup in one place only, and is escaped there."""

from html import escape

_WITHOUT_END = {"input", "meta", "wbr"}


class Html(str):
    """Markup. Only tag() and joined() make it."""

    __slots__ = ()


def tag(name: str, /, *content: str, **attributes: str) -> Html:
    """An element. Content that is not Html is escaped, and so are the attributes' values.

    ``class_`` stands for class, ``aria_label`` for aria-label.
    """
    start = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(text)}"' for key, text in attributes.items())
    end = "" if name in _WITHOUT_END else f"</{name}>"
    return Html(f"<{name}{start}>{joined(*content)}{end}")


def joined(*content: str) -> Html:
    """One after the other, without an element around them."""
    return Html("".join(part if isinstance(part, Html) else escape(part) for part in content))
