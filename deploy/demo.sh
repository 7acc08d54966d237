#!/usr/bin/env bash
# The main job, watched: three masters, two workers and dmctl migrate a shop under load while the owner
# and the leader are killed. The exit status says whether source and target ended identical.
#
#     deploy/demo.sh [--tamper] [--keep] [--target HOST:PORT,user,password]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/env.sh
. "$here/env.sh"
"$here/setup.sh" --packages
"$here/databases.sh" mysql97
"$here/setup.sh" --build --release
export DM_BIN_DIR=$CARGO_TARGET_DIR/release
exec "$DM_BIN_DIR/chaos-tests" demo "$@"
