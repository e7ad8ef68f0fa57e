"""Django settings, read once from the environment. README.md lists every variable."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import django_stubs_ext
import environ

from config import environment
from config.csp import CSP
from config.logs import without_traceback

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(BASE_DIR / ".env")

# Where a first run keeps what was not given: the database and the generated keys.
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var")))
VAR_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)

DEBUG = environment.switch("DEBUG", default=False)
HTTPS = environment.switch("HTTPS", default=False)
PUBLIC_BASE_URL = env.str("PUBLIC_BASE_URL", default="http://127.0.0.1:8000").rstrip("/")
PUBLIC_HOST = environment.public_host(PUBLIC_BASE_URL)
# On this machine only, nothing need listen while commands run.
PUBLIC_ADDRESS_CHECK = environment.switch(
    "PUBLIC_ADDRESS_CHECK", default=not environment.is_loopback(PUBLIC_HOST)
)

_given = {name: environment.read_secret(name) for name in ("SECRET_KEY", "FIELD_ENCRYPTION_KEYS")}
SECRET_KEY = _given["SECRET_KEY"] or environment.generated_secret(
    "SECRET_KEY", generate=environment.generate_secret_key, directory=VAR_DIR
)
FIELD_ENCRYPTION_KEYS = environment.split_keys(
    _given["FIELD_ENCRYPTION_KEYS"]
    or environment.generated_secret(
        "FIELD_ENCRYPTION_KEYS", generate=environment.generate_field_encryption_key, directory=VAR_DIR
    )
)
# What was made on this host and not given to it.
GENERATED_SECRETS = [name for name, value in _given.items() if not value]
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[PUBLIC_HOST, "localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list(
    "CSRF_TRUSTED_ORIGINS", default=[PUBLIC_BASE_URL] if PUBLIC_BASE_URL.startswith("https://") else []
)
environment.refuse_unsafe(
    debug=DEBUG,
    https=HTTPS,
    secret_key=SECRET_KEY,
    field_encryption_keys=FIELD_ENCRYPTION_KEYS,
    allowed_hosts=ALLOWED_HOSTS,
    host=PUBLIC_HOST,
)

# What the product's own conf modules check and freeze.
CUSTOM_GRAPH_URL = env.str("CUSTOM_GRAPH_URL", default="")
CUSTOM_LOGIN_URL = env.str("CUSTOM_LOGIN_URL", default="")
CUSTOM_CA_BUNDLE = env.str("CUSTOM_CA_BUNDLE", default="")
CHANGE_TRACKING_APP_IDS = env.list(
    "CHANGE_TRACKING_APP_IDS", default=["0bf30f3b-4a52-48df-9a82-234910c4a086"]
)
ALERT_WEBHOOK_URL = environment.read_secret("ALERT_WEBHOOK_URL")
ALERT_WEBHOOK_FORMAT = env.str("ALERT_WEBHOOK_FORMAT", default="json").lower()
RENEWAL_HEARTBEAT_URL = environment.read_secret("RENEWAL_HEARTBEAT_URL")
SIGN_IN_CLOUD = env.str("SIGN_IN_CLOUD", default="global").lower()
SIGN_IN_TENANT_ID = env.str("SIGN_IN_TENANT_ID", default="")
SIGN_IN_CLIENT_ID = env.str("SIGN_IN_CLIENT_ID", default="")
SIGN_IN_CLIENT_SECRET = environment.read_secret("SIGN_IN_CLIENT_SECRET")
CELERY_BROKER_URL = environment.read_secret("CELERY_BROKER_URL")
# With a broker, workers of their own are expected.
EMBEDDED_WORKER = environment.switch("EMBEDDED_WORKER", default=not CELERY_BROKER_URL)
MEASURE_ENDPOINT = environment.switch("MEASURE_ENDPOINT", default=True)
MAX_DELIVERY_BYTES = environment.whole_number("MAX_DELIVERY_BYTES", default=8 * 1024 * 1024)
MAX_QUARANTINED_DELIVERIES = environment.whole_number("MAX_QUARANTINED_DELIVERIES", default=1000)
MAX_QUARANTINED_BYTES = environment.whole_number("MAX_QUARANTINED_BYTES", default=64 * 1024 * 1024)
MAX_QUARANTINED_PER_MINUTE = environment.whole_number("MAX_QUARANTINED_PER_MINUTE", default=600)
METRICS_TOKEN = environment.read_secret("METRICS_TOKEN")

INSTALLED_APPS = [
    "config.apps.GraphAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
    "subscriptions",
    "notifications",
]
MIDDLEWARE = [
    "config.request_ids.RequestIdMiddleware",
    "config.csp.ContentSecurityPolicyMiddleware",
    "config.headers.FixedHeadersMiddleware",
    "config.probe_hosts.ProbeHostMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.common.CommonMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.session_limits.SessionLimitsMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    # Last: it turns what a locked sign-in raised into its answer.
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    "default": environment.database(
        environment.read_secret("DATABASE_URL") or f"sqlite:///{quote(str(VAR_DIR / 'db.sqlite3'))}"
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A writer takes its lock at the start and waits its turn: a lock taken half way fails at once instead.
    DATABASES["default"].setdefault("OPTIONS", {}).update(
        timeout=20,
        transaction_mode="IMMEDIATE",
        init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    )
    # Opening the file anew for each request costs more than the request.
    DATABASES["default"]["CONN_MAX_AGE"] = None
else:
    # A new PostgreSQL connection for each request costs more than the request: keep a pool in each process. When the
    # server is down, Graph is told so (503) well within the 3 seconds after which it calls an answer slow.
    DATABASES["default"].setdefault("OPTIONS", {}).update(pool={"min_size": 1, "max_size": 16, "timeout": 2})
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
# Whoever tries passwords has to wait. A name is locked for one address only: else anybody could lock out anybody.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "admin/locked_out.html"
AXES_CLIENT_IP_CALLABLE = "config.client_address.client_address"
# What is kept of a failed sign-in is what the lock needs; the rest is in the log.
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# Who is told when something needs a human, and by which server: smtp+tls://user:password@host:587.
ADMINS = [(address, address) for address in env.list("ADMINS", default=[])]
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str(
    "SERVER_EMAIL", default=f"graph-subscription-manager@{PUBLIC_HOST}"
)
EMAIL_SUBJECT_PREFIX = "[Graph Subscription Manager] "
# A mail server that says nothing must not hold up who watches.
EMAIL_TIMEOUT = 10
vars().update(env.email_url_config(environment.read_secret("EMAIL_URL") or "dummymail://"))

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
# Static files are served from the packages themselves, so that no collectstatic step can be forgotten.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

# Graph's webhook never follows a redirect, probes and Prometheus come from inside: all stay reachable over plain http.
PROBE_PATHS = ("/healthz", "/readyz", "/metrics")
SECURE_REDIRECT_EXEMPT = [r"^webhooks/graph/", *(f"^{path[1:]}$" for path in PROBE_PATHS)]
SECURE_SSL_REDIRECT = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
if HTTPS:
    # The reverse proxy that ends TLS overwrites this header; README.md says so.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
# A session ends so long after the sign-in, and when nothing was asked for so long.
SESSION_HOURS = environment.whole_number("SESSION_HOURS", default=12)
SESSION_COOKIE_AGE = environment.at_least("SESSION_HOURS", SESSION_HOURS, 1) * 3600
SESSION_IDLE_MINUTES = environment.whole_number("SESSION_IDLE_MINUTES", default=60)
SESSION_IDLE_SECONDS = environment.at_least("SESSION_IDLE_MINUTES", SESSION_IDLE_MINUTES, 1) * 60
X_FRAME_OPTIONS = "DENY"
# Everything a page needs comes from here, and nothing is written into it. Names and form are those of Django 6.
SECURE_CSP: dict[str, list[str]] = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}
FIXED_HEADERS = {
    "Permissions-Policy": ", ".join(
        f"{feature}=()"
        for feature in ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
}
# One intake request may be as large as Graph's largest delivery; forms stay at Django's own limit by field count.
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_DELIVERY_BYTES
# A form is read before it is known who sends it: nothing is written to the disk, and the largest file is a CSV of 1 MB.
FILE_UPLOAD_HANDLERS = ["config.uploads.BoundedUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

API_RATE = environment.rate("API_RATE", default="600/min")
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "config.api.ApiTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["config.api.ViewPermissions"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    # Counted in each process for itself.
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.AnonRateThrottle",
        "rest_framework.throttling.UserRateThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {"anon": "30/min", "user": API_RATE},
}
REST_KNOX = {"TOKEN_TTL": timedelta(days=90), "AUTH_HEADER_PREFIX": "Bearer"}
SPECTACULAR_SETTINGS = {
    "TITLE": "Graph Subscription Manager",
    "DESCRIPTION": "Read notifications and subscriptions. Send a token as `Authorization: Bearer …`.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

LOG_FORMAT = environment.one_of("LOG_FORMAT", env.str("LOG_FORMAT", default="line"), ("line", "json"))
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOG_LEVEL = environment.one_of("LOG_LEVEL", env.str("LOG_LEVEL", default="INFO").upper(), LOG_LEVELS)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "request": {"()": "config.logs.RequestFilter"},
        "without_traceback": {"()": "django.utils.log.CallbackFilter", "callback": without_traceback},
    },
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name} {message}{request_note}", "style": "{"},
        "json": {"()": "config.logs.JsonFormatter"},
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["request"]}
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # Without Django's own mails of each error: a stranger could cause them, and they quote the request.
        "django": {"handlers": []},
        "django.security.DisallowedHost": {"filters": ["without_traceback"]},
        "django.server": {"level": "WARNING"},
        # At DEBUG it writes whole addresses, and some are secret: delta links, alert webhooks.
        "urllib3": {"level": "INFO"},
    },
}
