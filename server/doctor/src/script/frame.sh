#!/bin/sh
# Made by `ringlane doctor --script`, version @VERSION@, for the profile @PROFILE@.
#
# It changes what the doctor found on the machine where it ran, until the next boot. Before anything
# is changed, what was there is noted in a state file; --revert puts it back.
#
#   sh FILE --dry-run   says what it would do and changes nothing
#   sh FILE             does it
#   sh FILE --revert    puts back what was there before (with --dry-run: says so only)
#   sh FILE --print     prints the sysctls as lines for /etc/sysctl.d, to keep them over a boot
#
# shellcheck disable=SC2317  # which of the functions are called depends on the machine
set -u

state=${RINGLANE_TUNE_STATE:-/var/lib/ringlane/tune.state}
# Where /proc and /sys are looked for; empty means this machine.
root=${RINGLANE_TUNE_ROOT:-}
mode=apply
dry=no
failed=0

say() {
    printf '%s\n' "$*"
}

complain() {
    printf '%s\n' "$*" >&2
    failed=1
}

# value_of PATH: what a file says; of a list of choices, the one in brackets.
value_of() {
    text=$(tr '\t' ' ' 2>/dev/null <"$root$1") || return 1
    case $text in
        *\[*\]*)
            text=${text#*\[}
            text=${text%%\]*}
            ;;
    esac
    printf '%s' "$text"
}

# write PATH VALUE
write() {
    (printf '%s\n' "$2" >"$root$1") 2>/dev/null
}

# remember KIND NAME VALUE: notes what was there first; a later value is one that we set.
remember() {
    if [ -f "$state" ]; then
        while IFS='|' read -r kind name _; do
            [ "$kind|$name" = "$1|$2" ] && return 0
        done <"$state"
    fi
    mkdir -p "$(dirname "$state")" && printf '%s|%s|%s\n' "$1" "$2" "$3" >>"$state"
}

set_file() {
    if [ ! -r "$root$1" ]; then
        complain "$1: cannot be read, left alone"
        return
    fi
    if ! old=$(value_of "$1"); then
        complain "$1: cannot be read, left alone"
    elif [ "$old" = "$2" ]; then
        say "$1 is $2 already"
    elif [ "$dry" = yes ]; then
        say "would set $1 from $old to $2"
    elif ! remember file "$1" "$old"; then
        complain "$1: left alone, because $state cannot be written"
    elif write "$1" "$2"; then
        say "set $1 from $old to $2"
    else
        complain "$1: cannot be set to $2"
    fi
}

# queue_of DEVICE: sets kind and handle of its queueing discipline.
queue_of() {
    read -r _ kind handle _ <<END
$(tc qdisc show dev "$1" root 2>/dev/null | head -n 1)
END
    [ -n "$kind" ]
}

set_qdisc() {
    if ! queue_of "$1"; then
        complain "$1: its queueing discipline cannot be read, left alone"
    elif [ "$handle" != 0: ]; then
        say "$1 has a $kind of its own, left alone"
    elif [ "$dry" = yes ]; then
        say "would give $1 the queueing discipline $2 instead of $kind"
    elif ! remember qdisc "$1" "$kind"; then
        complain "$1: left alone, because $state cannot be written"
    elif tc qdisc replace dev "$1" root "$2"; then
        say "gave $1 the queueing discipline $2 instead of $kind"
    else
        complain "$1: cannot be given the queueing discipline $2"
    fi
}

revert_file() {
    if [ "$dry" = yes ]; then
        say "would set $1 back to $2"
    elif write "$1" "$2"; then
        say "set $1 back to $2"
    else
        complain "$1: cannot be set back to $2"
    fi
}

# Deleting ours brings the kernel's own choice back, which the default by then is again.
revert_qdisc() {
    if [ "$dry" = yes ]; then
        say "would give $1 back the queueing discipline $2"
        return
    fi
    tc qdisc del dev "$1" root 2>/dev/null
    if queue_of "$1" && [ "$kind" = "$2" ]; then
        say "gave $1 back the queueing discipline $2"
    elif tc qdisc replace dev "$1" root "$2"; then
        say "gave $1 the queueing discipline $2"
    else
        complain "$1: cannot be given back the queueing discipline $2"
    fi
}

# Files first, last one first; then queueing disciplines, whose default is a file.
revert() {
    if [ ! -f "$state" ]; then
        say "nothing to put back: there is no $state"
        return
    fi
    backwards=$(sed -n '1!G;h;$p' "$state")
    for pass in file qdisc; do
        while IFS='|' read -r kind name value; do
            [ "$kind" = "$pass" ] || continue
            case $kind in
                file) revert_file "$name" "$value" ;;
                qdisc) revert_qdisc "$name" "$value" ;;
            esac
        done <<END
$backwards
END
    done
    if [ "$dry" = no ] && [ "$failed" = 0 ]; then
        rm -f "$state"
    fi
}

apply() {
    :
@CHANGES@
}

print() {
    cat <<'END'
@PRINT@
END
}

hints() {
    :
@HINTS@
}

for argument in "$@"; do
    case $argument in
        --dry-run) dry=yes ;;
        --revert) mode=revert ;;
        --print) mode=print ;;
        *)
            say "usage: sh FILE [--dry-run] [--revert] [--print]" >&2
            exit 2
            ;;
    esac
done

if [ "$mode" != print ] && [ "$dry" = no ] && [ -z "$root" ] && [ "$(id -u)" != 0 ]; then
    say "this needs root; --dry-run does not" >&2
    exit 2
fi

case $mode in
    apply)
        apply
        hints
        [ "$dry" = yes ] || say "To put everything back: sh $0 --revert"
        ;;
    revert) revert ;;
    print) print ;;
esac
exit "$failed"
