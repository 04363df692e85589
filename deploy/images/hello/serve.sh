#!/bin/sh
# The server runs beside the shell so that the shell, as process 1, can act on SIGTERM.
trap 'exit 0' TERM
httpd -f -p 8080 -h /www &
wait
