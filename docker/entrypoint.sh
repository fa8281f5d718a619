#!/bin/sh
# The database's password comes as a file and reaches the driver by the variable that it knows.
set -eu
if [ -r /run/secrets/database_password ]; then
    PGPASSWORD=$(cat /run/secrets/database_password)
    export PGPASSWORD
fi
exec "$@"
