"""Ends with 0 when this container's web process answers."""

import os
import urllib.request
from urllib.parse import urlsplit

# By the host that is answered in any case: ALLOWED_HOSTS need not name the loopback address.
host = urlsplit(os.environ.get("PUBLIC_BASE_URL", "http://127.0.0.1:8000")).netloc
request = urllib.request.Request("http://127.0.0.1:8000/healthz", headers={"Host": host})
urllib.request.urlopen(request, timeout=4).close()  # noqa: S310 -- an error ends the process with 1
