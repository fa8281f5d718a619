#!/bin/sh
# A certificate authority of one's own, and a certificate of it for the console: for trying https, or for a network
# whose computers are told to trust it. Use: tools/own_ca.sh FOLDER NAME_OR_ADDRESS...
# Writes ca.pem (give it to the browsers), web.pem and web.key (HOTLINE_TLS_CERT, HOTLINE_TLS_KEY). Kept: an existing ca.
set -eu
[ $# -ge 2 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
folder=$1
shift
umask 077
mkdir -p "$folder"
cd "$folder"

names=""
for name in "$@"; do
    case $name in
        *[!0-9.:a-fA-F]*) names="$names,DNS:$name" ;;
        *) names="$names,IP:$name" ;;
    esac
done

[ -f ca.pem ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
    -keyout ca.key -out ca.pem -subj "/CN=Hotline own authority" \
    -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" 2>/dev/null
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
    -keyout web.key -out web.csr -subj "/CN=$1" 2>/dev/null
{
    echo "subjectAltName=${names#,}"
    echo "basicConstraints=critical,CA:FALSE"
    echo "extendedKeyUsage=serverAuth"
} > web.ext
# Browsers refuse certificates that hold for longer than 398 days.
openssl x509 -req -in web.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 397 -extfile web.ext -out web.pem 2>/dev/null
rm web.csr web.ext
chmod 644 ca.pem web.pem
echo "$folder: ca.pem, web.pem, web.key" >&2
