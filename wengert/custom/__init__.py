"""Functions that users write in plain NumPy: their calls, what they keep, and their backward on Variables.

The core calls what is registered here (see `register_custom`), and does not import it.
"""

from types import SimpleNamespace

from wengert.core.function import register_custom
from wengert.custom import freezing  # noqa: F401  (registers what is frozen)
from wengert.custom.call import call, link_by_hand, pull
from wengert.custom.state import attributes, fresh_copy, set_attributes

register_custom(
    SimpleNamespace(
        attributes=attributes,
        call=call,
        fresh_copy=fresh_copy,
        link_by_hand=link_by_hand,
        pull=pull,
        set_attributes=set_attributes,
    )
)
