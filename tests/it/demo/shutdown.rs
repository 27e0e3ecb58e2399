//! Tests signals: the first drains, the second ends at once.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{Demo, binary};

#[test]
fn each_signal_drains_and_exits_with_zero() {
    for signal in [Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP] {
        let mut command = Command::new("env"); // whoever runs this test may have it ignored
        command.arg("--default-signal=HUP").arg(binary());
        let demo = Demo::start_by(command, &[]);
        let mut idle = demo.connect();
        idle.write_all(b"GET /plaintext HTTP/1.1\r\nHost: a\r\n\r\n")
            .expect("sent");
        assert!(idle.read(&mut [0; 1024]).expect("an answer") > 0);
        let mut busy = demo.connect();
        let head = b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na";
        busy.write_all(head).expect("sent");
        std::thread::sleep(Duration::from_millis(50)); // it is read now
        let signalled = Instant::now();
        demo.signal(signal);
        assert_eq!(
            idle.read(&mut [0; 1024]).expect("an end"),
            0,
            "idle: closed at once"
        );
        assert!(signalled.elapsed() < Duration::from_secs(2));
        busy.write_all(b"bc").expect("sent");
        let mut answer = String::new();
        busy.read_to_string(&mut answer)
            .expect("an answer and the end");
        assert!(
            answer.ends_with("\r\n\r\n3"),
            "in flight: answered. {answer}"
        );
        assert!(
            answer.to_ascii_lowercase().contains("connection: close"),
            "{answer}"
        );
        drop(busy); // else it is lingered for, as its client might still be sending
        assert!(demo.wait().success(), "{signal:?}");
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let demo = Demo::start(&["--drain-time", "600"]);
    let mut busy = demo.connect();
    let head = b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na";
    busy.write_all(head).expect("sent");
    std::thread::sleep(Duration::from_millis(50));
    demo.signal(Signal::TERM);
    std::thread::sleep(Duration::from_millis(200));
    let signalled = Instant::now();
    demo.signal(Signal::TERM);
    demo.wait();
    assert!(signalled.elapsed() < Duration::from_secs(5));
}

#[test]
fn the_drain_time_is_a_bound() {
    let demo = Demo::start(&["--drain-time", "1"]);
    let mut busy = demo.connect();
    let head = b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na";
    busy.write_all(head).expect("sent");
    std::thread::sleep(Duration::from_millis(50));
    let signalled = Instant::now();
    demo.signal(Signal::TERM);
    assert!(demo.wait().success());
    let took = signalled.elapsed();
    assert!(
        took > Duration::from_millis(900) && took < Duration::from_secs(5),
        "{took:?}"
    );
}

/// Whoever reads that it listens may end it: the signal is caught by then.
#[test]
fn a_signal_right_after_the_line_that_it_listens_drains() {
    for _ in 0..25 {
        let demo = Demo::start(&[]);
        demo.signal(Signal::TERM);
        let ended = demo.wait();
        assert!(ended.success(), "{ended:?}");
    }
}

/// `nohup` has SIGHUP ignored, so that what it starts outlives the terminal.
#[test]
fn a_hangup_that_was_ignored_from_the_start_is_ignored() {
    let mut command = Command::new("env");
    command.arg("--ignore-signal=HUP").arg(binary());
    let demo = Demo::start_by(command, &[]);
    demo.signal(Signal::HUP);
    std::thread::sleep(Duration::from_millis(100));
    let request = b"GET /plaintext HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answer = demo.exchange(request);
    assert!(answer.ends_with("Hello, World!"), "{answer}");
    demo.signal(Signal::TERM);
    assert!(demo.wait().success());
}

#[test]
fn signals_without_a_meaning_end_nothing() {
    let demo = Demo::start(&[]);
    for signal in [Signal::USR1, Signal::USR2] {
        demo.signal(signal);
        let answer =
            demo.exchange(b"GET /plaintext HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert!(answer.ends_with("Hello, World!"), "{signal:?}: {answer}");
    }
    demo.signal(Signal::TERM);
    assert!(demo.wait().success());
}

/// Whoever gets through is answered: a connection that was established is never reset.
fn no_request_is_lost(driver: &str) {
    let demo = Demo::start(&["--driver", driver]);
    let address = demo.address;
    let over = AtomicBool::new(false);
    let over = &over;
    let counts: Vec<(usize, Vec<String>)> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(move || {
                    let (mut answered, mut lost) = (0, Vec::new());
                    while !over.load(Ordering::Relaxed) {
                        let patience = Duration::from_millis(400);
                        let Ok(mut stream) = TcpStream::connect_timeout(&address, patience) else {
                            break; // refused, or not answered: it knows that it never got through
                        };
                        match one_request(&mut stream) {
                            Ok(()) => answered += 1,
                            Err(error) => lost.push(error.to_string()),
                        }
                    }
                    (answered, lost)
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(300));
        demo.signal(Signal::TERM);
        let ended = demo.wait();
        over.store(true, Ordering::Relaxed);
        assert!(ended.success());
        clients
            .into_iter()
            .map(|client| client.join().expect("a client"))
            .collect()
    });
    let answered: usize = counts.iter().map(|(answered, _)| answered).sum();
    let lost: Vec<_> = counts.into_iter().flat_map(|(_, lost)| lost).collect();
    assert!(answered > 100, "only {answered} requests: no load");
    assert_eq!(
        lost,
        Vec::<String>::new(),
        "lost beside {answered} answered"
    );
}

fn one_request(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"GET /plaintext HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.ends_with("\r\n\r\nHello, World!") {
        true => Ok(()),
        false => Err(ErrorKind::UnexpectedEof.into()),
    }
}

#[test]
fn under_a_load_of_new_connections_no_request_is_lost() {
    no_request_is_lost("auto");
}

#[test]
fn under_a_load_of_new_connections_no_request_is_lost_over_epoll() {
    no_request_is_lost("epoll");
}
