//! The steps of the ladder: which setting, in which variants, under which load.
//!
//! Always true here: a setting of the network holds in one namespace, the sample's.
//!
//! Not here: measuring them (`measure.rs`).

use std::fs;
use std::process::Command;

use crate::measure::PORT;
use crate::result::{Load, Step, Variant};

/// All of them, in the order of the guide.
pub(crate) fn all() -> Vec<Step> {
    let mut steps = vec![
        backlog(),
        not_sent(),
        pinning(),
        missing(
            "busy-poll",
            "Busy polling",
            "loopback and veth have no queue to poll",
        ),
        missing(
            "reuseport-cbpf",
            "Choosing the worker by the CPU that receives",
            "it takes two workers and two generators: `scaling` measures it",
        ),
        spinning(),
    ];
    steps.extend([congestion(Load::Loopback), congestion(Load::Veth)]);
    steps.extend([mtu(), netfilter(), huge_pages(), driver()]);
    steps.push(missing(
        "mitigations",
        "Mitigations",
        "they are chosen at boot; the result names those that were on",
    ));
    steps
}

fn step(name: &str, title: &str, load: Load, variants: Vec<Variant>) -> Step {
    Step {
        name: name.to_owned(),
        title: title.to_owned(),
        load,
        missing: None,
        variants,
    }
}

fn missing(name: &str, title: &str, reason: &str) -> Step {
    Step {
        missing: Some(reason.to_owned()),
        ..step(name, title, Load::Loopback, Vec::new())
    }
}

fn variant(name: &str, settings: &[&str]) -> Variant {
    Variant {
        name: name.to_owned(),
        settings: settings.iter().map(|line| (*line).to_owned()).collect(),
        ..Variant::default()
    }
}

/// Before the safe profile stands what kernels before 5.4 had.
fn backlog() -> Step {
    let old = [
        "sysctl -w net.core.somaxconn=128",
        "sysctl -w net.ipv4.tcp_slow_start_after_idle=1",
    ];
    let safe = [
        "sysctl -w net.core.somaxconn=4096",
        "sysctl -w net.ipv4.tcp_slow_start_after_idle=0",
    ];
    let variants = vec![
        variant("before: backlog 128", &old),
        variant("safe profile: backlog 4096", &safe),
    ];
    step("storm", "A storm of connections", Load::Storm, variants)
}

fn not_sent() -> Step {
    let variants = vec![
        variant("no limit", &[]),
        variant("16 KiB", &["sysctl -w net.ipv4.tcp_notsent_lowat=16384"]),
        variant("128 KiB", &["sysctl -w net.ipv4.tcp_notsent_lowat=131072"]),
    ];
    step("notsent-lowat", "tcp_notsent_lowat", Load::Large, variants)
}

fn pinning() -> Step {
    let mut free = variant("any CPU", &[]);
    free.unpinned = true;
    let variants = vec![variant("a CPU of its own", &[]), free];
    step("pinning", "Pinning the server", Load::Loopback, variants)
}

/// A namespace may set only some algorithms as its default, but its routes may name any.
fn congestion(load: Load) -> Step {
    let file = "/proc/sys/net/ipv4/tcp_available_congestion_control";
    let available = fs::read_to_string(file).unwrap_or_default();
    let mut names: Vec<&str> = available.split_whitespace().collect();
    // Cubic, the kernel's default, is what the others are compared with.
    names.sort_by_key(|name| (*name != "cubic", *name));
    let (word, way) = match load {
        Load::Veth => ("veth", "10.99.0.0/30 dev veth-server src 10.99.0.1"),
        _ => (
            "loopback",
            "local 127.0.0.1 dev lo table local src 127.0.0.1",
        ),
    };
    let route = |name: &&str| variant(name, &[&format!("ip route replace {way} congctl {name}")]);
    step(
        &format!("congestion-control-{word}"),
        &format!("Congestion control, {word}"),
        load,
        names.iter().map(route).collect(),
    )
}

fn mtu() -> Step {
    let variants = vec![
        variant("65536", &["ip link set lo mtu 65536"]),
        variant("1500", &["ip link set lo mtu 1500"]),
    ];
    step(
        "loopback-mtu",
        "MTU of loopback, 128 KiB",
        Load::Large,
        variants,
    )
}

fn netfilter() -> Step {
    let has_nft = Command::new("nft").arg("--version").output().is_ok();
    if !has_nft {
        return missing(
            "netfilter",
            "Netfilter and conntrack",
            "nft is not installed (Debian: nftables)",
        );
    }
    let table = [
        "nft add table inet ladder",
        "nft add chain inet ladder input '{ type filter hook input priority 0; }'",
    ];
    let rules =
        "for port in $(seq 20); do nft add rule inet ladder input tcp dport $port drop; done";
    let track = "nft add rule inet ladder input ct state established,new accept";
    let notrack = format!(
        "nft add chain inet ladder raw '{{ type filter hook prerouting priority raw; }}' && \
         nft add rule inet ladder raw tcp dport {PORT} notrack && \
         nft add rule inet ladder raw tcp sport {PORT} notrack && \
         nft add chain inet ladder out '{{ type filter hook output priority raw; }}' && \
         nft add rule inet ladder out tcp dport {PORT} notrack && \
         nft add rule inet ladder out tcp sport {PORT} notrack"
    );
    let [first, second] = table;
    let variants = vec![
        variant("no rules", &[]),
        variant("20 rules without tracking", &[first, second, rules]),
        variant("tracking", &[first, second, track]),
        variant("notrack", &[first, second, &notrack, track]),
    ];
    step(
        "netfilter",
        "Netfilter and conntrack",
        Load::Loopback,
        variants,
    )
}

fn huge_pages() -> Step {
    let of = |name: &str| Variant {
        huge_pages: Some(name.to_owned()),
        ..variant(name, &[])
    };
    let variants = ["madvise", "never", "always"].map(of);
    step(
        "huge-pages",
        "Transparent huge pages",
        Load::Loopback,
        variants.into(),
    )
}

fn driver() -> Step {
    let of = |name: &str| Variant {
        options: vec!["--driver".to_owned(), name.to_owned()],
        ..variant(name, &[])
    };
    let variants = ["uring", "epoll"].map(of);
    step("driver", "Driver", Load::Loopback, variants.into())
}

/// What it is worth to one who asks one thing after the other.
fn spinning() -> Step {
    let of = |name: &str, micros: &str| Variant {
        options: vec!["--spin".to_owned(), micros.to_owned()],
        ..variant(name, &[])
    };
    let variants = vec![of("sleeps", "0"), of("50 µs", "50"), of("200 µs", "200")];
    let title = "Spinning before sleeping, 1 connection";
    step("spinning", title, Load::Single, variants)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_what_is_missing_says_why() {
        let mut seen = BTreeSet::new();
        for step in all() {
            assert!(seen.insert(step.name.clone()), "{}", step.name);
            assert_eq!(step.variants.is_empty(), step.missing.is_some());
        }
    }

    /// What holds for the whole machine is not set by a command, which nothing would undo.
    #[test]
    fn settings_are_the_namespace_s() {
        let own = ["sysctl -w net.", "ip ", "nft ", "for port in"];
        for line in all()
            .iter()
            .flat_map(|step| &step.variants)
            .flat_map(|variant| &variant.settings)
        {
            assert!(own.iter().any(|start| line.starts_with(start)), "{line}");
            assert!(!line.contains("/sys/"), "{line}");
        }
    }
}
