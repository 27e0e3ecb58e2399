//! Builds one bash script of a page's commands that reports which of them failed.
//!
//! Always true here:
//! - Words in capitals are given values that the namespace has; times are made short.
//! - Whatever the script starts ends with it.
//! - The last line is `END`; every line before it is a failure.
//!
//! Not here: what a page holds (`page.rs`).

use std::fmt::Write as _;

use regex::Regex;

use super::page::{Page, Piece};

/// What every page finds: loopback, a veth pair, a view of `/sys` that is the namespace's.
const OPENING: &str = r##"
trap 'kill $(jobs -p) 2>/dev/null' EXIT
exec 3>&1 4>&2
failed() { printf 'FAILED %s: %s\n%s\n' "$1" "$2" "$(tail -n 5 output)" >&3; }
value() { tr '\t' ' ' <"/proc/sys/$(tr . / <<<"$1")"; }
reads() { [ "$(value "$2" 2>&1)" = "$3" ] || failed "$1" "$2 reads back as $(value "$2" 2>&1), not $3"; }
holds() { [ $((16#$(tr -d , <"$2"))) = $((16#$3)) ] || failed "$1" "$2 does not hold $3"; }
listens() {
    for _ in $(seq 200); do
        (exec 5<>"/dev/tcp/$2/$3") 2>/dev/null && return
        sleep 0.05
    done
    failed "$1" "nothing listens on $2:$3"
}
declare -A before
{
    mount -t sysfs sysfs /sys && ip link set lo up &&
        ip link add veth-a type veth peer name veth-b &&
        ip address add 10.99.0.1/30 dev veth-a && ip link set veth-a up && ip link set veth-b up
} >output 2>&1 || failed "the namespace" "is not complete"
"##;

/// Values for words in capitals, and short times for long ones: (pattern, replacement).
const VALUES: [(&str, &str); 17] = [
    (r"\bDEV\b", "veth-a"),
    (r"\bQUEUE\b", "0"),
    (r"\bMASK\b", "1"),
    (r"\bPORT\b", "8080"),
    (r"\bCOUNT\b", "200000"),
    (r"--duration \d+s", "--duration 1s"),
    (r"--duration \d+ ", "--duration 1 "),
    (r"--warm-up-time \d+", "--warm-up-time 1"),
    (r"--seconds \d+", "--seconds 0.3"),
    (r"\bload 10\b", "load 0.3"),
    (r"\bload 1\b", "load 0.2"),
    (r"for round in 1 2 3 4 5", "for round in 1 2"),
    (
        r"--watch --pid (\S+) --count \d+",
        "--watch --pid $1 --count 1",
    ),
    // Both sides share what CPUs there are: nothing is measured here.
    (r"taskset --cpu-list \d+ ", "taskset --cpu-list \"$$CPU\" "),
    // Containers may lack io_uring.
    (r"--driver uring", "--driver auto"),
    (
        r"^ringlane doctor --watch +#.*",
        "timeout --preserve-status --signal INT 2 ringlane doctor --watch",
    ),
    (
        r"^sysctl -w (\S+)=VALUE$",
        "sysctl -w $1=\"$${before[$1]}\"",
    ),
];

/// The script of a page. `root` is false where nothing below `/sys` can be written.
pub(super) fn of(page: &Page, root: bool) -> String {
    let mut script = OPENING.to_owned();
    let cpus = rustix::thread::sched_getaffinity(None).expect("the CPUs of this thread");
    let cpu = (0..1024).find(|cpu| cpus.is_set(*cpu)).unwrap_or_default();
    // Writing to a String does not fail.
    let _ = writeln!(script, "CPU={cpu}");
    let run = page.blocks.iter().filter(|block| block.reason().is_none());
    for block in run {
        let commands = block.commands();
        let may = |piece: &&Piece| root || !piece.text.contains("> /sys/");
        let sets: Vec<&str> = commands
            .iter()
            .flat_map(|piece| keys(&piece.text))
            .collect();
        for key in &sets {
            let _ = writeln!(
                script,
                "before[{key}]=${{before[{key}]:-$(value {key} 2>/dev/null)}}"
            );
        }
        for piece in commands.iter().filter(may) {
            script.push_str(&step(&page.path, piece));
        }
        let undoes = |piece: &&Piece| !commands.is_empty() && is_undone(&commands, &piece.text);
        for piece in block.undo.iter().filter(undoes).filter(may) {
            script.push_str(&step(&page.path, piece));
        }
    }
    script + "exec 1>&3\necho END\n"
}

/// Whether an undo is about what was done: the same setting, table or file, or one that is wrong.
fn is_undone(commands: &[Piece], undo: &str) -> bool {
    let has = |word: &str| commands.iter().any(|piece| piece.text.starts_with(word));
    (undo.starts_with("sysctl") && has("sysctl"))
        || (undo.starts_with("nft") && has("nft"))
        || (undo.starts_with("echo") && has("echo"))
}

/// Settings that a command changes.
fn keys(text: &str) -> Vec<&str> {
    let Some(rest) = text.strip_prefix("sysctl -w ") else {
        return Vec::new();
    };
    rest.split_once('=')
        .map(|(key, _)| key)
        .into_iter()
        .collect()
}

/// One command, and the proof that it did what it says.
fn step(path: &str, piece: &Piece) -> String {
    let mut text = piece.text.trim_end().to_owned();
    for (pattern, value) in VALUES {
        let pattern = Regex::new(pattern).expect("the pattern is valid");
        text = pattern.replace_all(&text, value).into_owned();
    }
    let place = format!("{path}:{}", piece.line);
    let first = piece
        .text
        .lines()
        .next()
        .unwrap_or_default()
        .replace('\'', " ");
    // Doctor ends with 1 if there is something to do, which there is on most machines.
    let fine = match text.starts_with("ringlane doctor") {
        true => "[ $? = 1 ] || ",
        false => "",
    };
    let mut step = format!("{{\n{text}\n}} >output 2>&1 || {fine}failed {place} '{first}'\n");
    step.push_str(&proof(&place, &text));
    step
}

/// Exit codes do not say everything.
fn proof(place: &str, text: &str) -> String {
    let mut proof = String::new();
    if let Some((key, value)) = text
        .strip_prefix("sysctl -w ")
        .and_then(|set| set.split_once('='))
    {
        let value = value.replace('\'', "\"");
        let _ = writeln!(proof, "reads {place} {key} {value}");
    }
    if let Some((value, file)) = text
        .strip_prefix("echo ")
        .and_then(|set| set.split_once(" > "))
    {
        let _ = writeln!(proof, "holds {place} {file} {value}");
    }
    let bind = Regex::new(r"^(?:.* )?--bind (\S+):(\d+) .*&$").expect("the pattern is valid");
    if let Some(bind) = bind.captures(text) {
        let _ = writeln!(proof, "listens {place} {} {}", &bind[1], &bind[2]);
    }
    if text.starts_with("ringlane-load") {
        let _ = writeln!(
            proof,
            "! grep -q errors: output || failed {place} 'counted errors'"
        );
    }
    let notrack = "nft list table inet raw 2>/dev/null | grep -q notrack";
    if text.starts_with("nft add rule") {
        let _ = writeln!(proof, "{notrack} || failed {place} 'the rule is not there'");
    }
    if text.starts_with("nft delete") {
        let _ = writeln!(
            proof,
            "! {{ {notrack}; }} || failed {place} 'the rule is still there'"
        );
    }
    proof
}
