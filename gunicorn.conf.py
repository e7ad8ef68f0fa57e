"""What `gunicorn config.wsgi` finds here by itself; config/deploy/gunicorn.conf.py is for a server."""

from config import processors

pre_fork = processors.choose
post_worker_init = processors.keep
