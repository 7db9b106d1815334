"""What every intent of more than a movement has."""

from msgspec import Struct

from ledger.domain.units import Stated


class Command(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An intent, decided as a whole: all of its events are recorded, or none.

    `stated` are quantities of its lines that the catalog has to convert.
    """

    stated: tuple[Stated, ...] = ()
