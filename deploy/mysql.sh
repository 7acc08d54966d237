#!/usr/bin/env bash
# The mysql client of the unpacked MySQL 9.7, for looking into servers by hand:
#
#     deploy/mysql.sh -P 3406 -e "SHOW DATABASES"
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/env.sh
. "$here/env.sh"
prefix=$DM_CACHE_DIR/databases/mysql97/prefix
[ -x "$prefix/usr/bin/mysql" ] || { echo "mysql: run deploy/databases.sh mysql97 first" >&2; exit 1; }
libs=$prefix/usr/lib/x86_64-linux-gnu:$prefix/lib/x86_64-linux-gnu:$prefix/usr/lib/mysql/private
exec "$prefix/usr/lib64/ld-linux-x86-64.so.2" --library-path "$libs" "$prefix/usr/bin/mysql" \
    --no-defaults --host=127.0.0.1 --user=root "$@"
