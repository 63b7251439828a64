"""The people's lane."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kashu.server.settings")

from django.core.wsgi import get_wsgi_application  # noqa: E402  # the settings' name has to be there first

from kashu.server import logs  # noqa: E402
from kashu.server.runtime import runtime  # noqa: E402

logs.configure(runtime().env.log_level, "web")
application = get_wsgi_application()
