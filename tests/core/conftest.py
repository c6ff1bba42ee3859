"""The core is tested with the codec that it has by itself: plain JSON."""

from collections.abc import Iterator

import pytest

from steno.core import _value, use_codec


@pytest.fixture(scope="module", autouse=True)
def plain_codec() -> Iterator[_value.Codec]:
    """Put the core's own codec in place, whatever the floors above have handed in."""
    above = _value._codec  # noqa: SLF001 - there is no other way to put it back
    plain = _value._PlainCodec()  # noqa: SLF001 - it is what is to be tested
    use_codec(plain)
    yield plain
    use_codec(above)
