"""In which of several forms an answer is wanted: the header `Accept`, as RFC 9110 means it."""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

_QUALITY: Final = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


class _Range(NamedTuple):
    """Media types that a caller takes, and how gladly."""

    name: str
    quality: float

    @property
    def exactness(self) -> int:
        """One type says more than all of a kind, and that more than all there are."""
        return 0 if self.name == "*/*" else 1 if self.name.endswith("/*") else 2

    def holds(self, form: str) -> bool:
        """Whether a media type is one of them."""
        kind = form.partition("/")[0]
        return self.name in (form, f"{kind}/*", "*/*")


def wanted(accept: str, forms: Sequence[str]) -> str:
    """The form that a caller would rather have; the first where nothing is said for another.

    What is named counts for more than what is only meant by a star, and what is named first for
    more than what comes behind it. Nobody is turned away for want of a form.
    """
    ranges = list(_ranges(accept))
    ranks = {form: _rank(form, ranges) for form in forms}
    best = max(forms, key=lambda form: ranks[form])
    return best if ranks[best][0] else forms[0]


def _rank(form: str, ranges: list[_Range]) -> tuple[float, int, int]:
    """How gladly a form is taken, by the range that says most about it."""
    fitting = [
        (one.exactness, one.quality, -at) for at, one in enumerate(ranges) if one.holds(form)
    ]
    exactness, quality, place = max(fitting, default=(0, 0.0, 0))
    return quality, exactness, place


def _ranges(accept: str) -> Iterator[_Range]:
    for text in accept.lower().split(","):
        name, *parameters = (part.strip() for part in text.split(";"))
        yield _Range(name, _quality(parameters))


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return float(value) if _QUALITY.fullmatch(value.strip()) else 0.0
    return 1.0
