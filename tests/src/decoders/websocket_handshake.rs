//! No request makes the handshake panic or loop; what it accepts has one key and one version, and
//! is granted nothing that it did not ask for; an answer has no lines but those that were set.

use ringlane_protocol::websocket::{
    Accepted, DeflateConfig, DeflateParameters, Origins, Policy, accept_key,
};
use ringlane_protocol::{
    HeadLimits, HeadParser, Method, Parsed, RequestHead, ResponseBody, ResponseHead,
    ResponseHeaders, ServerFields, StatusCode, Version,
};

/// What makes a handshake of lines that hold the rest of it.
const START: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n";

/// More than an answer can have here.
const ANSWER_HEADERS_MAX: usize = 8;

/// Takes the input as the head of a request, and as further lines of a handshake
/// (RFC 6455 §4.2.1).
///
/// # Panics
///
/// If the handshake breaks a promise.
///
/// ```
/// ringlane_tests::decoders::websocket_handshake(b"Sec-WebSocket-Version: 13");
/// ```
pub fn websocket_handshake(input: &[u8]) {
    judge(input);
    judge(&[START, input, b"\r\n\r\n"].concat());
}

fn judge(input: &[u8]) {
    let mut head = RequestHead::new();
    let parsed = HeadParser::new().parse(input, &HeadLimits::default(), &mut head);
    if !matches!(parsed, Ok(Parsed::Complete { .. })) {
        return;
    }
    for policy in policies() {
        let mut headers = ResponseHeaders::new();
        let verdict = policy.accept(&head);
        assert_eq!(policy.accept(&head), verdict, "twice");
        let (status, upgrade, set) = match verdict {
            Ok(accepted) => {
                check(&accepted, &policy, &head);
                let set = accepted.set_headers(&mut headers);
                (StatusCode::SWITCHING_PROTOCOLS, Some("websocket"), set)
            }
            Err(error) => {
                let set = error.set_headers(&mut headers);
                (error.status(), error.upgrade(), set)
            }
        };
        assert_eq!(set, Ok(()));
        read_back(status, upgrade, &headers);
    }
}

/// One that grants nothing, and two that grant much.
fn policies() -> [Policy; 3] {
    let protocols = vec!["chat.v2".to_owned(), "chat.v1".to_owned()];
    [
        Policy::default(),
        Policy {
            protocols: protocols.clone(),
            origins: Origins::SameHost,
            deflate: Some(DeflateConfig::SHARED),
        },
        Policy {
            protocols,
            origins: Origins::Listed(vec!["https://a".to_owned(), "null".to_owned()]),
            deflate: Some(DeflateConfig {
                server_max_window_bits: 10,
                client_max_window_bits: 8,
                ..DeflateConfig::DEDICATED
            }),
        },
    ]
}

fn check(accepted: &Accepted<'_>, policy: &Policy, head: &RequestHead) {
    assert_eq!(*head.method(), Method::GET);
    assert_eq!(head.version(), Version::HTTP_11);
    let all = |name| head.header_all(name).collect::<Vec<_>>();
    assert_eq!(all("sec-websocket-version"), [b"13"]);
    let [key] = all("sec-websocket-key")[..] else {
        panic!("one key, not {:?}", all("sec-websocket-key"));
    };
    assert!(key.len() == 24 && key.ends_with(b"=="));
    let mut headers = ResponseHeaders::new();
    assert_eq!(accepted.set_headers(&mut headers), Ok(()));
    assert_eq!(
        headers.get("sec-websocket-accept"),
        Some(&accept_key(key)[..])
    );
    let offered = all("sec-websocket-protocol").join(&b',');
    if let Some(protocol) = accepted.protocol {
        assert!(policy.protocols.iter().any(|ours| ours == protocol));
        let mut offers = offered.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        assert!(offers.any(|offer| offer == protocol.as_bytes()));
    }
    if let Some(agreed) = &accepted.deflate {
        let offered = all("sec-websocket-extensions").join(&b',');
        check_compression(agreed, policy.deflate, &String::from_utf8_lossy(&offered));
    }
}

fn check_compression(agreed: &DeflateParameters, wanted: Option<DeflateConfig>, offered: &str) {
    let wanted = wanted.expect("a policy without compression grants none");
    let answer = agreed.to_string();
    let read = DeflateParameters::from_answer(answer.as_bytes());
    assert_eq!(read.as_ref(), Some(agreed));
    assert!(offered.contains("permessage-deflate"), "{offered}");
    assert!(agreed.server_no_context_takeover >= wanted.server_no_context_takeover);
    assert!(agreed.client_no_context_takeover >= wanted.client_no_context_takeover);
    let server = agreed.server_max_window_bits;
    assert!(server.is_none_or(|bits| (9..=wanted.server_max_window_bits).contains(&bits)));
    assert!(server.is_some() || wanted.server_max_window_bits == 15);
    if let Some(bits) = agreed.client_max_window_bits {
        assert!((8..=wanted.client_max_window_bits).contains(&bits));
        assert!(offered.contains("client_max_window_bits"), "{offered}");
    }
}

/// A client reads the answer's lines as those that were set, and no others.
fn read_back(status: StatusCode, upgrade: Option<&str>, headers: &ResponseHeaders) {
    let mut out = Vec::new();
    ResponseHead {
        status,
        headers,
        content_type: None,
        body: ResponseBody::Length(0),
        version: Version::HTTP_11,
        head_request: false,
        keep_alive: true,
        own: &ServerFields::new(None),
        upgrade,
    }
    .write(&mut out);
    let mut storage = [httparse::EMPTY_HEADER; ANSWER_HEADERS_MAX];
    let mut response = httparse::Response::new(&mut storage);
    let parsed = response.parse(&out);
    assert_eq!(parsed, Ok(httparse::Status::Complete(out.len())));
    assert_eq!(response.code, Some(status.as_u16()));
    let own = ["connection", "upgrade", "content-length", "date"];
    let is_own = |name: &str| own.iter().any(|own| own.eq_ignore_ascii_case(name));
    let others = response.headers.iter().filter(|sent| !is_own(sent.name));
    assert_eq!(others.clone().count(), headers.len());
    for sent in others {
        assert_eq!(headers.get(sent.name), Some(sent.value), "{}", sent.name);
    }
    let has = |wanted: &str| response.headers.iter().any(|sent| sent.name == wanted);
    assert_eq!(has("Upgrade"), upgrade.is_some());
    for end in [b'\r', b'\n'] {
        let ends = out.iter().filter(|byte| **byte == end).count();
        assert_eq!(ends, response.headers.len() + 2);
    }
}
