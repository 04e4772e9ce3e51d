"""Closing a widget with all that it is made of: ipywidgets keeps every widget that is not closed, and what it holds."""

from collections.abc import Iterator
from typing import Any

import ipywidgets as W  # noqa: N812


def close_parts(*whole: object) -> None:
    """Close the widgets that some objects of this room hold, at any depth; the objects themselves stay open.

    Examples
    --------
    >>> import ipywidgets
    >>> from crashlens_frame.widgets.closing import close_parts
    >>> box = ipywidgets.VBox([ipywidgets.HTML()])
    >>> close_parts(box)
    >>> box.comm is None, box.children[0].comm is None, box.layout.comm is None
    (False, True, True)
    """
    seen = {id(each) for each in whole}
    left = [*whole]
    while left:
        for part in _parts(vars(left.pop())):
            if id(part) not in seen:
                seen.add(id(part))
                left.append(part)
                if isinstance(part, W.Widget):
                    part.close()


def _parts(value: Any) -> Iterator[object]:
    """Yield the widgets of a value, and the objects of this room that may hold some."""
    if isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _parts(each)
    elif isinstance(value, W.Widget) or (type(value).__module__.startswith(__package__) and hasattr(value, "__dict__")):
        yield value
