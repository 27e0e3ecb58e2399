//! Offers of compression and what they are answered with (RFC 6455 §9.1, RFC 7692 §5, §7.1).

use super::handshakes::with;
use ringlane_protocol::websocket::{DeflateConfig, DeflateParameters, HandshakeError, Policy};

const SMALL_WINDOWS: DeflateConfig = DeflateConfig {
    server_max_window_bits: 11,
    client_max_window_bits: 10,
    ..DeflateConfig::DEDICATED
};

/// The answer to these values of `Sec-WebSocket-Extensions`, one line each; empty if none.
fn answer(config: Option<DeflateConfig>, values: &[&str]) -> Result<String, HandshakeError> {
    let policy = Policy {
        deflate: config,
        ..Policy::default()
    };
    let lines = values
        .iter()
        .map(|value| format!("Sec-WebSocket-Extensions: {value}\r\n"));
    let head = with(&lines.collect::<String>());
    let accepted = policy.accept(&head)?;
    Ok(accepted
        .deflate
        .map(|deflate| deflate.to_string())
        .unwrap_or_default())
}

#[track_caller]
fn check(config: DeflateConfig, rows: &[(&str, &str)]) {
    for (offer, expected) in rows {
        assert_eq!(
            answer(Some(config), &[offer]).as_deref(),
            Ok(*expected),
            "{offer}"
        );
    }
}

/// RFC 7692 §7.1.1, §7.1.2: what is asked for is granted, with windows as small as both want.
#[test]
fn offers_are_granted() {
    check(
        DeflateConfig::DEDICATED,
        &[
            ("permessage-deflate", "permessage-deflate"),
            (
                "permessage-deflate; server_no_context_takeover",
                "permessage-deflate; server_no_context_takeover",
            ),
            (
                "permessage-deflate; client_no_context_takeover",
                "permessage-deflate; client_no_context_takeover",
            ),
            (
                "permessage-deflate; client_max_window_bits",
                "permessage-deflate",
            ),
            (
                "permessage-deflate; client_max_window_bits=9",
                "permessage-deflate; client_max_window_bits=9",
            ),
            (
                "permessage-deflate; client_max_window_bits=8",
                "permessage-deflate; client_max_window_bits=8",
            ),
            (
                "permessage-deflate; server_max_window_bits=9",
                "permessage-deflate; server_max_window_bits=9",
            ),
            (
                "permessage-deflate; server_max_window_bits=15",
                "permessage-deflate; server_max_window_bits=15",
            ),
            (
                "permessage-deflate;client_max_window_bits = \"1\\2\" ;server_max_window_bits=\"10\"",
                "permessage-deflate; server_max_window_bits=10; client_max_window_bits=12",
            ),
        ],
    );
}

/// §7.1.1.1, §7.1.2.1: a server may answer more than it was asked for, except for the client's
/// window, which only those may be told who offered to listen (§7.1.2.2).
#[test]
fn the_servers_own_wishes_are_named() {
    let both = "server_no_context_takeover; client_no_context_takeover";
    check(
        DeflateConfig::SHARED,
        &[("permessage-deflate", &format!("permessage-deflate; {both}"))],
    );
    check(
        SMALL_WINDOWS,
        &[
            (
                "permessage-deflate",
                "permessage-deflate; server_max_window_bits=11",
            ),
            (
                "permessage-deflate; client_max_window_bits",
                "permessage-deflate; server_max_window_bits=11; client_max_window_bits=10",
            ),
            (
                "permessage-deflate; client_max_window_bits=9; server_max_window_bits=13",
                "permessage-deflate; server_max_window_bits=11; client_max_window_bits=9",
            ),
            (
                "permessage-deflate; client_max_window_bits=15; server_max_window_bits=10",
                "permessage-deflate; server_max_window_bits=10; client_max_window_bits=10",
            ),
        ],
    );
    // Settings out of range mean the nearest that can be.
    let odd = DeflateConfig {
        server_max_window_bits: 0,
        client_max_window_bits: 200,
        ..DeflateConfig::DEDICATED
    };
    check(
        odd,
        &[(
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_max_window_bits=9",
        )],
    );
}

/// §7.1: a parameter that is unknown, repeated or invalid declines its offer, and that alone.
#[test]
fn offers_that_cannot_be_kept_are_declined() {
    for parameter in [
        "server_max_window_bits=8", // §7.1.2.1: not supported
        "server_max_window_bits",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=09",
        "server_max_window_bits=010",
        "server_max_window_bits=100",
        "server_max_window_bits=1a",
        "server_max_window_bits=-9",
        "server_max_window_bits=9; server_max_window_bits=9",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits; client_max_window_bits",
        "client_max_window_bits=9; client_max_window_bits",
        "server_no_context_takeover=1",
        "server_no_context_takeover; server_no_context_takeover",
        "client_no_context_takeover=\"true\"",
        "client_no_context_takeover; client_no_context_takeover",
        "Client_No_Context_Takeover",
        "unknown",
        "unknown=1",
    ] {
        let offer = format!("permessage-deflate; {parameter}");
        check(DeflateConfig::DEDICATED, &[(&offer, "")]);
        // §5.2: the next one is as good.
        let offers = format!("{offer}, permessage-deflate");
        check(DeflateConfig::DEDICATED, &[(&offers, "permessage-deflate")]);
    }
}

#[test]
fn the_first_offer_that_can_be_kept_is_granted() {
    let config = DeflateConfig::DEDICATED;
    check(
        config,
        &[
            ("x-webkit-deflate-frame", ""),
            (
                "permessage-bzip2; level=9, permessage-deflate",
                "permessage-deflate",
            ),
            (
                ",permessage-deflate , ,permessage-deflate;x",
                "permessage-deflate",
            ),
            (
                "permessage-deflate; server_max_window_bits=8, \
                 permessage-deflate; server_max_window_bits=9, permessage-deflate",
                "permessage-deflate; server_max_window_bits=9",
            ),
            (
                "foo; bar=\"a\\b\"; baz, permessage-deflate; client_no_context_takeover",
                "permessage-deflate; client_no_context_takeover",
            ),
            ("", ""),
        ],
    );
    // RFC 6455 §9.1: several lines are one list.
    let lines = ["permessage-deflate; unknown", "foo", "permessage-deflate"];
    assert_eq!(
        answer(Some(config), &lines).as_deref(),
        Ok("permessage-deflate")
    );
    assert_eq!(answer(None, &lines).as_deref(), Ok(""), "not wanted here");
    assert_eq!(answer(Some(config), &[]).as_deref(), Ok(""));
}

/// RFC 6455 §9.1: what is no list of extensions fails the handshake, wherever it stands and
/// whether or not any is wanted.
#[test]
fn what_is_no_list_fails_the_handshake() {
    for value in [
        "permessage-deflate;",
        "permessage-deflate; ;",
        "permessage-deflate; =9",
        "permessage-deflate; client_max_window_bits=",
        "permessage-deflate; client_max_window_bits=\"9",
        "permessage-deflate; client_max_window_bits=\"9\\\"",
        "permessage-deflate; client_max_window_bits=\"\"",
        "permessage-deflate; client_max_window_bits=\"9 9\"",
        "permessage-deflate; client_max_window_bits=\"9\"9",
        "permessage-deflate client_max_window_bits",
        "permessage-deflate, foo bar",
        "permessage-deflate, \"foo\"",
        "=",
        ";",
        "foo; bar=\"a,b\", permessage-deflate",
    ] {
        for config in [None, Some(DeflateConfig::SHARED)] {
            let error = Err(HandshakeError::InvalidExtensions);
            assert_eq!(answer(config, &[value]), error, "{value}");
            assert_eq!(
                answer(config, &["permessage-deflate", value]),
                error,
                "{value}"
            );
        }
    }
    assert_eq!(HandshakeError::InvalidExtensions.status().as_u16(), 400);
}

/// The longest list a head can hold takes time in proportion, and grants the last as well.
#[test]
fn long_lists_are_read_to_the_end() {
    let mut long = "a;b=\"\\c\",".repeat(800);
    long.push_str("permessage-deflate");
    check(DeflateConfig::DEDICATED, &[(&long, "permessage-deflate")]);
}

/// What clients read: the text we write, and nothing that is not an answer (RFC 7692 §5.1).
#[test]
fn answers_are_read_back() {
    for bits in [None, Some(8), Some(9), Some(15)] {
        for (server, client) in [(false, false), (false, true), (true, false), (true, true)] {
            let agreed = DeflateParameters {
                server_no_context_takeover: server,
                client_no_context_takeover: client,
                server_max_window_bits: bits,
                client_max_window_bits: bits,
            };
            let text = agreed.to_string();
            assert_eq!(
                DeflateParameters::from_answer(text.as_bytes()),
                Some(agreed),
                "{text}"
            );
        }
    }
    for wrong in [
        "",
        "permessage-deflat",
        "permessage-deflate;",
        "permessage-deflate; client_max_window_bits", // §7.1.2.2: in an answer it has a value
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; unknown",
        "permessage-deflate, permessage-deflate",
        "permessage-deflate, other",
    ] {
        assert_eq!(
            DeflateParameters::from_answer(wrong.as_bytes()),
            None,
            "{wrong}"
        );
    }
}
