"""Django's settings, from ours. Django serves the people's lane; the domain does not know it."""

from __future__ import annotations

from typing import Any

from csp.constants import NONCE, NONE, SELF
from psycopg.conninfo import conninfo_to_dict

from kashu.server.runtime import ROOT, runtime

_run = runtime()
_env = _run.env


def _database(dsn: str, options: str = "") -> dict[str, Any]:
    told = conninfo_to_dict(dsn)
    more = {name: value for name, value in told.items() if name not in ("dbname", "user", "password", "host", "port")}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": told.get("dbname", ""),
        "USER": told.get("user", ""),
        "PASSWORD": told.get("password", ""),
        "HOST": told.get("host", ""),
        "PORT": str(told.get("port", "")),
        "OPTIONS": {**more, **({"options": options} if options else {})},
        "CONN_MAX_AGE": 300,
        "CONN_HEALTH_CHECKS": True,
    }


SECRET_KEY = _run.ring.derive("django").hex()
DEBUG = False
# The loopback names are for the health checks of whoever runs beside us.
ALLOWED_HOSTS = [_env.public_host, "127.0.0.1", "localhost", "[::1]"] + ([] if _env.is_production else ["testserver"])
CSRF_TRUSTED_ORIGINS = [_env.public_url]
DATABASES = {
    "default": _database(_run.dsn),
    "owner": _database(_run.owner_dsn, "-c lock_timeout=4s -c statement_timeout=5s"),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_htmx",
    "csp",
    "procrastinate.contrib.django",
    "kashu.audit",
    "kashu.server.apps.Messages",
    "kashu.ledger",
    "kashu.party",
    "kashu.compliance",
    "kashu.catalog",
    "kashu.cards",
    "kashu.payments",
    "kashu.sales",
    "kashu.settlement",
    "kashu.aftersale",
    "kashu.jobs",
    "kashu.web",
]
MIDDLEWARE = [
    "kashu.web.middleware.Observe",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # pads with random bytes against BREACH
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "kashu.web.middleware.StaffSecondFactor",
    "kashu.web.middleware.PlainText",
]
ROOT_URLCONF = "kashu.server.urls"
WSGI_APPLICATION = "kashu.server.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "kashu" / "web" / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "kashu.web.context.shell",
            ],
            "builtins": ["kashu.web.templatetags.kashu", "django.templatetags.i18n"],
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    ["django.template.loaders.filesystem.Loader", "django.template.loaders.app_directories.Loader"],
                )
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
LOCALE_PATHS = [ROOT / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"

STATIC_URL = "/static/"
STATICFILES_DIRS = [ROOT / "kashu" / "web" / "static"]
STATIC_ROOT = _env.var / "static"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 31_536_000 if _env.is_production else 3_600

AUTH_USER_MODEL = "party.Person"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/console/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "kashu.web.accounts.StaffOnly"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_RATE_LIMITS = {"login_failed": "5/15m/key,30/15m/ip", "login": "60/m/ip", "reauthenticate": "10/m/user"}
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "卡枢 Kashu"
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_ADAPTER = "kashu.web.accounts.SealedMfa"
USERSESSIONS_TRACK_ACTIVITY = False
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "django_cache",
        "OPTIONS": {"MAX_ENTRIES": 1_000_000},
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_NAME = "kashu_session"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "kashu.web.errors.csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _env.is_production
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _env.is_production else None
SECURE_HSTS_SECONDS = 31_536_000 if _env.is_production else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = (
    "strict-origin"  # WeChat opens its H5 cashier for pages of a registered domain only; paths stay ours
)
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
DATA_UPLOAD_MAX_NUMBER_FILES = 1
FILE_UPLOAD_HANDLERS = ["kashu.web.uploads.NoUploads"]  # the two views that take files say so

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

LOGGING_CONFIG = None
PROCRASTINATE_ON_APP_READY = None
SILENCED_SYSTEM_CHECKS = ["procrastinate.E001"]
