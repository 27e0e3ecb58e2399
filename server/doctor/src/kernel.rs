//! What the kernel was built with, and whether a part of it could be loaded.

use super::machine::Machine;

/// Whether a part of the kernel can be had.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Built {
    /// It is in the kernel.
    In,
    /// It is a module that can be loaded.
    Module,
    /// The kernel was built without it.
    Out,
    /// Neither the configuration nor a list of modules can be read.
    Unknown,
}

/// The kernel's release: `6.18.44-generic`.
pub(super) fn release(machine: &Machine) -> Option<String> {
    machine.read("/proc/sys/kernel/osrelease").ok()
}

/// The first two numbers of a release.
pub(super) fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|character: char| !character.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Whether the option without `CONFIG_`, which makes the module without `.ko`, can be had.
pub(super) fn built(machine: &Machine, option: &str, module: &str) -> Built {
    let release = release(machine).unwrap_or_default();
    let config = machine
        .read(&format!("/boot/config-{release}"))
        .or_else(|_| machine.output("zcat", &["/proc/config.gz"]));
    if let Ok(config) = config {
        return in_config(&config, option);
    }
    let folder = format!("/lib/modules/{release}");
    let lists = ["modules.builtin", "modules.dep"].map(|file| {
        let list = machine.read(&format!("{folder}/{file}"));
        list.map(|list| has_module(&list, module))
    });
    match lists {
        [Ok(true), _] => Built::In,
        [_, Ok(true)] => Built::Module,
        [Ok(false), Ok(false)] => Built::Out,
        _ => Built::Unknown,
    }
}

fn in_config(config: &str, option: &str) -> Built {
    let value = config.lines().find_map(|line| {
        line.strip_prefix("CONFIG_")?
            .strip_prefix(option)?
            .strip_prefix('=')
    });
    match value {
        Some("y") => Built::In,
        Some("m") => Built::Module,
        _ => Built::Out,
    }
}

/// Whether a list of paths names the module: `kernel/net/sched/sch_fq.ko.xz: …`.
fn has_module(list: &str, module: &str) -> bool {
    let start = format!("/{module}.ko");
    list.lines().any(|line| {
        let path = line.split(':').next().unwrap_or_default();
        let rest = path.rfind(&start).map(|at| &path[at + start.len()..]);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_the_first_two_numbers() {
        assert_eq!(version("6.18.44-fc-v657"), Some((6, 18)));
        assert_eq!(version("5.15-rc1"), Some((5, 15)));
        for garbage in ["", "6", "x.y", "-6.1", "99999999999.1"] {
            assert_eq!(version(garbage), None, "{garbage}");
        }
    }

    #[test]
    fn a_config_says_in_module_or_out() {
        let config = "CONFIG_TLS=m\n# CONFIG_NET_SCH_FQ is not set\nCONFIG_NET_SCH_FQ_CODEL=y\n";
        assert_eq!(in_config(config, "TLS"), Built::Module);
        assert_eq!(in_config(config, "NET_SCH_FQ"), Built::Out);
        assert_eq!(in_config(config, "NET_SCH_FQ_CODEL"), Built::In);
        assert_eq!(in_config("", "TLS"), Built::Out);
    }

    #[test]
    fn a_module_is_known_by_its_whole_name() {
        let list = "kernel/net/sched/sch_fq.ko.xz: a b\nkernel/net/tls/tls.ko:\n";
        assert!(has_module(list, "sch_fq"));
        assert!(has_module(list, "tls"));
        assert!(!has_module(list, "sch_f"));
        assert!(!has_module("kernel/net/sched/sch_fq_codel.ko:", "sch_fq"));
        assert!(!has_module("kernel/a.ko: kernel/net/tls/tls.ko", "tls"));
    }
}
