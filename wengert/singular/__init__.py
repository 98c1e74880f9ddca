"""What the backward pass does where a gradient is 0 times infinity, or a kink is differentiated.

The core calls what is registered here (see `register_singular`), and does not import it.
"""

from types import SimpleNamespace

from wengert.core.backprop import register_singular
from wengert.singular.products import finish, product

register_singular(SimpleNamespace(finish=finish, product=product))
