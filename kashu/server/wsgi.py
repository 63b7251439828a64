"""The people's lane."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kashu.server.settings")

from django.core.wsgi import get_wsgi_application  # the settings' name has to be there first

from kashu.server import logs
from kashu.server.runtime import runtime

logs.configure(runtime().env.log_level, "web")
application = get_wsgi_application()
