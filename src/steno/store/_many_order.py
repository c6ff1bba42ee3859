"""What is ordered of many sagas, as it is stored."""

from __future__ import annotations

from typing import cast

import attrs

from steno.core import (
    JSON,
    OF_NODES,
    JsonText,
    Ordered,
    Verb,
    decode_json,
    encode_json,
    read_order,
)
from steno.errors import RecoveryError, StenoError


@attrs.frozen
class ManyOrder:
    """
    An order to each of many sagas.

    Attributes:
        what: The order, as the log of each saga will have it.
        node: The node that it is about, by index, name or path; None: it is about the saga.
        output: With what a node is completed.
        replace: Whether a signal may take the place of another value that no node has taken.
        rate: How many of them are given in a second, at most; None: as fast as they are durable.
    """

    what: Ordered
    node: str | int | None = None
    output: JsonText | None = None
    replace: bool = False
    rate: float | None = None

    def to_json(self) -> JsonText:
        """Return it as it is stored."""
        fields: dict[str, JSON] = {"order": decode_json(self.what.data())}
        if self.node is not None:
            fields["node"] = self.node
        if self.output is not None:
            fields["output"] = decode_json(self.output)
        if self.replace:
            fields["replace"] = True
        if self.rate is not None:
            fields["rate"] = self.rate
        return encode_json(fields)

    @classmethod
    def from_json(cls, text: JsonText) -> ManyOrder:
        """
        Return the order that `to_json` wrote.

        Raises:
            RecoveryError: It is not one, as in a damaged store.
        """
        try:
            return cls._read(decode_json(text))
        except (ValueError, StenoError) as error:
            msg = f"what is stored of a bulk order cannot be read: {error}"
            raise RecoveryError(msg) from None

    @classmethod
    def _read(cls, data: JSON) -> ManyOrder:
        if not isinstance(data, dict):
            msg = "is not an object"
            raise ValueError(msg)  # noqa: TRY004 - of a stored text, like all that is wrong with it
        fields = cast("dict[str, JSON]", data)
        what = read_order(fields.get("order"))
        node, rate = fields.get("node"), fields.get("rate")
        output = encode_json(fields["output"]) if "output" in fields else None
        replace = fields.get("replace", False)
        sound = (
            (type(node) in {str, int} if what.verb in OF_NODES else node is None)
            and (output is None or what.verb is Verb.COMPLETE)
            and type(replace) is bool
            and (rate is None or (type(rate) in {int, float} and rate > 0))
        )
        if not sound:
            msg = "its details are not what belongs to such an order"
            raise ValueError(msg)
        return cls(what, node, output, replace, None if rate is None else float(rate))
