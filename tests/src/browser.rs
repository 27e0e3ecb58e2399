//! Drives a real browser for tests: Chromium, over the W3C WebDriver protocol.
//!
//! In:  what a user does: opens tabs, goes to addresses, types, clicks.
//! Out: what a user sees: the result of a script in the page, a picture of the window.
//!
//! Always true here:
//! - Each browser has a driver of its own, on a port that was free, and both end with their value.
//! - What does not happen in time fails the test, and says what the page looked like.
//!
//! Not here: what pages should show (`it/`).

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// How long one command of WebDriver may take; a busy machine starts a browser slowly.
const COMMAND_TIME: Duration = Duration::from_secs(60);
/// How long a page may take to become as it should be.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at a page.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Set to anything, pictures are written to `docs/images/`; otherwise to `target/screenshots/`.
const PICTURES_ENV: &str = "RINGLANE_SCREENSHOTS";
/// WebDriver's name for a reference to an element (W3C WebDriver §11).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A headless Chromium with one session. Dropping it ends the browser and its driver.
///
/// Needs the programs `chromedriver` and `chromium`; `make setup` installs them.
///
/// # Panics
///
/// All methods do, when the browser does not do as it is told: this is for tests.
///
/// ```no_run
/// use ringlane_tests::browser::Browser;
///
/// let browser = Browser::start();
/// browser.go_to("http://127.0.0.1:8080/");
/// browser.wait_until("document.title !== ''");
/// let _picture = browser.picture("home");
/// ```
#[derive(Debug)]
pub struct Browser {
    driver: Driver,
    /// The session's path, with a slash before and none behind.
    session: String,
}

/// One tab of a [`Browser`], to come back to.
///
/// ```no_run
/// use ringlane_tests::browser::Browser;
///
/// let browser = Browser::start();
/// let first = browser.tab();
/// let _second = browser.open_tab();
/// browser.switch_to(&first);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tab(String);

/// What a user prefers of colours.
///
/// ```
/// use ringlane_tests::browser::Scheme;
///
/// assert_ne!(Scheme::Light, Scheme::Dark);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scheme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Browser {
    /// Starts a driver and a browser with one empty tab.
    pub fn start() -> Self {
        let driver = Driver::start();
        let mut chromium = json!({
            "args": ["--headless=new", "--hide-scrollbars", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        });
        if let Some(path) = find("chromium") {
            chromium["binary"] = json!(path);
        }
        let wanted = json!({
            "capabilities": { "alwaysMatch": {
                "browserName": "chrome",
                "goog:chromeOptions": chromium,
            }},
        });
        let answer = driver.command("POST", "/session", Some(&wanted));
        let id = answer["sessionId"].as_str().expect("the session's id");
        Self {
            session: format!("/session/{id}"),
            driver,
        }
    }

    /// Goes to an address, and waits until its page is loaded.
    pub fn go_to(&self, address: &str) {
        self.post("/url", &json!({ "url": address }));
    }

    /// Runs the body of a function in the page and gives what it returns.
    pub fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until an expression is true in the page.
    #[track_caller]
    pub fn wait_until(&self, expression: &str) {
        let started = Instant::now();
        let script = format!("return Boolean({expression})");
        while self.run(&script) != json!(true) {
            if started.elapsed() > PATIENCE {
                let page = self.run("return document.documentElement.outerHTML");
                panic!("never true: {expression}\n{page}");
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Types text into the first element that a CSS selector finds, key by key.
    pub fn type_into(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.post(&format!("{element}/value"), &json!({ "text": text }));
    }

    /// Clicks on the first element that a CSS selector finds.
    pub fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.post(&format!("{element}/click"), &json!({}));
    }

    /// The tab that is looked at.
    pub fn tab(&self) -> Tab {
        let handle = self.driver.command("GET", &self.path("/window"), None);
        Tab(handle.as_str().expect("a tab's name").to_owned())
    }

    /// Opens another tab and looks at it.
    pub fn open_tab(&self) -> Tab {
        let answer = self.post("/window/new", &json!({ "type": "tab" }));
        let tab = Tab(answer["handle"].as_str().expect("a tab's name").to_owned());
        self.switch_to(&tab);
        tab
    }

    /// Looks at a tab: everything else is about this one from now on.
    pub fn switch_to(&self, tab: &Tab) {
        self.post("/window", &json!({ "handle": tab.0 }));
    }

    /// Closes the tab that is looked at. Another must be switched to then.
    pub fn close_tab(&self) {
        self.driver.command("DELETE", &self.path("/window"), None);
    }

    /// Makes the window so large, in pixels.
    pub fn resize(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height });
        self.post("/window/rect", &size);
    }

    /// Shows pages as on a screen of exactly so many pixels, be it narrower than any window.
    pub fn look_through(&self, width: u32, height: u32) {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.tell("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// The elements that reach beyond the screen's right edge and do not lie in something that
    /// scrolls by itself: empty if nobody has to scroll sideways.
    pub fn too_wide(&self) -> Vec<String> {
        let script = "
            const scrolls = (item) => getComputedStyle(item).overflowX !== 'visible';
            const isCut = (item) => {
                for (let at = item.parentElement; at !== document.body && at; at = at.parentElement)
                    if (scrolls(at)) return true;
                return false;
            };
            const name = (item) => `${item.tagName}#${item.id}.${item.getAttribute('class')}`;
            const all = [...document.querySelectorAll('body *')];
            const wide = all.filter((item) =>
                item.getBoundingClientRect().right > innerWidth + 0.5 && !isCut(item));
            const root = document.documentElement.scrollWidth > innerWidth ? ['the page'] : [];
            return [...root, ...wide.map(name)];";
        serde_json::from_value(self.run(script)).expect("names")
    }

    /// Presses a key on the first element that a CSS selector finds, by its WebDriver code.
    pub fn press(&self, selector: &str, key: char) {
        self.type_into(selector, &key.to_string());
    }

    /// Shows pages as to a user who prefers these colours.
    pub fn prefer(&self, scheme: Scheme) {
        let value = match scheme {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        };
        let feature = json!({ "name": "prefers-color-scheme", "value": value });
        self.tell(
            "Emulation.setEmulatedMedia",
            &json!({ "features": [feature] }),
        );
    }

    /// Takes a picture of what the tab shows, `NAME.png`, and tells where it is: below
    /// `target/screenshots`, or in `docs/images` if the environment has `RINGLANE_SCREENSHOTS`.
    pub fn picture(&self, name: &str) -> PathBuf {
        let taken = self.driver.command("GET", &self.path("/screenshot"), None);
        let bytes = STANDARD.decode(taken.as_str().expect("a picture"));
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
        let folder = match std::env::var_os(PICTURES_ENV) {
            Some(_) => root.join("docs/images"),
            None => root.join("target/screenshots"),
        };
        std::fs::create_dir_all(&folder).expect("a folder for pictures");
        let path = folder.join(format!("{name}.png"));
        std::fs::write(&path, bytes.expect("base64")).expect("a picture is written");
        path
    }

    fn element(&self, selector: &str) -> String {
        let wanted = json!({ "using": "css selector", "value": selector });
        let found = self.post("/element", &wanted);
        let id = found[ELEMENT].as_str().expect("an element");
        format!("/element/{id}")
    }

    /// A command of Chromium's own (DevTools Protocol), beside WebDriver's.
    fn tell(&self, command: &str, parameters: &Value) {
        let body = json!({ "cmd": command, "params": parameters });
        self.post("/goog/cdp/execute", &body);
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.driver.command("POST", &self.path(path), Some(body))
    }

    fn path(&self, below: &str) -> String {
        format!("{}{below}", self.session)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends the browser itself; the driver is ended after it, whatever comes of this.
        let _ = self.driver.try_command("DELETE", &self.session, None);
    }
}

/// The program that speaks WebDriver on one side and drives the browser on the other.
#[derive(Debug)]
struct Driver {
    child: Child,
    address: SocketAddr,
}

impl Driver {
    fn start() -> Self {
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts; `make setup` installs it");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let said = output.lines().map_while(Result::ok);
        let port = said.filter_map(|line| {
            let (_, rest) = line.split_once("successfully on port ")?;
            rest.trim_end_matches('.').parse().ok()
        });
        let port: Option<u16> = { port }.next();
        let Some(port) = port else {
            let _ = child.kill(); // it may have ended already
            let _ = child.wait();
            panic!("chromedriver does not say its port");
        };
        Self {
            child,
            address: (Ipv4Addr::LOCALHOST, port).into(),
        }
    }

    /// One command of WebDriver: gives the answer's `value`.
    #[track_caller]
    fn command(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        match self.try_command(method, path, body) {
            Ok(value) => value,
            Err(error) => panic!("{method} {path}: {error}"),
        }
    }

    fn try_command(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
            Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}",
            self.address
        );
        let answer = self.exchange(&request).map_err(|error| error.to_string())?;
        let mut answer: Value =
            serde_json::from_slice(&answer).map_err(|error| error.to_string())?;
        let value = answer["value"].take();
        match value.get("error") {
            Some(error) => Err(format!("{error}: {}", value["message"])),
            None => Ok(value),
        }
    }

    /// Sends a request on a connection of its own, and reads the answer's body by its length.
    fn exchange(&self, request: &str) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(COMMAND_TIME))?;
        stream.write_all(request.as_bytes())?;
        let mut input = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            input.read_line(&mut line)?;
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = Vec::new();
        input.take(length).read_to_end(&mut body)?;
        Ok(body)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended already
        let _ = self.child.wait();
    }
}

/// Where a program is, if the machine has it.
fn find(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&folders).map(|folder| folder.join(program));
    places.find(|place| place.is_file())
}
