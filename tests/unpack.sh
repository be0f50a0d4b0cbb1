#!/bin/sh
# Unpacks Debian packages, and what they need that this machine lacks, into a folder; nothing is installed.
set -eu
folder=$1
shift
mkdir -p "$folder/packages/partial"
if [ -w /var/lib/apt/lists ]; then
    apt-get update -qq
fi
apt-get install -qq --yes --reinstall --no-install-recommends --download-only -o Debug::NoLocking=1 \
    -o Dir::Cache::archives="$(realpath "$folder/packages")" "$@"
for package in "$folder"/packages/*.deb; do
    dpkg-deb --extract "$package" "$folder"
done
find "$folder" -xtype l -delete # links to places where nothing was installed
