#!/bin/sh
# What cron does elsewhere, for a container: renewals every ten minutes, recovery with them, the comparison every hour,
# pruning once a day.
set -u
trap 'exit 0' TERM INT
turn=0
while :; do
    python manage.py renew_subscriptions
    python manage.py recover_changes
    if [ $((turn % 6)) -eq 0 ]; then
        python manage.py sync_subscriptions
    fi
    if [ $((turn % 144)) -eq 0 ]; then
        python manage.py prune_notifications
    fi
    turn=$((turn + 1))
    sleep 600 &
    wait $!
done
