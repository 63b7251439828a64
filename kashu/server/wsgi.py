"""The people's lane."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kashu.server.settings")

from django.core.wsgi import get_wsgi_application  # noqa: E402  # the settings' name has to be there first

application = get_wsgi_application()
