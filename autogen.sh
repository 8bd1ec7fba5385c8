#!/bin/sh
# Makes ./configure; needed once after a checkout.
set -e
cd "$(dirname "$0")"
mkdir -p contrib/build-aux contrib/m4
exec autoreconf --install --force
