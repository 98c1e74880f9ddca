"""The tests. What they compile is kept in a folder of their own, not in the user's."""

import atexit
import os
import shutil
import tempfile

if "WENGERT_CACHE" not in os.environ:
    os.environ["WENGERT_CACHE"] = tempfile.mkdtemp(prefix="wengert-")
    atexit.register(shutil.rmtree, os.environ["WENGERT_CACHE"], ignore_errors=True)
