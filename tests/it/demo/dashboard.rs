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
    let is_too_wide = "return document.documentElement.scrollWidth > innerWidth";
    for (name, width, height) in [("wide", 1280, 800), ("narrow", 375, 812)] {
        browser.look_through(width, height);
        for (scheme, word) in [(Scheme::Light, "light"), (Scheme::Dark, "dark")] {
            browser.prefer(scheme);
            assert_eq!(browser.run(is_too_wide), json!(false), "{name}, {word}");
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
