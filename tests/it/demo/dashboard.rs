//! Tests the live dashboard: who may see it, and live figures in a real browser.
//!
//! Not here: what a sample is made of; the library's own tests have it.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use ringlane_tests::browser::{Browser, Scheme};
use serde_json::json;

use super::Demo;

/// The status line of an answer, and whether the start page leads to the dashboard.
fn visit(demo: &Demo, host: &str) -> (String, bool) {
    let get = |path: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        demo.exchange(head.as_bytes())
    };
    let page = get("/_ringlane/");
    let status = page.lines().next().expect("a status line");
    let is_linked = get("/").contains("href=\"/_ringlane/\"");
    (status.to_owned(), is_linked)
}

#[track_caller]
fn check(options: &[&str], host: &str, status: &str, is_linked: bool) {
    let mut demo = Demo::start(options);
    demo.address.set_ip([127, 0, 0, 1].into());
    let found = visit(&demo, host);
    assert_eq!(found, (format!("HTTP/1.1 {status}"), is_linked));
}

#[test]
fn only_this_machine_is_shown_the_dashboard_unless_it_is_turned_on() {
    check(&[], "localhost", "200 OK", true);
    check(&[], "127.0.0.1:8080", "200 OK", true);
    // A name that somebody else has made to lead here.
    check(&[], "example.org", "404 Not Found", true);
    // A client elsewhere, behind a proxy on this machine.
    let demo = Demo::start(&[]);
    for header in [
        "X-Forwarded-For: 203.0.113.9",
        "x-forwarded-host: localhost",
        "Forwarded: for=203.0.113.9",
        "X-Real-IP: 203.0.113.9",
        "Via: 1.1 proxy",
    ] {
        let head = format!(
            "GET /_ringlane/ HTTP/1.1\r\nHost: localhost\r\n{header}\r\nConnection: close\r\n\r\n"
        );
        let page = demo.exchange(head.as_bytes());
        assert!(page.starts_with("HTTP/1.1 404 "), "{header}: {page}");
    }
    let outside = ["--bind", "0.0.0.0:0"];
    check(&outside, "localhost", "404 Not Found", false);
    let on = ["--bind", "0.0.0.0:0", "--dashboard", "on"];
    check(&on, "example.org", "200 OK", true);
    check(&["--dashboard", "off"], "localhost", "404 Not Found", false);
}

/// A client that asks again and again on one connection, until it is dropped.
struct Load {
    is_wanted: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Load {
    fn start(demo: &Demo) -> Self {
        let is_wanted = Arc::new(AtomicBool::new(true));
        let (mut stream, wanted) = (demo.connect(), Arc::clone(&is_wanted));
        let ask = move || {
            const BURST: usize = 8;
            let mut bytes = [0; 4096];
            let burst = "GET /json HTTP/1.1\r\nHost: a\r\n\r\n".repeat(BURST);
            while wanted.load(Ordering::Relaxed) {
                if stream.write_all(burst.as_bytes()).is_err() {
                    return; // the server was ended
                }
                let mut answers = 0;
                while answers < BURST {
                    match stream.read(&mut bytes) {
                        Ok(read) if read > 0 => {
                            let text = &bytes[..read];
                            answers += text.iter().filter(|&&byte| byte == b'}').count();
                        }
                        _ => return,
                    }
                }
            }
        };
        Self {
            is_wanted,
            thread: Some(std::thread::spawn(ask)),
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.is_wanted.store(false, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // the test has failed already if this one has
        }
    }
}

const RATE: &str = "Number(document.getElementById('rate').textContent.replaceAll(',', ''))";

#[test]
fn figures_move_while_requests_are_made_and_a_restart_is_said() {
    let demo = Demo::start(&["--workers", "2"]);
    let browser = Browser::start();
    browser.go_to(&format!("http://{}/_ringlane/", demo.address));
    browser.wait_until(&format!("{RATE} < 100")); // nothing yet but the page itself
    let loads = [(); 4].map(|()| Load::start(&demo));
    browser.wait_until(&format!("{RATE} > 100"));
    browser.wait_until("document.querySelectorAll('#lanes li').length === 2");
    browser.wait_until("document.querySelector('#latency-legend .p99 dd').innerText.includes('s')");
    browser.wait_until("document.querySelector('#rate-chart .line').getTotalLength() > 10");
    assert_eq!(
        browser.run("return document.getElementById('state').textContent"),
        json!("live")
    );
    for (name, width, height) in [("wide", 1280, 860), ("narrow", 360, 812)] {
        browser.look_through(width, height);
        for (scheme, word) in [(Scheme::Light, "light"), (Scheme::Dark, "dark")] {
            browser.prefer(scheme);
            assert!(
                browser.too_wide().is_empty(),
                "{name}: {:?}",
                browser.too_wide()
            );
            browser.picture(&format!("dashboard-{name}-{word}"));
        }
    }
    drop(loads);
    browser.wait_until(&format!("{RATE} < 100"));

    let address = demo.address.to_string();
    drop(demo);
    browser.wait_until("document.getElementById('state').className === 'lost'");
    let _again = Demo::start(&["--workers", "2", "--bind", &address]);
    browser.wait_until("document.getElementById('state').textContent.includes('restarted')");
    browser.wait_until("document.querySelector('#rate-chart .restart-word') !== null");
}

#[test]
fn charts_are_read_by_keys_and_in_words_and_the_page_can_be_paused() {
    const LEFT: char = '\u{e012}';
    const ESCAPE: char = '\u{e00c}';
    let demo = Demo::start(&["--workers", "1"]);
    let browser = Browser::start();
    browser.go_to(&format!("http://{}/_ringlane/", demo.address));
    let _load = Load::start(&demo);
    browser.wait_until(&format!("{RATE} > 100"));
    browser.wait_until(
        "document.querySelector('#answers-legend .c2 dd').textContent !== '0' \
         && document.getElementById('bytes').textContent.includes('B/s')",
    );

    let words = |chart: &str| format!("document.getElementById('{chart}').ariaValueText");
    for chart in ["rate", "latency", "answers", "memory", "connections"] {
        let chart = format!("{chart}-chart");
        browser.wait_until(&format!("/^[0-9:]+: [0-9p]/.test({})", words(&chart)));
        let focus = format!(
            "const of = document.getElementById('{chart}'); of.focus(); \
            return document.activeElement === of && of.role === 'slider' && of.ariaLabel !== ''"
        );
        assert_eq!(
            browser.run(&focus),
            json!(true),
            "{chart} takes the keyboard"
        );
    }
    // Without a second sample there is nothing to step back to.
    browser.wait_until("Number(document.getElementById('rate-chart').ariaValueMax) >= 2");
    browser.click("#pause");
    browser.wait_until("document.getElementById('pause').ariaPressed === 'true'");
    let shown = browser.run(&format!("return {}", words("rate-chart")));
    browser.press("#rate-chart", LEFT);
    let earlier = browser.run(&format!("return {}", words("rate-chart")));
    assert_ne!(earlier, shown, "one sample to the left");
    browser.wait_until("document.querySelector('#rate-chart .cursor') !== null");
    browser.press("#rate-chart", ESCAPE);
    // However many samples have come since: none is shown.
    assert_eq!(
        browser.run(&format!("return {}", words("rate-chart"))),
        shown
    );
    browser.click("#pause");
    browser.wait_until(&format!("{} !== {shown}", words("rate-chart")));

    browser.click("#table summary");
    browser.wait_until("document.querySelectorAll('#table tbody tr').length > 2");
    let cells = "const head = document.querySelectorAll('#table thead th').length; \
        const row = document.querySelectorAll('#table tbody tr:first-child td').length; \
        return head === row && head > 8";
    assert_eq!(
        browser.run(cells),
        json!(true),
        "each figure has its column"
    );
}

#[test]
fn no_page_is_wider_than_a_phone() {
    let demo = Demo::start(&["--workers", "2"]);
    let browser = Browser::start();
    for width in [360, 320, 1280] {
        browser.look_through(width, 740);
        for (path, is_there) in [
            ("/", "document.querySelector('table') !== null"),
            ("/chat", "document.querySelector('#log li') !== null"),
            (
                "/_ringlane/",
                "document.querySelectorAll('#lanes li').length === 2",
            ),
        ] {
            browser.go_to(&format!("http://{}{path}", demo.address));
            browser.wait_until(is_there);
            let wide = browser.too_wide();
            assert!(wide.is_empty(), "{path} at {width} pixels: {wide:?}");
        }
    }
    browser.look_through(360, 740);
    browser.go_to(&format!("http://{}/chat", demo.address));
    browser.wait_until("!document.getElementById('send').disabled");
    browser.type_into("#username", &"W".repeat(64));
    browser.type_into("#content", &"mmmmmmmmmm".repeat(20));
    browser.click("#send"); // which WebDriver refuses for what is off the screen
    browser.wait_until("document.querySelector('#log .Text') !== null");
    let wide = browser.too_wide();
    assert!(wide.is_empty(), "{wide:?}");
}
