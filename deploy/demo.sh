#!/usr/bin/env bash
# The main job, watched: three masters, two workers and dmctl migrate a shop under load while the owner
# and the leader are killed. The exit status says whether source and target ended identical.
#
#     deploy/demo.sh [--tamper] [--keep] [--target HOST:PORT,user,password] [--seed N] [--scale X] [--rate N] [--no-ddl]
#
#     --tamper   change one row of the target before comparing: must end DIFFERENT
#     --keep     leave everything running; prints the commands to look around and the one that ends it
#     --target   use a target that is there; databases of its own, dropped in the end
#     --seed     the same data, load and moments of the kills again
#     --scale    size of the data set, 1 is about 230,000 rows;  --rate  transactions per second
#     --no-ddl   do not alter a table while the load runs
set -euo pipefail
for argument in "$@"; do
    if [ "$argument" = --help ] || [ "$argument" = -h ]; then
        sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
        exit 0
    fi
done
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/env.sh
. "$here/env.sh"
"$here/setup.sh" --packages
"$here/databases.sh" mysql97
"$here/setup.sh" --build --release
export DM_BIN_DIR=$CARGO_TARGET_DIR/release
exec "$DM_BIN_DIR/chaos-tests" demo "$@"
