#!/usr/bin/env python3
"""Unpack Debian packages with all they depend on into a folder, without installing them.

    debian_unpack.py --suite sid --cache DIR --prefix DIR PACKAGE...

The packages come from the mirror that this machine's apt is configured with. Trust: InRelease is
checked by gpgv, it names the SHA256 of Packages.xz, and that names the SHA256 of each package.
No maintainer script runs. Standard library only; xz, gpgv and dpkg-deb are called as programs.
"""

import argparse
import fcntl
import fnmatch
import glob
import hashlib
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# Where suites go that the configured mirror does not carry (another distribution, or ended suites).
OTHER_MIRRORS = ["http://deb.debian.org/debian", "http://archive.debian.org/debian"]
# Nothing that a database server binary needs at run time.
SKIP = ["perl", "perl-base", "perl-modules-*", "libperl*", "debconf", "libc-gconv-modules-extra",
        "openssl-provider-legacy"]
FETCH_ATTEMPTS_MAX = 5
FETCH_TIMEOUT_S = 60


def say(text):
    print(text, file=sys.stderr, flush=True)


def configured_mirrors():
    """The Debian mirrors in apt's sources (both file formats), security archives left out."""
    found = []
    for path in ["/etc/apt/sources.list"] + sorted(glob.glob("/etc/apt/sources.list.d/*.list")):
        for line in read_lines(path):
            match = re.match(r"\s*deb\s+(?:\[[^]]*\]\s+)?(\S+)", line)
            if match:
                found.append(match.group(1))
    for path in sorted(glob.glob("/etc/apt/sources.list.d/*.sources")):
        for line in read_lines(path):
            if line.lower().startswith("uris:"):
                found += line.split()[1:]
    found = [url.rstrip("/") for url in found]
    found = [url for url in found if re.match(r"https?://", url) and url.endswith("/debian")]
    return list(dict.fromkeys(found + OTHER_MIRRORS))


def read_lines(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()
    except OSError:
        return []


def fetch(url):
    """The bytes at url. None: the server says that there is no such file."""
    for attempt in range(1, FETCH_ATTEMPTS_MAX + 1):
        try:
            with urllib.request.urlopen(url, timeout=FETCH_TIMEOUT_S) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            if error.code in (403, 404, 410):
                return None
            problem = error
        except (OSError, ValueError) as error:
            problem = error
        say(f"  {url}: {problem} (attempt {attempt} of {FETCH_ATTEMPTS_MAX})")
        time.sleep(2 * attempt)
    return None


def write_file(path, data):
    """Whole or not at all: a reader never sees half a file."""
    part = f"{path}.part{os.getpid()}"
    with open(part, "wb") as file:
        file.write(data)
    os.rename(part, path)


def checked_release(data, folder):
    """The text of InRelease after its signature was checked."""
    path = os.path.join(folder, f"InRelease.{os.getpid()}")
    write_file(path, data)
    run = subprocess.run(["gpgv", "--status-fd", "1", "--keyring", KEYRING, path],
                         capture_output=True, text=True, check=False)
    os.unlink(path)
    # Suites are signed by several keys and an older keyring lacks the newest: one known good signature is enough.
    if "[GNUPG:] VALIDSIG" not in run.stdout or "[GNUPG:] BADSIG" in run.stdout:
        sys.exit(f"InRelease has no valid signature:\n{run.stderr}")
    return data.decode("utf-8")


def index_of(suite, cache):
    """(mirror, paragraphs of Packages) of the suite."""
    for mirror in configured_mirrors():
        base = f"{mirror}/dists/{suite}"
        release = fetch(f"{base}/InRelease")
        if release is None:
            say(f"  {mirror} does not have {suite}")
            continue
        text = checked_release(release, cache)
        name = "main/binary-amd64/Packages.xz"
        section = text.split("\nSHA256:", 1)[1]
        match = re.search(r"^ ([0-9a-f]{64})\s+\d+\s+" + re.escape(name) + "$", section, re.M)
        if not match:
            sys.exit(f"{base}/InRelease does not list {name}")
        # By hash first: the mirror may be replacing the index while we read it.
        for url in (f"{base}/main/binary-amd64/by-hash/SHA256/{match.group(1)}", f"{base}/{name}"):
            packed = fetch(url)
            if packed and hashlib.sha256(packed).hexdigest() == match.group(1):
                plain = subprocess.run(["xz", "-dc"], input=packed, capture_output=True, check=True)
                return mirror, paragraphs(plain.stdout.decode("utf-8"))
        say(f"  {base}/{name} does not have the SHA256 that InRelease names")
    sys.exit(f"no mirror has the suite {suite}: is the network there?")


def paragraphs(text):
    wanted = {"Package", "Version", "Depends", "Pre-Depends", "Provides", "Filename", "SHA256"}
    index = {}
    for block in text.split("\n\n"):
        fields = {}
        for line in block.split("\n"):
            key, colon, value = line.partition(": ")
            if colon and key in wanted:
                fields[key] = value
        if "Package" in fields:
            index[fields["Package"]] = fields
    return index


def bare(name):
    """A dependency without version condition and architecture."""
    return re.sub(r"\(.*?\)|:\w+", "", name).strip()


def choose(index, roots):
    """The packages to unpack: the roots and everything that they depend on."""
    providers = {}
    for package, fields in index.items():
        for virtual in fields.get("Provides", "").split(","):
            if bare(virtual):
                providers.setdefault(bare(virtual), []).append(package)
    chosen, work = {}, list(roots)
    while work:
        alternatives = [bare(name) for name in work.pop().split("|")]
        if any(name in chosen or any(p in chosen for p in providers.get(name, [])) for name in alternatives):
            continue
        if any(fnmatch.fnmatch(name, pattern) for name in alternatives for pattern in SKIP):
            continue
        known = [name if name in index else providers[name][0]
                 for name in alternatives if name in index or name in providers]
        if not known:
            if alternatives[0] in roots:
                sys.exit(f"the suite has no package {alternatives[0]}")
            say(f"  nothing provides {' | '.join(alternatives)}; left out")
            continue
        fields = index[known[0]]
        chosen[known[0]] = fields
        for key in ("Depends", "Pre-Depends"):
            work += [name for name in fields.get(key, "").split(",") if name.strip()]
    return chosen


def obtain(mirror, fields, cache):
    """The path of the package's file in the cache, downloaded when it is not there."""
    path = os.path.join(cache, os.path.basename(fields["Filename"]))
    if os.path.exists(path):
        with open(path, "rb") as file:
            if hashlib.sha256(file.read()).hexdigest() == fields["SHA256"]:
                return path
    for _ in range(FETCH_ATTEMPTS_MAX):
        data = fetch(f"{mirror}/{fields['Filename']}")
        if data is not None and hashlib.sha256(data).hexdigest() == fields["SHA256"]:
            write_file(path, data)
            return path
        say(f"  {fields['Filename']}: not there, or not with the SHA256 of the index")
        time.sleep(2)
    sys.exit(f"could not download {fields['Filename']} from {mirror}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--suite", required=True)
    parser.add_argument("--cache", required=True, help="folder of the downloaded .deb files")
    parser.add_argument("--prefix", required=True, help="folder to unpack into")
    parser.add_argument("packages", nargs="+")
    options = parser.parse_args()
    os.makedirs(options.cache, exist_ok=True)
    os.makedirs(options.prefix, exist_ok=True)
    with open(os.path.join(options.cache, ".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        mirror, index = index_of(options.suite, options.cache)
        chosen = choose(index, options.packages)
        say(f"  {options.suite} from {mirror}: {len(chosen)} packages")
        for name in sorted(chosen):
            path = obtain(mirror, chosen[name], options.cache)
            subprocess.run(["dpkg-deb", "-x", path, options.prefix], check=True)
    for name in options.packages:
        print(name, chosen[name]["Version"])


if __name__ == "__main__":
    main()
