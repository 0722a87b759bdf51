#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Our xenstored with Debian's own clients (package xenstore-utils, unmodified) and with our `xs`, over
# a socket of its own, on any Linux machine. What one of them writes the other must read.
#
#   tests/host/xs/test_stock_clients.sh      with build/xs/ built; ends with "N passed, N failed"

set -u
bin=build/xs
dir=$(mktemp -d) || exit 1
passed=0
failed=0
daemon=

cleanup() {
    [ -n "$daemon" ] && kill "$daemon" 2>/dev/null && wait "$daemon" 2>/dev/null
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

ok() {
    passed=$((passed + 1))
}

bad() {
    failed=$((failed + 1))
    echo "FAILED: $*"
}

# same NAME EXPECTED GOT
same() {
    if [ "$2" = "$3" ]; then ok; else
        bad "$1"
        printf 'expected:\n%s\ngot:\n%s\n' "$2" "$3"
    fi
}

# yes COMMAND..., no COMMAND...: its exit status
yes() {
    if "$@" >"$dir/out" 2>&1; then ok; else bad "$*: $(cat "$dir/out")"; fi
}

no() {
    if "$@" >"$dir/out" 2>&1; then bad "$*: succeeded"; else ok; fi
}

# wait_for FILE: until there is something in it
wait_for() {
    tries=0
    while [ ! -s "$1" ] && [ $tries -lt 400 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
}

for tool in xenstore-read xenstore-write xenstore-ls xenstore-list xenstore-exists xenstore-rm \
    xenstore-chmod xenstore-watch; do
    if ! command -v $tool >/dev/null; then
        echo "$tool is not installed (package xenstore-utils): not tested"
        echo "0 passed, 0 failed, 1 skipped"
        exit 0
    fi
done

XENSTORED_PATH=$dir/socket
export XENSTORED_PATH
"$bin/xenstored" --no-fork --no-domains --socket "$XENSTORED_PATH" --pid-file "$dir/pid" \
    --log-file "$dir/log" &
daemon=$!
wait_for "$dir/pid"
same "pid file" "$daemon" "$(cat "$dir/pid")"

# ---- Debian's clients ----
yes xenstore-write /a/b hello /a/c 'two words'
same "read" "hello
two words" "$(xenstore-read /a/b /a/c)"
same "read -p" "/a/b: hello" "$(xenstore-read -p /a/b)"
same "list" "b
c" "$(xenstore-list /a)"
same "ls" 'b = "hello"
c = "two words"' "$(xenstore-ls /a)"
same "ls -f" '/a/b = "hello"
/a/c = "two words"' "$(xenstore-ls -f /a)"
yes xenstore-chmod /a/b n5 r7
same "ls -f -p" '/a/b = "hello"   (n5,r7)
/a/c = "two words"   (n0)' "$(xenstore-ls -f -p /a)"
yes xenstore-chmod -r /a n3
same "chmod -r" '/a/b = "hello"   (n3)
/a/c = "two words"   (n3)' "$(xenstore-ls -f -p /a)"
yes xenstore-exists /a/b
no xenstore-exists /a/none
no xenstore-read /a/none
no xenstore-write 'no good path' x
yes xenstore-rm /a/b
no xenstore-exists /a/b
yes xenstore-write -s /a/-b 5
yes xenstore-write /t/u/v 1
yes xenstore-rm -t /t/u/v
no xenstore-exists /t
same "value with control characters" 'x\tz' "$(xenstore-write /a/e "$(printf 'x\tz')" && xenstore-read /a/e)"

timeout 60 xenstore-watch -n 4 /w >"$dir/watch" 2>&1 &
watcher=$!
wait_for "$dir/watch"
xenstore-write /w/x 1
xenstore-write /w/y 2
xenstore-rm /w/x
wait $watcher
same "watch" "/w
/w/x
/w/y
/w/x" "$(cat "$dir/watch")"

# A directory beyond one message: libxenstore falls back to DIRECTORY_PART.
args=
i=0
while [ $i -lt 500 ]; do
    args="$args /many/child-number-$i v"
    i=$((i + 1))
done
# shellcheck disable=SC2086
yes xenstore-write $args
same "500 children" "500" "$(xenstore-list /many | wc -l)"
same "the last child" "child-number-499" "$(xenstore-list /many | tail -1)"

# ---- our command, and both together ----
yes "$bin/xs" write /x/one 1 /x/two 'a "quoted" \ value'
same "xs write, xenstore-read" "1" "$(xenstore-read /x/one)"
yes xenstore-write /x/three 3
same "xs ls" 'one = "1"
two = "a "quoted" \\ value"
three = "3"' "$("$bin/xs" ls /x)"
same "xs ls -f -p" '/x/one = "1"  (n0)
/x/two = "a "quoted" \\ value"  (n0)
/x/three = "3"  (n0)' "$("$bin/xs" ls -f -p /x)"
same "xs list" "one
two
three" "$("$bin/xs" list /x)"
same "xs dir" "500" "$("$bin/xs" dir /many | wc -l)"
same "xs read" "1
3" "$("$bin/xs" read /x/one /x/three)"
yes "$bin/xs" write /x/minus -5
same "xs read of a value that begins with -" "-5" "$("$bin/xs" read /x/minus)"
yes "$bin/xs" chmod -R /x n0 r9
same "xs chmod" "/x/one = \"1\"   (n0,r9)" "$(xenstore-ls -f -p /x | head -1)"
no "$bin/xs" chmod /x q9
yes "$bin/xs" exists /x/one /x/two
no "$bin/xs" exists /x/one /x/none
yes "$bin/xs" mkdir /x/dir/below
yes "$bin/xs" rm -t /x/dir/below
no xenstore-exists /x/dir
no "$bin/xs" read /x/none
no "$bin/xs" write /x/one
no "$bin/xs" frobnicate
no "$bin/xs" -s "$dir/no-socket" read /x/one
no "$bin/xs" watch -n 2 -T 0 /x/one
same "xs control check" "OK" "$("$bin/xs" control check)"

timeout 60 "$bin/xs" watch -n 3 /v >"$dir/watch2" 2>&1 &
watcher=$!
wait_for "$dir/watch2"
xenstore-write /v/x 1 /v/y 2
wait $watcher
same "xs watch" "/v
/v/x
/v/y" "$(cat "$dir/watch2")"

# ---- the daemon itself ----
no "$bin/xenstored" --no-fork --no-domains --socket "$XENSTORED_PATH" # the address is in use
no "$bin/xenstored" --no-fork --no-domains --socket "$dir/other" --quota nonsense=1
yes xenstore-exists /x/one
kill -9 "$daemon"
wait "$daemon" 2>/dev/null
rm -f "$dir/pid"
yes "$bin/xenstored" --no-domains --socket "$XENSTORED_PATH" --pid-file "$dir/pid" --log-file "$dir/log"
yes xenstore-exists /tool/xenstored # it serves as soon as its start has returned
no xenstore-exists /x
daemon=$(cat "$dir/pid")
kill "$daemon"
i=0
while [ -e "$dir/pid" ] && [ $i -lt 400 ]; do
    sleep 0.05
    i=$((i + 1))
done
no test -e "$XENSTORED_PATH"
no test -e "$dir/pid"
daemon=

[ $failed -gt 0 ] && cat "$dir/log"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
