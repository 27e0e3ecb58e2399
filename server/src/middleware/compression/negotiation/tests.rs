//! Rows of `Accept-Encoding` and what is chosen by them.

use super::Weights;
use crate::middleware::Coding;

/// What is chosen of `ours`, as a name; `identity` for none; with a `!` if nothing is acceptable.
fn chosen(fields: &[&str], ours: &[Coding]) -> String {
    let headers = fields
        .iter()
        .map(|value| ("accept-encoding", value.as_bytes()));
    let weights = Weights::of(headers.chain([("Accept", &b"gzip"[..])]));
    let ours: Vec<(Coding, u8)> = ours.iter().map(|coding| (*coding, 1)).collect();
    let name = match weights.choose(&ours) {
        Some((coding, _)) => coding.name(),
        None => "identity",
    };
    let is_acceptable = name != "identity" || weights.accept_identity();
    format!("{name}{}", if is_acceptable { "" } else { "!" })
}

#[track_caller]
fn check(field: &str, expected: &str) {
    let ours = [Coding::Gzip, Coding::Deflate];
    assert_eq!(chosen(&[field], &ours), expected, "{field:?}");
}

#[test]
fn a_field_that_is_absent_asks_for_nothing() {
    // RFC 9110 §12.5.3 (1): anything would do; without is what everyone understands.
    assert_eq!(chosen(&[], Coding::ALL), "identity");
}

#[test]
fn rows() {
    // §12.5.3: an empty field means that no coding is wanted.
    check("", "identity");
    check(" , ,", "identity");
    // What is listed is acceptable.
    check("gzip", "gzip");
    check("deflate", "deflate");
    check("br, compress", "identity");
    check("identity", "identity");
    // §8.4.1: names in any case; §8.4.1.3: the old name.
    check("GZip", "gzip");
    check("x-gzip", "gzip");
    check("X-GZIP;q=0.5", "gzip");
    // §12.4.2: weights.
    check("gzip;q=0.5, deflate", "deflate");
    check("gzip;q=0.5, deflate;q=0.501", "deflate");
    check("gzip;q=0.501, deflate;q=0.5", "gzip");
    check("gzip ; q=0.1 ,\tdeflate ; Q=0.2", "deflate");
    check("gzip;q=0", "identity");
    check("gzip;q=0.000", "identity");
    check("gzip;q=0.001", "gzip");
    check("gzip;q=1.000, deflate", "gzip");
    check("gzip;q=1., deflate;q=0.", "gzip");
    // Of equals the server's first.
    check("deflate, gzip", "gzip");
    check("deflate;q=0.3, gzip;q=0.3", "gzip");
    // `*` is whatever is not named.
    check("*", "gzip");
    check("*;q=0.1", "gzip");
    check("gzip;q=0, *", "deflate");
    check("gzip;q=0.1, *;q=0.5", "deflate");
    check("gzip, *;q=0", "gzip");
    // No coding at all: liked better, as much, less.
    check("identity, gzip;q=0.5", "identity");
    check("identity, gzip", "gzip");
    check("identity;q=0.5, gzip;q=0.5", "gzip");
    check("identity;q=0.5, gzip;q=0.4, deflate;q=0.3", "identity");
    check("identity;q=0.3, gzip;q=0.4", "gzip");
    // … or not at all.
    check("identity;q=0, gzip", "gzip");
    check("identity;q=0, gzip;q=0.1", "gzip");
    check("identity;q=0", "identity!");
    check("identity;q=0, br", "identity!");
    check("*;q=0", "identity!");
    check("gzip;q=0, deflate;q=0, *;q=0", "identity!");
    check("*;q=0, identity", "identity");
    check("*;q=0, identity;q=0.1", "identity");
    check("*;q=0, gzip", "gzip");
}

#[test]
fn what_is_malformed_says_nothing() {
    for weight in [
        "2", "1.001", "1.5", "-1", "0.1234", "", "a", "0.a", ".5", "00", "0,5", "1e1", "0x1",
    ] {
        check(&format!("gzip;q={weight}"), "identity");
        check(&format!("gzip;q={weight}, deflate;q=0.1"), "deflate");
        check(&format!("identity;q={weight}, gzip;q=0.5"), "gzip");
    }
    for member in [
        "gzip;",
        "gzip;level=9",
        "gzip;q",
        "gzip q=1",
        "gz ip",
        ";q=1",
        "gzip;q =1",
    ] {
        check(member, "identity");
    }
    check("\u{e9}, gzip", "gzip");
}

#[test]
fn several_fields_are_one_list() {
    // RFC 9110 §5.3.
    let ours = [Coding::Gzip, Coding::Deflate];
    assert_eq!(chosen(&["gzip;q=0.2", "deflate"], &ours), "deflate");
    assert_eq!(chosen(&["", "deflate"], &ours), "deflate");
    // Of what is said twice, the first.
    assert_eq!(chosen(&["gzip;q=0", "gzip"], &ours), "identity");
    assert_eq!(chosen(&["gzip, gzip;q=0"], &ours), "gzip");
}

#[test]
fn what_browsers_send() {
    let usual = "gzip, deflate, br, zstd";
    assert_eq!(chosen(&[usual], Coding::ALL), Coding::ALL[0].name());
    let reversed: Vec<Coding> = Coding::ALL.iter().rev().copied().collect();
    assert_eq!(chosen(&[usual], &reversed), "deflate");
    assert_eq!(chosen(&["gzip;q=1.0, *;q=0.5"], Coding::ALL), "gzip");
    assert_eq!(chosen(&[usual], &[]), "identity");
}
