//! Tests the example `chat` as a process: its page in two tabs of a real browser.
//!
//! Not here: what the room does with each message (`server/examples/chat`).

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use ringlane_tests::browser::Browser;
use serde_json::json;

/// The running example. Dropping it ends it.
struct Chat {
    child: Child,
    page: String,
}

impl Chat {
    fn start() -> Self {
        let program = crate::demo::example("chat");
        let mut child = Command::new(program)
            .arg("127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .expect("started");
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        output.read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("listening on http://");
        let address = address.expect("the line that says the address");
        Self {
            page: format!("http://{address}/chat"),
            child,
        }
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended already
        let _ = self.child.wait();
    }
}

/// What the tab shows, line by line.
fn lines(browser: &Browser) -> Vec<String> {
    let lines =
        browser.run("return [...document.querySelectorAll('#log li')].map((li) => li.innerText)");
    serde_json::from_value(lines).expect("texts")
}

fn await_lines(browser: &Browser, count: usize) -> Vec<String> {
    browser.wait_until(&format!(
        "document.querySelectorAll('#log li').length >= {count}"
    ));
    let lines = lines(browser);
    assert_eq!(lines.len(), count, "{lines:?}");
    lines
}

fn say(browser: &Browser, name: &str, text: &str) {
    browser.run("document.getElementById('username').value = ''");
    browser.type_into("#username", name);
    browser.type_into("#content", text);
    browser.click("#send");
}

/// `Welcome, NAME` → `NAME`.
fn anonymous(welcome: &str) -> String {
    let name = welcome.strip_prefix("Welcome, ").expect("a welcome");
    let digits = name.strip_prefix("anonymous_").expect("nobody known");
    assert!(digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit()));
    name.to_owned()
}

#[test]
fn two_tabs_talk_and_no_word_becomes_markup() {
    let chat = Chat::start();
    let browser = Browser::start();
    browser.resize(900, 640);
    browser.go_to(&chat.page);
    let first = browser.tab();
    let ann = anonymous(&await_lines(&browser, 1)[0]);
    browser.wait_until("!document.getElementById('send').disabled");

    let second = browser.open_tab();
    browser.go_to(&chat.page);
    let bob = anonymous(&await_lines(&browser, 1)[0]);
    assert_ne!(ann, bob);
    browser.switch_to(&first);
    assert_eq!(
        await_lines(&browser, 2)[1],
        format!("User {bob} joined the chat")
    );

    say(&browser, "Ann", "Hello from the first tab");
    browser.switch_to(&second);
    let heard = await_lines(&browser, 2);
    assert!(heard[1].starts_with("Ann"), "{heard:?}");
    assert!(heard[1].ends_with("Hello from the first tab"), "{heard:?}");

    // Were it taken for markup, the picture would fail to load and change the title.
    let trap = "<img src=x onerror=\"document.title='caught'\"> & <b>bold</b>";
    say(&browser, "<i>Bob</i>", trap);
    for tab in [&second, &first] {
        browser.switch_to(tab);
        let count = if tab == &second { 3 } else { 4 };
        let heard = await_lines(&browser, count);
        let last = heard.last().expect("a line");
        assert!(
            last.starts_with("<i>Bob</i>") && last.ends_with(trap),
            "{last}"
        );
        let found = browser
            .run("return document.querySelectorAll('#log img, #log i, #log li > b b').length");
        assert_eq!(found, json!(0), "markup of a user's");
        assert_eq!(browser.run("return document.title"), json!("Chat"));
    }
    say(&browser, "Ann", "Good: markup stays text.");
    await_lines(&browser, 5);
    browser.picture("chat");

    browser.switch_to(&second);
    await_lines(&browser, 4);
    browser.close_tab();
    browser.switch_to(&first);
    assert_eq!(
        await_lines(&browser, 6)[5],
        format!("User {bob} left the chat")
    );
}
