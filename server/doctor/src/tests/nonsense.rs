//! Files that are missing, empty, garbage, huge or refused: each is said, and nothing panics.

use std::collections::BTreeMap;

use super::super::facts::Facts;
use super::super::knob::{Finding, Profile, Severity};
use super::super::machine::{FILE_BYTES_MAX, Unread};
use super::super::parse::{self, CPU_MAX};
use super::super::style::Style;
use super::super::{json, report, script};
use super::fake::Fake;

/// Every form of output, of whatever was found.
fn write_everything(fake: &Fake, findings: &[Finding]) {
    let facts = Facts::read(&fake.machine());
    let style = Style {
        width: 40,
        height: None,
        colour: true,
        redraws: false,
    };
    let text = report::text(findings, &facts, Profile::Safe, style, true);
    let obeyed = |character: char| character.is_control() && !"\n\x1b".contains(character);
    assert!(!text.contains(obeyed), "{text:?}");
    assert!(!script::text(findings, Profile::Safe).is_empty());
    assert!(json::text(findings, &facts, Profile::Safe).is_ok());
}

/// Puts `content` into each file in turn and looks at the machine.
fn everywhere(content: &[u8]) {
    let fake = Fake::new();
    let count = fake.examine(Profile::Dedicated).len();
    for path in fake.files() {
        let before = fake.get(&path);
        fake.set(&path, content);
        let findings = fake.examine(Profile::Dedicated);
        assert!(findings.len() <= count + 2, "{path}");
        assert!(!findings.is_empty(), "{path}");
        write_everything(&fake, &findings);
        fake.set(&path, before);
    }
}

#[test]
fn empty_files_do_no_harm() {
    everywhere(b"\n \t\n");
}

#[test]
fn garbage_does_no_harm() {
    everywhere(b"\xff\xfe\x00 not \xc3\x28 what was expected [");
    everywhere(b"TcpExt: a b\nTcpExt: 1\nTCP: mem\ncpu  1 2\n[]\n0-4294967295,7-1\n{\"a\":");
}

#[test]
fn huge_numbers_do_no_harm() {
    everywhere(b"18446744073709551615 18446744073709551615 18446744073709551615");
    everywhere(b"18446744073709551616");
    everywhere(b"ffffffffffffffff ffffffffffffffff ffffffffffffffff ffffffffffffffff");
    everywhere(
        b"cpu  18446744073709551615 1 18446744073709551615 1 1 1 1 18446744073709551615 1\n",
    );
}

#[test]
fn a_missing_file_is_said_to_be_missing_or_makes_no_difference() {
    let fake = Fake::new();
    let good: BTreeMap<String, Severity> = severities(&fake);
    for path in fake.files() {
        let before = fake.get(&path);
        fake.remove(&path);
        for finding in fake.examine(Profile::Safe) {
            let was = good.get(&finding.name());
            let same = was == Some(&finding.severity);
            let said = finding.severity == Severity::Unread && !finding.current.is_empty();
            // Without a list of modules nobody knows what could be loaded; that is said too.
            assert!(same || said, "without {path}: {finding:#?}");
        }
        fake.set(&path, before);
    }
}

fn severities(fake: &Fake) -> BTreeMap<String, Severity> {
    let findings = fake.examine(Profile::Safe).into_iter();
    findings
        .map(|finding| (finding.name(), finding.severity))
        .collect()
}

#[test]
fn a_folder_instead_of_a_file_is_an_error_that_is_said() {
    let fake = Fake::new();
    fake.remove("proc/sys/net/core/somaxconn");
    fake.set("proc/sys/net/core/somaxconn/file", "1");
    let finding = fake.find(Profile::Safe, "net.core.somaxconn");
    assert_eq!(finding.severity, Severity::Unread);
    assert!(finding.current.contains("directory"), "{finding:#?}");
}

#[test]
fn a_refused_file_says_what_would_help() {
    use std::os::unix::fs::PermissionsExt;
    let refused = Unread::from(std::io::Error::from(std::io::ErrorKind::PermissionDenied));
    assert_eq!(refused, Unread::Denied);
    assert!(refused.to_string().contains("root"));
    if rustix::process::getuid().is_root() {
        return; // root reads everything; the rest is for everybody else
    }
    let fake = Fake::new();
    let path = fake.root().join("proc/sys/net/core/somaxconn");
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o000)).expect("set");
    let finding = fake.find(Profile::Safe, "net.core.somaxconn");
    assert!(
        finding.current.contains("permission denied"),
        "{finding:#?}"
    );
}

#[test]
fn a_file_is_read_up_to_its_maximum_and_not_beyond() {
    let fake = Fake::new();
    let longest = vec![b'1'; FILE_BYTES_MAX as usize];
    fake.set("proc/longest", &longest);
    assert_eq!(
        fake.machine().read("/proc/longest").map(|text| text.len()),
        Ok(longest.len())
    );
    fake.set("proc/longer", [longest.as_slice(), b"1"].concat());
    assert_eq!(fake.machine().read("/proc/longer"), Err(Unread::TooLong));
}

#[test]
fn a_list_of_cpus_is_bounded() {
    let list = format!("0-{CPU_MAX}");
    assert_eq!(parse::cpus(&list).map(|cpus| cpus.len()), Ok(CPU_MAX + 1));
    let longer = format!("0-{}", CPU_MAX + 1);
    assert!(parse::cpus(&longer).is_err());
    assert_eq!(parse::cpus("0-1,8,8"), Ok(vec![0, 1, 8]));
    assert_eq!(parse::cpus(""), Ok(vec![]));
    for garbage in ["a", "1-", "-1", "3-1", "1 2"] {
        assert!(parse::cpus(garbage).is_err(), "{garbage}");
    }
}

#[test]
fn masks_are_written_as_the_kernel_takes_them() {
    for (cpus, mask) in [
        (vec![], "0"),
        (vec![0, 1], "3"),
        (vec![31], "80000000"),
        (vec![0, 32], "1,00000001"),
        (vec![64], "1,00000000,00000000"),
    ] {
        assert_eq!(parse::cpu_mask(&cpus), mask);
        assert_eq!(parse::is_empty_mask(mask), cpus.is_empty());
    }
}

#[test]
fn numbers_are_written_for_people() {
    for (number, grouped, bytes) in [
        (0, "0", "0 B"),
        (999, "999", "999 B"),
        (1000, "1,000", "1000 B"),
        (1024, "1,024", "1 KiB"),
        (1_048_576, "1,048,576", "1 MiB"),
        (1_600_000_000, "1,600,000,000", "1.5 GiB"),
        (u64::MAX, "unlimited", "unlimited"),
    ] {
        assert_eq!(parse::grouped(number), grouped);
        assert_eq!(parse::bytes(number), bytes);
    }
}

#[test]
fn packets_are_counted_over_the_end_of_32_bits() {
    let row = |processed| parse::Softnet {
        processed,
        ..parse::Softnet::default()
    };
    assert_eq!(row(5).since(row(u64::from(u32::MAX))).processed, 6);
    assert_eq!(row(7).since(row(5)).processed, 2);
}
