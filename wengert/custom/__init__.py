"""Functions that users write in plain NumPy: what they keep on themselves, and their backward on Variables.

The core calls what is registered here (see `register_custom`), and does not import it.
"""

from types import SimpleNamespace

from wengert.core.function import register_custom
from wengert.custom.differentiable import copy_before_call, fresh_copy, names_kept, pull_on_variables
from wengert.custom.state import attributes, set_attributes

register_custom(
    SimpleNamespace(
        attributes=attributes,
        copy_before_call=copy_before_call,
        fresh_copy=fresh_copy,
        names_kept=names_kept,
        pull_on_variables=pull_on_variables,
        set_attributes=set_attributes,
    )
)
