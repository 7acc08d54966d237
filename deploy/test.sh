#!/usr/bin/env bash
# All tests. The same command runs in .ci/run, so it prepares a bare machine itself and reads no input.
#
#     deploy/test.sh [--soak] [--lint]
#
#     --soak   the long forms too: many rounds, big files (DM_SOAK=1)
#     --lint   clippy as well, warnings are errors
#
# DM_TEST_SOURCE and DM_TEST_TARGET (HOST:PORT,user,password) make the end-to-end tests use servers that
# are there. RUST_TEST_THREADS is how many tests run at once (default 2: each may start several servers).
# The last line is the total, N passed, N failed, N skipped; the exit status follows it.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/env.sh
. "$here/env.sh"
cd "$here/.." || exit 2

lint=no soak=no
while [ $# -gt 0 ]; do
    case $1 in
    --soak) soak=yes ;;
    --lint) lint=yes ;;
    *)
        echo "test: unknown argument $1 (known: --soak --lint)" >&2
        exit 2
        ;;
    esac
    shift
done

# Everything together; the long forms get the night.
limit_s=$((75 * 60))
if [ $soak = yes ]; then
    export DM_SOAK=1
    limit_s=$((8 * 60 * 60))
fi
export RUST_TEST_THREADS="${RUST_TEST_THREADS:-2}"
# The programs under test are those that the first step builds.
export DM_BIN_DIR="$CARGO_TARGET_DIR/debug"
# The totals are read from the runner's output.
export CARGO_TERM_COLOR=never CARGO_TERM_PROGRESS_WHEN=never

mkdir -p "$DM_CACHE_DIR"
output=$(mktemp "$DM_CACHE_DIR/test-output.XXXXXX")
trap 'rm -f "$output"' EXIT
failed_steps=()

# Runs one step within what is left of the time, copies its output, and remembers whether it failed.
step() { # name command...
    local name=$1 left status
    shift
    left=$((limit_s - SECONDS))
    [ $left -gt 0 ] || left=1
    echo "== $name" >&2
    timeout --kill-after=20 $left "$@" </dev/null 2>&1 | tee -a "$output"
    status=${PIPESTATUS[0]}
    [ "$status" -eq 0 ] && return 0
    [ "$status" -eq 124 ] && name="$name (stopped after $((limit_s / 60)) min in all)"
    failed_steps+=("$name")
    return 1
}

# Adds up one word of all closing lines: `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
sum() { # word
    sed -n "s/^test result:.* \([0-9][0-9]*\) $1;.*/\1/p" "$output" | awk '{ n += $1 } END { print n + 0 }'
}

total() {
    local passed failed skipped names
    # A test that can't do its work here says so by name and returns; the runner counts it as passed.
    names=$(grep -aoE 'SKIPPED [A-Za-z0-9_]+:.*' "$output")
    skipped=$(printf '%s' "$names" | grep -c .)
    passed=$(($(sum passed) - skipped))
    skipped=$((skipped + $(sum ignored)))
    failed=$(sum failed)
    # What never came to a closing line (a build, a crash, the time limit) is a failure too.
    [ ${#failed_steps[@]} -gt 0 ] && [ "$failed" -eq 0 ] && failed=${#failed_steps[@]}
    echo
    echo "== closing lines"
    grep -aE '^test result:' "$output"
    [ -n "$names" ] && printf '%s\n' "$names"
    grep -aE '^(test .* FAILED|error: test failed|error: [0-9]+ targets? failed)' "$output" | sort -u
    [ ${#failed_steps[@]} -gt 0 ] && printf 'failed step: %s\n' "${failed_steps[@]}"
    echo "took $((SECONDS / 60)) min $((SECONDS % 60)) s"
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ]
}

# Where the built programs stand in place of the installed ones, the units must be flawless.
units() {
    command -v systemd-analyze >/dev/null || {
        echo "SKIPPED systemd_units: systemd-analyze is not installed"
        return 0
    }
    local folder said unit status=0
    folder=$(mktemp -d) || return 1
    for unit in deploy/systemd/*.service; do
        sed "s#^ExecStart=/usr/local/bin/#ExecStart=$DM_BIN_DIR/#" "$unit" >"$folder/${unit##*/}"
    done
    said=$(systemd-analyze verify --man=no "$folder"/*.service 2>&1) || status=1
    rm -rf "$folder"
    if [ -n "$said" ]; then
        printf '%s\n' "$said"
        status=1
    fi
    [ $status -eq 0 ] && echo "test result: ok. 1 passed; 0 failed; 0 ignored; systemd units"
    return $status
}

if step "packages and databases" "$here/setup.sh" --packages --databases &&
    step "building" cargo build --workspace --bins; then
    step "tests" cargo test --workspace --no-fail-fast
    export -f units
    step "systemd units" bash -c units
    [ $lint = no ] || step "clippy" cargo clippy --workspace --all-targets -- -D warnings
    step "cargo fmt --check" cargo fmt --all --check
fi
total
