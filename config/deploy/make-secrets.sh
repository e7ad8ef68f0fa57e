#!/bin/sh
# Makes the secrets that compose.yaml names, once. Keep a copy of secrets/ elsewhere: without field_encryption_keys
# nothing that the database holds encrypted can be opened again.
set -eu
directory=${1:-secrets}
umask 077
mkdir -p "$directory"
random() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
write() {
    if [ ! -e "$directory/$1" ]; then
        printf '%s\n' "$2" >"$directory/$1"
    fi
}
write secret_key "$(random 40)"
write field_encryption_keys "$(head -c 32 /dev/urandom | base64 | tr '+/' '-_')"
write metrics_token "$(random 24)"
write database_password "$(random 24)"
write database_url "postgres://graph:$(cat "$directory/database_password")@db:5432/graph"
write broker.conf "default_user = graph
default_pass = $(random 24)"
write broker_url "amqp://graph:$(sed -n 's/^default_pass = //p' "$directory/broker.conf")@broker:5672//"
# The user of the image; compose hands the files over with their owner.
if [ "$(id -u)" = 0 ]; then
    chown 10001 "$directory"/secret_key "$directory"/field_encryption_keys "$directory"/metrics_token \
        "$directory"/database_url "$directory"/broker_url
    # RabbitMQ's own user in its image.
    chown 999 "$directory"/broker.conf
else
    echo "Run as root, or: sudo chown 10001 $directory/secret_key $directory/field_encryption_keys" \
        "$directory/metrics_token $directory/database_url $directory/broker_url; sudo chown 999 $directory/broker.conf" >&2
fi
